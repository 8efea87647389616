"""`lstluigi plot-irfs`, `compare-irfs` and `plot-models-importance` as typed."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from lab import Lab, full
from pyirf.io import create_aeff2d_hdu
from sklearn.ensemble import RandomForestRegressor

from lstluigi.cli import main

FORESTS = {
    "reg_energy.sav": "energy_regression_features",
    "reg_disp_vector.sav": "disp_regression_features",
    "cls_gh.sav": "particle_classification_features",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    energy = np.geomspace(0.01, 100, 5) * u.TeV
    hdu = create_aeff2d_hdu(np.full((4, 1), 1e4) * u.m**2, energy, [0.3, 0.5] * u.deg)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        hdu.writeto(tmp_path / name / "irf.fits.gz")
    return tmp_path


def type_(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def images(here: Path) -> set[str]:
    return {str(path.relative_to(here)) for path in here.rglob("*.p[nd][gf]")}


def test_an_image_of_each_file(here: Path) -> None:
    done = type_("plot-irfs", "one/irf.fits.gz")
    assert (done.exit_code, done.output) == (0, "wrote irf.png\n")
    assert type_("plot-irfs", "one/irf.fits.gz", "-o", "new/a.pdf").exit_code == 0
    assert type_("plot-irfs", "one/irf.fits.gz", "two/irf.fits.gz", "-o", "all").exit_code == 0
    names = {"irf.png", "new/a.pdf", "all/one_irf.fits.gz.png", "all/two_irf.fits.gz.png"}
    assert images(here) == names


def test_files_in_one_figure(here: Path) -> None:
    done = type_("compare-irfs", "one/irf.fits.gz", "two/irf.fits.gz", "-o", "a.png", "-o", "a.pdf")
    assert (done.exit_code, done.output) == (0, "wrote a.png\nwrote a.pdf\n")
    assert (here / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("plot-irfs no.fits", "does not exist"),
        ("plot-irfs one", "'one' is a directory; name the files in it"),
        ("plot-irfs one/irf.fits.gz -o a.gif", "has to end in one of"),
        ("plot-irfs one/irf.fits.gz two/irf.fits.gz -o a.png", "name a directory"),
        ("plot-irfs one/irf.fits.gz one/irf.fits.gz", "named twice"),
        ("compare-irfs one/irf.fits.gz no.fits -o a.png", "does not exist"),
        ("compare-irfs one/irf.fits.gz -o there.png", "--overwrite"),
        ("plot-irfs one/irf.fits.gz -o there.png/a.png", "is a file, so choose another place"),
        ("compare-irfs one/irf.fits.gz -o there.png/a.png", "is a file, so choose another place"),
        ("plot-models-importance no", "'no' does not exist; name the output of train_pipe"),
        ("plot-models-importance there.png", "is no directory; name the output of train_pipe"),
        ("plot-models-importance one", "has no models"),
        ("plot-models-importance one -o there.png", "--overwrite"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(here: Path, words: str, told: str) -> None:
    (here / "there.png").touch()
    done = type_(*words.split())
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert images(here) == {"there.png"}


def test_importances_with_the_config_that_is_kept(here: Path) -> None:
    models = here / "models"
    (models / "job_logs_train_pipe").mkdir(parents=True)
    data = pd.DataFrame(np.random.default_rng(0).uniform(size=(50, 2)), columns=["a", "b"])
    for name in FORESTS:
        forest = RandomForestRegressor(2, random_state=0).fit(data, data["a"])
        joblib.dump(forest, models / name)
    done = type_("plot-models-importance", "models")
    assert (done.exit_code, "--config" in done.stderr) == (2, True)
    config = {"disp_method": "disp_vector", **{key: ["a", "b"] for key in FORESTS.values()}}
    kept = models / "job_logs_train_pipe" / "lstchain_config_1.json"
    kept.write_text(json.dumps(config))
    assert type_("plot-models-importance", "models").output == "wrote rf_importance.png\n"
    assert type_("plot-models-importance", "models", "-c", str(kept), "-o", "a.pdf").exit_code == 0
    assert images(here) == {"rf_importance.png", "a.pdf"}
    done = type_("plot-models-importance", "models", "-o", "a.pdf/b.png")
    assert done.exit_code == 2
    assert "a.pdf/b.png cannot be written (" in done.stderr
    assert "is a file, so choose another place" in done.stderr
    (models / "cls_gh.sav").unlink()
    done = type_("plot-models-importance", "models", "-o", "b.png")
    assert (done.exit_code, "cls_gh.sav" in done.stderr) == (2, True)


def test_a_graph_is_printed_or_drawn(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    full(lab)
    monkeypatch.chdir(lab.root)
    config = lab.path("config.yml")
    printed = type_("graph", config)
    assert printed.exit_code == 0
    assert printed.stdout.splitlines()[3] == "flowchart TD"
    done = type_("graph", config, "-o", "a.mmd", "-o", "a.svg")
    assert (done.exit_code, done.output) == (0, "wrote a.mmd\nwrote a.svg\n")
    assert Path("a.mmd").read_text() == printed.stdout
    for words, told in (
        (("-o", "a.svg"), "--overwrite"),
        (("-o", "a.gif"), r"has to end in one of .svg, .png, .pdf, .mmd"),
        (("--dec", "dec_1"), "no path names a line"),
    ):
        refused = type_("graph", config, *words)
        assert (refused.exit_code, told in refused.stderr) == (2, True)
    missing = type_("graph", "no.yml")
    assert (missing.exit_code, "no.yml" in missing.stderr) == (2, True)


def test_one_bad_file_costs_its_own_image_only(tmp_path: Path) -> None:
    import numpy as np
    from astropy import units as u
    from astropy.io import fits
    from pyirf.io import create_aeff2d_hdu

    energy, offsets = np.geomspace(0.01, 100, 6) * u.TeV, [0.3, 0.5] * u.deg
    for name, factor in (("bad", 0.0), ("good", 1.0)):
        hdu = create_aeff2d_hdu(np.full((5, 1), factor) * u.m**2, energy, offsets)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / f"{name}.fits")
    files = [str(tmp_path / f"{name}.fits") for name in ("bad", "good")]
    result = CliRunner().invoke(main, ["plot-irfs", *files, "-o", str(tmp_path / "images")])
    assert result.exit_code == 2
    assert "bad.fits" in result.output
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["good.png"]
