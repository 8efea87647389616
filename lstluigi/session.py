"""One run of one production: its plan, its choices, its jobs."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lstluigi import decisions, preflight
from lstluigi.config import ProductionConfig, load_config
from lstluigi.errors import ConfigError, LstluigiError, Problem
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.local import LocalBackend
from lstluigi.jobs.monitor import Monitor
from lstluigi.jobs.slurm import SlurmBackend, answers
from lstluigi.jobs.spec import Environment
from lstluigi.plan import Plan, Standing
from lstluigi.prodlog import ProductionLog
from lstluigi.stages import SHAPES, STAGES, WORKFLOWS
from lstluigi.stages.base import Stage
from lstluigi.stepjob import StepJob
from lstluigi.steps import PlannedStep
from lstluigi.tool_config import TOOLS, ToolConfig

log = logging.getLogger("lstluigi")

#: Names the site profile of a machine, for everyone who uses it.
SITE = "LSTLUIGI_SITE"


@dataclass(frozen=True)
class Choices:
    """What a user chose for a run, beside the config itself.

    Attributes
    ----------
    config, lstchain_config, ctapipe_config, rta_config
        Paths; no config of a tool means the one the config names or that lies beside it.
    backend
        `local`, `slurm` or `auto`; `config` means the config's choice, else `auto`.
    environment
        `config`, or `current` to run jobs with the python that runs lstluigi.
    accept_changed
        Keep products that were made differently from what the config says now.
    remake
        Patterns of outputs (or `stage`, or `stage:number`) to make again with all that follows.
    site
        Path of a site profile; nothing means the config's, or `$LSTLUIGI_SITE`.
    on_interrupt
        What becomes of jobs on a cluster when the run is interrupted: `detach` or `cancel`.
    """

    config: str
    lstchain_config: str = ""
    ctapipe_config: str = ""
    rta_config: str = ""
    backend: str = "config"
    environment: str = "config"
    accept_changed: bool = False
    remake: tuple[str, ...] = ()
    site: str = ""
    on_interrupt: str = "detach"


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
            _refuse([*problems, *preflight.file_problems(self.plan, preflight.sound(self.plan))])
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
        full = os.path.abspath(path)
        if full not in self._by_path:
            raise LstluigiError(f"no step of {self.config.path} makes {full}")
        return self._by_path[full]

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
        steps = self.needed(self.selected(stage, output))
        running = [n for n in steps if self.plan.standings[n.index] is not Standing.CHANGED]
        problems = list(preflight.lock_problems(steps, self.plan))
        if running:
            local = self.backend_name == "local"
            if local:
                problems += preflight.queue_problems(running, self.plan, self._slurm)
            problems += preflight.file_problems(self.plan, running)
            problems += preflight.environment_problems(self.config, self.environment, local)
            problems += preflight.program_problems(running, self.environment, local)
            problems += preflight.resource_problems(self.plan, running, self.backend)
        _refuse(problems)
        return steps

    def preview(self) -> list[PlannedStep]:
        """Check a run as it would be with its decisions, and change nothing."""
        again = decisions.to_remake(self.plan, self.choices.remake)
        if again:
            self._look_again(again)
            self._refuse_in_vain(again)
        return self.check()

    def prepare(self, stage: str = "", output: str = "") -> list[PlannedStep]:
        """Check, carry out the user's decisions, tell what is ahead."""
        key = (stage, output)
        if key not in self._prepared:
            if not self._prepared:
                self._decide(stage, output)
            steps = self.check(stage, output)
            decisions.clear_away(self.plan)
            self.tell(steps)
            if steps and self.log.heard not in self.listeners:
                self.log.begin()
                self.listeners.append(self.log.heard)
                atexit.register(self.log.close)
            self.plan.forget_names()  # planning has put together those of all files
            self._prepared[key] = steps
        return self._prepared[key]

    def _refuse_in_vain(self, again: Iterable[int]) -> None:
        """Products that could not be made again are not deleted."""
        for node in self.needed(self.plan.steps[index] for index in again):
            if self.plan.standings[node.index] is Standing.CHANGED:
                raise LstluigiError(
                    f"nothing was deleted: --remake needs {node}, which was made differently "
                    f"({'; '.join(self.plan.changes(node))}); add --accept-changed, or make that "
                    "again, too"
                )

    def _decide(self, stage: str, output: str) -> None:
        if self.choices.accept_changed:
            decisions.accept(self.plan, self.needed(self.selected(stage, output)))
            self._look_again()
        again = decisions.to_remake(self.plan, self.choices.remake)
        if again:
            self._look_again(again)
            self._refuse_in_vain(again)
            self.check()  # before anything is deleted
            self._look_again()
            decisions.delete(self.plan, again)
            self._look_again()

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
        for tool, found in self.plan.configs.items() if steps else ():
            log.info("%s config: %s", tool, found.path)
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
        self.plan = Plan(self.config, stages_of(self.config), self.plan.configs, anew)
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


def examine(choices: Choices) -> tuple[Plan, list[Problem]]:
    """Plan a production and find everything that is wrong whatever the file system holds.

    Steps that lack a path are not in the plan.

    Raises
    ------
    ConfigError
        Where there is nothing to plan: no config, or none in the current format.
    """
    config, problems = _load(choices)
    configs = {}
    for tool, path in config.tool_configs.items():
        if path.is_file():
            try:
                configs[tool] = ToolConfig.read(tool, path)
            except ConfigError as error:
                problems += error.problems
    plan = Plan(config, stages_of(config), configs)
    return plan, [*problems, *preflight.config_problems(plan)]


def stages_of(config: ProductionConfig) -> Mapping[str, Stage]:
    """The stages of a production's workflow; lstchain's if its kind is unknown."""
    return WORKFLOWS.get(config.workflow_kind, STAGES)


def _load(choices: Choices) -> tuple[ProductionConfig, list[Problem]]:
    """Read the config as far as it can be read."""
    named = {tool: getattr(choices, f"{tool}_config") for tool in TOOLS}
    given = {tool: Path(path) for tool, path in named.items() if path}
    site = choices.site or os.environ.get(SITE)
    try:
        config = load_config(Path(choices.config), SHAPES, given, Path(site) if site else None)
    except ConfigError as error:
        if not isinstance(error.read, ProductionConfig):
            raise
        return without_refused(error.read), list(error.problems)
    return config, []


def without_refused(config: ProductionConfig) -> ProductionConfig:
    """A config that has been read as far as it could be, without steps that lack a path."""
    stages = stages_of(config)
    steps = tuple(step for step in config.steps if stages[step.stage].shape.fits(step))
    return replace(config, steps=steps)


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
