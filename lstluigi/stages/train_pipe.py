"""train_pipe: random forests from gammas and protons, and the plot of their feature importances."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Command, Meeting, Product, Resources
from lstluigi.stages import checks, sections
from lstluigi.stages.base import (
    LSTCHAIN_CONFIG,
    SCRIPTS,
    WITH_LSTCHAIN,
    Inputs,
    Made,
    Reading,
    Stage,
    same_name,
)

EVENTS = checks.DL1_WITH_EVENTS
PLOT = "rf_importance.png"
#: Where lstchain looks for the pointings to interpolate between; no command of lstchain writes it.
POINTINGS = "training_dirs.ecsv"
#: Lists of features that need the altitude for what is interpolated.
INTERPOLATED = {
    "interpolate_energy": ("energy_regression_features",),
    "interpolate_gammaness": ("particle_classification_features",),
    "interpolate_direction": ("disp_regression_features", "disp_classification_features"),
}


def model_names(lstchain: Mapping[str, Any]) -> tuple[str, ...]:
    """Model files that lstchain writes, in its order, for the disp method of a config."""
    vector = lstchain.get("disp_method") == "disp_vector"
    disp = ("reg_disp_vector",) if vector else ("reg_disp_norm", "cls_disp_sign")
    return tuple(f"{model}.sav" for model in ("reg_energy", *disp, "cls_gh"))


def _wanted(lstchain: Mapping[str, Any]) -> list[str]:
    """Lists of features of the forests whose predictions are to be interpolated in zenith."""
    section = lstchain.get("random_forest_zd_interpolation")
    on = section if isinstance(section, Mapping) else {}
    return [key for name, keys in INTERPOLATED.items() if on.get(name) is True for key in keys]


def blind(lstchain: Mapping[str, Any]) -> list[str]:
    """Those of them without the altitude, which lstchain cannot interpolate."""
    given = {key: lstchain.get(key) for key in _wanted(lstchain)}
    vector = lstchain.get("disp_method") == "disp_vector"
    return [
        key
        for key, names in given.items()
        if isinstance(names, list)
        and "alt_tel" not in names
        and not (vector and key == "disp_classification_features")
    ]


def interpolates(lstchain: Mapping[str, Any]) -> bool:
    """Will lstchain interpolate if it finds the pointings?"""
    return bool(_wanted(lstchain)) and not blind(lstchain)


def method_conflicts(step: Step, lstchain: Mapping[str, Any]) -> list[Problem]:
    """A method of reconstruction that lstchain has not for an assumed source."""
    if not lstchain.get("source_dependent") or lstchain.get("disp_method") != "disp_vector":
        return []
    what = "source_dependent is true, for which lstchain needs the disp_method 'disp_norm_sign'"
    return [Problem(step.where(), what, "set one of the two in the lstchain config")]


class TrainPipe(Stage):
    """Merged DL1 of gammas and protons to a directory of models."""

    name = "train_pipe"
    task = "TrainPipe"
    workflows = WITH_LSTCHAIN
    shape = Shape(input={"gamma": True, "proton": True}, output="path")
    logs = "job_logs_train_pipe"
    unread = sections.DL1 | sections.IRFS
    mends: ClassVar[Mapping[str, str]] = {"with 0 sample(s)": checks.NO_EVENT_LEFT}
    delivered = True
    resources = Resources(16, 100 * 1024, (("partition", "xxl"), ("time", "03-00:00:00")))

    def reads(self, step: Step) -> Sequence[Reading]:
        """One file for each particle."""
        return [Reading(step.path("input", p), EVENTS) for p in ("gamma", "proton")]

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """Each file has its particle; forests would tell particles by pointings that one lacks.

        `gamma_classifier` of ctapipe names gammas, too.
        """
        files = [(path, key.partition("_")[0]) for key, path in step.inputs.items()]
        return Meeting(files, "same")

    def makes(self, step: Step) -> Sequence[Made]:
        """A directory of models."""
        return [Made(step.path("output"), directory=True)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The forests of the config's disp method, their pointings where asked for, the plot."""
        output = step.path("output")
        models = [
            same_name(os.path.join(output, name), checks.MODEL)
            for name in model_names(inputs.lstchain)
        ]
        if interpolates(inputs.lstchain):
            models.append(same_name(os.path.join(output, POINTINGS), checks.TABLE))
        return [*models, same_name(os.path.join(output, PLOT), checks.PLOT)]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Train, write down the pointings, plot."""
        gamma, proton = step.path("input", "gamma"), step.path("input", "proton")
        files = ("--fg", gamma, "--fp", proton, "-o", ".")
        train = ("lstchain_mc_trainpipe", *step.arguments, *files)
        plot = (f"{SCRIPTS}/plot_importance.py", ".", "--output", PLOT)
        config = LSTCHAIN_CONFIG
        pointings = (f"{SCRIPTS}/training_dirs.py", gamma, "--output", POINTINGS)
        between = [pointings] if interpolates(inputs.lstchain) else []
        return [(*train, "-c", config), *between, (*plot, "--config", config)]

    def conflicts(self, step: Step, lstchain: Mapping[str, Any]) -> Sequence[Problem]:
        """A method that does not go with an assumed source."""
        return method_conflicts(step, lstchain)
