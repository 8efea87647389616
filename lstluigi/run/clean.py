"""`lstluigi clean`: what dead runs have left, and products of which all is made already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lstluigi.errors import NOTHING_DONE, LstluigiError
from lstluigi.files import delete_file
from lstluigi.jobs.ledger import RELEASED, note
from lstluigi.production.selection import named
from lstluigi.production.states import State
from lstluigi.production.status.model import ProductionState, StepState
from lstluigi.production.step import PlannedStep
from lstluigi.validation.examine import production_state
from lstluigi.validation.notes import damaged
from lstluigi.validation.preflight import DECIDE

__all__ = ["below", "clean", "freed", "size"]

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
        if status is State.OUTDATED:
            return f"may still be needed: {consumer} is outdated ({plan.why_changed(consumer)})"
        if not status.satisfied:
            return f"is still needed: {consumer} is not made yet"
        if plan.begun(consumer) and not plan.there(consumer):
            return f"is still needed: of {consumer}, only a part is there"
    if not plan.begun(node):
        return None  # it is lost already
    if why := plan.why_changed(node):
        return f"is outdated ({why}); {DECIDE}"
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


_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Bytes in words: 1000 to a kB, as df -H and disks count."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def freed(paths: Iterable[str]) -> int:
    """Space (bytes) that is free once these files are deleted.

    A file that has other names (training and test halves are hard links) takes its space until the
    last of them is deleted.
    """
    links: Counter[tuple[int, int]] = Counter()
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for path in paths:
        try:
            status = os.lstat(path)
        except OSError:
            continue
        key = status.st_dev, status.st_ino
        links[key] += 1
        sizes[key] = status.st_nlink, status.st_blocks * 512
    return sum(space for key, (names, space) in sizes.items() if links[key] >= names)


def below(directory: str) -> Iterator[str]:
    """Files below a directory; links to directories are not followed."""
    for place, _, names in os.walk(directory):
        yield from (os.path.join(place, name) for name in names)
