"""`lstluigi clean`: what dead runs have left, and products of which all is made already."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lstluigi.again.sizes import below, freed, size
from lstluigi.errors import NOTHING_DONE, LstluigiError
from lstluigi.files import delete_file
from lstluigi.jobs.ledger import RELEASED, note
from lstluigi.preflight import DECIDE
from lstluigi.report.model import ProductionState, StepState
from lstluigi.report.state import production_state
from lstluigi.report.warnings import damaged
from lstluigi.standing import Status
from lstluigi.steps import PlannedStep, named

__all__ = ["clean"]

#: So many steps are named.
SHOWN = 20

Tell = Callable[[str], None]


def clean(
    config: str,
    patterns: Sequence[str],
    tools: Mapping[str, Any],
    tell: Tell,
    *,
    dry_run: bool,
) -> None:
    """Delete scratch of dead runs and, by name, intermediate products.

    Parameters
    ----------
    patterns
        Name steps whose products are deleted if all that is made of them is there.
    tell
        Called with sentences for the user.
    dry_run
        Say what would be deleted, and delete nothing.

    Raises
    ------
    LstluigiError
        When a run or a job is alive, or a product may not be deleted; nothing is deleted then.
    """
    state = production_state(config, **tools)
    for said in damaged(state.plan):
        tell(f"note: {said}")
    _refuse_alive(state)
    left = [node for node in state.plan.steps if any(_left_over(node))]
    scratch = [file for node in left for file in _scratch_files(node)]
    products = dict(_products(state, patterns))
    files = [file for found in products.values() for file in found]
    word = "would be deleted" if dry_run else "deleted"
    space = f"{size(freed([*scratch, *files]))} {'would be' if dry_run else 'are'} free"
    for number, node in enumerate(left):
        if not dry_run:
            node.places.clear_scratch()
            delete_file(node.places.lock)
        if number < SHOWN:
            tell(f"  {word}: what a dead run left of {node}")
    for number, (index, found) in enumerate(products.items()):
        if not dry_run:
            for file in found:
                delete_file(file)
            if state.steps[index].node.stage.delivered:
                note(state.steps[index].node.places.ledger, RELEASED)
        if number < SHOWN:
            tell(f"  {word}: {len(found)} file(s) of {state.steps[index].node}")
    hidden = max(0, len(left) - SHOWN) + max(0, len(products) - SHOWN)
    if hidden:
        tell(f"  and {hidden} more")
    tell(
        f"{state.prod_id}: leftovers of {len(left)} step(s) and {len(files)} product file(s) "
        f"{word}, {space}; {NOTHING_DONE if dry_run else 'logs, recipes and ledgers are kept'}"
    )


def _refuse_alive(state: ProductionState) -> None:
    if state.runs:
        raise LstluigiError(
            f"nothing was deleted: {state.runs[0]} is alive; wait for its end, or end it with "
            "`lstluigi cancel`"
        )
    busy = [step for step in state.steps if step.status.under_way]
    if busy:
        raise LstluigiError(
            f"nothing was deleted: jobs of {busy[0].node} are, or may be, under way; wait for "
            "their end, or end them with `lstluigi cancel`"
        )


def _left_over(node: PlannedStep) -> Iterator[str]:
    yield from (path for path in (node.places.scratch, node.places.lock) if os.path.lexists(path))


def _scratch_files(node: PlannedStep) -> Iterator[str]:
    yield from below(node.places.scratch)


def _products(state: ProductionState, patterns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Files of steps that patterns name and that may be deleted, by index of the step."""
    home = state.plan.config.path
    wanted = {n.index for text in patterns for n in named(state.plan.steps, text, home)}
    for index in sorted(wanted):
        step = state.steps[index]
        finals = state.plan.finals(step.node)
        there = [file for file in finals if state.plan.listing.is_file(file)]
        if not there and not state.plan.is_lost(step.node):
            continue
        if (reason := _kept(state, step)) is not None:
            raise LstluigiError(f"nothing was deleted: {step.node} {reason}")
        yield index, there


def _kept(state: ProductionState, step: StepState) -> str | None:
    """Why a product stays; None if it may be deleted."""
    plan, node = state.plan, step.node
    consumers = plan.consumers(node)
    if not consumers:
        return "is no intermediate product: no step of this config reads it"
    for consumer in consumers:
        status = state.steps[consumer.index].status
        if status is Status.CHANGED:
            return f"may still be needed: {consumer} is outdated ({plan.why_changed(consumer)})"
        if not status.satisfied:
            return f"is still needed: {consumer} is not made yet"
        if plan.begun(consumer) and not plan.there(consumer):
            return f"is still needed: of {consumer}, only a part is there"
    if not plan.begun(node):
        return None  # it is lost already
    if why := plan.why_changed(node):
        return f"was made differently from what the config says now ({why}); {DECIDE}"
    if plan.foreign(node) or not plan.listing.exists(node.places.recipe):
        return "has no recipe beside it, so this production did not make it"
    if (file := next(plan.by_hand(node), None)) is not None:
        return f"holds a file that was made by hand ({file})"
    own = {os.path.realpath(file) for file in plan.finals(node)}
    for index in plan.graph.descendants(node.index):
        other = plan.steps[index]
        for file in plan.finals(other):
            if os.path.islink(file) and os.path.realpath(file) in own:
                return f"is still needed: {file} of {other} is a symbolic link to a file of it"
    return None
