"""dl1ab: DL1 with images to DL1 with other cleaning or noise, file by file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import ClassVar

from lstluigi.config import OWN_CONFIG, Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Check, Command, Product, Resources
from lstluigi.stages import checks, sections
from lstluigi.stages.base import (
    OWN_CONFIG_KEY,
    SCRIPTS,
    WITH_LSTCHAIN,
    Inputs,
    Made,
    Reading,
    Stage,
    config_of,
    own_config,
    same_name,
)
from lstluigi.stages.ctapipe import NO_TELESCOPE, process
from lstluigi.stages.ctapipe_options import OfCtapipe, fewer_events

#: lstluigi's own option: write the images. lstchain knows only the opposite.
KEEP_IMAGES = "--image"
NO_IMAGES = "--no-image"
#: It makes DL1 files, too, from DL0: a production does one of them.
NOT_WITH = ("r0_to_dl1",)


class DL1ab(Stage):
    """A directory of DL1 files, or one file, to a directory of DL1 files of the same names."""

    name = "dl1ab"
    task = "DL1ab"
    workflows = WITH_LSTCHAIN
    shape = Shape(
        input="path",
        output="path",
        extra_keys={OWN_CONFIG: OWN_CONFIG_KEY},
        excludes=NOT_WITH,
        adds_noise="image",
    )
    logs = "job_logs_dl1ab"
    unread = sections.TRAINING | sections.RECONSTRUCTION | sections.IRFS
    resources = Resources(options=(("partition", "long"),))
    per_file = True
    mends: ClassVar[Mapping[str, str]] = checks.IMAGES_MISSING
    whole: ClassVar[Check] = checks.DL1
    with_images: ClassVar[Check] = checks.DL1_WITH_IMAGES

    def reads(self, step: Step) -> Sequence[Reading]:
        """DL1 with images."""
        source = step.path("input")
        pattern = None if source.endswith(".h5") else "*.h5"
        return [Reading(source, self.with_images, pattern, probed=True), *own_config(step)]

    def makes(self, step: Step) -> Sequence[Made]:
        """A directory of DL1 files."""
        return [Made(step.path("output"), directory=True)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """One DL1 file for each DL1 file."""
        output = step.path("output")
        check = self.with_images if KEEP_IMAGES in step.arguments else self.whole
        return [same_name(os.path.join(output, os.path.basename(f)), check) for f in inputs[0]]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call for each file; no images unless the options ask for them."""
        wanted = [a for a in step.arguments if a not in (KEEP_IMAGES, NO_IMAGES)]
        keep = KEEP_IMAGES in step.arguments
        return [self.call(step, file, wanted, keep) for file in inputs[0]]

    def without_events(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """A copy: there is nothing to be cleaned."""
        return [
            (f"{SCRIPTS}/no_events.py", file, "-o", os.path.basename(file)) for file in inputs[0]
        ]

    def no_images(self, step: Step) -> str:
        """The option that keeps them."""
        return "" if KEEP_IMAGES in step.arguments else f"give it the option {KEEP_IMAGES}"

    def call(self, step: Step, file: str, options: Sequence[str], images: bool) -> Command:
        """How a file is processed."""
        start = ("lstchain_dl1ab", *(() if images else (NO_IMAGES,)), *options)
        return (*start, "-f", file, "-o", os.path.basename(file), "-c", config_of(step))


class CtapipeDL1ab(OfCtapipe, DL1ab):
    """A directory of DL1 files of ctapipe, or one file, to a directory of the same names."""

    shape = Shape(input="path", output="path", excludes=NOT_WITH)
    whole = checks.CTAPIPE_DL1
    with_images = checks.CTAPIPE_DL1_WITH_IMAGES
    mends: ClassVar[Mapping[str, str]] = {**NO_TELESCOPE, **checks.IMAGES_MISSING}

    def call(self, step: Step, file: str, options: Sequence[str], images: bool) -> Command:
        """How a file is processed: without being told so, ctapipe keeps the old parameters."""
        written = "--write-images" if images else "--no-write-images"
        return process(file, os.path.basename(file), ("--recompute-dl1", written, *options))

    def problems(self, step: Step) -> Sequence[Problem]:
        """Options that would keep the files from being whole."""
        return [*super().problems(step), *fewer_events(step)]
