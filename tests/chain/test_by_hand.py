"""Products equal what the commands of lstchain give when they are typed by hand, in order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from chain_compare import assert_same_fits, assert_same_tables, link_files
from chain_config import (
    DL0_FILES,
    DL1_FILES,
    DL2,
    IRF,
    IRF_OPTIONS,
    MERGED_TEST,
    MERGED_TRAINING,
    MODEL_NAMES,
    MODELS,
    SENSITIVITY,
    TESTED,
    TRAINING_GAMMAS,
)
from chain_runs import SCRIPTS, Production, by_hand, in_parallel

pytestmark = pytest.mark.chain
MERGE = "lstchain_merge_hdf5_files"


@pytest.fixture(scope="session")
def hand(chain_root: Path) -> Path:
    """Directory of what is made by hand."""
    shutil.rmtree(chain_root / "hand", ignore_errors=True)
    return chain_root / "hand"


@pytest.fixture(scope="session")
def hand_dl1(hand: Path, dl0: Path, production: Production) -> Path:
    config = production.lstchain_config
    in_parallel(
        by_hand(
            (hand / made).parent, "lstchain_mc_r0_to_dl1", "-f", dl0 / name, "-o", ".", "-c", config
        )
        for name, made in DL1_FILES.items()
    )
    return hand


@pytest.fixture(scope="session")
def hand_merged(hand_dl1: Path, production: Production) -> Path:
    """Merged files; the same files are kept for training as in the production."""
    for sample in TRAINING_GAMMAS:
        node = hand_dl1 / "dl1" / sample.place
        kept = (production / "dl1" / sample.place / "train").glob("*.h5")
        link_files(node, node / "train", [path.name for path in kept])
    tests = zip(TESTED.values(), MERGED_TEST.values(), strict=True)
    patterns = [
        ("dl1/GammaDiffuse", MERGED_TRAINING["gamma"], "*/train/*.h5"),
        ("dl1/Protons", MERGED_TRAINING["proton"], "*/*.h5"),
        *((f"dl1/{sample.place}", merged, "*.h5") for sample, merged in tests),
    ]
    in_parallel(
        by_hand(hand_dl1, MERGE, "-d", source, "-o", made, "-p", pattern, "--no-image")
        for source, made, pattern in patterns
    )
    return hand_dl1


@pytest.fixture(scope="session")
def hand_models(hand_merged: Path, production: Production) -> Path:
    (hand_merged / MODELS).mkdir(parents=True)
    gamma, proton = MERGED_TRAINING["gamma"], MERGED_TRAINING["proton"]
    first = str(production / MODELS / "reg_energy.sav")
    train = ("lstchain_mc_trainpipe", "--fg", gamma, "--fp", proton, "-o", MODELS)
    in_parallel([by_hand(hand_merged, *train, "-c", production.lstchain_config, product=first)])
    return hand_merged / MODELS


def reconstruct(merged: list[Path], models: Path, output: Path, production: Production) -> None:
    files = [word for path in merged for word in ("-f", path)]
    call = ("lstchain_dl1_to_dl2", *files, "-p", models, "-o", ".")
    in_parallel([by_hand(output, *call, "-c", production.lstchain_config)])


@pytest.mark.parametrize("name", DL0_FILES)
def test_dl1(hand_dl1: Path, production: Production, name: str) -> None:
    made = DL1_FILES[name]
    assert_same_tables(production / made, hand_dl1 / made)


@pytest.mark.parametrize("name", [*MERGED_TRAINING.values(), *MERGED_TEST.values()])
def test_merged_dl1(hand_merged: Path, production: Production, name: str) -> None:
    assert_same_tables(production / name, hand_merged / name)


@pytest.fixture(scope="session")
def hand_dl2(hand: Path, production: Production) -> Path:
    """DL2 of the same DL1, with the same models, all files in one call."""
    merged = [production / name for name in MERGED_TEST.values()]
    reconstruct(merged, production / MODELS, hand / "dl2_same_models", production)
    return hand / "dl2_same_models"


@pytest.mark.parametrize("name", DL2.values())
def test_dl2_with_the_same_models(hand_dl2: Path, production: Production, name: str) -> None:
    assert_same_tables(production / name, hand_dl2 / Path(name).name, rtol=1e-12)


def test_models_predict_the_same(hand: Path, hand_models: Path, production: Production) -> None:
    """Forests with the same random state are the same, on however many cores they grew."""
    assert {path.name for path in hand_models.glob("*.sav")} == set(MODEL_NAMES)
    output = hand / "dl2_own_models"
    reconstruct([hand / MERGED_TEST["gamma_file"]], hand_models, output, production)
    ours = production / DL2["gamma_file"]
    assert_same_tables(ours, output / ours.name, rtol=1e-12)


def test_irf(hand: Path, production: Production) -> None:
    files = ("-g", production / DL2["gamma_file"], "-o", "irf.fits.gz")
    config = ("--config", production.lstchain_config)
    call = ("lstchain_create_irf_files", *files, *config, *IRF_OPTIONS.split())
    in_parallel([by_hand(hand / "irf", *call)])
    assert_same_fits(production / IRF, hand / "irf" / "irf.fits.gz")


def test_sensitivity(hand: Path, production: Production) -> None:
    """lstluigi's own script, called by hand."""
    options = dict(zip(("-g", "-p", "-e"), DL2.values(), strict=True))
    files = [word for option, name in options.items() for word in (option, production / name)]
    call = (SCRIPTS / "sensitivity.py", *files, "-o", "sensitivity.fits.gz")
    in_parallel([by_hand(hand / "sensitivity", *call)])
    assert_same_fits(production / SENSITIVITY, hand / "sensitivity" / "sensitivity.fits.gz")
