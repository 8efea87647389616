"""The tasks: a production requires its stages, a stage its steps, a step what it reads."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache, cached_property
from typing import Any

import luigi
from luigi.parameter import ParameterVisibility

from lstluigi.jobs.monitor import Job, Monitor
from lstluigi.jobs.task import SlurmTask
from lstluigi.production import selection
from lstluigi.production.load import Choices
from lstluigi.production.step import PlannedStep
from lstluigi.run.session import Session
from lstluigi.stages import WORKFLOWS
from lstluigi.stages.base import Stage


@cache
def session(choices: Choices) -> Session:
    """The run of these choices: one for each in a process, shared by all of its tasks."""
    return Session(choices)


class PatternsParameter(luigi.Parameter):  # type: ignore[misc]
    """Patterns of paths separated by commas; one that holds a comma stands in double quotes."""

    def parse(self, text: str) -> tuple[str, ...]:
        """Read them from the command line."""
        return selection.split(text)

    def serialize(self, patterns: Sequence[str]) -> str:
        """Write them as on the command line."""
        return selection.joined(patterns)

    def normalize(self, value: str | Sequence[str]) -> tuple[str, ...]:
        """Patterns given one by one from Python are taken as they are."""
        return self.parse(value) if isinstance(value, str) else tuple(value)


class ProductionTask(luigi.Task):  # type: ignore[misc]
    """What all tasks have in common: the choices of the run as parameters."""

    config = luigi.Parameter(description="production config (YAML, lstmcpipe's format)")
    lstchain_config = luigi.Parameter(
        default="", significant=False, description="lstchain config, if not beside the config"
    )
    ctapipe_config = luigi.Parameter(
        default="", significant=False, description="ctapipe config, for the workflow ctapipe"
    )
    rta_config = luigi.Parameter(
        default="", significant=False, description="config of HiPeRTA, for the workflow hiperta"
    )
    backend = luigi.ChoiceParameter(
        default="config",
        choices=["config", "local", "slurm", "auto"],
        significant=False,
        description="where jobs run",
    )
    environment = luigi.ChoiceParameter(
        default="config",
        choices=["config", "current"],
        significant=False,
        description="environment of the jobs: the config's, or the one that runs lstluigi",
    )
    accept_changed = luigi.BoolParameter(
        significant=False, description="keep products whose recipe differs from the config's"
    )
    remake = PatternsParameter(
        default=(),
        significant=False,
        description="make again: outputs or stages (patterns, separated by commas; one that holds "
        "a comma in double quotes)",
    )
    site = luigi.Parameter(
        default="", significant=False, description="site profile: how this cluster is used"
    )
    on_interrupt = luigi.ChoiceParameter(
        default="detach",
        choices=["detach", "cancel"],
        significant=False,
        description="what becomes of jobs on a cluster when the run is interrupted",
    )
    about = luigi.Parameter(
        default="", significant=False, description="what luigid's page calls the task; no effect"
    )

    @property
    def to_continue(self) -> str:
        """What to type to continue an interrupted run: --remake would begin once more."""
        return "`lstluigi run` without --remake" if self.remake else "the same command again"

    @classmethod
    @cache
    def get_params(cls) -> list[tuple[str, luigi.Parameter]]:
        """The parameters; Luigi asks for them many times for every task."""
        params: list[tuple[str, luigi.Parameter]] = super().get_params()
        return params

    def _get_param_visibilities(self) -> dict[str, int]:
        """What luigid's page shows: what the task is about, else what it was asked for by."""
        shown = {"about"} if self.about else {n for n, p in self.get_params() if p.significant}
        public, hidden = ParameterVisibility.PUBLIC, ParameterVisibility.HIDDEN
        visible = {name: public if name in shown else hidden for name in self.param_kwargs}
        return {name: value.serialize() for name, value in visible.items()}

    @cached_property
    def choices(self) -> Choices:
        """The parameters as choices of a run."""
        given = {field.name: getattr(self, field.name) for field in fields(Choices)}
        return Choices(**{**given, "config": os.path.abspath(self.config)})

    @cached_property
    def session(self) -> Session:
        """The run that the task is part of."""
        return session(self.choices)

    @property
    def wind_up(self) -> Callable[[], None]:
        """Does what is left to do when nothing more can be made."""
        return self.session.wind_up

    @cached_property
    def shared(self) -> dict[str, Any]:
        """Parameters to hand on to tasks of the same run."""
        names = [name for name, _ in ProductionTask.get_params() if name != "about"]
        return {name: getattr(self, name) for name in names}

    def step_task(self, node: PlannedStep) -> StepTask:
        """The task of a step of the same run."""
        tasks = self.session.tasks
        if node.index not in tasks:
            about = f"{node.label}, {self.session.config.prod_id}"
            given = {"output_path": node.output, "about": about, **self.shared}
            tasks[node.index] = STEP_TASKS[node.step.stage](**given)
        task: StepTask = tasks[node.index]
        return task


class StepTask(SlurmTask, ProductionTask):
    """One step of a stage; `output` is the path that it makes."""

    stage: Stage
    output_path = luigi.Parameter(description="path that the step makes")

    @cached_property
    def node(self) -> PlannedStep:
        """The step in the graph."""
        return self.session.node(self.output_path)

    def requires(self) -> list[StepTask]:
        """The steps that make what this one reads, as far as they are not satisfied."""
        return [self.step_task(node) for node in self.session.requirements(self.node)]

    def output(self) -> luigi.Target:
        """The product."""
        return self.session.plan.target(self.node)

    def complete(self) -> bool:
        """Satisfied, or made by this run."""
        return self.session.complete(self.node)

    def monitor(self) -> Monitor:
        """The monitor of the run."""
        return self.session.monitor

    @property
    def pump(self) -> Callable[[], bool]:
        """Does the work of the run that is not any one step's."""
        return self.session.pump

    def job(self) -> Job:
        """The step's job."""
        return self.session.job(self.node)

    def __str__(self) -> str:
        return str(self.node)

    def prepare(self) -> None:
        """Check everything before anything runs."""
        self.session.prepare(self.stage.name, self.output_path)

    @property
    def priority(self) -> int:
        """Steps that wait for this one, one behind the other: the longest line goes first."""
        return self.session.plan.heights[self.node.index]


class StageTask(luigi.WrapperTask, ProductionTask):  # type: ignore[misc]
    """All steps of a stage that are not satisfied, or the one that makes `output`."""

    stage: Stage
    output_path = luigi.Parameter(default="", description="make this product only")

    def prepare(self) -> None:
        """Check everything before anything runs."""
        self.session.prepare(self.stage.name, self.output_path)

    def requires(self) -> list[StepTask]:
        """The steps."""
        steps = self.session.selected(self.stage.name, self.output_path)
        return [self.step_task(node) for node in steps]

    def output(self) -> list[luigi.Target]:
        """The steps' products."""
        return [task.output() for task in self.requires()]

    def complete(self) -> bool:
        """All steps are."""
        steps = self.session.selected(self.stage.name, self.output_path)
        return all(self.session.complete(node) for node in steps)


class Production(luigi.WrapperTask, ProductionTask):  # type: ignore[misc]
    """A whole production: every stage of the config that has something to do."""

    def prepare(self) -> None:
        """Check everything before anything runs."""
        self.session.prepare()

    def requires(self) -> list[StageTask]:
        """The stages."""
        names = dict.fromkeys(node.step.stage for node in self.session.selected())
        about = self.session.config.prod_id
        return [STAGE_TASKS[name](about=about, **self.shared) for name in names]

    def complete(self) -> bool:
        """All stages are."""
        return all(self.session.complete(node) for node in self.session.selected())


def _task_class(stage: Stage, base: type[luigi.Task], name: str) -> Any:
    """A task class of its own for a stage: Luigi registers it under its name."""
    body = {"stage": stage, "__doc__": type(stage).__doc__, "__module__": __name__}
    return types.new_class(name, (base,), exec_body=lambda space: space.update(body))


#: A stage of each name, of the first workflow that has it: to a task it does not matter which.
_STAGES = {name: stage for stages in reversed(WORKFLOWS.values()) for name, stage in stages.items()}
STAGE_TASKS = {s.name: _task_class(s, StageTask, s.task) for s in _STAGES.values()}
STEP_TASKS = {s.name: _task_class(s, StepTask, f"{s.task}Step") for s in _STAGES.values()}
