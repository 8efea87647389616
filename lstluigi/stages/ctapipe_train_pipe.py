"""train_pipe of the workflow ctapipe: energy, disp and particle models, one after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Command, Product
from lstluigi.stages import checks
from lstluigi.stages.base import CTAPIPE_CONFIG, Inputs, Reading, same_name
from lstluigi.stages.ctapipe import DISP, ENERGY, MODELS, PARTICLE, apply_models
from lstluigi.stages.ctapipe_options import OfCtapipe, not_for_all_tools
from lstluigi.stages.train_pipe import TrainPipe


class CtapipeTrainPipe(OfCtapipe, TrainPipe):
    """Merged DL1 of gammas and protons to a directory of ctapipe models."""

    shape = Shape(input={"gamma": True, "proton": True, "gamma_classifier": False}, output="path")

    def reads(self, step: Step) -> Sequence[Reading]:
        """One file for each particle, and other gammas for the classifier where they are given."""
        whole = checks.CTAPIPE_DL1_WITH_EVENTS
        return [Reading(path, whole) for path in step.inputs.values()]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The models."""
        output = step.path("output")
        return [same_name(os.path.join(output, m), checks.MODEL) for m in MODELS]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Train one model after the other, each on what those before it make of the events."""
        given = dict(step.inputs)
        gamma, proton = given["gamma"], given["proton"]
        classified = given.get("gamma_classifier", gamma)
        steps = [
            ("ctapipe-train-energy-regressor", "-i", gamma, "-o", ENERGY),
            apply_models(gamma, "gamma_energy.h5", (ENERGY,)),
            ("ctapipe-train-disp-reconstructor", "-i", "gamma_energy.h5", "-o", DISP),
            apply_models(classified, "signal.h5", (ENERGY, DISP)),
            apply_models(proton, "background.h5", (ENERGY, DISP)),
            (
                *("ctapipe-train-particle-classifier", "--signal", "signal.h5"),
                *("--background", "background.h5", "-o", PARTICLE),
            ),
        ]
        return [(tool, *step.arguments, *words, "-c", CTAPIPE_CONFIG) for tool, *words in steps]

    def problems(self, step: Step) -> Sequence[Problem]:
        """An option that not all of the commands would take."""
        return list(not_for_all_tools(step))
