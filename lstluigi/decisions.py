"""What a user decides about products that are there: keep them as they are, or make them again."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from lstluigi.errors import LstluigiError
from lstluigi.jobs.lock import holder
from lstluigi.plan import Plan, Standing
from lstluigi.recipe import record
from lstluigi.steps import PlannedStep

log = logging.getLogger("lstluigi")


def accept(plan: Plan, steps: Iterable[PlannedStep]) -> None:
    """Take these steps' products, where they are whole, as made by today's recipe."""
    for node in steps:
        old = plan.record(node)
        reasons = list(plan.changes(node))
        if old is None or not reasons or not plan.there(node):
            continue
        was = [*old.get("accepted", []), {"digest": old["digest"], "changes": reasons}]
        notes = {"accepted": was, "by_hand": list(plan.by_hand(node))}
        record(node.places.recipe, plan.recipe(node), plan.kept(node), **notes)
        plan.accept_inputs(node)
        log.warning("accepted as it is: %s (%s)", node, "; ".join(reasons))


def to_remake(plan: Plan, patterns: Sequence[str]) -> frozenset[int]:
    """Steps, by index, that patterns name, and all that follows from them.

    Raises
    ------
    LstluigiError
        When a pattern names nothing, or something that lstluigi did not make.
    """
    matched: set[int] = set()
    for pattern in patterns:
        nodes = [node for node in plan.steps if _names(node, pattern, str(plan.config.path.parent))]
        if not nodes:
            raise LstluigiError(
                f"--remake {pattern!r} matches no output and no stage of {plan.config.path}"
            )
        matched |= {node.index for node in nodes}
    found = matched.union(*(plan.graph.descendants(index) for index in matched))
    for index in found:
        node = plan.steps[index]
        if (file := next(plan.by_hand(node), None)) is not None:
            raise LstluigiError(
                f"{file}, part of {node}, was not made by lstluigi, so --remake does not delete "
                "it; move it away yourself"
            )
    return frozenset(found)


def _names(node: PlannedStep, pattern: str, home: str) -> bool:
    stage, number = node.step.stage, node.step.number
    paths = (node.output, os.path.relpath(node.output, home))
    names = (stage, f"{stage}:{number}", *paths)
    return pattern in names or any(fnmatchcase(path, pattern) for path in paths)


def delete(plan: Plan, indices: Collection[int]) -> None:
    """Delete products, the last first: what is left after a kill is never taken for current."""
    for index in reversed(plan.graph.order):
        if index not in indices:
            continue
        node = plan.steps[index]
        for file in plan.finals(node):
            if plan.listing.exists(file):
                _delete(file)
        _delete(node.places.manifest)
        log.warning("will be made again: %s", node)
    log.warning("should this run be interrupted, go on without --remake")


def clear_away(plan: Plan) -> None:
    """Remove what a run has left that was killed between a last product and its end."""
    exists = plan.listing.exists
    for node, standing in zip(plan.steps, plan.standings, strict=True):
        lock, scratch = node.places.lock, node.places.scratch
        if standing is not Standing.WHOLE:
            continue
        if not exists(lock) and not (exists(os.path.dirname(scratch)) and exists(scratch)):
            continue
        if holder(lock) is None:
            node.places.clear_scratch()
            _delete(lock)


def _delete(path: str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise LstluigiError(f"{path} cannot be deleted ({error.strerror})") from None
