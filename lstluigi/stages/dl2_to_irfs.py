"""dl2_to_irfs: instrument response functions from the DL2 of a test node."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Command, Meeting, Product, Resources
from lstluigi.stages import checks, irf_cuts, sections
from lstluigi.stages.base import (
    LSTCHAIN_CONFIG,
    SCRIPTS,
    WITH_LSTCHAIN,
    Inputs,
    Made,
    Reading,
    Stage,
    not_fits,
    same_name,
)

#: Option of the commands for each particle's file.
PARTICLES = {"gamma_file": "-g", "proton_file": "-p", "electron_file": "-e"}


def dl2_arguments(step: Step) -> list[str]:
    """`-g FILE [-p FILE] [-e FILE]` for the particles that the step names."""
    return [
        word
        for key, option in PARTICLES.items()
        if key in step.inputs
        for word in (option, step.path("input", key))
    ]


def meeting(step: Step) -> Meeting:
    """The files that the step names, each with its particle, at one pointing."""
    return Meeting(
        [(step.path("input", key), key.removesuffix("_file")) for key in step.inputs], "one"
    )


def is_on(flag: str, step: Step, lstchain: Mapping[str, Any]) -> bool:
    """Is a flag of the command on, be it by the options or by the config, where lstchain looks?"""
    trait = flag.removeprefix("--").replace("-", "_")
    section = lstchain.get("IRFFITSWriter")
    on = isinstance(section, Mapping) and bool(section.get(trait))
    for argument in step.arguments:
        if argument == flag:
            on = True
        elif argument.startswith(f"--IRFFITSWriter.{trait}="):
            on = argument.partition("=")[2].lower() in ("true", "1")
    return on


class DL2ToIRFs(Stage):
    """DL2 of gammas, and of protons and electrons where given, to one FITS file."""

    name = "dl2_to_irfs"
    task = "DL2ToIRFs"
    workflows = WITH_LSTCHAIN
    shape = Shape(
        input={"gamma_file": True, "proton_file": False, "electron_file": False}, output="path"
    )
    logs = "job_logs_dl2_to_irfs"
    unread = sections.TRAINING | sections.RECONSTRUCTION | sections.DL1
    delivered = True
    resources = Resources(1, 6 * 1024, (("partition", "short"),))
    per_chunk = 20
    mends: ClassVar[Mapping[str, str]] = {
        "IndexError: index 0 is out of bounds": "no bin of energy holds as many events as cuts by "
        "energy need (DL3Cuts.min_event_p_en_bin, by default 100): simulate more showers, or give "
        "the step the option --DL3Cuts.min_event_p_en_bin=5"
    }

    def reads(self, step: Step) -> Sequence[Reading]:
        """The DL2 files."""
        return [Reading(path, checks.DL2) for path in step.inputs.values()]

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """Each file has its particle, and all have one pointing."""
        return meeting(step)

    def makes(self, step: Step) -> Sequence[Made]:
        """One file."""
        return [Made(step.path("output"), directory=False)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The IRFs."""
        background = {"proton_file", "electron_file"} <= set(step.inputs)
        psf = not is_on("--point-like", step, inputs.lstchain)
        return [same_name(step.path("output"), checks.irf(background, psf))]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstchain."""
        name = os.path.basename(step.path("output"))
        return [("lstchain_create_irf_files", *self._arguments(step, name))]

    def explain(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """How many gammas each cut leaves."""
        return [(f"{SCRIPTS}/irf_events.py", *self._arguments(step, "explanation.fits.gz"))]

    def _arguments(self, step: Step, name: str) -> tuple[str, ...]:
        given = (*step.arguments, *dl2_arguments(step))
        return (*given, "-o", name, "--config", LSTCHAIN_CONFIG)

    def problems(self, step: Step) -> Sequence[Problem]:
        """A name that is not that of a FITS file, and cuts that leave nothing."""
        where = step.where("options")
        empty = (Problem(where, *told) for told in irf_cuts.of_no_event(step.arguments))
        return [*not_fits(step), *empty]

    def conflicts(self, step: Step, lstchain: Mapping[str, Any]) -> Sequence[Problem]:
        """Telescopes of which no event is left, and alpha cuts where lstchain cannot make them."""
        telescopes = irf_cuts.of_other_telescopes(lstchain, step.arguments)
        found = [Problem(step.where(), *told) for told in telescopes]
        if is_on("--source-dep", step, lstchain):
            where = step.where("options")
            found += [Problem(where, *told) for told in _without_alpha(step, lstchain)]
        return found


def _without_alpha(step: Step, lstchain: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What keeps lstchain from cutting in alpha, and how to mend it."""
    if not lstchain.get("source_dependent"):
        what = "--source-dep is for source-dependent DL2, and the lstchain config makes no such DL2"
        yield what, "set source_dependent to true there, or take the option out"
    if not is_on("--point-like", step, lstchain):
        what = "--source-dep is given without --point-like, and lstchain has no such IRFs"
        yield what, "add --point-like"
    if any(irf_cuts.given("theta", step.arguments)):
        what = "a cut in theta has no effect beside --source-dep: lstchain cuts in alpha then"
        yield what, "write --global-alpha-cut with an angle in its place"
    if is_on("--energy-dependent-alpha", step, lstchain) and not is_on(
        "--energy-dependent-gh", step, lstchain
    ):
        what = "lstchain writes energy-dependent alpha cuts only beside those in gammaness"
        yield what, "add --energy-dependent-gh, or cut with --global-alpha-cut"
