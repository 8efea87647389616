"""Which files are whose within a step, and how many events are in those that are there."""

from __future__ import annotations

from collections.abc import Iterator

from lstluigi.jobs.ledger import Attempt, Ledger
from lstluigi.production.plan import Plan
from lstluigi.production.status.jobs import Results
from lstluigi.production.step import PlannedStep

__all__ = ["events_there", "items"]


def items(plan: Plan, node: PlannedStep) -> Iterator[tuple[str, list[str]]]:
    """Items of a step, each with its files at their final paths."""
    if not node.stage.per_file:
        yield node.item(node.places.label), list(plan.finals(node))
        return
    for unit in plan.units(node):
        yield node.item(unit.name), [product.final for product in unit.products]


def events_there(plan: Plan, node: PlannedStep, ledger: Ledger, results: Results) -> int | None:
    """Events in those files of a step that are there; None where they are not known of each."""
    if not ledger.attempts:
        return None
    counted = []
    for item, files in items(plan, node):
        there = sum(map(plan.listing.is_file, files))
        if there:
            # an item's events were counted together, in all of its files
            known = there == len(files)
            number = _events(ledger.latest.get(item), results) if known else None
            if number is None:
                return None
            counted.append(number)
    return sum(counted) if counted else None


def _events(attempt: Attempt | None, results: Results) -> int | None:
    if attempt is None:
        return None
    if attempt.open:  # its file is seen before the run has taken its end down
        result = results.of(attempt.share, attempt.chunk).get(attempt.item)
        attempt = attempt.told(result) if result is not None else attempt
    return attempt.events if attempt.state == "ok" else None
