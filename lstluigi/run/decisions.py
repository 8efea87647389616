"""What a user decides about products that are there: keep them as they are, or make them again."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Sequence

from lstluigi.errors import LstluigiError
from lstluigi.files import delete_file, may_replace, nearest_existing
from lstluigi.jobs.ledger import WANTED, is_released, note
from lstluigi.jobs.lock import holder
from lstluigi.production.plan import Plan
from lstluigi.production.recipe import record
from lstluigi.production.selection import named
from lstluigi.production.states import State
from lstluigi.production.step import PlannedStep

log = logging.getLogger("lstluigi")


def to_accept(plan: Plan, steps: Iterable[PlannedStep]) -> frozenset[int]:
    """Those of these steps, by index, whose products are there and outdated."""
    return frozenset(n.index for n in steps if plan.is_changed(n) and plan.there(n))


def accept(plan: Plan, indices: Collection[int]) -> None:
    """Take products as made by today's recipe, and write down how they were made."""
    for index in sorted(indices):
        node = plan.steps[index]
        reasons = list(plan.changes(node))
        old = plan.record(node) or {}
        was = [*old.get("accepted", []), {"digest": old.get("digest"), "changes": reasons}]
        notes = {"accepted": was, "by_hand": list(plan.by_hand(node))}
        record(node.places.recipe, plan.recipe(node), plan.kept(node), **notes)
        plan.accept_inputs(node)
        log.warning("accepted as it is: %s (%s)", node, "; ".join(reasons))


def to_remake(plan: Plan, patterns: Sequence[str]) -> frozenset[int]:
    """Steps, by index, that patterns name, and all that follows from what is not lost of them.

    Raises
    ------
    LstluigiError
        When a pattern names nothing, or something that lstluigi did not make.
    """
    matched: set[int] = set()
    for pattern in patterns:
        matched |= {node.index for node in named(plan.steps, pattern, plan.config.path)}
    # what was made of a lost product has the recipe that it is made by again
    found = matched.union(
        *(plan.graph.descendants(i) for i in matched if not plan.is_lost(plan.steps[i]))
    )
    for index in found:
        node = plan.steps[index]
        if (file := next(plan.by_hand(node), None)) is not None:
            raise LstluigiError(
                f"{file}, part of {node}, was not made by lstluigi, so --remake does not delete "
                "it; move it away yourself"
            )
    return frozenset(found)


def delete(plan: Plan, indices: Collection[int]) -> None:
    """Delete products, the last first: what is left after a kill is never taken for current.

    Raises
    ------
    LstluigiError
        When something that making them again writes cannot be written; nothing is deleted then.
    """
    for index in indices:
        _refuse_unwritable(plan, plan.steps[index])
    for index in reversed(plan.graph.order):
        if index not in indices:
            continue
        node = plan.steps[index]
        for file in plan.finals(node):
            if plan.listing.exists(file):
                delete_file(file)
        delete_file(node.places.manifest)
        if is_released(node.places.ledger):
            note(node.places.ledger, WANTED)
        log.warning("will be made again: %s", node)
    log.warning("should this run be interrupted, go on without --remake")


def _refuse_unwritable(plan: Plan, node: PlannedStep) -> None:
    """Refuse to delete the products of a step that could not be made again by this user."""
    places = node.places
    replaced = [places.recipe, places.manifest, places.lock, places.scratch, *plan.finals(node)]
    blocked = [path for path in replaced if not may_replace(path)]
    ledger = nearest_existing(places.ledger)
    if not os.access(ledger, os.W_OK):
        blocked.insert(0, ledger)
    logs = (node.log(unit.name) for unit in plan.units(node))
    blocked += (log for log in logs if os.path.exists(log) and not os.access(log, os.W_OK))
    if blocked:
        raise LstluigiError(
            f"nothing was deleted: you may not write {blocked[0]}, which is needed to make {node} "
            "again; ask its owner to give your group write permission (chmod g+w)"
        )


def clear_away(plan: Plan) -> None:
    """Remove what a run has left that was killed between a last product and its end."""
    exists = plan.listing.exists
    for node, state in zip(plan.steps, plan.states, strict=True):
        lock, scratch = node.places.lock, node.places.scratch
        if state is not State.COMPLETE:
            continue
        if not exists(lock) and not (exists(os.path.dirname(scratch)) and exists(scratch)):
            continue
        if holder(lock) is None:
            node.places.clear_scratch()
            delete_file(lock)
