"""Importances of features: the drawing of the job of `train_pipe`, asked for by hand."""

from __future__ import annotations

import os
from pathlib import Path

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import written

__all__ = ["config_of", "draw_importance"]


def config_of(models: str) -> str:
    """Find the lstchain config that a directory of models was trained with.

    Raises
    ------
    LstluigiError
        lstluigi keeps none beside them, or several.
    """
    kept = sorted(Path(models).glob("job_logs_train_pipe/lstchain_config_*.json"))
    if len(kept) == 1:
        return str(kept[0])
    problem = "several lstchain configs are" if kept else "no lstchain config is"
    raise LstluigiError(
        f"{problem} kept in {shown(models, 4096)}; name that of the training with --config"
    )


def draw_importance(models: str, image: str, config: str | None = None) -> None:
    """Draw a panel for each random forest; an image that is there is replaced.

    Parameters
    ----------
    models : str
        Directory of the .sav files. They are pickles, which run code when they are loaded.
    image : str
        File to write: .png, .pdf or .svg.
    config : str, optional
        lstchain config of the training; the one kept beside the models by default.

    Raises
    ------
    LstluigiError
        Models or config are missing or cannot be read, or the image cannot be written.
    """
    from lstluigi.stages.scripts import plot_importance as script

    if not os.path.isdir(models):
        wrong = "is no directory" if os.path.exists(models) else "does not exist"
        raise LstluigiError(f"{shown(models, 4096)} {wrong}; name the output of train_pipe")
    if not any(name.endswith(".sav") for name in os.listdir(models)):
        raise LstluigiError(
            f"{shown(models, 4096)} has no models (.sav); name the output of train_pipe"
        )
    config = config or config_of(models)
    with written(image) as place:
        words = [f"--config={config}", f"--output={place}", "--overwrite"]
        try:
            script.run(script.parse_arguments([*words, "--", models]))
        except script.ScriptError as error:
            raise LstluigiError(str(error).removesuffix(".")) from error
