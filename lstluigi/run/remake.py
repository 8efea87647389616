"""`lstluigi retry` and `lstluigi remake`: which steps they mean, handed to `lstluigi.run.start`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstluigi.errors import NOTHING_DONE, Declined
from lstluigi.production import selection
from lstluigi.production.plan import Plan
from lstluigi.production.selection import named
from lstluigi.production.states import State
from lstluigi.production.status.model import StepState
from lstluigi.run.clean import freed, size
from lstluigi.run.decisions import to_remake
from lstluigi.run.start import run_production
from lstluigi.validation.examine import production_state

__all__ = ["remake", "retry"]

#: So many steps are named.
SHOWN = 20

Tell = Callable[[str], None]


def retry(
    config: str, pattern: str, options: Mapping[str, Any], tell: Tell, *, dry_run: bool
) -> int:
    """Make what failed, and nothing else: neither what follows nor what was never tried.

    Returns
    -------
    int
        Exit code, as of a run.
    """
    state = production_state(config, **options)
    steps = state.plan.steps
    chosen = named(steps, pattern, state.plan.config.path) if pattern else steps
    known = [state.steps[node.index] for node in chosen]
    failed = [step for step in known if step.status is State.FAILED]
    under_way = [step for step in known if step.failures and step.status is not State.FAILED]
    if under_way:
        tell(_under_way(under_way))
    if not failed:
        what = f"nothing that {'matches' if pattern else 'was tried'} has failed"
        what = "no step can be tried again yet" if under_way else what
        tell(f"{state.prod_id}: {what}, so {NOTHING_DONE}")
        return 0
    for step in failed[:SHOWN]:
        files = f", {step.files.get(State.FAILED, 0)} file(s)" * step.node.stage.per_file
        tell(f"  {'would be tried' if dry_run else 'tried'} again: {step.node}{files}")
    _more(len(failed), tell)
    if dry_run:
        tell(f"{state.prod_id}: {len(failed)} step(s) would be tried again; {NOTHING_DONE}")
        return 0
    return run_production(config, options, outputs=[step.node.output for step in failed])


def remake(
    config: str,
    pattern: str,
    options: Mapping[str, Any],
    tell: Tell,
    *,
    dry_run: bool,
    confirm: Callable[[str], bool],
) -> int:
    """Delete products with all that follows from them, and make them again.

    Without a pattern, those that are outdated.

    Returns
    -------
    int
        Exit code, as of a run.

    Raises
    ------
    Declined
        When the user does not agree.
    """
    state = production_state(config, **options)
    if pattern:
        names = [pattern]
    else:
        names = [s.node.output for s in state.steps if s.status is State.OUTDATED]
    if not names:
        what = "nothing is outdated"
        tell(f"{state.prod_id}: {what}, so {NOTHING_DONE}")
        return 0
    again = to_remake(state.plan, names)
    files = _tell_deleted(state.plan, sorted(again), tell)
    options = {**options, "remake": selection.joined(names)}
    if not dry_run and files and not confirm(f"delete {files} file(s), and make them again?"):
        raise Declined
    return run_production(config, options, dry_run=dry_run)


def _under_way(steps: Sequence[StepState]) -> str:
    """Say what failed of steps that have not ended: only whole steps are tried again."""
    files = sum(len(step.failures) for step in steps)
    return (
        f"{files} failed in {len(steps)} step(s) that are still under way, e.g. {steps[0].node}; "
        "the run decides about them when the step ends, and `lstluigi retry` tries again "
        "what has failed then"
    )


def _tell_deleted(plan: Plan, indices: Sequence[int], tell: Tell) -> int:
    """Say what would be deleted; return how many files."""
    files = {i: list(filter(plan.listing.exists, plan.finals(plan.steps[i]))) for i in indices}
    there = [index for index, found in files.items() if found]
    for index in there[:SHOWN]:
        tell(f"  to be deleted: {plan.steps[index]}, {len(files[index])} file(s)")
    _more(len(there), tell)
    every = [file for found in files.values() for file in found]
    tell(f"in all {len(every)} file(s) of {len(there)} step(s), {size(freed(every))}")
    return len(every)


def _more(count: int, tell: Tell) -> None:
    if count > SHOWN:
        tell(f"  and {count - SHOWN} more steps")
