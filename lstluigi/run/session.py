"""One run of one production: its plan, its choices, its jobs."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from lstluigi.config import ProductionConfig
from lstluigi.errors import Busy, ConfigError, LstluigiError, Problem
from lstluigi.files import as_seen
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.local import LocalBackend
from lstluigi.jobs.monitor import Monitor
from lstluigi.jobs.slurm import SlurmBackend, answers
from lstluigi.jobs.slurm.leftovers import end_leftovers
from lstluigi.jobspec import Environment
from lstluigi.production.load import Choices, stages_of
from lstluigi.production.places import directory_of
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.production.step import PlannedStep
from lstluigi.run import decisions
from lstluigi.run.log import ProductionLog
from lstluigi.run.step_job import StepJob
from lstluigi.validation import preflight
from lstluigi.validation.environment import (
    lock_problems,
    program_problems,
    queue_problems,
    resource_notices,
    run_problems,
)
from lstluigi.validation.examine import examine
from lstluigi.validation.inputs import probe_problems

log = logging.getLogger("lstluigi")


class Session:
    """A run: created from choices, prepared once, then asked by the tasks.

    Raises
    ------
    LstluigiError
        For everything that is wrong and can be seen before anything runs.
    """

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.plan, problems = examine(choices)
        self.config = self.plan.config
        if problems:
            sound, whole = preflight.sound(self.plan), preflight.whole(problems)
            _refuse([*problems, *preflight.file_problems(self.plan, sound, whole)])
        self.environment = _environment(self.config, choices.environment)
        self.backend_name = _backend_name(choices.backend, self.config)
        self.made: set[int] = set()
        self.listeners: list[Callable[[PlannedStep, str], None]] = []
        self._jobs: dict[int, StepJob] = {}
        self._selected: dict[tuple[str, str], list[PlannedStep]] = {}
        self._prepared: dict[tuple[str, str], list[PlannedStep]] = {}
        self.tasks: dict[int, Any] = {}
        self.run = f"{socket.gethostname()}-{os.getpid()}-{time.strftime('%Y%m%dT%H%M%S')}"

    # what is to be done

    def selected(self, stage: str = "", output: str = "") -> list[PlannedStep]:
        """Steps not satisfied of a stage (all by default), or the one that makes `output`."""
        key = (stage, output)
        if key not in self._selected:
            wanted = [n for n in self.plan.steps if not stage or n.step.stage == stage]
            if output:
                path = os.path.abspath(output)
                names = {path, as_seen(output)}
                wanted = [n for n in wanted if names & {made.path for made in n.makes}]
                if not wanted:
                    raise LstluigiError(f"no step{f' of {stage}' * bool(stage)} makes {path}")
            indices = {node.index for node in wanted}
            self._selected[key] = [n for n in self.plan.to_do() if n.index in indices]
        return self._selected[key]

    def needed(self, steps: Iterable[PlannedStep]) -> list[PlannedStep]:
        """These steps and the unsatisfied ones that they need, in order."""
        wanted: set[int] = set()
        for node in steps:
            wanted |= {node.index} | self.plan.graph.ancestors(node.index)
        return [node for node in self.plan.to_do() if node.index in wanted]

    def node(self, path: str) -> PlannedStep:
        """The step that makes a path."""
        full = os.path.abspath(path)
        if full not in self._by_path:
            raise LstluigiError(f"no step of {self.config.path} makes {full}")
        return self._by_path[full]

    @cached_property
    def _by_path(self) -> dict[str, PlannedStep]:
        return {node.output: node for node in self.plan.steps}

    def satisfied(self, node: PlannedStep) -> bool:
        """Was the product whole, or of no more use, from the start, or has this run made it?"""
        return self.plan.states[node.index].satisfied or node.index in self.made

    def requirements(self, node: PlannedStep) -> list[PlannedStep]:
        """Unsatisfied steps that the step needs."""
        return [p for p in self.plan.producers(node) if not self.satisfied(p)]

    # before the run

    def check(self, stage: str = "", output: str = "") -> list[PlannedStep]:
        """Look for everything that keeps a selection from running; return what will run."""
        steps = self.needed(self.selected(stage, output))
        self._check(steps)
        return steps

    def _check(self, steps: Sequence[PlannedStep]) -> None:
        running = [n for n in steps if self.plan.states[n.index] is not State.OUTDATED]
        busy = list(lock_problems(steps, self.plan))
        problems: list[Problem] = []
        if running:
            local = self.backend_name == "local"
            if local:
                problems += queue_problems(running, self.plan, self._slurm)
            problems += preflight.file_problems(self.plan, running)
            problems += probe_problems(self.plan, running)
            problems += program_problems(running, self.environment, local)
            problems += run_problems(self.plan, running, self.environment, self.backend)
        if busy and not problems:
            raise Busy(busy)
        _refuse([*busy, *problems])

    def preview(self) -> list[PlannedStep]:
        """Check a run as it would be with its decisions, and change nothing."""
        self._foresee()
        return self.check()

    def prepare_outputs(self, outputs: Iterable[str]) -> list[PlannedStep]:
        """Prepare the steps that make these outputs, and announce them together."""
        found: dict[int, PlannedStep] = {}
        for output in outputs:
            stage = self.node(output).step.stage
            found |= {n.index: n for n in self.prepare(stage, output, announce=False)}
        self.tell(list(found.values()))
        return list(found.values())

    def prepare(
        self, stage: str = "", output: str = "", *, announce: bool = True
    ) -> list[PlannedStep]:
        """Check, carry out the user's decisions, announce what is ahead."""
        key = (stage, output)
        if key not in self._prepared:
            if not self._prepared:
                self._decide(stage, output)
            steps = self.check(stage, output)
            decisions.clear_away(self.plan)
            if announce:
                self.tell(steps)
            if steps and self.log.heard not in self.listeners:
                self.log.begin()
                self.listeners.append(self.log.heard)
                atexit.register(self.log.close)
            self.plan.forget_names()  # planning has put together those of all files
            self._prepared[key] = steps
        return self._prepared[key]

    def _decide(self, stage: str, output: str) -> None:
        """Carry out the user's decisions: all of them, or with a refusal none.

        Deleted before accepted: after a kill in between, nothing that was to be made again counts
        as kept.
        """
        again, kept = self._foresee(stage, output)
        if again:
            self._look_again()
            decisions.delete(self.plan, again)
        if kept:
            self._look_again()
            decisions.accept(self.plan, kept)
        if again or kept:
            self._look_again()

    def _foresee(self, stage: str = "", output: str = "") -> tuple[frozenset[int], frozenset[int]]:
        """Plan and check what the user has decided, and change nothing on disk.

        Returns
        -------
        again, kept
            Steps, by index, to make again, and those whose changed products are kept.
        """
        again, kept = decisions.to_remake(self.plan, self.choices.remake), frozenset[int]()
        if again:
            self._look_again(again)
        if self.choices.accept_changed:
            kept = decisions.to_accept(self.plan, self._with_remade(again, stage, output)) - again
        if kept:
            self._look_again(again, kept)
        if again or kept:
            steps = self._with_remade(again, stage, output)
            self._refuse_in_vain(again)
            self._check(steps)
        return again, kept

    def _with_remade(self, again: Iterable[int], stage: str, output: str) -> list[PlannedStep]:
        """What a selection needs, and what the steps need that are made again."""
        remade = (self.plan.steps[index] for index in again)
        return self.needed([*self.selected(stage, output), *remade])

    def _refuse_in_vain(self, again: Iterable[int]) -> None:
        """Products that could not be made again are not deleted."""
        for node in self.needed(self.plan.steps[index] for index in again):
            if self.plan.states[node.index] is State.OUTDATED:
                accept = "add --accept-changed, or " * (not self.choices.accept_changed)
                raise LstluigiError(
                    f"nothing was deleted: --remake needs {node}, which is outdated "
                    f"({self.plan.why_changed(node)}); {accept}make that again, too"
                )

    def tell(self, steps: Sequence[PlannedStep]) -> None:
        """Say what is ahead, with everything the user should know."""
        for notice in preflight.notices(self.plan):
            log.warning("%s", notice)
        foreign = [n for n in self.plan.steps if self._is_foreign(n)]
        if foreign:
            log.warning(
                "%d product(s) without a recipe, made by hand or by another tool, are taken as "
                "they are and verified when first read, e.g. %s",
                len(foreign),
                foreign[0].output,
            )
        for said in self.plan.missed():
            log.warning("%s", said)
        for node in self.plan.steps:
            if lost := self.plan.dropped(node):
                log.warning("%s does without %d file(s) that failed", node, len(lost))
        for node in steps:
            if extra := self.plan.from_outside(node):
                log.warning(
                    "%s reads %d file(s) that no step of this config makes, too, e.g. %s",
                    node,
                    len(extra),
                    extra[0],
                )
        if steps:
            for notice in resource_notices(self.plan, steps, self.backend):
                log.warning("%s", notice)
        for tool, found in self.plan.configs.items() if steps else ():
            log.info("%s config: %s", tool, found.path)
        changed = len(self.changed(steps))
        log.info(
            "%s: %d of %d steps to do%s, on %s",
            self.config.prod_id,
            len(steps) - changed,
            len(self.plan.steps),
            f", {changed} outdated" * bool(changed),
            self.backend_name,
        )

    def changed(self, steps: Iterable[PlannedStep]) -> list[PlannedStep]:
        """Those of these steps whose products are outdated: the user has to decide."""
        return [n for n in steps if self.plan.states[n.index] is State.OUTDATED]

    def _is_foreign(self, node: PlannedStep) -> bool:
        whole = self.plan.states[node.index] is State.COMPLETE
        return whole and self.plan.foreign(node)

    def _look_again(
        self, anew: frozenset[int] = frozenset(), accepted: frozenset[int] = frozenset()
    ) -> None:
        self.plan = Plan(self.config, stages_of(self.config), self.plan.configs, anew, accepted)
        self._selected.clear()
        self.tasks.clear()
        self.__dict__.pop("_by_path", None)

    # during the run

    @cached_property
    def log(self) -> ProductionLog:
        """Logs of the production as a whole."""
        return ProductionLog(self.plan, self.run, self.backend)

    @cached_property
    def monitor(self) -> Monitor:
        """Follows all jobs of the run."""
        jobs = os.path.join(self.log.directory, "jobs")
        return Monitor(self.backend, jobs, self.run, self.choices.on_interrupt == "cancel")

    def pump(self) -> bool:
        """Submit, follow, and write the production's logs now and then; True for more to submit."""
        busy = self.monitor.pump()
        self.log.keep_up()
        return busy

    def wind_up(self) -> None:
        """Cancel jobs on Slurm that are not needed any more."""
        if self.backend_name == "slurm":
            end_leftovers(os.path.join(directory_of(self.config.prod_id), "jobs"), self.run)

    @cached_property
    def backend(self) -> Backend:
        """Where jobs run."""
        if self.backend_name == "slurm":
            return SlurmBackend(self.config.slurm)
        return LocalBackend()

    def _slurm(self) -> Backend | None:
        return SlurmBackend(self.config.slurm) if answers() else None

    def job(self, node: PlannedStep) -> StepJob:
        """The job of a step; one for a run."""
        if node.index not in self._jobs:
            self._jobs[node.index] = StepJob(
                self.plan, node, self.backend, self.environment, self._heard
            )
        return self._jobs[node.index]

    def _heard(self, node: PlannedStep, word: str) -> None:
        if word in ("begun", "done"):  # the worker shows failures, with their reasons
            log.info("%s: %s", word, node)
        if word == "done" and (found := node.stage.found(node.step)):
            log.info("%s found %s", node, ", ".join(f"{k} = {v}" for k, v in found.items()))
        for listener in self.listeners:
            listener(node, word)

    def complete(self, node: PlannedStep) -> bool:
        """Is the step satisfied, or has its job ended well?"""
        job = self._jobs.get(node.index)
        outcome = None if job is None else self.monitor.outcome(job)
        if outcome is not None and outcome.done:
            self.made.add(node.index)
        return self.satisfied(node)


def _refuse(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise ConfigError(found)


def _environment(config: ProductionConfig, choice: str) -> Environment:
    """The environment that jobs use: the config's, or with `current` that of lstluigi."""
    if choice not in ("config", "current"):
        raise LstluigiError(f"environment {choice!r} is unknown; choose config or current")
    source = config.source_environment
    if source is None or choice == "current":
        return Environment()
    return Environment(source.source_file, source.conda_env)


def _backend_name(choice: str, config: ProductionConfig) -> str:
    """Where jobs run; `auto` is Slurm where there is one that answers."""
    name = (config.backend or "auto") if choice == "config" else choice
    if name not in ("local", "slurm", "auto"):
        raise LstluigiError(f"backend {name!r} is unknown; choose local, slurm or auto")
    if name == "auto":
        return "slurm" if answers() else "local"
    return name
