"""The demo, as `make demo` runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chain_compare import assert_irf_opens, finite_bins, png_size
from chain_runs import ROOT, Production, need_lstchain

pytestmark = [pytest.mark.chain, pytest.mark.slow]

GIVEN = ROOT / "production_configs" / "toy_demo"
OF_CTAPIPE = ROOT / "production_configs" / "toy_ctapipe"
OF_A_SOURCE = ROOT / "production_configs" / "toy_source_dependent"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Production:
    need_lstchain()
    made = Production(tmp_path_factory.mktemp("demo"))
    call = [sys.executable, "-m", "lstluigi.cli", "simulate", str(made.where), "--preset", "demo"]
    subprocess.run(call, env=made.environment, check=True, capture_output=True)
    made.config = Path(shutil.copy(GIVEN / "lstluigi_config.yml", made.where))
    shutil.copy(GIVEN / "lstchain_config.json", made.where)
    ended = made.run()
    assert ended.code == 0, ended.text
    return made


def one(demo: Production, pattern: str) -> Path:
    """The one file that matches."""
    (path,) = demo.where.rglob(pattern)
    return path


def test_sensitivity_has_five_bins_and_a_plot(demo: Production) -> None:
    assert finite_bins(one(demo, "sensitivity_*.fits.gz")) >= 5
    assert min(png_size(one(demo, "sensitivity_*.png"))) > 200


def test_irf_opens_in_gammapy(demo: Production) -> None:
    assert_irf_opens(one(demo, "irf_toy_demo_*.fits.gz"))


def test_typed_again_it_does_nothing(demo: Production) -> None:
    jobs = demo.jobs()
    again = demo.run()
    assert again.code == 0, again.text
    assert demo.jobs() == jobs
    assert demo.left_over() == []


def test_the_same_in_the_workflow_of_ctapipe(demo: Production) -> None:
    """On the same DL0: IRFs with background, and a sensitivity among the benchmarks."""
    fits = pytest.importorskip("astropy.io.fits")
    np = pytest.importorskip("numpy")
    of_ctapipe = Production(demo.where)
    shutil.copy(OF_CTAPIPE / "lstluigi_config.yml", of_ctapipe.config)
    shutil.copy(OF_CTAPIPE / "ctapipe_config.json", demo.where)
    ended = of_ctapipe.run()
    assert ended.code == 0, ended.text
    assert_irf_opens(one(demo, "irf_toy_ctapipe_*_.fits.gz"))
    with fits.open(one(demo, "irf_toy_ctapipe_*_benchmarks.fits.gz")) as hdus:
        flux = hdus["SENSITIVITY"].data["FLUX_SENSITIVITY"]
    assert np.count_nonzero(np.isfinite(flux)) >= 5


def test_the_source_dependent_analysis_of_its_dl1(demo: Production) -> None:
    """To IRFs with alpha cuts, as the readme says."""
    fits = pytest.importorskip("astropy.io.fits")
    later = Production(demo.where)
    later.config = Path(shutil.copy(OF_A_SOURCE / "lstluigi_config.yml", demo / "source.yml"))
    shutil.copy(OF_A_SOURCE / "lstchain_config_source_dependent.json", demo.where)
    ended = later.run()
    assert ended.code == 0, ended.text
    with fits.open(one(demo, "irf_*_alpha_10.fits.gz")) as hdus:
        assert hdus["EFFECTIVE AREA"].header["AL_CUT"] == 10
        assert hdus["EFFECTIVE AREA"].data["EFFAREA"].max() > 0
    with fits.open(one(demo, "irf_*_alpha_cont_0.7.fits.gz")) as hdus:
        assert 0 < hdus["AL_CUTS"].data["cut"].max() <= 90
