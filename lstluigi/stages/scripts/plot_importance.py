"""Feature importances of the random forests of lstchain, one panel for each model.

Runs with the python of the lstchain environment: inside a job on models the production has just
trained, or on a directory that the user names. Models are joblib files, which execute code when
loaded: whoever names a directory has to trust it.

An importance is the mean over the trees of the decrease of impurity that a feature brings, and
sums up to 1 over the features; the error bar is the standard deviation over the trees.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class ScriptError(Exception):
    """What the user is told, in one sentence; ``exit_code`` 2 for the call, 1 for the data."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Forest:
    """A model as lstchain writes it, and the key of its features in the lstchain config."""

    title: str
    file_name: str
    features_key: str


ENERGY = Forest("Energy", "reg_energy.sav", "energy_regression_features")
GAMMANESS = Forest("Gammaness", "cls_gh.sav", "particle_classification_features")
#: Models of the direction, by ``disp_method`` of the lstchain config
DISP = {
    "disp_norm_sign": (
        Forest("Disp norm", "reg_disp_norm.sav", "disp_regression_features"),
        Forest("Disp sign", "cls_disp_sign.sav", "disp_classification_features"),
    ),
    "disp_vector": (Forest("Disp vector", "reg_disp_vector.sav", "disp_regression_features"),),
}


#: Endings of images
FORMATS = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Importances:
    """Importances of one forest, the largest first.

    Attributes
    ----------
    features : tuple of str
        Names, length n.
    mean, std : numpy.ndarray
        Over the trees, shape (n,).
    """

    title: str
    features: tuple[str, ...]
    mean: np.ndarray[Any, Any]
    std: np.ndarray[Any, Any]


def read_config(path: Path) -> dict[str, Any]:
    """Read the lstchain config (JSON with bare ``Infinity``, as lstchain dumps it)."""
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ScriptError(f"{path} is not readable as an lstchain config ({error}).") from error
    if not isinstance(config, dict) or config.get("disp_method") not in DISP:
        raise ScriptError(f"{path} must set disp_method to one of {', '.join(DISP)}.")
    return config


def forests_of(config: dict[str, Any]) -> tuple[Forest, ...]:
    """Models that lstchain trains with this config."""
    return (ENERGY, *DISP[config["disp_method"]], GAMMANESS)


def load_model(path: Path) -> Any:
    """Load a random forest written by lstchain."""
    import joblib

    try:
        model = joblib.load(path)
    except Exception as error:  # whatever unpickling a damaged file raises
        reason = type(error).__name__
        raise ScriptError(f"{path} is not readable ({reason}): train it again.") from error
    if not hasattr(model, "estimators_"):
        raise ScriptError(f"{path} is not a trained random forest: train it again.")
    return model


def importances(model: Any, title: str, features: Sequence[str]) -> Importances:
    """Importances of the features of a trained forest.

    Raises
    ------
    ScriptError
        If the forest was not trained on these features, in this order.
    """
    trained_on = getattr(model, "feature_names_in_", None)
    known = list(features) if trained_on is None else list(trained_on)
    if model.n_features_in_ != len(features) or known != list(features):
        raise ScriptError(
            f"{title}: the model was not trained on the {len(features)} features of the config: "
            "give the config of the training."
        )
    per_tree = np.array([tree.feature_importances_ for tree in model.estimators_])
    order = np.argsort(model.feature_importances_, kind="stable")[::-1]
    return Importances(
        title,
        tuple(features[index] for index in order),
        model.feature_importances_[order],
        per_tree.std(axis=0)[order],
    )


def read_importances(models_dir: Path, config: dict[str, Any]) -> list[Importances]:
    """Importances of all models, loading one at a time: a model may take tens of GB."""
    found = []
    for forest in forests_of(config):
        features = config.get(forest.features_key)
        if not features:
            raise ScriptError(f"The config has no {forest.features_key}.")
        path = models_dir / forest.file_name
        found.append(importances(load_model(path), f"{forest.title} ({path.name})", features))
    return found


def draw(panels: Sequence[Importances], path: Path) -> None:
    """Draw a panel of horizontal bars for each forest, the largest on top."""
    columns = 2
    rows = -(-len(panels) // columns)
    longest = max(len(panel.features) for panel in panels)
    figure = Figure(figsize=(12, rows * (1.2 + 0.28 * longest)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        axes.barh(panel.features, panel.mean, xerr=panel.std, color="#4477aa", ecolor="0.3")
        axes.invert_yaxis()
        axes.set(title=panel.title, xlabel="Importance (mean decrease of impurity)", xlim=(0, None))
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.savefig(path, dpi=120)


def publish(panels: Sequence[Importances], path: Path) -> None:
    """Draw under a temporary name beside `path`, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        draw(panels, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line (argparse exits with 2 where it is wrong)."""
    parser = argparse.ArgumentParser(
        prog="plot_importance.py", description="Feature importances of the models of lstchain."
    )
    parser.add_argument("models_dir", type=Path, help="directory of the .sav files")
    parser.add_argument(
        "-c", "--config", type=Path, required=True, help="lstchain config of the training"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="image to make")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Check the call, read the models, draw."""
    if args.output.suffix.lower() not in FORMATS:
        raise ScriptError(f"--output {args.output} must end in one of {', '.join(FORMATS)}.", 2)
    if args.output.exists() and not args.overwrite:
        raise ScriptError(f"{args.output} exists already: give --overwrite to replace it.", 2)
    if not args.config.is_file():
        raise ScriptError(f"{args.config} does not exist or is not a file: check --config.", 2)
    config = read_config(args.config)
    for forest in forests_of(config):
        path = args.models_dir / forest.file_name
        if not path.is_file():
            raise ScriptError(f"{path} does not exist: train the models first.", 2)
    publish(read_importances(args.models_dir, config), args.output)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    try:
        run(parse_arguments(argv))
    except (ScriptError, OSError) as error:
        print(f"plot_importance.py: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
