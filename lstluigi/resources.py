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
    LstluigiError
        Where the backend cannot give it.
    """
    behind = plan.tallest - plan.heights[node.index]
    usual = node.stage.resources.updated({"nice": str(NICE * behind)} if behind else {})
    return backend.resources(node.stage.name, usual, node.step.slurm)
