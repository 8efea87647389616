"""dl1_to_dl2: reconstruction of merged DL1 with the models of a line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lstluigi.config import NEEDED, Key, Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Command, Meeting, Product, Resources
from lstluigi.stages import checks, sections
from lstluigi.stages.base import (
    CTAPIPE_CONFIG,
    LSTCHAIN_CONFIG,
    WITH_LSTCHAIN,
    Inputs,
    Made,
    Reading,
    Stage,
    same_name,
)
from lstluigi.stages.ctapipe import MODELS, apply_models
from lstluigi.stages.ctapipe_options import OfCtapipe
from lstluigi.stages.train_pipe import POINTINGS, method_conflicts, model_names

PATH_MODEL = Key("a path", "Directory of the models.", NEEDED)


#: Where an lstchain config lists the features of each model.
FEATURES = {
    "reg_energy.sav": "energy_regression_features",
    "reg_disp_vector.sav": "disp_regression_features",
    "reg_disp_norm.sav": "disp_regression_features",
    "cls_disp_sign.sav": "disp_classification_features",
    "cls_gh.sav": "particle_classification_features",
}


def features_of(models: str, lstchain: Mapping[str, Any]) -> dict[str, list[str]]:
    """Features by which a config applies each model of a directory; none where it has no lists."""
    lists = {name: lstchain.get(FEATURES[name]) for name in model_names(lstchain)}
    there = {name: names for name, names in lists.items() if isinstance(names, list)}
    return {os.path.join(models, name): names for name, names in there.items()}


def dl2_name(dl1: str) -> str:
    """Name of the DL2 file made of a DL1 file: lstchain's rule."""
    return os.path.basename(dl1).replace("dl1", "dl2", 1)


def dl2_path(step: Step) -> str:
    """Path of the DL2 file."""
    return os.path.join(step.path("output"), dl2_name(step.path("input")))


class DL1ToDL2(Stage):
    """A DL1 file and a directory of models to a DL2 file."""

    name = "dl1_to_dl2"
    task = "DL1ToDL2"
    workflows = WITH_LSTCHAIN
    shape = Shape(input="path", output="path", extra_keys={"path_model": PATH_MODEL})
    logs = "job_logs_dl1_to_dl2"
    unread = sections.TRAINING | sections.DL1 | sections.IRFS
    delivered = True
    mends: ClassVar[Mapping[str, str]] = {
        "was trained with other features": "apply them with the config of their training",
        f"lacks {checks.DL2_PARAMETERS}": f"unless the log has an error, {checks.NO_EVENT_LEFT}",
    }
    resources = Resources(1, 32 * 1024, (("partition", "short"),))
    per_chunk = 10
    loads: ClassVar[int | None] = 1  # the models

    def reads(self, step: Step) -> Sequence[Reading]:
        """The DL1 file, the models, and the pointings between which lstchain interpolates."""
        models = step.path("path_model")
        return [
            Reading(step.path("input"), checks.DL1_WITH_EVENTS),
            Reading(models, checks.MODEL, "*.sav"),
            Reading(models, checks.TABLE, POINTINGS),
        ]

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """One file: one particle, no run and no event twice; models of the config's features."""
        models = features_of(step.path("path_model"), inputs.lstchain)
        return Meeting([(step.path("input"), "")], "each", models=models)

    def makes(self, step: Step) -> Sequence[Made]:
        """A file below the output directory."""
        return [Made(dl2_path(step), directory=False)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The DL2 file."""
        of_a_source = inputs.lstchain.get("source_dependent")
        return [same_name(dl2_path(step), checks.DL2_OF_A_SOURCE if of_a_source else checks.DL2)]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstchain."""
        files = ("-f", step.path("input"), "-p", step.path("path_model"), "-o", ".")
        return [("lstchain_dl1_to_dl2", *step.arguments, *files, "-c", LSTCHAIN_CONFIG)]

    def conflicts(self, step: Step, lstchain: Mapping[str, Any]) -> Sequence[Problem]:
        """A method that does not go with an assumed source."""
        return method_conflicts(step, lstchain)


class CtapipeDL1ToDL2(OfCtapipe, DL1ToDL2):
    """A DL1 file and a directory of models, both of ctapipe, to a DL2 file."""

    loads = None  # ctapipe opens its models itself

    def reads(self, step: Step) -> Sequence[Reading]:
        """The DL1 file and the models."""
        models = Reading(step.path("path_model"), checks.MODEL, "*.pkl")
        return [Reading(step.path("input"), checks.CTAPIPE_DL1_WITH_EVENTS), models]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The DL2 file."""
        return [same_name(dl2_path(step), checks.CTAPIPE_DL2)]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of ctapipe with the models in the order of their training."""
        models = [os.path.join(step.path("path_model"), model) for model in MODELS]
        name = os.path.basename(dl2_path(step))
        tool, *words = apply_models(step.path("input"), name, models)
        return [(tool, *step.arguments, *words, "-c", CTAPIPE_CONFIG)]
