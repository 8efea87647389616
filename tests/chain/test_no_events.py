"""Files in which nothing has triggered: their showers count, as in one file with all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chain_compare import DL1_PARAMETERS, DL2_PARAMETERS, leaves, rows
from chain_config import (
    IRF_OPTIONS,
    MODELS,
    TESTED,
    TRAINING_GAMMAS,
    TRAINING_PROTONS,
    config_of,
)
from chain_runs import Ended, Production, small_lstchain_config
from dark_files import rewritten
from test_ctapipe import small_ctapipe_config, written

pytestmark = pytest.mark.chain

RUN = "/simulation/run_config"
THROWN = "/simulation/thrown_event_distribution"
SAMPLE = TESTED["gamma_file"]
#: Showers of the files of a node, in the order of their names: the first and the last are dark.
SHOWERS = {"a_dark": 500, "b_lit": 1000, "c_dark": 700}


@pytest.fixture(scope="module")
def dark_dl0(dl0: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same events thrice: with all showers in one file, in a part, and not at all."""
    root, source = tmp_path_factory.mktemp("dark_dl0"), dl0 / SAMPLE.file(1)
    number = 0
    for name, showers in SHOWERS.items():
        for node in ("mixed", "dark"):
            number += 1
            lit = name == "b_lit" and node == "mixed"
            target = root / node / f"{name}.simtel.gz"
            rewritten(source, target, showers, number, events=lit)
    target = root / "one/all.simtel.gz"
    rewritten(source, target, sum(SHOWERS.values()), 9, events=True)
    return root


@pytest.fixture(scope="module")
def dark_run(
    dark_dl0: Path, production: Production, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Production, Ended]:
    """One run from DL0 to IRFs of all of it; no file may fail."""
    run, nodes = Production(tmp_path_factory.mktemp("dark_run")), ("mixed", "one", "dark")
    stages = {
        "r0_to_dl1": [{"input": str(dark_dl0 / n), "output": f"dl1/{n}"} for n in nodes],
        "train_test_split": [
            {"input": "dl1/mixed", "output": {"train": "split/train", "test": "split/test"}}
        ],
        "merge_dl1": [
            *({"input": f"dl1/{n}", "output": f"dl1_{n}.h5"} for n in nodes),
            *({"input": f"split/{x}", "output": f"{x}.h5"} for x in ("train", "test")),
        ],
        "dl1_to_dl2": [
            {"input": f"dl1_{n}.h5", "path_model": str(production / MODELS), "output": "dl2"}
            for n in nodes
        ],
        "dl2_to_irfs": [
            {
                "input": {"gamma_file": f"dl2/dl2_{n}.h5"},
                "output": f"{n}.fits.gz",
                "options": IRF_OPTIONS,
            }
            for n in nodes
        ],
    }
    run.write(config_of(stages, "chain_no_events"), small_lstchain_config())
    return run, run.run()


def area(path: Path) -> np.ndarray:
    """Effective area of IRFs (m2)."""
    from astropy.io import fits

    return np.asarray(fits.getdata(path, "EFFECTIVE AREA")["EFFAREA"])


def test_the_effective_area_is_that_of_one_file_with_all_showers(
    dark_run: tuple[Production, Ended],
) -> None:
    run, _ = dark_run
    found, expected = area(run / "mixed.fits.gz"), area(run / "one.fits.gz")
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("merged", ["dl1_mixed.h5", "dl2/dl2_mixed.h5"])
def test_all_showers_are_in_what_is_merged(dark_run: tuple[Production, Ended], merged: str) -> None:
    content = leaves(dark_run[0] / merged)
    assert sorted(content[RUN]["n_showers"]) == sorted(SHOWERS.values())
    assert len(content[THROWN]) == len(SHOWERS)
    table = DL2_PARAMETERS if merged.startswith("dl2") else DL1_PARAMETERS
    assert len(content[table]) > 0


def test_both_sides_of_a_split_have_their_showers(dark_run: tuple[Production, Ended]) -> None:
    sides = [leaves(dark_run[0] / f"{side}.h5")[RUN]["n_showers"] for side in ("train", "test")]
    assert sorted(np.concatenate(sides)) == sorted(SHOWERS.values())
    assert all(len(side) for side in sides)


def test_a_dark_file_is_made_with_its_showers(dark_run: tuple[Production, Ended]) -> None:
    content = leaves(dark_run[0] / "dl1/mixed/dl1_a_dark.h5")
    assert list(content[RUN]["n_showers"]) == [SHOWERS["a_dark"]]
    assert len(content[THROWN]) == 1
    assert DL1_PARAMETERS not in content


def test_a_node_in_which_nothing_triggers_is_named(dark_run: tuple[Production, Ended]) -> None:
    """It can be merged with others, and not be reconstructed."""
    run, ended = dark_run
    assert ended.code not in (0, None)
    merged = run / "dl1_dark.h5"
    assert sorted(leaves(merged)[RUN]["n_showers"]) == sorted(SHOWERS.values())
    assert f"input {merged} has no rows in {DL1_PARAMETERS}" in ended.sentences
    assert "Traceback" not in ended.sentences
    assert (run / "one.fits.gz").exists()
    assert not (run / "dark.fits.gz").exists()
    assert run.left_over() == []


def test_dl1ab_keeps_the_showers(place: Production, dark_run: tuple[Production, Ended]) -> None:
    stages = {
        "dl1ab": [{"input": str(dark_run[0] / "dl1/mixed"), "output": "new"}],
        "merge_dl1": [{"input": "new", "output": "merged.h5", "options": "--no-image"}],
    }
    ended = place.write(config_of(stages), small_lstchain_config()).run()
    assert ended.code == 0, ended.text
    assert sorted(leaves(place / "merged.h5")[RUN]["n_showers"]) == sorted(SHOWERS.values())
    assert rows(place / "merged.h5") == rows(dark_run[0] / "dl1/mixed/dl1_b_lit.h5")


@pytest.mark.slow
def test_ctapipe_keeps_the_showers(place: Production, dark_dl0: Path, dl0: Path) -> None:
    """It merges files of which the first has fewer tables, not the reverse."""
    names = ("mixed", "one", "dark")
    dl1 = [
        {"input": str(dark_dl0 / n), "output": f"dl1/{n}", "options": "--unique-obs-id"}
        for n in names
    ]
    gamma, proton = (samples[0] for samples in (TRAINING_GAMMAS, TRAINING_PROTONS))
    train = {"gamma": gamma, "proton": proton}
    stages = {
        "r0_to_dl1": [
            *dl1,
            *(
                {"input": f"{dl0}/{s.place}", "output": f"dl1/{k}", "options": "--unique-obs-id"}
                for k, s in train.items()
            ),
        ],
        "merge_dl1": [
            {"input": f"dl1/{n}", "output": f"dl1_{n}.h5", "options": "--no-image"}
            for n in (*names, *train)
        ],
        "train_pipe": [{"input": {k: f"dl1_{k}.h5" for k in train}, "output": "models"}],
        "dl1_to_dl2": [
            {"input": f"dl1_{n}.h5", "path_model": "models", "output": "dl2"} for n in names
        ],
        "dl2_to_irfs": [
            {"input": {"gamma_file": f"dl2/dl2_{n}.h5"}, "output": f"{n}.fits.gz"} for n in names
        ],
    }
    ended = written(place, stages, small_ctapipe_config()).run()
    assert ended.code not in (0, None)
    merged = place / "dl1_dark.h5"
    assert f"input {merged} has no rows in /dl1/event/subarray/trigger" in ended.sentences
    for name in ("dl1_mixed.h5", "dl2/dl2_mixed.h5", "dl1_dark.h5"):
        runs = leaves(place / name)["/configuration/simulation/run"]
        assert sorted(runs["n_showers"]) == sorted(SHOWERS.values())
    found, expected = area(place / "mixed.fits.gz"), area(place / "one.fits.gz")
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)
