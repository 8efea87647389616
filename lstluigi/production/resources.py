"""What the jobs of a step ask for, wherever they run."""

from __future__ import annotations

from collections.abc import Sequence

from lstluigi.jobs.backend import Backend
from lstluigi.jobspec import Resources
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep

#: Slurm's `nice` for each step that fewer steps wait for, one behind the other, than for the first.
NICE = 10


def requested(plan: Plan, node: PlannedStep, backend: Backend) -> Resources:
    """What a chunk of a step asks for; what the longest line of steps waits for goes first.

    Raises
    ------
    Refused
        Where the backend cannot give it.
    """
    return backend.resources(node.stage.name, _usual(plan, node), node.step.slurm)


def lowered(plan: Plan, node: PlannedStep, backend: Backend) -> Sequence[str]:
    """What a step asks for and does not get here, a sentence for each."""
    return backend.lowered(node.stage.name, _usual(plan, node), node.step.slurm)


def _usual(plan: Plan, node: PlannedStep) -> Resources:
    behind = plan.tallest - plan.heights[node.index]
    return node.stage.resources.updated({"nice": str(NICE * behind)} if behind else {})


def where_requested(node: PlannedStep) -> str:
    """Where a step's own requests stand in the config; the step itself where it has none."""
    keys = ("extra_slurm_options", "slurm_options")
    given = (key for key in keys if node.step.slurm and key in node.step.place.lines)
    return node.step.where(next(given, None))
