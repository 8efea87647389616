"""Real lstchain commands on a tiny toy data set: minutes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lstchain")

from lstluigi.toy.simulation import run

pytestmark = [pytest.mark.chain, pytest.mark.slow]

LSTPROD2 = Path("mc/DL0/LSTProd2")
SAMPLES = {
    "train_gamma": "TrainingDataset/GammaDiffuse",
    "train_proton": "TrainingDataset/Protons",
    "gamma": "TestDataset/sim_telarray",
    "proton": "TestDataset/Protons",
    "electron": "TestDataset/Electrons",
}
PARAMETERS = "event/telescope/parameters/LST_LSTCam"


def lstchain(command: str, *arguments: object, cwd: Path) -> None:
    name = f"lstchain_{command}"
    program = shutil.which(name) or str(Path(sys.executable).with_name(name))
    done = subprocess.run(
        [program, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the chain has run up to DL2."""
    work = tmp_path_factory.mktemp("chain")
    run("allsky", work, preset="tiny")
    lstchain("dump_config", "--mc", "-o", "config.json", cwd=work)
    for sample, place in SAMPLES.items():
        (work / sample).mkdir()
        for path in sorted((work / LSTPROD2 / place).rglob("*.simtel.gz")):
            lstchain("mc_r0_to_dl1", "-f", path, "-o", sample, "-c", "config.json", cwd=work)
        merged = f"dl1_{sample}.h5"
        lstchain("merge_hdf5_files", "-d", sample, "-o", merged, "--no-image", cwd=work)
    (work / "models").mkdir()
    training = ["--fg", "dl1_train_gamma.h5", "--fp", "dl1_train_proton.h5"]
    lstchain("mc_trainpipe", *training, "-o", "models", "-c", "config.json", cwd=work)
    for sample in ("gamma", "proton", "electron"):
        files = ["-f", f"dl1_{sample}.h5", "-p", "models", "-o", ".", "-c", "config.json"]
        lstchain("dl1_to_dl2", *files, cwd=work)
    return work


def test_images_are_reconstructed(work: Path) -> None:
    from astropy.coordinates import angular_separation
    from pandas import read_hdf
    from sklearn.metrics import roc_auc_score

    gammas, protons = (
        read_hdf(work / f"dl2_{sample}.h5", f"dl2/{PARAMETERS}") for sample in ("gamma", "proton")
    )
    theta = angular_separation(gammas.reco_az, gammas.reco_alt, gammas.mc_az, gammas.mc_alt)
    # a direction at random in the field of view would lie about one degree away
    assert np.rad2deg(np.quantile(theta, 0.68)) < 0.5
    truth = np.repeat([1, 0], [len(gammas), len(protons)])
    assert roc_auc_score(truth, np.append(gammas.gammaness, protons.gammaness)) > 0.7
    log_energies = np.log10(gammas.reco_energy), np.log10(gammas.mc_energy)
    assert np.corrcoef(*log_energies)[0, 1] > 0.7


def test_thrown_showers_survive_the_merge(work: Path) -> None:
    import tables

    with tables.open_file(work / "dl1_train_gamma.h5") as file:
        configs = file.root.simulation.run_config[:]
    assert (configs["n_showers"] * configs["shower_reuse"]).sum() == 2 * 2_500
    assert configs["max_viewcone_radius"] == pytest.approx(3.0)
    # one per node; lstchain needs runs to have their own numbers
    assert len(set(configs["obs_id"])) == 2


@pytest.mark.parametrize(
    "cuts",
    [
        ["--global-gh-cut", "0.4", "--global-theta-cut", "0.3"],
        ["--energy-dependent-gh", "--energy-dependent-theta", "--DL3Cuts.min_event_p_en_bin=5"],
    ],
)
def test_instrument_response(work: Path, cuts: list[str], tmp_path: Path) -> None:
    from astropy.io import fits

    output = tmp_path / "irf.fits.gz"
    inputs = ["-g", "dl2_gamma.h5", "-p", "dl2_proton.h5", "-e", "dl2_electron.h5"]
    lstchain("create_irf_files", *inputs, "-o", output, "--point-like", *cuts, cwd=work)
    with fits.open(output) as hdus:
        area = hdus["EFFECTIVE AREA"].data["EFFAREA"]
        assert np.isfinite(hdus["BACKGROUND"].data["BKG"]).all()
    disc = np.pi * 500.0**2
    assert 0 < area.max() < disc


def test_dl1ab_reads_the_images(work: Path, tmp_path: Path) -> None:
    source = next((work / "electron").glob("dl1_*.h5"))
    output = tmp_path / "dl1ab.h5"
    lstchain("dl1ab", "-f", source, "-o", output, "-c", work / "config.json", cwd=tmp_path)
    assert output.is_file()
