"""What the user should know of what was found, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lstluigi.jobs.slurm import states
from lstluigi.production.plan import Plan
from lstluigi.production.recipe import few
from lstluigi.production.states import State
from lstluigi.production.status.jobs import Jobs
from lstluigi.production.status.model import StepState
from lstluigi.production.targets import lost_showers
from lstluigi.validation import preflight

__all__ = ["damaged", "warnings"]


def warnings(plan: Plan, steps: Sequence[StepState], jobs: Jobs) -> Iterator[str]:
    """Yield what is odd about a production's files, ledgers and jobs."""
    yield from _begun(steps)
    yield from _ledgers(steps)
    yield from _unreadable(steps)
    yield from _gone(steps)
    yield from plan.missed()
    yield from _in_part(plan, steps)
    yield from _dropped(steps)
    yield from _lost_showers(steps)
    yield from _without_events(steps)
    yield from _jobs(jobs)
    yield from damaged(plan)
    yield from _changed(plan, steps)
    yield from _accepted(plan, steps)
    yield from _by_hand(plan, steps)
    yield from _inputs(plan, steps)


def _begun(steps: Sequence[StepState]) -> Iterator[str]:
    fresh = all(s.planned is State.MISSING and not s.begun for s in steps)
    if fresh and not any(step.files.get(State.COMPLETE) for step in steps):
        yield "nothing has been made or submitted yet: this production was never started here"


def _ledgers(steps: Sequence[StepState]) -> Iterator[str]:
    broken = [step for step in steps if step.ledger.broken]
    if broken:
        lines = sum(step.ledger.broken for step in broken)
        yield (
            f"{lines} line(s) in {len(broken)} ledger(s) are broken and left out: what was "
            f"tried may be incomplete, e.g. {broken[0].node.places.ledger}"
        )


def _unreadable(steps: Sequence[StepState]) -> Iterator[str]:
    silent = [step for step in steps if step.ledger.unreadable]
    if silent:
        more = f" ({len(silent) - 1} more like this)" if len(silent) > 1 else ""
        yield (
            f"{silent[0].ledger.unreadable}: what was tried of {silent[0].node} is not known, and "
            f"what is not there of it is shown as unknown{more}"
        )


def _gone(steps: Sequence[StepState]) -> Iterator[str]:
    lacking = [step for step in steps if step.gone]
    if lacking:
        files = sum(len(step.gone) for step in lacking)
        yield (
            f"{files} file(s) of {len(lacking)} step(s) were made and are not there any more, e.g. "
            f"{lacking[0].gone[0]}; a run makes them again"
        )


def _in_part(plan: Plan, steps: Sequence[StepState]) -> Iterator[str]:
    not_needed = [step.node for step in steps if step.planned is State.NOT_NEEDED]
    parts = [node for node in not_needed if plan.begun(node) and not plan.there(node)]
    if parts:
        lost = next(file for file in plan.finals(parts[0]) if not plan.listing.is_file(file))
        yield (
            f"{len(parts)} product(s) are there in part only, e.g. {lost} is gone: what was made "
            "of them is there, so a run makes the rest only for what needs it"
        )


def _without_events(steps: Sequence[StepState]) -> Iterator[str]:
    dark = [step for step in steps if step.without_events]
    if dark:
        files, of = (sum(n) for n in zip(*((s.without_events, s.total) for s in dark), strict=True))
        yield (
            f"{files} of the {of} files of {len(dark)} step(s) have no event, e.g. in "
            f"{dark[0].node}: nothing has triggered; their showers count in effective areas"
        )


def _lost_showers(steps: Sequence[StepState]) -> Iterator[str]:
    for step in steps:
        if said := lost_showers(step.dropped, step.total):
            yield f"{step.node}: {said}"


def _dropped(steps: Sequence[StepState]) -> Iterator[str]:
    losing = [step for step in steps if step.dropped]
    if losing:
        files = sum(len(step.dropped) for step in losing)
        file, reason = next(iter(losing[0].dropped.items()))
        yield (
            f"{files} input file(s) of {len(losing)} step(s) failed and were left out, as "
            f"max_failed_fraction allows, e.g. {file} ({reason})"
        )


def _jobs(jobs: Jobs) -> Iterator[str]:
    for reason, waiting in jobs.queue.waiting.items():
        yield f"{len(waiting)} job(s) are in the queue: {states.waits_for(reason)}"
    if jobs.queue.silent:
        yield (
            f"Slurm does not answer ({jobs.queue.silent}): what is in its queue is not known and "
            "shown as unknown"
        )
    if jobs.results.damaged:
        yield (
            f"{len(jobs.results.damaged)} result file(s) of jobs cannot be read and are left out, "
            f"e.g. {jobs.results.damaged[0]}"
        )
    if jobs.lost:
        example = jobs.lost[0]
        yield (
            f"{len(jobs.lost)} job item(s) disappeared, as their run or "
            f"their job was ended (e.g. {example.item}); a run makes them"
        )


def damaged(plan: Plan) -> Iterator[str]:
    """Yield which files cannot be read that would tell how products were made, and what to do."""
    pairs = zip(plan.steps, plan.states, strict=True)
    unknown = [n for n, state in pairs if state is State.OUTDATED and any(plan.damage(n))]
    if unknown:
        more = f" ({len(unknown) - 1} more like this)" if len(unknown) > 1 else ""
        yield f"{unknown[0]}: {'; '.join(plan.damage(unknown[0]))}; {preflight.DECIDE}{more}"
    for said in plan.outside.damaged.values():
        yield f"{said}; {preflight.MEND_OUTSIDE}"


def _changed(plan: Plan, steps: Sequence[StepState]) -> Iterator[str]:
    changed = [s.node for s in steps if s.status is State.OUTDATED]
    changed = [node for node in changed if not any(plan.damage(node))]
    # a run that is alive may have settled them since its plan was made
    reasons = ((node, why) for node in changed if (why := plan.why_changed(node)))
    if (example := next(reasons, None)) is not None:
        yield (
            f"{len(changed)} product(s) are outdated, as the config has changed since they were "
            "produced, e.g. "
            f"{example[0]} ({example[1]}); {preflight.DECIDE}"
        )


def _accepted(plan: Plan, steps: Sequence[StepState]) -> Iterator[str]:
    there = [step.node for step in steps if step.planned is State.COMPLETE]
    kept = [node for node in there if plan.accepted_changes(node)]
    if kept:
        why = few(plan.accepted_changes(kept[0]))
        yield (
            f"{len(kept)} product(s) were kept as they are, though they were "
            f"outdated (--accept-changed), e.g. {kept[0]} ({why})"
        )


def _by_hand(plan: Plan, steps: Sequence[StepState]) -> Iterator[str]:
    foreign = [s for s in steps if s.planned is State.COMPLETE and plan.foreign(s.node)]
    if foreign:
        yield (
            f"{len(foreign)} product(s) have no recipe: they were made by hand or by another tool "
            f"and count as done, e.g. {foreign[0].node.output}"
        )


def _inputs(plan: Plan, steps: Sequence[StepState]) -> Iterator[str]:
    waiting = [step.node for step in steps if step.status is State.MISSING]
    problems = list(preflight.file_problems(plan, waiting))
    if problems:
        more = f" ({len(problems) - 1} more like this)" if len(problems) > 1 else ""
        yield f"{problems[0]}{more}"
