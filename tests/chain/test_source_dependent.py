"""Source-dependent analysis: forests, DL2 and IRFs with alpha cuts, as typed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chain_compare import assert_same_fits, assert_same_tables, leaves
from chain_config import MERGED_TEST, MERGED_TRAINING, config_of
from chain_runs import Production, by_hand, in_parallel, small_lstchain_config

pytestmark = [pytest.mark.chain, pytest.mark.slow]

DL2 = "dl2/dl2_TestGamma_merged.h5"
OF_A_SOURCE = "/dl2/event/telescope/parameters_src_dependent/LST_LSTCam"
MODELS = ("reg_energy", "reg_disp_norm", "cls_disp_sign", "cls_gh")
IRFS = {
    "irf_global": "--source-dep --point-like --global-gh-cut 0.3 --global-alpha-cut 10",
    "irf_energy": "--source-dep --point-like --energy-dependent-gh --energy-dependent-alpha "
    "--gh-efficiency 0.7 --alpha-containment 0.7 --DL3Cuts.min_event_p_en_bin=5",
}


def lstchain_config() -> dict[str, Any]:
    """lstchain's own features for an assumed source, with gammas from as far as the toy has any."""
    from lstchain.io import get_srcdep_config

    theirs = get_srcdep_config()
    forests = {key: value for key, value in small_lstchain_config().items() if "forest" in key}
    return {**small_lstchain_config(), **theirs, **forests, "train_gamma_src_r_deg": [0, 3]}


@pytest.fixture(scope="module")
def made(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Production:
    """A production from merged DL1 to IRFs."""
    stages = {
        "train_pipe": [
            {
                "input": {key: str(production / name) for key, name in MERGED_TRAINING.items()},
                "output": "models",
            }
        ],
        "dl1_to_dl2": [
            {
                "input": str(production / MERGED_TEST["gamma_file"]),
                "path_model": "models",
                "output": "dl2",
            }
        ],
        "dl2_to_irfs": [
            {"input": {"gamma_file": DL2}, "output": f"irf/{name}.fits.gz", "options": options}
            for name, options in IRFS.items()
        ],
    }
    own = Production(tmp_path_factory.mktemp("source_dependent"))
    ended = own.write(config_of(stages, "chain_source"), lstchain_config()).run()
    assert ended.code == 0, ended.text
    return own


def test_same_as_by_hand(made: Production, production: Production, tmp_path: Path) -> None:
    config = ("-c", made.lstchain_config)
    gamma, proton = (production / MERGED_TRAINING[key] for key in ("gamma", "proton"))
    train = ("lstchain_mc_trainpipe", "--fg", gamma, "--fp", proton, "-o", "models", *config)
    first = str(made / "models/reg_energy.sav")
    (tmp_path / "models").mkdir()
    in_parallel([by_hand(tmp_path, *train, product=first)])
    (tmp_path / "models/training_dirs.ecsv").write_bytes(
        (made / "models/training_dirs.ecsv").read_bytes()
    )
    merged = production / MERGED_TEST["gamma_file"]
    reconstruct = ("lstchain_dl1_to_dl2", "-f", merged, "-p", "models", "-o", "dl2", *config)
    in_parallel([by_hand(tmp_path, *reconstruct)])
    assert_same_tables(made / DL2, tmp_path / DL2, rtol=1e-12)
    in_parallel(
        by_hand(
            tmp_path,
            *("lstchain_create_irf_files", "-g", DL2, "-o", f"{name}.fits.gz"),
            *("--config", made.lstchain_config, *options.split()),
        )
        for name, options in IRFS.items()
    )
    for name in IRFS:
        assert_same_fits(made / f"irf/{name}.fits.gz", tmp_path / f"{name}.fits.gz")


def test_dl2_has_what_depends_on_the_source(made: Production) -> None:
    found = leaves(made / DL2)[OF_A_SOURCE]
    names = {name for name in found.dtype.names if name.startswith("('on'")}
    for wanted in ("alpha", "dist", "gammaness", "reco_energy"):
        assert f"('on', '{wanted}')" in names
    alpha = found["('on', 'alpha')"]
    assert ((alpha >= 0) & (alpha <= 90)).all()
    # images of gammas point to their source: half of a flat distribution lies below 45 deg
    assert np.median(alpha) < 22.5


def test_irfs_have_alpha_cuts(made: Production) -> None:
    from astropy.io import fits

    with fits.open(made / "irf/irf_global.fits.gz") as hdus:
        assert hdus["EFFECTIVE AREA"].header["AL_CUT"] == 10
        assert hdus["EFFECTIVE AREA"].data["EFFAREA"].max() > 0
    with fits.open(made / "irf/irf_energy.fits.gz") as hdus:
        assert hdus["EFFECTIVE AREA"].header["AL_CONT"] == 0.7
        assert hdus["AL_CUTS"].data["cut"].max() <= 90
        assert hdus["EFFECTIVE AREA"].data["EFFAREA"].max() > 0
