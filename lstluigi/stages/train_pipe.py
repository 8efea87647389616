"""train_pipe: random forests from gammas and protons, and the plot of their feature importances."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from lstluigi.config import Shape, Step
from lstluigi.graph import Made
from lstluigi.jobs.spec import Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import LSTCHAIN_CONFIG, SCRIPTS, Inputs, Reading, Stage, same_name

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
    workflows = ("lstchain", "hiperta")
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
