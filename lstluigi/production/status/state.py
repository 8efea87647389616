"""Where a production stands: the file system, the ledgers, and Slurm's queue put together.

Nothing is written, and nothing is asked of a run: it may be going on or not, here or elsewhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from lstluigi.errors import LstluigiError
from lstluigi.jobs.ledger import Attempt, Ledger, read_ledger
from lstluigi.jobs.lock import owner
from lstluigi.jobs.slurm import controller
from lstluigi.jobs.slurm.commands import Run
from lstluigi.jobs.states import Cause
from lstluigi.production.places import directory_of
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.production.status.counting import events_there, items
from lstluigi.production.status.estimate import Estimate, Remaining, estimate
from lstluigi.production.status.failures import grouped, item_failure, step_failure
from lstluigi.production.status.jobs import Jobs
from lstluigi.production.status.model import (
    Failure,
    FailureGroup,
    ProductionState,
    StageState,
    StepState,
)
from lstluigi.production.step import PlannedStep

__all__ = [
    "Failure",
    "FailureGroup",
    "ProductionState",
    "StageState",
    "StepState",
]

#: What is odd about a production, in sentences.
Notes = Callable[[Plan, Sequence[StepState], Jobs], Iterable[str]]
#: Words of the ledger for items that failed; others were ended, and a run makes them.
_FAILED = ("failed", "empty", "refused")


class Look:
    """One look at a production: what is found goes from the first steps to the last.

    Parameters
    ----------
    plan
        The production.
    ask
        Asks Slurm.
    notes
        Yields what else the user should know of what was found.
    """

    def __init__(self, plan: Plan, ask: Run, notes: Notes) -> None:
        self._plan, self._notes = plan, notes
        self._jobs = Jobs(ask)
        self._steps: dict[int, StepState] = {}
        self._now = time.time()

    def state(self) -> ProductionState:
        for index in self._plan.graph.order:
            self._steps[index] = self._step(self._plan.steps[index])
        steps = [self._steps[node.index] for node in self._plan.steps]
        blocked = [step.status is State.BLOCKED for step in steps]
        groups = grouped((f for step in steps for f in step.failures), self._plan, blocked)
        told: list[str] = []
        runs = list(dict.fromkeys(step.owner for step in steps if step.owner))
        runs += self._controllers(told)
        told += self._notes(self._plan, steps, self._jobs)
        left = self._estimate(steps, bool(runs))
        return ProductionState(self._plan, steps, runs, self._now, groups, left, told)

    def _controllers(self, told: list[str]) -> list[str]:
        prod_id = self._plan.config.prod_id
        try:
            last = controller.recorded(directory_of(prod_id))
        except LstluigiError as error:
            told.append(str(error))
            return []
        return list(self._jobs.queue.controllers(prod_id)) if last else []

    # one step

    def _step(self, node: PlannedStep) -> StepState:
        plan, planned = self._plan, self._plan.states[node.index]
        ledger = self._ledger(node)
        owns = owner(node.places.lock) if self._exists(node.places.lock) else None
        finals = plan.finals(node)
        there = sum(map(plan.listing.is_file, finals))
        files: Counter[State] = Counter()
        gone: list[str] = []
        failures: list[Failure] = []
        if planned is State.MISSING:
            files[State.COMPLETE] = there
            status = self._missing(node, ledger, owns is not None, files, gone, failures)
        else:
            status = planned
            if status is State.NOT_NEEDED and there == len(finals):
                status = State.COMPLETE
            elif status is State.NOT_NEEDED and node.stage.delivered:
                status = State.BLOCKED  # what was made of it waits for the user
            files[status if status is State.OUTDATED else State.COMPLETE] = there
            files[status] += len(finals) - there
        return StepState(
            node,
            planned,
            status,
            +files,
            plan.dropped(node),
            ledger,
            str(owns) if owns else "",
            gone,
            failures,
            there,
            events_there(plan, node, ledger, self._jobs.results) if there else None,
        )

    def _ledger(self, node: PlannedStep) -> Ledger:
        """What was tried, also where nobody can read it: the rest of the production is shown."""
        if not self._exists(node.places.ledger):
            return Ledger()
        try:
            return read_ledger(node.places.ledger)
        except LstluigiError as error:
            return Ledger(unreadable=str(error))

    def _exists(self, path: str) -> bool:
        return self._plan.listing.exists(path)

    def _missing(
        self,
        node: PlannedStep,
        ledger: Ledger,
        alive: bool,
        files: Counter[State],
        gone: list[str],
        failures: list[Failure],
    ) -> State:
        """Where a step stands that is to be made, and its files that are not there."""
        units = self._units(node) if ledger.attempts else {}
        refused = False
        for item, missing in units.items():
            attempt = ledger.latest.get(item)
            if attempt is None:
                continue
            if attempt.state == "ok" and not alive:
                gone += missing
            status = self._item(attempt, ledger, alive)
            if status is State.FAILED:
                refused |= attempt.state == "refused"
                if attempt.state != "refused":
                    failures.append(item_failure(node, attempt, self._jobs.results))
            files[status] += len(missing)
        if refused:
            failures.append(step_failure(node, ledger, "refused"))
        elif ledger.concluded == "failed" and not (alive or failures or gone or _cancelled(ledger)):
            failures.append(step_failure(node, ledger, "product"))
        rest = State.UNKNOWN if ledger.unreadable else self._rest(node, alive)
        if failures and not files[State.FAILED]:
            rest = State.FAILED
        files[rest] += len(self._plan.finals(node)) - sum(files.values())
        found = (s for s in _BY_WEIGHT if files[s])
        status = next(found, rest)
        return rest if status is State.MISSING else status

    def _units(self, node: PlannedStep) -> dict[str, list[str]]:
        """Items of a step, each with those of its files that are not there, where there are any."""
        is_file = self._plan.listing.is_file
        every = ((i, [f for f in files if not is_file(f)]) for i, files in items(self._plan, node))
        return {i: missing for i, missing in every if missing or not node.stage.per_file}

    def _item(self, attempt: Attempt, ledger: Ledger, alive: bool) -> State:
        """Where an item stands whose files are not there."""
        if attempt.open:
            return self._jobs.status(attempt, alive)
        if attempt.state == "ok" and alive:
            return State.UNKNOWN  # files made elsewhere are seen a little later
        failed = attempt.state in _FAILED or attempt.cause
        if attempt.cause == Cause.CANCELLED.value and not alive:
            return State.MISSING  # a person ended it: nothing is wrong with it
        if failed and not attempt.again and not (alive and ledger.concluded):
            return State.FAILED
        return State.QUEUED if alive else State.MISSING

    def _rest(self, node: PlannedStep, alive: bool) -> State:
        """Where files stand that nothing was tried for."""
        if alive:
            return State.QUEUED
        above = (self._steps[i].status for i in self._plan.graph.producers[node.index])
        return State.BLOCKED if any(status.in_the_way for status in above) else State.MISSING

    # the time left

    def _estimate(self, steps: Sequence[StepState], alive: bool) -> Estimate:
        if not alive and not any(step.status.under_way for step in steps):
            return Estimate(None, "no run is going on")
        left = [s for s in steps if s.status.under_way or s.status is State.MISSING]
        remaining = dict(_remaining(steps, left))
        finished: dict[str, list[Attempt]] = {stage: [] for stage in remaining}
        for step in steps:
            finished[step.stage] += [a for a in step.ledger.attempts if a.state == "ok"]
        running = sum(map(_running, steps))
        return estimate(remaining, self._chains(left), finished, running, self._now)

    def _chains(self, left: Sequence[StepState]) -> Iterator[list[str]]:
        """Lines of steps that are left and wait for each other, one for each of the first ones."""
        chosen = {step.index for step in left}
        longest: dict[int, list[str]] = {}
        for index in reversed(self._plan.graph.order):
            if index in chosen:
                behind = (longest.get(i, []) for i in self._plan.graph.consumers[index])
                longest[index] = [self._steps[index].stage, *max(behind, key=len, default=[])]
        yield from longest.values()


def _cancelled(ledger: Ledger) -> bool:
    """Did a person end some of a step's jobs?"""
    return any(a.cause == Cause.CANCELLED.value for a in ledger.latest.values())


#: What a step that is to be made is said to be, if only some of its files are.
_BY_WEIGHT = (State.RUNNING, State.QUEUED, State.UNKNOWN, State.FAILED, State.BLOCKED)


def _remaining(
    steps: Sequence[StepState], left: Sequence[StepState]
) -> Iterator[tuple[str, Remaining]]:
    for stage in dict.fromkeys(step.stage for step in steps):
        mine = [step for step in left if step.stage == stage]
        every = [step for step in steps if step.stage == stage]
        if not every[0].node.stage.per_file:
            yield stage, Remaining(len(mine), len(every))
        elif any(not step.total for step in mine):
            yield stage, Remaining(None, len(every))
        else:
            units = sum(step.total - _settled(step.files) for step in mine)
            yield stage, Remaining(units, sum(step.total for step in every))


def _running(step: StepState) -> int:
    """How many units of a step's work are being done."""
    if step.node.stage.per_file:
        return step.files.get(State.RUNNING, 0)
    return int(step.status is State.RUNNING)


def _settled(files: Mapping[State, int]) -> int:
    """Files that a run will not make: they are there, or failed."""
    return sum(n for status, n in files.items() if status.satisfied or status.in_the_way)
