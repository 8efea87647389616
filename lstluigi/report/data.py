"""A production's state for programs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lstluigi.jobs.ledger import STAMP
from lstluigi.production.states import State
from lstluigi.production.status.model import FailureGroup, ProductionState, StageState, StepState

__all__ = ["as_data"]


def as_data(state: ProductionState, *, steps: bool = False) -> dict[str, Any]:
    """Return a state for JSON; with every step if `steps`."""
    estimate = state.estimate
    found = {
        "prod_id": state.prod_id,
        "config": str(state.plan.config.path),
        "time": time.strftime(STAMP, time.gmtime(state.time)),
        "runs": list(state.runs),
        "total": _part(state.whole),
        "stages": {name: _part(part) for name, part in state.stages.items()},
        "time_left": asdict(estimate),
        "failures": [_group(state, group) for group in state.groups],
        "warnings": list(state.warnings),
    }
    if steps:
        found["steps"] = [_step(step) for step in state.steps]
    return found


def _part(part: StageState) -> dict[str, Any]:
    return {
        "steps": {**_counts(part.steps), "all": sum(part.steps.values())},
        "files": {**_counts(part.files), "all": sum(part.files.values())},
        "steps_with_unknown_files": part.unknown,
        "dropped": part.dropped,
        "events": part.events,
    }


def _counts(counts: Mapping[State, int]) -> dict[str, int]:
    return {status.value.replace(" ", "_"): counts.get(status, 0) for status in State}


def _group(state: ProductionState, group: FailureGroup) -> dict[str, Any]:
    return {
        "cause": group.cause,
        "ending": group.ending,
        "line": group.line,
        "count": len(group.failures),
        "steps": [state.steps[index].name for index in group.steps],
        "blocked": [state.steps[index].name for index in group.blocked],
        "mend": state.mend(group.failures[0]),
        "example": {**asdict(group.failures[0]), "step": state.steps[group.failures[0].step].name},
    }


def _step(step: StepState) -> dict[str, Any]:
    about = step.about
    jobs = (share.job for share in step.ledger.shares if share.job)
    return {
        "step": step.name,
        "output": step.node.output,
        "status": step.status.value,
        "planned": step.planned.value,
        "declination": about.line,
        "node": about.node.name if about.node else None,
        "files": _counts(step.files),
        "dropped": dict(step.dropped),
        "events": step.events,
        "without_events": step.without_events,
        "owner": step.owner or None,
        "jobs": list(dict.fromkeys(jobs)),
        "attempts": len(step.ledger.attempts),
    }
