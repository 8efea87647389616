"""What models say of themselves, read without loading them."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, write_dl1

from lstluigi.errors import ConfigError
from lstluigi.jobs.runner import models
from lstluigi.jobs.runner.base import ItemError
from lstluigi.production.load import Choices
from lstluigi.run.session import Session

FEATURES = ["log_intensity", "width", "sin_az_tel"]


def model(path: Path, compress: Any = 3, named: bool = True) -> str:
    """A small forest, written as lstchain writes one."""
    joblib, ensemble, pandas, numpy = map(
        pytest.importorskip, ("joblib", "sklearn.ensemble", "pandas", "numpy")
    )
    values = numpy.random.default_rng(1).random((60, len(FEATURES)))
    given = pandas.DataFrame(values, columns=FEATURES) if named else values
    joblib.dump(ensemble.RandomForestRegressor(3).fit(given, values[:, 0]), path, compress)
    return str(path)


@pytest.mark.parametrize("compress", [3, 0, ("gzip", 3)])
def test_features_and_version_are_in_the_beginning(tmp_path: Path, compress: Any) -> None:
    found = models.Model(model(tmp_path / "reg_energy.sav", compress))
    assert (found.features, found.count) == (FEATURES, 3)
    assert found.version == importlib.metadata.version("scikit-learn")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            ["log_intensity", "width", "az_tel"],
            "sin_az_tel and the lstchain config alone",
        ),
        (FEATURES[::-1], "the order is another"),
        (FEATURES[:2], "it alone has sin_az_tel"),
    ],
)
def test_other_features_are_refused(tmp_path: Path, wanted: list[str], words: str) -> None:
    path = model(tmp_path / "reg_energy.sav")
    models.refuse_models({path: FEATURES, str(tmp_path / "absent.sav"): wanted})
    with pytest.raises(ItemError, match=words):
        models.refuse_models({path: wanted})


def test_without_names_the_number_counts(tmp_path: Path) -> None:
    path = model(tmp_path / "reg_energy.sav", named=False)
    assert models.differing(path, ["a", "b", "c"]) == ""
    assert "it has 3, the lstchain config 2" in models.differing(path, ["a", "b"])


def test_what_is_no_model_says_nothing(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"\x80", b"\x78\x9cxx", b"text")):
        path = tmp_path / f"{number}.sav"
        path.write_bytes(content)
        assert models.differing(str(path), FEATURES) == ""
        assert models.outdated(str(path)) == ""


def test_models_of_a_scikit_learn_with_other_trees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model(tmp_path / "reg_energy.sav")
    models.refuse_outdated([path])
    monkeypatch.setattr(models.importlib.metadata, "version", lambda name: "1.2.2")
    with pytest.raises(ItemError, match=r"scikit-learn .*1\.2\.2 of the jobs' environment"):
        models.refuse_outdated([path])


def test_models_that_are_there_are_looked_at_before_anything_is_submitted(lab: Lab) -> None:
    write_dl1(lab.root / "dl1/dl1_a.h5")
    (lab.root / "models").mkdir()
    for name in ("reg_energy", "reg_disp_norm", "cls_disp_sign", "cls_gh"):
        model(lab.root / f"models/{name}.sav")
    step = {
        "input": lab.path("dl1/dl1_a.h5"),
        "path_model": lab.path("models"),
        "output": lab.path("dl2"),
    }
    lab.write(stages={"dl1_to_dl2": [step]})
    keys = ("energy_regression", "disp_regression", "disp_classification")
    lists: dict[str, Any] = {f"{key}_features": FEATURES for key in keys}
    last = "particle_classification_features"
    lab.configure(disp_method="disp_norm_sign", **lists, **{last: ["log_intensity", "width"]})
    with pytest.raises(ConfigError) as caught:
        Session(Choices(config=str(lab.config))).check()
    (problem,) = caught.value.problems
    assert "cls_gh.sav was trained with other features: it alone has sin_az_tel" in str(problem)
    assert "path_model" in problem.where
    lab.configure(disp_method="disp_norm_sign", **lists, **{last: FEATURES})
    Session(Choices(config=str(lab.config))).check()
