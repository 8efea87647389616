"""What the jobs of a step ask for, wherever they run."""

from __future__ import annotations

from lstluigi.jobs.backend import Backend
from lstluigi.jobs.spec import Resources
from lstluigi.plan import Plan
from lstluigi.steps import PlannedStep

#: Slurm's `nice` for each step that fewer steps wait for, one behind the other, than for the first.
NICE = 10


def requested(plan: Plan, node: PlannedStep, backend: Backend) -> Resources:
    """What a chunk of a step asks for; what the longest line of steps waits for goes first.

    Raises
    ------
    Refused
        Where the backend cannot give it.
    """
    behind = plan.tallest - plan.heights[node.index]
    usual = node.stage.resources.updated({"nice": str(NICE * behind)} if behind else {})
    return backend.resources(node.stage.name, usual, node.step.slurm)


def where_requested(node: PlannedStep) -> str:
    """Where a step's own requests stand in the config; the step itself where it has none."""
    keys = ("extra_slurm_options", "slurm_options")
    given = (key for key in keys if node.step.slurm and key in node.step.place.lines)
    return node.step.where(next(given, None))
