"""r0_to_dl1: simulated DL0 (sim_telarray files) to DL1, file by file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from lstluigi.config import Shape, Step
from lstluigi.graph import Made
from lstluigi.jobs.spec import Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import OWN_CONFIG, Inputs, Reading, Stage, config_of, own_config

_SUFFIX = re.compile(r"\.simtel\.(gz|zst)$")


def dl1_name(simtel: str) -> str:
    """Name of the DL1 file that lstchain_mc_r0_to_dl1 makes of a simtel file."""
    return f"dl1_{_SUFFIX.sub('', os.path.basename(simtel))}.h5"


class R0ToDL1(Stage):
    """A directory of simtel files to a directory of DL1 files."""

    name = "r0_to_dl1"
    task = "R0ToDL1"
    shape = Shape(input="path", output="path", extra_keys={OWN_CONFIG: False})
    logs = "job_logs_r0dl1"
    resources = Resources(options=(("partition", "long"),))
    per_file = True

    def reads(self, step: Step) -> Sequence[Reading]:
        """DL0: gzip or zstd."""
        source, check = step.path("input"), {"file": True}
        files = [Reading(source, check, f"*.simtel.{z}") for z in ("gz", "zst")]
        return [*files, *own_config(step)]

    def makes(self, step: Step) -> Sequence[Made]:
        """A directory of DL1 files."""
        return [Made(step.path("output"), directory=True)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """One DL1 file for each simtel file."""
        output = step.path("output")
        names = [dl1_name(file) for reading in (0, 1) for file in inputs[reading]]
        return [Product(name, f"{output}/{name}", checks.DL1) for name in names]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstchain for each file."""
        config = config_of(step)
        return [
            ("lstchain_mc_r0_to_dl1", *step.arguments, "-f", file, "-o", ".", "-c", config)
            for reading in (0, 1)
            for file in inputs[reading]
        ]
