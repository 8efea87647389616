"""Importances of forests trained on data whose informative feature is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sklearn", reason="needs the lstchain environment")
pytest.importorskip("matplotlib", reason="needs the lstchain environment")

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from lstluigi.stages.scripts import plot_importance

CONFIG = {
    "disp_method": "disp_norm_sign",
    "energy_regression_features": ["width", "log_intensity", "length"],
    "disp_regression_features": ["width", "length"],
    "disp_classification_features": ["skewness", "width"],
    "particle_classification_features": ["length", "width", "reco_disp_norm", "x"],
}
#: the feature that alone determines the target of each model
MODELS = {
    "reg_energy.sav": ("energy_regression_features", "log_intensity"),
    "reg_disp_norm.sav": ("disp_regression_features", "length"),
    "cls_disp_sign.sav": ("disp_classification_features", "skewness"),
    "cls_gh.sav": ("particle_classification_features", "reco_disp_norm"),
}


def train(features: list[str], informative: str, classify: bool, as_frame: bool = True):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({name: rng.uniform(-1, 1, 300) for name in features})
    target = data[informative] > 0 if classify else data[informative]
    forest = RandomForestClassifier if classify else RandomForestRegressor
    return forest(n_estimators=5, max_depth=4, random_state=0).fit(
        data if as_frame else data.to_numpy(), target
    )


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, (key, informative) in MODELS.items():
        joblib.dump(train(CONFIG[key], informative, name.startswith("cls")), folder / name)
    return folder


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "lstchain.json"
    path.write_text(json.dumps(CONFIG | {"r": float("inf")}))  # bare Infinity, as lstchain dumps
    return path


def test_informative_feature_comes_first_in_each_model(models_dir):
    panels = plot_importance.read_importances(models_dir, CONFIG)
    assert [panel.features[0] for panel in panels] == [top for _, top in MODELS.values()]
    for panel, (key, _) in zip(panels, MODELS.values(), strict=True):
        assert sorted(panel.features) == sorted(CONFIG[key])
        assert list(panel.mean) == sorted(panel.mean, reverse=True)
        assert panel.mean.sum() == pytest.approx(1)


def test_mean_and_standard_deviation_are_taken_over_the_trees():
    trees = [
        SimpleNamespace(feature_importances_=np.array(values))
        for values in ([0.1, 0.9], [0.3, 0.7])
    ]
    model = SimpleNamespace(
        estimators_=trees, n_features_in_=2, feature_importances_=np.array([0.2, 0.8])
    )
    panel = plot_importance.importances(model, "toy", ["width", "length"])
    assert panel.features == ("length", "width")
    np.testing.assert_allclose(panel.mean, [0.8, 0.2])
    np.testing.assert_allclose(panel.std, [0.1, 0.1])


def test_disp_vector_has_one_model_for_the_direction(models_dir, tmp_path):
    for name in ("reg_energy.sav", "cls_gh.sav"):
        (tmp_path / name).symlink_to(models_dir / name)
    forest = train(CONFIG["disp_regression_features"], "width", classify=False)
    joblib.dump(forest, tmp_path / "reg_disp_vector.sav")
    panels = plot_importance.read_importances(tmp_path, CONFIG | {"disp_method": "disp_vector"})
    assert [panel.features[0] for panel in panels] == ["log_intensity", "width", "reco_disp_norm"]


@pytest.mark.parametrize("as_frame", [True, False])
@pytest.mark.parametrize("features", [["width"], ["width", "length", "x"]])
def test_another_number_of_features_is_refused(features, as_frame):
    model = train(["width", "length"], "width", classify=False, as_frame=as_frame)
    with pytest.raises(plot_importance.ScriptError, match="not trained on"):
        plot_importance.importances(model, "energy", features)


def test_another_order_of_features_is_refused():
    model = train(["width", "length"], "width", classify=False)
    with pytest.raises(plot_importance.ScriptError, match="not trained on"):
        plot_importance.importances(model, "energy", ["length", "width"])


def call(models: Path, config: Path, output: Path, *more: str) -> int:
    return plot_importance.main(
        [str(models), "--config", str(config), "--output", str(output), *more]
    )


def test_command_draws_one_png(models_dir, config, tmp_path):
    output = tmp_path / "new" / "importance.png"
    assert call(models_dir, config, output) == 0
    assert [path.name for path in output.parent.iterdir()] == ["importance.png"]
    assert output.read_bytes().startswith(b"\x89PNG")


def refused(capsys, *words: str) -> bool:
    lines = capsys.readouterr().err.strip().splitlines()
    return len(lines) == 1 and all(word in lines[0] for word in words)


def test_a_missing_model_is_named(config, tmp_path, capsys):
    assert call(tmp_path, config, tmp_path / "importance.png") == 2
    assert refused(capsys, "reg_energy.sav")
    assert not (tmp_path / "importance.png").exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle"])
def test_an_unreadable_model_is_named(models_dir, config, tmp_path, capsys, content):
    models = tmp_path / "models"
    models.mkdir()
    for name in MODELS:
        (models / name).symlink_to(models_dir / name)
    (models / "cls_gh.sav").unlink()
    (models / "cls_gh.sav").write_bytes(content)
    assert call(models, config, tmp_path / "importance.png") == 1
    assert refused(capsys, "cls_gh.sav")
    assert not (tmp_path / "importance.png").exists()


def test_a_file_that_is_no_forest_is_refused(tmp_path):
    joblib.dump([1, 2], tmp_path / "reg_energy.sav")
    with pytest.raises(plot_importance.ScriptError, match="not a trained random forest"):
        plot_importance.load_model(tmp_path / "reg_energy.sav")


def test_an_existing_plot_is_kept_unless_told(models_dir, config, tmp_path, capsys):
    output = tmp_path / "importance.png"
    output.write_text("precious")
    assert call(models_dir, config, output) == 2
    assert refused(capsys, "importance.png", "--overwrite")
    assert output.read_text() == "precious"
    assert call(models_dir, config, output, "--overwrite") == 0
    assert output.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "not readable"),
        ("{}", "disp_method"),
        ('{"disp_method": "else"}', "disp_method"),
        ('{"disp_method": "disp_norm_sign"}', "energy_regression_features"),
    ],
)
def test_a_config_that_does_not_tell_the_features_is_refused(
    models_dir, tmp_path, capsys, content, word
):
    config = tmp_path / "lstchain.json"
    config.write_text(content)
    assert call(models_dir, config, tmp_path / "importance.png") == 1
    assert refused(capsys, word)


def test_the_script_runs_by_its_path_alone(tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", plot_importance.__file__, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "MODELS" in done.stdout.upper()
