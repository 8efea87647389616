"""Configs that start from another production's DL1: what is missing leaves, and only that."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from small_sky import GAMMAS, PROD, PROTONS, TEST, dl1, names, outside, planned, simtel, sky

from lstluigi.errors import LstluigiError
from lstluigi.layouts import (
    PathConfigAllSkyFull,
    PathConfigAllSkyFullDL1ab,
    PathConfigAllSkyTestingDL1ab,
    PathConfigAllSkyTrainingDL1ab,
    PathConfigAllTrainTestDL1b,
    PathConfigProd5Trans80DL1ab,
)

SOURCE = "20260101_v0.12.3_base"
LINES = ["dec_2276", "dec_931"]
#: By rising altitude, so the last row is the node nearest to the zenith.
LAST = GAMMAS[-1], PROTONS[-1]


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A small sky with a source production that is whole."""
    root = sky(tmp_path)
    source = PathConfigAllSkyFull(SOURCE, LINES, root=root)
    dl1(source)
    dl1(source, "merge_dl1")
    return root


def production(root: str) -> Path:
    return Path(root, "mc/DL1/AllSky", SOURCE)


def told(config: Any, word: str) -> list[str]:
    return [notice for notice in config.notices if word in notice]


def test_every_node_of_a_whole_source_is_there(root: str) -> None:
    """Fault A of lstmcpipe: its last training row, the one nearest to the zenith, was dropped."""
    config = PathConfigAllSkyTrainingDL1ab(PROD, SOURCE, "dec_931", root=root)
    paths = config.generate()
    assert list(paths) == ["dl1ab", "merge_dl1", "train_pipe"]
    assert names(step["output"] for step in paths["dl1ab"]) == [*GAMMAS, *PROTONS]
    assert paths["dl1ab"][0] == {
        "input": f"{root}/mc/DL1/AllSky/{SOURCE}/TrainingDataset/GammaDiffuse/dec_931/{GAMMAS[0]}",
        "output": f"{root}/mc/DL1/AllSky/{PROD}/TrainingDataset/GammaDiffuse/dec_931/{GAMMAS[0]}",
    }
    assert not told(config, "production lacks")


def test_just_the_missing_training_node_leaves(root: str) -> None:
    gone = production(root) / "TrainingDataset/Protons/dec_931" / PROTONS[0]
    shutil.rmtree(gone)
    config = PathConfigAllSkyFullDL1ab(PROD, SOURCE, LINES, root=root)
    steps = [step["output"] for step in config.generate()["dl1ab"]]
    lines = {line: [path for path in steps if f"/{line}/" in path] for line in LINES}
    assert names(lines["dec_2276"]) == [*GAMMAS, *PROTONS]
    assert names(lines["dec_931"]) == [*GAMMAS[1:], *PROTONS[1:]]
    assert len(steps) == 6 + 4 + len(TEST)
    (notice,) = told(config, "production lacks")
    assert notice.startswith(f"{GAMMAS[0]} and {PROTONS[0]} are left out: ")
    assert str(gone) in notice


def test_of_many_missing_nodes_some_are_named(root: str) -> None:
    more = [f"node_theta_{zenith}.000_az_180.000_" for zenith in range(60, 70)]
    simtel(Path(root), "TestDataset", more)
    config = PathConfigAllSkyTestingDL1ab(PROD, SOURCE, "dec_931", root=root)
    assert len(config.generate()["dl1ab"]) == len(TEST)
    (notice,) = told(config, "production lacks")
    assert notice.startswith("10 nodes of TestingDataset are left out: the source production lacks")
    assert notice.count("node_theta") == 3


def test_just_the_missing_test_node_leaves(root: str) -> None:
    gone = production(root) / "TestingDataset/Gamma" / TEST[0]
    (gone / "dl1_run0.h5").unlink()
    config = PathConfigAllSkyTestingDL1ab(PROD, SOURCE, "dec_931", root=root)
    paths = config.generate()
    assert {stage: len(steps) for stage, steps in paths.items()} == {
        "dl1ab": 1,
        "merge_dl1": 1,
        "dl1_to_dl2": 1,
        "dl2_to_irfs": 1,
    }
    assert names(step["output"] for step in paths["dl1ab"]) == [TEST[1]]
    (notice,) = told(config, "production lacks")
    assert f"{gone}/*.h5" in notice


def test_unchecked_all_stay(root: str) -> None:
    shutil.rmtree(production(root))
    config = PathConfigAllSkyFullDL1ab(PROD, SOURCE, LINES, run_checker=False, root=root)
    assert len(config.generate()["dl1ab"]) == 2 * 6 + len(TEST)
    assert not told(config, SOURCE)


def test_off_the_cluster_all_stay_and_it_is_told(tmp_path: Path) -> None:
    config = PathConfigAllSkyFullDL1ab(PROD, SOURCE, ["dec_2276"], root=str(tmp_path))
    assert len(config.generate()["dl1ab"]) == 2 * 19 + 105
    assert len(told(config, f"{SOURCE} was not looked at")) == 1


def test_a_source_without_any_node(root: str) -> None:
    Path(root, "mc/DL1/AllSky/other").mkdir()
    config = PathConfigAllSkyTrainingDL1ab(PROD, "other", "dec_931", root=root)
    with pytest.raises(LstluigiError, match="'other' has no node of TrainingDataset") as caught:
        config.generate()
    assert "source_layout=until-2024-08" in str(caught.value)


def test_a_source_in_the_older_layout(tmp_path: Path) -> None:
    root = sky(tmp_path)
    dl1(PathConfigAllSkyFull(SOURCE, LINES, root=root, layout="until-2024-08"))
    config = PathConfigAllSkyTrainingDL1ab(
        PROD, SOURCE, "dec_931", source_layout="until-2024-08", root=root
    )
    step = config.generate()["dl1ab"][0]
    assert f"{SOURCE}/TrainingDataset/dec_931/GammaDiffuse/" in step["input"]
    assert f"{PROD}/TrainingDataset/GammaDiffuse/dec_931/" in step["output"]


def test_training_and_dl2_from_merged_files(root: str) -> None:
    paths = PathConfigAllTrainTestDL1b(PROD, SOURCE, ["dec_931"], root=root).generate()
    assert {stage: len(steps) for stage, steps in paths.items()} == {
        "train_pipe": 1,
        "dl1_to_dl2": len(TEST),
    }
    mc = f"{root}/mc/DL1/AllSky/{SOURCE}"
    gammas = f"{mc}/TrainingDataset/GammaDiffuse/dec_931"
    assert (
        paths["train_pipe"][0]["input"]["gamma"]
        == f"{gammas}/dl1_{SOURCE}_train_dec_931_GammaDiffuse_merged.h5"
    )
    assert paths["dl1_to_dl2"][0] == {
        "input": f"{mc}/TestingDataset/Gamma/dl1_{SOURCE}_Gamma_test_{TEST[0]}_merged.h5",
        "path_model": f"{root}/models/AllSky/{PROD}/dec_931",
        "output": f"{root}/mc/DL2/AllSky/{PROD}/TestingDataset/Gamma/dec_931/{TEST[0]}",
        "extra_slurm_options": {"mem": "60GB"},
    }


def test_just_the_line_without_merged_files_leaves(root: str) -> None:
    training = production(root) / "TrainingDataset/Protons/dec_2276"
    (merged,) = training.glob("*_merged.h5")
    merged.unlink()
    config = PathConfigAllTrainTestDL1b(PROD, SOURCE, LINES, root=root)
    paths = config.generate()
    assert config.dec_list == ["dec_931"]
    assert names(step["output"] for step in paths["train_pipe"]) == ["dec_931"]
    assert len(paths["dl1_to_dl2"]) == len(TEST)
    (notice,) = told(config, "production lacks")
    assert notice.startswith("dec_2276")
    assert str(merged) in notice
    everything = PathConfigAllTrainTestDL1b(PROD, SOURCE, LINES, run_checker=False, root=root)
    assert everything.dec_list == LINES
    with pytest.raises(LstluigiError, match=r"no line is left.*source_layout=until-2024-08"):
        PathConfigAllTrainTestDL1b(PROD, SOURCE, ["dec_2276"], root=root)


def test_just_the_test_node_without_merged_file_leaves(root: str) -> None:
    (
        production(root) / f"TestingDataset/Gamma/dl1_{SOURCE}_Gamma_test_{TEST[1]}_merged.h5"
    ).unlink()
    config = PathConfigAllTrainTestDL1b(PROD, SOURCE, LINES, root=root)
    assert names(step["output"] for step in config.generate()["dl1_to_dl2"]) == [TEST[0]] * 2
    assert len(told(config, "production lacks")) == 1


N, T = len(GAMMAS) + len(PROTONS), len(TEST)


@pytest.mark.parametrize(
    ("kind", "lines", "expected"),
    [
        (PathConfigAllSkyTrainingDL1ab, "dec_931", {"dl1ab": N}),
        (PathConfigAllSkyTestingDL1ab, "dec_931", {"dl1ab": T, "dl1_to_dl2": T}),
        (PathConfigAllSkyFullDL1ab, LINES, {"dl1ab": 2 * N + T}),
        (PathConfigAllTrainTestDL1b, LINES, {"train_pipe": 2, "dl1_to_dl2": 2 * T}),
    ],
)
def test_only_the_source_is_read_from_elsewhere(
    kind: Any, lines: Any, expected: dict[str, int], root: str, tmp_path: Path
) -> None:
    plan = planned(kind(PROD, SOURCE, lines, root=root), tmp_path)
    assert plan.graph.problems == ()
    assert plan.graph.notices == ()
    assert outside(plan) == expected


def test_a_source_named_as_no_directory_can_be() -> None:
    with pytest.raises(LstluigiError, match="the source_prod_id does not fit"):
        PathConfigAllSkyFullDL1ab(PROD, "../base", LINES)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (PathConfigAllSkyTrainingDL1ab, "mc/DL1/AllSky"),
        (
            PathConfigProd5Trans80DL1ab,
            "mc/DL1/20200629_prod5_trans_80/gamma-diffuse/zenith_20deg/south_pointing",
        ),
    ],
)
def test_a_source_that_is_misspelt_is_told_with_the_one_that_is_there(
    tmp_path: Path, kind: Any, place: str
) -> None:
    (tmp_path / place / "src_prod").mkdir(parents=True)
    line = {"dec": "dec_931"} if "AllSky" in place else {}
    for wrong, mend in (("src_prid", "write 'src_prod'"), ("other", "name one that is there")):
        with pytest.raises(LstluigiError, match=rf"'{wrong}' is not in .*; {mend}"):
            kind("p", wrong, **line, root=str(tmp_path), nodes="catalogue").generate()
