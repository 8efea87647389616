"""train_pipe: random forests from gammas and protons, and the plot of their feature importances."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem
from lstluigi.graph import Made
from lstluigi.jobs.spec import Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import (
    CTAPIPE_CONFIG,
    LSTCHAIN_CONFIG,
    SCRIPTS,
    WITH_LSTCHAIN,
    Inputs,
    Reading,
    Stage,
    same_name,
)
from lstluigi.stages.ctapipe import DISP, ENERGY, MODELS, PARTICLE, apply_models, not_for_all_tools

PLOT = "rf_importance.png"


def model_names(lstchain: Mapping[str, Any]) -> tuple[str, ...]:
    """Model files that lstchain writes, in its order, for the disp method of a config."""
    vector = lstchain.get("disp_method") == "disp_vector"
    disp = ("reg_disp_vector",) if vector else ("reg_disp_norm", "cls_disp_sign")
    return tuple(f"{model}.sav" for model in ("reg_energy", *disp, "cls_gh"))


class TrainPipe(Stage):
    """Merged DL1 of gammas and protons to a directory of models."""

    name = "train_pipe"
    task = "TrainPipe"
    workflows = WITH_LSTCHAIN
    shape = Shape(input={"gamma": True, "proton": True}, output="path")
    logs = "job_logs_train_pipe"
    resources = Resources(16, 100 * 1024, (("partition", "xxl"), ("time", "03-00:00:00")))

    def reads(self, step: Step) -> Sequence[Reading]:
        """One file for each particle."""
        return [Reading(step.path("input", p), checks.DL1) for p in ("gamma", "proton")]

    def makes(self, step: Step) -> Sequence[Made]:
        """A directory of models."""
        return [Made(step.path("output"), directory=True)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The forests of the config's disp method, and the plot."""
        output = step.path("output")
        models = [
            same_name(os.path.join(output, name), checks.MODEL)
            for name in model_names(inputs.lstchain)
        ]
        return [*models, same_name(os.path.join(output, PLOT), checks.PLOT)]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Train, then plot."""
        gamma, proton = step.path("input", "gamma"), step.path("input", "proton")
        files = ("--fg", gamma, "--fp", proton, "-o", ".")
        train = ("lstchain_mc_trainpipe", *step.arguments, *files)
        plot = (f"{SCRIPTS}/plot_importance.py", ".", "--output", PLOT)
        config = LSTCHAIN_CONFIG
        return [(*train, "-c", config), (*plot, "--config", config)]


class CtapipeTrainPipe(TrainPipe):
    """Merged DL1 of gammas and protons to a directory of ctapipe models."""

    workflows = ("ctapipe",)
    shape = Shape(input={"gamma": True, "proton": True, "gamma_classifier": False}, output="path")

    def reads(self, step: Step) -> Sequence[Reading]:
        """One file for each particle, and other gammas for the classifier where they are given."""
        return [Reading(path, checks.CTAPIPE_DL1) for path in step.inputs.values()]

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
