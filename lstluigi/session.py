"""One run of one production: its plan, its choices, its jobs."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from lstluigi import preflight
from lstluigi.config import ProductionConfig, load_config
from lstluigi.errors import ConfigError, LstluigiError, Problem
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.local import LocalBackend
from lstluigi.jobs.monitor import Monitor
from lstluigi.jobs.spec import Environment
from lstluigi.lstchain_config import LstchainConfig
from lstluigi.plan import Plan, Standing
from lstluigi.prodlog import ProductionLog
from lstluigi.recipe import record
from lstluigi.stages import STAGES
from lstluigi.stepjob import StepJob
from lstluigi.steps import PlannedStep

log = logging.getLogger("lstluigi")

#: Time between two looks at the jobs (s).
INTERVALS = {"local": 0.2}


@dataclass(frozen=True)
class Choices:
    """What a user chose for a run, beside the config itself.

    Attributes
    ----------
    config, lstchain_config
        Paths; no lstchain config means the one the config names or that lies beside it.
    backend
        `local`, `slurm` or `auto`; `config` means the config's choice, else `auto`.
    environment
        `config`, or `current` to run jobs with the python that runs lstluigi.
    accept_changed
        Keep products that were made differently from what the config says now.
    remake
        Patterns of outputs (or `stage`, or `stage:number`) to make again with all that follows.
    """

    config: str
    lstchain_config: str = ""
    backend: str = "config"
    environment: str = "config"
    accept_changed: bool = False
    remake: tuple[str, ...] = ()


class Session:
    """A run: created from choices, prepared once, then asked by the tasks.

    Raises
    ------
    LstluigiError
        For everything that is wrong and can be seen before anything runs.
    """

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.config = _load(choices)
        found = self.config.lstchain_config
        lstchain = None if found is None else LstchainConfig.read(found)
        self.plan = Plan(self.config, STAGES, lstchain)
        _refuse(preflight.config_problems(self.plan))
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
                wanted = [n for n in wanted if path in {made.path for made in n.makes}]
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
        return self._by_path[path]

    @cached_property
    def _by_path(self) -> dict[str, PlannedStep]:
        return {node.output: node for node in self.plan.steps}

    def satisfied(self, node: PlannedStep) -> bool:
        """Was the product whole, or of no more use, from the start, or has this run made it?"""
        standing = self.plan.standings[node.index]
        return standing in (Standing.WHOLE, Standing.PASSED) or node.index in self.made

    def requirements(self, node: PlannedStep) -> list[PlannedStep]:
        """Unsatisfied steps that the step needs."""
        return [p for p in self.plan.producers(node) if not self.satisfied(p)]

    # before the run

    def check(self, stage: str = "", output: str = "") -> list[PlannedStep]:
        """Look for everything that keeps a selection from running; return what will run."""
        self._check_remake()
        return self._runnable(self.selected(stage, output))

    def _runnable(self, wanted: Iterable[PlannedStep]) -> list[PlannedStep]:
        """Return these steps with what they need, if nothing keeps them from running."""
        steps = self.needed(wanted)
        running = [n for n in steps if self.plan.standings[n.index] is not Standing.CHANGED]
        if running:
            local = self.backend_name == "local"
            _refuse(
                [
                    *preflight.file_problems(self.plan, running),
                    *preflight.environment_problems(self.config, self.environment, local),
                ]
            )
        if (owner := preflight.held(steps, self.plan)) is not None:
            raise LstluigiError(f"{owner}; wait for it to end")
        return steps

    def prepare(self, stage: str = "", output: str = "") -> list[PlannedStep]:
        """Check, carry out `accept_changed` and `remake`, tell what is ahead."""
        key = (stage, output)
        if key not in self._prepared:
            first = not self._prepared
            steps = self.check(stage, output)
            if first and (self.choices.accept_changed or self.choices.remake):
                self._accept()
                self._remake()
                steps = self.check(stage, output)
            self.tell(steps)
            if steps:
                self.log.begin()
                atexit.register(self.log.write)
            self._prepared[key] = steps
        return self._prepared[key]

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
        total = len(self.plan.steps)
        log.info(
            "%s: %d of %d steps to do, on %s",
            self.config.prod_id,
            len(steps),
            total,
            self.backend_name,
        )

    def _is_foreign(self, node: PlannedStep) -> bool:
        whole = self.plan.standings[node.index] is Standing.WHOLE
        return whole and self.plan.record(node) is None

    def _look_again(self, anew: frozenset[int] = frozenset()) -> None:
        self.plan = Plan(self.config, STAGES, self.plan.lstchain, anew)
        self._selected.clear()
        self.tasks.clear()
        self.__dict__.pop("_by_path", None)

    def _accept(self) -> None:
        if not self.choices.accept_changed:
            return
        for node in self.plan.steps:
            old = self.plan.record(node)
            if old is None or not next(self.plan.changes(node), None):
                continue
            reasons = list(self.plan.changes(node))
            recipe = self.plan.recipes[node.index]
            was = [*old.get("accepted", []), {"digest": old["digest"], "changes": reasons}]
            notes = {"accepted": was, "by_hand": list(self.plan.by_hand(node))}
            record(node.places.recipe, recipe, self.plan.lstchain, **notes)
            if self.plan.grown(node):
                self.plan.leave_new_inputs(node)
            log.warning("accepted as it is: %s (%s)", node, "; ".join(reasons))
        self._look_again()

    def _matched(self) -> set[int]:
        found: set[int] = set()
        for pattern in self.choices.remake:
            nodes = [n for n in self.plan.steps if _names(n, pattern)]
            if not nodes:
                raise LstluigiError(
                    f"--remake {pattern!r} matches no output and no stage of {self.config.path}"
                )
            found |= {node.index for node in nodes}
        return found

    def _check_remake(self) -> None:
        for index in self._to_remake():
            node = self.plan.steps[index]
            if (file := next(self.plan.by_hand(node), None)) is not None:
                raise LstluigiError(
                    f"{file}, part of {node}, was not made by lstluigi, so --remake does not "
                    "delete it; move it away yourself"
                )

    def _to_remake(self) -> frozenset[int]:
        matched = self._matched()
        return frozenset(matched.union(*(self.plan.graph.descendants(index) for index in matched)))

    def _remake(self) -> None:
        """Delete what is to be made again, if it can be."""
        indices = self._to_remake()
        if not indices:
            return
        self._look_again(anew=indices)
        self._runnable([self.plan.steps[index] for index in indices])
        self._look_again()
        for index in sorted(indices):
            node = self.plan.steps[index]
            for file in self.plan.finals(node):
                if self.plan.listing.exists(file):
                    _delete(file)
            _delete(node.places.manifest)
            log.warning("will be made again: %s", node)
        self._look_again()

    # during the run

    @cached_property
    def log(self) -> ProductionLog:
        """Logs of the production as a whole."""
        return ProductionLog(self.plan, self.run)

    @cached_property
    def monitor(self) -> Monitor:
        """Follows all jobs of the run."""
        jobs = os.path.join(self.log.directory, "jobs")
        return Monitor(self.backend, jobs, self.run, INTERVALS[self.backend_name])

    @cached_property
    def backend(self) -> Backend:
        """Where jobs run."""
        return LocalBackend()

    def job(self, node: PlannedStep) -> StepJob:
        """The job of a step; one for a run."""
        if node.index not in self._jobs:
            self._jobs[node.index] = StepJob(
                self.plan, node, self.backend, self.environment, self._heard
            )
        return self._jobs[node.index]

    def _heard(self, node: PlannedStep, word: str) -> None:
        if word != "failed":  # the worker tells failures, with their reasons
            log.info("%s: %s", word, node)
        for listener in self.listeners:
            listener(node, word)

    def complete(self, node: PlannedStep) -> bool:
        """Is the step satisfied, or has its job ended well?"""
        job = self._jobs.get(node.index)
        outcome = None if job is None else self.monitor.outcome(job)
        if outcome is not None and outcome.done:
            self.made.add(node.index)
        return self.satisfied(node)


def _load(choices: Choices) -> ProductionConfig:
    """Read the config; if something is wrong in it, tell what is wrong between its steps, too."""
    shapes = {name: stage.shape for name, stage in STAGES.items()}
    given = Path(choices.lstchain_config) if choices.lstchain_config else None
    try:
        return load_config(Path(choices.config), shapes, given)
    except ConfigError as error:
        if not isinstance(error.read, ProductionConfig):
            raise
        more = preflight.config_problems(Plan(error.read, STAGES, None))
        raise ConfigError([*error.problems, *more]) from None


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
    name = (config.backend or "auto") if choice == "config" else choice
    if name not in ("local", "auto"):
        raise LstluigiError(f"backend {name!r} is not available; choose local or auto")
    return "local"


def _names(node: PlannedStep, pattern: str) -> bool:
    stage, number = node.step.stage, node.step.number
    names = (stage, f"{stage}:{number}", node.output)
    return pattern in names or fnmatchcase(node.output, pattern)


def _delete(path: str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise LstluigiError(f"{path} cannot be deleted ({error.strerror})") from None
