"""`lstluigi logs`: where the logs of steps are, and how they end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lstluigi.display import plain
from lstluigi.files import last_lines
from lstluigi.production.selection import named
from lstluigi.production.states import State
from lstluigi.production.status.model import StepState
from lstluigi.validation.examine import production_state
from lstluigi.validation.notes import damaged

__all__ = ["logs_of"]

#: So many logs are shown, unless all are asked for.
SHOWN = 5


def logs_of(
    config: str, pattern: str, tools: Mapping[str, Any], *, every: bool, lines: int
) -> Iterator[str]:
    """Yield path and end of the logs of the steps that a pattern names.

    Raises
    ------
    LstluigiError
        When it names none.
    """
    state = production_state(config, **tools)
    yield from (f"note: {plain(note)}" for note in damaged(state.plan))
    if pattern:
        nodes = named((step.node for step in state.steps), pattern, state.plan.config.path)
        steps = [state.steps[node.index] for node in nodes]
    else:
        steps = [step for step in state.steps if step.failures]
        if not steps:
            yield "no step has failed; name a step to see its log"
            return
    found = dict.fromkeys(path for step in steps for path in _paths(step, every))
    chosen = list(found) if every else list(found)[:SHOWN]
    for path in chosen:
        yield f"==> {plain(path)} <=="
        yield from map(plain, last_lines(path, lines) or ["(nothing is there)"])
    if len(found) > len(chosen):
        yield f"and {len(found) - len(chosen)} more logs; --all shows them, too"
    if not found:
        yield f"{steps[0].node}: {_none(steps)}"


def _none(steps: Sequence[StepState]) -> str:
    states = ", ".join(dict.fromkeys(step.status.value for step in steps))
    made = any(step.status.satisfied or step.status is State.OUTDATED for step in steps)
    unreadable = [step.ledger.unreadable for step in steps if step.ledger.unreadable]
    if unreadable:
        return f"{unreadable[0]}, so its logs are not known"
    if not made and not any(step.begun for step in steps):
        return f"there is no log ({states}): it has not begun yet, or its logs were deleted with it"
    if any(step.status.under_way for step in steps):
        return f"its jobs have not written a log yet ({states})"
    return "there is no log; it was made by hand, or its logs were deleted"


def _paths(step: StepState, every: bool) -> Iterator[str]:
    """Logs of a step: those of failures first; only them, if there are any."""
    for failure in step.failures:
        if os.path.exists(failure.log):
            yield failure.log
        else:
            yield from _of_jobs(step, failure.item)
    if every or not step.failures:
        for item in step.ledger.latest:
            path = step.node.log(item.partition("/")[2])
            if os.path.exists(path):
                yield path


def _of_jobs(step: StepState, item: str) -> Iterator[str]:
    """What the jobs themselves have written, where the item never came to write anything."""
    attempt = step.ledger.latest.get(step.node.item(item))
    if attempt is not None:
        files = attempt.share.files
        yield from filter(os.path.exists, (files.output(attempt.chunk), files.log(attempt.chunk)))
