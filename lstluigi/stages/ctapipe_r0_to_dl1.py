"""r0_to_dl1 of the workflow ctapipe."""

from __future__ import annotations

from collections.abc import Sequence

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Command
from lstluigi.stages import checks
from lstluigi.stages.base import Inputs
from lstluigi.stages.ctapipe import NO_TELESCOPE, numbered, process
from lstluigi.stages.ctapipe_options import OfCtapipe, fewer_events
from lstluigi.stages.r0_to_dl1 import R0ToDL1, dl1_name


class CtapipeR0ToDL1(OfCtapipe, R0ToDL1):
    """A directory of simtel files to a directory of DL1 files in ctapipe's format."""

    shape = Shape(input="path", output="path")
    whole = checks.CTAPIPE_DL1
    mends = NO_TELESCOPE

    def call(self, step: Step, file: str) -> Command:
        """How a file is processed."""
        return process(file, dl1_name(file), numbered(step.arguments, file))

    def without_events(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """None: what ctapipe writes is whole."""
        return ()

    def problems(self, step: Step) -> Sequence[Problem]:
        """Options that would keep the file from being whole."""
        return [*super().problems(step), *fewer_events(step)]
