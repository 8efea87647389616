"""r0_to_dl1: simulated DL0 (sim_telarray files) to DL1, file by file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lstluigi.config import OWN_CONFIG, Shape, Step
from lstluigi.jobspec import Check, Command, Meeting, Product, Resources
from lstluigi.stages import checks, sections
from lstluigi.stages.base import (
    OWN_CONFIG_KEY,
    SCRIPTS,
    Inputs,
    Made,
    Reading,
    Stage,
    config_of,
    own_config,
)

_SUFFIX = re.compile(r"\.simtel\.(gz|zst)$")


def dl1_name(simtel: str) -> str:
    """Name of the DL1 file that lstchain_mc_r0_to_dl1 makes of a simtel file."""
    return f"dl1_{_SUFFIX.sub('', os.path.basename(simtel))}.h5"


class R0ToDL1(Stage):
    """A directory of simtel files to a directory of DL1 files."""

    name = "r0_to_dl1"
    task = "R0ToDL1"
    shape = Shape(extra_keys={OWN_CONFIG: OWN_CONFIG_KEY}, adds_noise="waveform")
    logs = "job_logs_r0dl1"
    unread = sections.TRAINING | sections.RECONSTRUCTION | sections.IRFS
    resources = Resources(options=(("partition", "long"),))
    per_file = True
    whole: ClassVar[Check] = checks.DL1

    mends: ClassVar[Mapping[str, str]] = {
        "No object named /dl1/event/telescope/parameters/LST_LSTCam": "lstchain reads cameras "
        "called LSTCam, and the file has none with events: prod6 calls it LSTcam; use DL0 of "
        "another simulation, or take the file out",
        "'NoneType' object has no attribute 'energy'": "the file has events without a simulated "
        "shower, such as pedestals; take it out of the directory",
    }

    def reads(self, step: Step) -> Sequence[Reading]:
        """DL0: gzip or zstd."""
        source = step.path("input")
        files = [Reading(source, checks.DL0, f"*.simtel.{z}") for z in ("gz", "zst")]
        return [*files, *own_config(step)]

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

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """Each file holds one run."""
        files = [(file, "") for reading in (0, 1) for file in inputs[reading]]
        return Meeting(files, runs=True)

    def without_events(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """lstluigi's own script: lstchain leaves out the thrown showers, by which it merges."""
        files = [file for reading in (0, 1) for file in inputs[reading]]
        config = ("--config", config_of(step))
        return [(f"{SCRIPTS}/no_events.py", f, "-o", dl1_name(f), *config) for f in files]

    def named_files(self, lstchain: Mapping[str, Any]) -> Mapping[str, str]:
        """Shape of a photoelectron, and real data to tune to where no rate is given."""
        section = lstchain.get("waveform_nsb_tuning")
        if not isinstance(section, Mapping) or not section.get("nsb_tuning"):
            return {}
        read = ["spe_location"] + ["target_data"] * ("nsb_tuning_rate_GHz" not in section)
        named = {f"waveform_nsb_tuning.{key}": section.get(key) for key in read}
        return {key: path for key, path in named.items() if isinstance(path, str) and path}

    def call(self, step: Step, file: str) -> Command:
        """How a file is processed."""
        files = ("-f", file, "-o", ".")
        return ("lstchain_mc_r0_to_dl1", *step.arguments, *files, "-c", config_of(step))
