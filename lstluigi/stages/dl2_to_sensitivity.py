"""dl2_to_sensitivity: sensitivity with optimised cuts from the DL2 of a test node, with a plot."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Command, Meeting, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import (
    SCRIPTS,
    WITH_LSTCHAIN,
    Inputs,
    Made,
    Reading,
    Stage,
    fits_stem,
    not_fits,
    same_name,
)
from lstluigi.stages.dl2_to_irfs import PARTICLES, dl2_arguments, meeting


def plot_path(step: Step) -> str:
    """Path of the plot: beside the FITS file, under its name."""
    return fits_stem(step.path("output")) + ".png"


class DL2ToSensitivity(Stage):
    """DL2 of gammas, protons and electrons to one FITS file and one plot."""

    name = "dl2_to_sensitivity"
    task = "DL2ToSensitivity"
    workflows = WITH_LSTCHAIN
    shape = Shape(
        input=dict.fromkeys(PARTICLES, True),
        output="path",
        reasons={"ctapipe": "dl2_to_irfs writes ctapipe's sensitivity, among its benchmarks"},
    )
    logs = "job_logs_dl2_to_sensitivity"
    delivered = True
    resources = Resources(1, 32 * 1024, (("partition", "short"),))
    per_chunk = 5

    def reads(self, step: Step) -> Sequence[Reading]:
        """The DL2 files."""
        return [Reading(path, checks.DL2) for path in step.inputs.values()]

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """Each file has its particle, and all have one pointing."""
        return meeting(step)

    def makes(self, step: Step) -> Sequence[Made]:
        """Two files."""
        return [Made(path, directory=False) for path in (step.path("output"), plot_path(step))]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The FITS file and the plot."""
        plot = same_name(plot_path(step), checks.PLOT)
        return [same_name(step.path("output"), checks.SENSITIVITY), plot]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstluigi's own script."""
        fits, plot = os.path.basename(step.path("output")), os.path.basename(plot_path(step))
        call = (f"{SCRIPTS}/sensitivity.py", *step.arguments, *dl2_arguments(step))
        return [(*call, "-o", fits, "--plot", plot)]

    def problems(self, step: Step) -> Sequence[Problem]:
        """A name that is not that of a FITS file."""
        return list(not_fits(step))

    def conflicts(self, step: Step, lstchain: Mapping[str, Any]) -> Sequence[Problem]:
        """Cuts are optimised in theta; gammaness that assumes the direction biases them."""
        if not lstchain.get("source_dependent"):
            return ()
        what = "source_dependent is true, and sensitivities are not made of such DL2"
        return [Problem(step.where(), what, "take the step out")]
