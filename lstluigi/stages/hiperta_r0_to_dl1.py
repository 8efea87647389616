"""r0_to_dl1 of the workflow hiperta."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lstluigi.config import Setting, Shape, Step, switch
from lstluigi.jobspec import Command, Product
from lstluigi.stages import checks
from lstluigi.stages.base import RTA_CONFIG, SCRIPTS, Inputs
from lstluigi.stages.r0_to_dl1 import R0ToDL1, dl1_name

KEPT = "Keep what HiPeRTA has written beside the product, as `dl1_NAME.hiperta.hdf5`."
MASKS = "HiPeRTA writes the cleaning masks, too."
OPTIONS = {
    key: Setting("true or false", meaning, "false", read=switch)
    for key, meaning in (("keep_file", KEPT), ("debug_mode", MASKS))
}


def own_name(simtel: str) -> str:
    """Name of the file that hiperta_r0_dl1 makes of a simtel file."""
    return f"dl1_{os.path.basename(simtel)}"


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

    def without_events(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """None: lstchain does not merge what it makes of DL0 with what is made of HiPeRTA's."""
        return ()

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """HiPeRTA, then lstluigi's own script, for each file."""
        debug = ("-g",) if step.settings.get("debug_mode") else ()
        commands: list[Command] = []
        for file in (file for reading in (0, 1) for file in inputs[reading]):
            call = (*self.programs, "-i", file, "-c", RTA_CONFIG, "-o", ".")
            convert = (f"{SCRIPTS}/hiperta_to_dl1.py", own_name(file), "-o", dl1_name(file))
            commands += [(*call, "--selectedtel", "1", *debug), convert]
        return commands
