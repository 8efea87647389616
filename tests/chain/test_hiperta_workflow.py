"""A production of the workflow hiperta, from toy DL0 to IRFs, with a stand-in for its program."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tables
from chain_compare import (
    DL1_PARAMETERS,
    DL2_PARAMETERS,
    assert_irf_opens,
    assert_same_tables,
    leaves,
    rows,
)
from chain_config import (
    DL1_FILES,
    DL2,
    IRF,
    MERGED_TEST,
    MERGED_TRAINING,
    MODEL_NAMES,
    MODELS,
    TRAINING_GAMMAS,
    TRAINING_PROTONS,
    Sample,
    config_of,
    shorter_config,
)
from chain_runs import Production, Running, by_hand, in_parallel
from hiperta_files import CONVERTER, PATH, RTA_CONFIG, own_file, reconstruct

pytestmark = pytest.mark.chain
TWO_FILES, ONE_FILE = TRAINING_GAMMAS[0], TRAINING_PROTONS[0]


@pytest.fixture
def with_program(monkeypatch: pytest.MonkeyPatch, chain_root: Path, dl0: Path) -> Path:
    """The stand-in on the path; what it has made before, it takes from a directory."""
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("HIPERTA_STAND_IN", str(chain_root / "hiperta"))
    return chain_root / "hiperta"


def of_hiperta(config: dict[str, object], place: Production) -> dict[str, object]:
    """A production config, by HiPeRTA."""
    place.where.mkdir(parents=True, exist_ok=True)
    shutil.copy(RTA_CONFIG, place / "rta_config.txt")
    return {**config, "workflow_kind": "hiperta", "rta_config": "rta_config.txt"}


def one_node(sample: Sample, dl0: Path, **step: object) -> dict[str, object]:
    """The first stage of one node."""
    first = {"input": str(dl0 / sample.place), "output": "dl1/node", **step}
    return config_of({"r0_to_dl1": [first]}, "hiperta_test")


def test_one_node_equals_what_is_made_by_hand(
    place: Production,
    with_program: Path,
    dl0: Path,
    tmp_path: Path,
    start: Callable[..., Running],
) -> None:
    """With what HiPeRTA itself has written beside it."""
    file = dl0 / ONE_FILE.file(1)
    reconstruct(with_program, [file])
    options = {"keep_file": True, "debug_mode": True}
    place.write(of_hiperta(one_node(ONE_FILE, dl0, options=options), place))
    ended = start(place).wait()
    assert ended.code == 0, ended.text
    name = Path(DL1_FILES[ONE_FILE.file(1)]).name
    kept = name.replace(".h5", ".hiperta.hdf5")
    made = {path.name for path in (place / "dl1/node").iterdir() if path.is_file()}
    assert made == {name, kept}
    hand = tmp_path / "hand"
    in_parallel([by_hand(hand, CONVERTER, own_file(with_program, file), "-o", name)])
    assert_same_tables(place / f"dl1/node/{name}", hand / name)
    assert_same_tables(place / f"dl1/node/{kept}", own_file(with_program, file))
    assert not place.left_over()
    with tables.open_file(str(place / f"dl1/node/{name}")) as h5:
        table = h5.get_node(DL1_PARAMETERS)
        assert json.loads(table.attrs["config"]) == {"dl1": "hiperta_r0_dl1"}
        assert {"LSTCHAIN_VERSION", "CTAPIPE_VERSION"} <= set(table.attrs._v_attrnamesuser)


def test_a_missing_program_is_told_before_anything_runs(
    place: Production, dl0: Path, start: Callable[..., Running]
) -> None:
    place.write(of_hiperta(one_node(TWO_FILES, dl0), place))
    ended = start(place).wait()
    assert ended.code == 2
    assert "it calls hiperta_r0_dl1, which is not on this machine" in ended.sentences
    assert not place.jobs()
    assert not (place / "dl1").exists()


@pytest.mark.slow
def test_a_failing_program_makes_nothing(
    place: Production,
    with_program: Path,
    dl0: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[..., Running],
) -> None:
    """One of two files is cut short by HiPeRTA, whose exit code is 0: the other one is made."""
    files = [dl0 / TWO_FILES.file(number) for number in (1, 2)]
    reconstruct(with_program, files)
    own = tmp_path / "own"
    own_file(own, files[0]).parent.mkdir(parents=True)
    for file in files:
        shutil.copy(own_file(with_program, file), own_file(own, file))
    cut = own_file(own, files[1])
    cut.write_bytes(cut.read_bytes()[:100_000])
    monkeypatch.setenv("HIPERTA_STAND_IN", str(own))
    place.write(of_hiperta(one_node(TWO_FILES, dl0), place))
    ended = start(place).wait()
    assert ended.code == 30
    assert "is not a whole HDF5 file" in ended.text
    names = [Path(DL1_FILES[TWO_FILES.file(number)]).name for number in (1, 2)]
    assert (place / f"dl1/node/{names[0]}").exists()
    assert not (place / f"dl1/node/{names[1]}").exists()
    assert not place.left_over()


def precision(dl2: np.ndarray) -> tuple[float, float]:
    """Spread of log10 of the energy, and median distance to the source (m), of bright events."""
    bright = dl2[dl2["intensity"] > 300]
    ratio = np.log10(bright["reco_energy"] / bright["mc_energy"])
    off = [bright[f"reco_src_{axis}"] - bright[f"src_{axis}"] for axis in "xy"]
    print(f"{len(bright)} events: {np.std(ratio):.3f}, {np.median(np.hypot(*off)):.3f} m")
    return float(np.std(ratio)), float(np.median(np.hypot(*off)))


@pytest.mark.slow
def test_from_dl0_to_irfs(
    place: Production,
    with_program: Path,
    production: Production,
    dl0: Path,
    start: Callable[..., Running],
) -> None:
    """Models that are trained on converted files reconstruct converted files."""
    place.write(of_hiperta(shorter_config(dl0), place))
    ended = start(place).wait(1800)
    assert ended.code == 0, ended.text
    for name in (*MERGED_TRAINING.values(), MERGED_TEST["gamma_file"], DL2["gamma_file"]):
        assert (place / name).exists()
    assert {p.name for p in (place / MODELS).glob("*.sav")} == set(MODEL_NAMES)
    merged = place / MERGED_TEST["gamma_file"]
    dl2 = leaves(place / DL2["gamma_file"])[DL2_PARAMETERS]
    # whatever lstchain's cuts leave, every event is one that was read
    assert 100 < len(dl2) <= rows(merged)
    assert np.isfinite(dl2["reco_energy"]).all()
    assert ((dl2["gammaness"] >= 0) & (dl2["gammaness"] <= 1)).all()
    # ten trees from a few hundred showers, as in lstchain's own production
    theirs = leaves(production / DL2["gamma_file"])[DL2_PARAMETERS]
    for found, expected in zip(precision(dl2), precision(theirs), strict=True):
        assert found < 1.3 * expected
    assert_irf_opens(place / IRF)


@pytest.mark.slow
def test_dl1ab_cleans_images_of_hiperta_again(
    place: Production,
    with_program: Path,
    production: Production,
    dl0: Path,
    start: Callable[..., Running],
) -> None:
    """With lstchain's own cleaning it comes to what lstchain makes of DL0."""
    place.write(of_hiperta(one_node(TWO_FILES, dl0), place))
    assert start(place).wait().code == 0
    second = Production(place / "second")
    stage = {"dl1ab": [{"input": str(place / "dl1/node"), "output": "dl1ab/node"}]}
    second.write(of_hiperta(config_of(stage, "hiperta_dl1ab"), second))
    ended = start(second).wait()
    assert ended.code == 0, ended.text
    name = TWO_FILES.file(1)
    found = leaves(second / f"dl1ab/node/{Path(DL1_FILES[name]).name}")[DL1_PARAMETERS]
    expected = leaves(production / DL1_FILES[name])[DL1_PARAMETERS]
    assert np.isfinite(expected["intensity"]).sum() > 30
    for column in ("n_pixels", "intensity", "x", "y", "psi", "skewness", "disp_norm", "mc_energy"):
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-4, err_msg=column)
