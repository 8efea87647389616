"""r0_to_dl1: simulated DL0 (sim_telarray files) to DL1, file by file."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from typing import ClassVar

from lstluigi.config import Shape, Step
from lstluigi.graph import Made
from lstluigi.jobs.spec import Check, Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import CTAPIPE_CONFIG, LSTCHAIN_CONFIG, Inputs, Reading, Stage

#: lstluigi's own option: ctapipe merges no files with one number, and nodes count from 1 again.
UNIQUE = "--unique-obs-id"
_SUFFIX = re.compile(r"\.simtel\.(gz|zst)$")


def dl1_name(simtel: str) -> str:
    """Name of the DL1 file that lstchain_mc_r0_to_dl1 makes of a simtel file."""
    return f"dl1_{_SUFFIX.sub('', os.path.basename(simtel))}.h5"


class R0ToDL1(Stage):
    """A directory of simtel files to a directory of DL1 files."""

    name = "r0_to_dl1"
    task = "R0ToDL1"
    shape = Shape(input="path", output="path")
    logs = "job_logs_r0dl1"
    resources = Resources(options=(("partition", "long"),))
    per_file = True
    whole: ClassVar[Check] = checks.DL1

    def reads(self, step: Step) -> Sequence[Reading]:
        """DL0: gzip or zstd."""
        return [Reading(step.path("input"), {"file": True}, f"*.simtel.{z}") for z in ("gz", "zst")]

    def makes(self, step: Step) -> Sequence[Made]:
        """A directory of DL1 files."""
        return [Made(step.path("output"), directory=True)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """One DL1 file for each simtel file."""
        output = step.path("output")
        names = [dl1_name(file) for reading in (0, 1) for file in inputs[reading]]
        return [Product(name, f"{output}/{name}", self.whole) for name in names]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call for each file."""
        return [self.call(step, file) for reading in (0, 1) for file in inputs[reading]]

    def call(self, step: Step, file: str) -> Command:
        """How a file is processed."""
        files = ("-f", file, "-o", ".")
        return ("lstchain_mc_r0_to_dl1", *step.arguments, *files, "-c", LSTCHAIN_CONFIG)


def observation(simtel: str) -> int:
    """Number of a simtel file, made of its path: 48 bits."""
    return int(hashlib.sha256(simtel.encode()).hexdigest()[:12], 16)


class CtapipeR0ToDL1(R0ToDL1):
    """A directory of simtel files to a directory of DL1 files in ctapipe's format."""

    workflows = ("ctapipe",)
    whole = checks.CTAPIPE_DL1

    def call(self, step: Step, file: str) -> Command:
        """How a file is processed."""
        options = [a for a in step.arguments if a != UNIQUE]
        if UNIQUE in step.arguments:
            options.append(f"--SimTelEventSource.override_obs_id={observation(file)}")
        files = ("-i", file, "-o", dl1_name(file))
        return ("ctapipe-process", *options, *files, "-c", CTAPIPE_CONFIG)
