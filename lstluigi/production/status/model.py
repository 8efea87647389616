"""What is known of a production, its steps and their files at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lstluigi.jobs.ledger import Attempt, Ledger
from lstluigi.layouts.nodes import Sample, sample
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.production.status.estimate import Estimate
from lstluigi.production.step import PlannedStep

__all__ = ["Failure", "FailureGroup", "ProductionState", "StageState", "StepState"]


@dataclass(frozen=True)
class Failure:
    """An item of a step (a file, or the step) that has failed for good in its last run.

    Attributes
    ----------
    step
        Index of the step.
    item
        Name of the item within the step; empty where the step failed as a whole.
    cause
        A value of `lstluigi.jobs.backend.Cause`, `refused`, or `product` where jobs ended well.
    ending
        `exit code 1`, `SIGKILL`, or nothing if it is not known.
    reason
        What the runner, the backend or the run said.
    line
        The last line of its log, else the reason.
    log
        Path of its log; there may be none at this path.
    tail
        The last lines of the log.
    """

    step: int
    item: str
    cause: str
    ending: str
    reason: str
    line: str
    log: str
    tail: Sequence[str] = ()


@dataclass(frozen=True)
class FailureGroup:
    """Failures that look alike.

    Attributes
    ----------
    cause, ending, line
        What they have in common; where lines differ, without paths, pointings and numbers.
    failures
        All of them; the first stands for the others.
    blocked
        Indices of steps that cannot be made because of them.
    """

    cause: str
    ending: str
    line: str
    failures: Sequence[Failure]
    blocked: Sequence[int]

    @property
    def steps(self) -> list[int]:
        """Indices of the steps that failed."""
        return list(dict.fromkeys(failure.step for failure in self.failures))


@dataclass(frozen=True)
class StepState:
    """One step.

    Attributes
    ----------
    node
        The step in the graph: index, stage, number, output, places.
    planned
        What a run would take it for.
    status
        Where it stands.
    files
        How many of its files stand where; those that may be missing left out.
    dropped
        Input files that failed and may be missing, with the reason.
    ledger
        Everything that was tried.
    owner
        Who is making it now, in words.
    gone
        Files that its jobs made and that are not there any more.
    failures
        What failed.
    there
        How many of its files are there.
    events
        Events in these; None where they were not counted in each.
    """

    node: PlannedStep
    planned: State
    status: State
    files: Mapping[State, int]
    dropped: Mapping[str, str]
    ledger: Ledger
    owner: str = ""
    gone: Sequence[str] = ()
    failures: Sequence[Failure] = ()
    there: int = 0
    events: int | None = None

    @property
    def index(self) -> int:
        """Position in the production."""
        return self.node.index

    @property
    def stage(self) -> str:
        """Name of the stage."""
        return self.node.step.stage

    @property
    def name(self) -> str:
        """What it is called on the command line: STAGE:NUMBER."""
        return f"{self.stage}:{self.node.step.number}"

    @cached_property
    def about(self) -> Sample:
        """Pointing, declination line and data set, as far as the path says."""
        return sample(self.node.output)

    @property
    def begun(self) -> bool:
        """Was anything of it ever submitted, as far as can be read?"""
        return bool(self.ledger.attempts or self.ledger.unreadable)

    @cached_property
    def without_events(self) -> int:
        """Files of simulations that were made and have no event, as far as the ledger says."""
        if not self.node.stage.per_file:
            return 0
        latest = self.ledger.latest.values()
        return sum(attempt.state == "ok" and attempt.events == 0 for attempt in latest)

    @property
    def total(self) -> int:
        """Files expected; 0 where that is not known yet."""
        return sum(self.files.values())


@dataclass(frozen=True)
class StageState:
    """Steps of a stage, or of another part of the production, counted.

    Attributes
    ----------
    name
        The stage, or what the part is called.
    steps, files
        How many stand where.
    unknown
        Steps of which nobody can tell yet how many files they will have.
    dropped
        Input files that failed and may be missing.
    events
        Events in the files that are there; None where they were not counted in each.
    """

    name: str
    steps: Mapping[State, int]
    files: Mapping[State, int]
    unknown: int
    dropped: int
    events: int | None = None

    @classmethod
    def of(cls, name: str, steps: Iterable[StepState]) -> StageState:
        """Count steps."""
        counted: Counter[State] = Counter()
        files: Counter[State] = Counter()
        unknown = dropped = 0
        events: list[int | None] = []
        for step in steps:
            counted[step.status] += 1
            files.update(step.files)
            unknown += not step.total
            dropped += len(step.dropped)
            if step.there:
                events.append(step.events)
        known = [number for number in events if number is not None]
        whole = sum(known) if known and len(known) == len(events) else None
        return cls(name, counted, files, unknown, dropped, whole)


@dataclass(frozen=True)
class ProductionState:
    """A production at one moment.

    Attributes
    ----------
    plan
        The graph; `plan.graph.producers` and `consumers` go by the indices of steps.
    steps
        Every step, by index.
    runs
        Runs of it that are alive, in words.
    time
        When it was looked at (s since the epoch).
    groups
        Failures by cause, the most frequent first.
    estimate
        Time left.
    warnings
        What the user should know of what was found.
    """

    plan: Plan
    steps: Sequence[StepState]
    runs: Sequence[str]
    time: float
    groups: Sequence[FailureGroup]
    estimate: Estimate
    warnings: Sequence[str]

    @property
    def prod_id(self) -> str:
        """The production."""
        return self.plan.config.prod_id

    @cached_property
    def stages(self) -> dict[str, StageState]:
        """Stages in the order of the config."""
        names = dict.fromkeys(step.stage for step in self.steps)
        return {n: StageState.of(n, (s for s in self.steps if s.stage == n)) for n in names}

    @cached_property
    def whole(self) -> StageState:
        """The production counted; not its events, which stages hand on to each other."""
        return replace(StageState.of("all", self.steps), events=None)

    @property
    def begun(self) -> bool:
        """Was anything ever submitted or made?"""
        return any(s.begun or s.planned is not State.MISSING for s in self.steps)

    def mend(self, failure: Failure) -> str:
        """What the config can do about a failure; empty if unknown, or if its line says it."""
        found = self.steps[failure.step].node.stage.mend(failure.reason or failure.line)
        return "" if found in failure.line else found

    @property
    def attempts(self) -> Iterable[Attempt]:
        """Everything that was ever tried."""
        return (attempt for step in self.steps for attempt in step.ledger.attempts)
