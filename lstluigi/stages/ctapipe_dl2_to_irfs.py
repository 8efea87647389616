"""dl2_to_irfs of the workflow ctapipe: cuts, responses, and how good the reconstruction is."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lstluigi.config import Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Command, Product
from lstluigi.stages import checks
from lstluigi.stages.base import CTAPIPE_CONFIG, Inputs, Made, Reading, not_fits, same_name
from lstluigi.stages.ctapipe import irf_paths
from lstluigi.stages.ctapipe_options import OfCtapipe, not_for_all_tools
from lstluigi.stages.dl2_to_irfs import DL2ToIRFs


class CtapipeDL2ToIRFs(OfCtapipe, DL2ToIRFs):
    """DL2 of ctapipe, of gammas and of protons and electrons where given, to three FITS files."""

    def reads(self, step: Step) -> Sequence[Reading]:
        """The DL2 files."""
        return [Reading(path, checks.CTAPIPE_DL2) for path in step.inputs.values()]

    def makes(self, step: Step) -> Sequence[Made]:
        """The IRFs, the cuts they hold for, and how good the reconstruction is."""
        return [Made(path, directory=False) for path in irf_paths(step)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The same."""
        alone = _alone(step)
        benchmarks = checks.BENCHMARKS if alone else checks.BENCHMARKS_WITH_SENSITIVITY
        wanted = (checks.irf(background=not alone, psf=True), checks.CUTS, benchmarks)
        return [same_name(p, c) for p, c in zip(irf_paths(step), wanted, strict=True)]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Find the cuts, then compute; without protons neither takes background into account."""
        irf, cuts, benchmarks = map(os.path.basename, irf_paths(step))
        files = [w for k, path in step.inputs.items() for w in (f"--{k.replace('_', '-')}", path)]
        config = ("-c", CTAPIPE_CONFIG)
        alone = _alone(step)
        algorithm = ("--EventSelectionOptimizer.optimization_algorithm=PercentileCuts",) * alone
        optimize = ("ctapipe-optimize-event-selection", *step.arguments, *algorithm, *files)
        compute = ("ctapipe-compute-irf", *step.arguments, *("--no-do-background",) * alone, *files)
        outputs = ("--cuts", cuts, "--output", irf, "--benchmark-output", benchmarks)
        return [(*optimize, "--output", cuts, *config), (*compute, *outputs, *config)]

    def problems(self, step: Step) -> Sequence[Problem]:
        """What ctapipe cannot do, or would not do in one of the two commands."""
        found = [*not_fits(step), *not_for_all_tools(step)]
        if "electron_file" in step.inputs and _alone(step):
            what = "ctapipe makes no background of electrons alone"
            mend = "add proton_file, or leave electron_file out"
            found.append(Problem(step.where("input.electron_file"), what, mend))
        return found

    def remarks(self, step: Step) -> Sequence[str]:
        """What ctapipe computes with protons only."""
        lacks = (
            "no background and no sensitivity, and cuts are PercentileCuts whatever the config says"
        )
        return [f"without proton_file there is {lacks}"] if _alone(step) else []


def _alone(step: Step) -> bool:
    """Are there gammas only? ctapipe makes background of protons, with or without electrons."""
    return "proton_file" not in step.inputs
