"""dl1ab: DL1 with images to DL1 with other cleaning or noise, file by file."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lstluigi.config import Shape, Step
from lstluigi.graph import Made
from lstluigi.jobs.spec import Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import (
    OWN_CONFIG,
    Inputs,
    Reading,
    Stage,
    config_of,
    own_config,
    same_name,
)

#: lstluigi's own option: write the images. lstchain knows only the opposite.
KEEP_IMAGES = "--image"
NO_IMAGES = "--no-image"


class DL1ab(Stage):
    """A directory of DL1 files, or one file, to a directory of DL1 files of the same names."""

    name = "dl1ab"
    task = "DL1ab"
    workflows = ("lstchain", "hiperta")
    shape = Shape(input="path", output="path", extra_keys={OWN_CONFIG: False})
    logs = "job_logs_dl1ab"
    resources = Resources(options=(("partition", "long"),))
    per_file = True

    def reads(self, step: Step) -> Sequence[Reading]:
        """DL1 with images."""
        source = step.path("input")
        pattern = None if source.endswith(".h5") else "*.h5"
        return [Reading(source, checks.DL1_WITH_IMAGES, pattern, probed=True), *own_config(step)]

    def makes(self, step: Step) -> Sequence[Made]:
        """A directory of DL1 files."""
        return [Made(step.path("output"), directory=True)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """One DL1 file for each DL1 file."""
        output = step.path("output")
        check = checks.DL1_WITH_IMAGES if KEEP_IMAGES in step.arguments else checks.DL1
        return [same_name(os.path.join(output, os.path.basename(f)), check) for f in inputs[0]]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstchain for each file; no images unless the options ask for them."""
        wanted = tuple(a for a in step.arguments if a not in (KEEP_IMAGES, NO_IMAGES))
        images = () if KEEP_IMAGES in step.arguments else (NO_IMAGES,)
        options = ("lstchain_dl1ab", *images, *wanted)
        config = config_of(step)
        return [
            (*options, "-f", file, "-o", os.path.basename(file), "-c", config) for file in inputs[0]
        ]
