"""repack_dl1: a merged DL1 file to a smaller copy of it, by pytables' ptrepack."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lstluigi.config import Shape, Step
from lstluigi.jobspec import Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import Inputs, Made, Reading, Stage, same_name


class RepackDL1(Stage):
    """A DL1 file to a DL1 file that takes less space."""

    name = "repack_dl1"
    task = "RepackDL1"
    shape = Shape(input="path", output="path")
    logs = "job_logs_repack_dl1"
    resources = Resources(options=(("partition", "short"),))
    per_chunk = 20

    def reads(self, step: Step) -> Sequence[Reading]:
        """One file."""
        return [Reading(step.path("input"), checks.DL1)]

    def makes(self, step: Step) -> Sequence[Made]:
        """One file."""
        return [Made(step.path("output"), directory=False)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The copy, held to the same check as the original."""
        return [same_name(step.path("output"), checks.DL1)]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call; the product is named without a path, since it is made in scratch."""
        made = os.path.basename(step.path("output"))
        source, target = f"{step.path('input')}:/", f"{made}:/"
        return [("ptrepack", "--complevel", "9", *step.arguments, source, target)]
