"""r0_to_dl1: simulated DL0 (sim_telarray files) to DL1, file by file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lstluigi.config import OWN_CONFIG, Setting, Shape, Step, switch
from lstluigi.graph import Made
from lstluigi.jobs.spec import Check, Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import (
    OWN_CONFIG_KEY,
    RTA_CONFIG,
    SCRIPTS,
    Inputs,
    Reading,
    Stage,
    config_of,
    own_config,
)

KEPT = "Keep what HiPeRTA has written beside the product, as `dl1_NAME.hiperta.hdf5`."
MASKS = "HiPeRTA writes the cleaning masks, too."
OPTIONS = {
    key: Setting("true or false", meaning, "false", read=switch)
    for key, meaning in (("keep_file", KEPT), ("debug_mode", MASKS))
}
_SUFFIX = re.compile(r"\.simtel\.(gz|zst)$")


def dl1_name(simtel: str) -> str:
    """Name of the DL1 file that lstchain_mc_r0_to_dl1 makes of a simtel file."""
    return f"dl1_{_SUFFIX.sub('', os.path.basename(simtel))}.h5"


def own_name(simtel: str) -> str:
    """Name of the file that hiperta_r0_dl1 makes of a simtel file."""
    return f"dl1_{os.path.basename(simtel)}"


class R0ToDL1(Stage):
    """A directory of simtel files to a directory of DL1 files."""

    name = "r0_to_dl1"
    task = "R0ToDL1"
    shape = Shape(extra_keys={OWN_CONFIG: OWN_CONFIG_KEY}, adds_noise="waveform")
    logs = "job_logs_r0dl1"
    resources = Resources(options=(("partition", "long"),))
    per_file = True
    whole: ClassVar[Check] = checks.DL1

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


class HipertaR0ToDL1(R0ToDL1):
    """A directory of simtel files to a directory of DL1 files, by HiPeRTA."""

    workflows = ("hiperta",)
    shape = Shape(input="path", output="path", options=OPTIONS)
    programs = ("hiperta_r0_dl1",)

    def settings(self, step: Step) -> Mapping[str, Any]:
        """None: the mask is asked for by the command, and a kept file changes no product."""
        return {}

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """One DL1 file for each simtel file; and HiPeRTA's own, by a name that no step reads."""
        return [*super().products(step, inputs), *self._kept(step, inputs)]

    def _kept(self, step: Step, inputs: Inputs) -> Iterator[Product]:
        if not step.settings.get("keep_file"):
            return
        for file in (file for reading in (0, 1) for file in inputs[reading]):
            name = dl1_name(file).removesuffix(".h5") + ".hiperta.hdf5"
            yield Product(own_name(file), f"{step.path('output')}/{name}", checks.HIPERTA_DL1)

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """HiPeRTA, then lstluigi's own script, for each file."""
        debug = ("-g",) if step.settings.get("debug_mode") else ()
        commands: list[Command] = []
        for file in (file for reading in (0, 1) for file in inputs[reading]):
            call = (*self.programs, "-i", file, "-c", RTA_CONFIG, "-o", ".")
            convert = (f"{SCRIPTS}/hiperta_to_dl1.py", own_name(file), "-o", dl1_name(file))
            commands += [(*call, "--selectedtel", "1", *debug), convert]
        return commands
