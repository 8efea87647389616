"""All-sky configs: paths and options as facts of the trees have them, and graphs without gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_sky import GAMMAS, PROD, PROTONS, TEST, outside, planned, sky

from lstluigi import layouts
from lstluigi.errors import LstluigiError
from lstluigi.layouts import (
    PathConfigAllSkyFull,
    PathConfigAllSkyFullSplitDiffuse,
    PathConfigAllSkyTesting,
    PathConfigAllSkyTestingGammaDiffuse,
    PathConfigAllSkyTraining,
    PathConfigAllSkyTrainingWithSplit,
)

DL0 = "/fefs/aswg/data/mc/DL0/LSTProd2"
LINES = ["dec_2276", "dec_931"]


def places(level: str) -> str:
    return f"/fefs/aswg/data/mc/{level}/AllSky/{PROD}"


def test_training_paths() -> None:
    paths = PathConfigAllSkyTraining(PROD, "dec_931").generate()
    first = paths["r0_to_dl1"][0]
    node = Path(first["output"]).name
    assert first == {
        "input": f"{DL0}/TrainingDataset/GammaDiffuse/dec_931/sim_telarray/{node}/output_v1.4/",
        "output": f"{places('DL1')}/TrainingDataset/GammaDiffuse/dec_931/{node}",
    }
    line = f"{places('DL1')}/TrainingDataset"
    merged = {
        particle: f"{line}/{particle}/dec_931/dl1_{PROD}_train_dec_931_{particle}_merged.h5"
        for particle in ("GammaDiffuse", "Protons")
    }
    assert paths["merge_dl1"] == [
        {
            "input": f"{line}/{particle}/dec_931",
            "output": merged[particle],
            "options": "--pattern */*.h5 --no-image",
            "extra_slurm_options": {"partition": "long", "time": "06:00:00"},
        }
        for particle in ("GammaDiffuse", "Protons")
    ]
    assert paths["train_pipe"] == [
        {
            "input": {"gamma": merged["GammaDiffuse"], "proton": merged["Protons"]},
            "output": f"/fefs/aswg/data/models/AllSky/{PROD}/dec_931",
            "extra_slurm_options": {
                "partition": "xxl",
                "mem": "100G",
                "cpus-per-task": 16,
                "time": "03-00:00:00",
            },
        }
    ]


def test_the_crab_line_gets_more_memory() -> None:
    (training,) = PathConfigAllSkyTraining(PROD, "dec_2276").train_pipe
    assert training["extra_slurm_options"]["mem"] == "160G"
    for line, memory in (("dec_2276", "80GB"), ("dec_931", "60GB")):
        steps = PathConfigAllSkyTesting(PROD, line).dl1_to_dl2
        assert {step["extra_slurm_options"]["mem"] for step in steps} == {memory}


def test_testing_paths(tmp_path: Path) -> None:
    paths = PathConfigAllSkyTesting(PROD, "dec_931", root=sky(tmp_path)).generate()
    node, mc = TEST[0], f"{tmp_path}/mc"
    inner = f"AllSky/{PROD}/TestingDataset/Gamma"
    merged = f"{mc}/DL1/{inner}/dl1_{PROD}_Gamma_test_{node}_merged.h5"
    assert {stage: steps[0] for stage, steps in paths.items()} == {
        "r0_to_dl1": {
            "input": f"{mc}/DL0/LSTProd2/TestDataset/sim_telarray/{node}/output_v1.4/",
            "output": f"{mc}/DL1/{inner}/{node}",
        },
        "merge_dl1": {
            "input": f"{mc}/DL1/{inner}/{node}",
            "output": merged,
            "options": "--no-image",
        },
        "dl1_to_dl2": {
            "input": merged,
            "path_model": f"{tmp_path}/models/AllSky/{PROD}/dec_931",
            "output": f"{mc}/DL2/{inner}/dec_931/{node}",
            "extra_slurm_options": {"mem": "60GB"},
        },
        "dl2_to_irfs": {
            "input": {
                "gamma_file": f"{mc}/DL2/{inner}/dec_931/{node}/"
                f"dl2_{PROD}_Gamma_test_{node}_merged.h5",
                "proton_file": None,
                "electron_file": None,
            },
            "output": f"{mc}/IRF/{inner}/dec_931/{node}/irf_{PROD}_Gamma_dec_931_{node}.fits.gz",
            "options": "--gh-efficiency 0.7 --theta-containment 0.7 --energy-dependent-gh "
            "--energy-dependent-theta --point-like",
            "extra_slurm_options": {"mem": "6GB"},
        },
    }


def test_split_paths(tmp_path: Path) -> None:
    root = sky(tmp_path)
    training = PathConfigAllSkyTrainingWithSplit(PROD, "dec_931", root=root).generate()
    node, dl1 = GAMMAS[0], f"{root}/mc/DL1/AllSky/{PROD}"
    assert training["train_test_split"][0] == {
        "input": f"{dl1}/TrainingDataset/GammaDiffuse/dec_931/{node}",
        "output": {
            "train": f"{dl1}/TrainingDataset/GammaDiffuse/dec_931/{node}/train",
            "test": f"{dl1}/TestingDataset/GammaDiffuse/dec_931/{node}/test",
        },
        "options": {"test_size": 0.5},
    }
    patterns = [step["options"] for step in training["merge_dl1"]]
    assert patterns == ["--pattern */*/*.h5 --no-image", "--pattern */*.h5 --no-image"]
    testing = PathConfigAllSkyTestingGammaDiffuse(PROD, "dec_931", root=root).generate()
    assert testing["merge_dl1"][0] == {
        "input": f"{dl1}/TestingDataset/GammaDiffuse/dec_931/{node}",
        "output": f"{dl1}/TestingDataset/GammaDiffuse/dec_931/"
        f"dl1_{PROD}_GammaDiffuse_test_dec_931_{node}_merged.h5",
        "options": "--pattern */*.h5 --no-image",
        "extra_slurm_options": {"partition": "long", "time": "06:00:00"},
    }
    assert "--point-like" not in testing["dl2_to_irfs"][0]["options"]


def test_layout_until_2024_08(tmp_path: Path) -> None:
    root = sky(tmp_path)
    paths = PathConfigAllSkyFull(PROD, ["dec_931"], root=root, layout="until-2024-08").generate()
    production = f"AllSky/{PROD}"
    dl1 = f"{root}/mc/DL1/{production}"
    node = TEST[0]
    training = f"{dl1}/TrainingDataset/dec_931/GammaDiffuse"
    assert paths["r0_to_dl1"][0]["output"] == f"{training}/{GAMMAS[0]}"
    assert paths["r0_to_dl1"][-2]["output"] == f"{dl1}/TestingDataset/{node}"
    assert paths["merge_dl1"][0] == {
        "input": training,
        "output": f"{training}/dl1_{PROD}_dec_931_GammaDiffuse_merged.h5",
        "options": "--pattern */*.h5 --no-image",
        "extra_slurm_options": {"partition": "long"},
    }
    assert "time" not in paths["train_pipe"][0]["extra_slurm_options"]
    merged = f"{dl1}/TestingDataset/dl1_{PROD}_{node}_merged.h5"
    assert paths["dl1_to_dl2"][0]["input"] == merged
    irf = paths["dl2_to_irfs"][0]
    inner = f"{production}/TestingDataset/dec_931/{node}"
    assert irf["input"]["gamma_file"] == f"{root}/mc/DL2/{inner}/dl2_{PROD}_{node}_merged.h5"
    assert irf["output"] == f"{root}/mc/IRF/{inner}/irf_{PROD}_{node}.fits.gz"
    assert irf["options"] == "--point-like"


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (PathConfigAllSkyTrainingWithSplit, "dec_931"),
        (PathConfigAllSkyTestingGammaDiffuse, "dec_931"),
        (PathConfigAllSkyFullSplitDiffuse, ["dec_931"]),
    ],
)
def test_no_split_until_2024_08(kind: Any, line: Any) -> None:
    with pytest.raises(LstluigiError, match="no place for split diffuse"):
        kind(PROD, line, layout="until-2024-08")


def test_test_nodes_are_made_once_for_all_lines(tmp_path: Path) -> None:
    paths = PathConfigAllSkyFull(PROD, LINES, root=sky(tmp_path)).generate()
    counts = {stage: len(steps) for stage, steps in paths.items()}
    nodes, tests = len(GAMMAS) + len(PROTONS), len(TEST)
    assert counts == {
        "r0_to_dl1": 2 * nodes + tests,
        "merge_dl1": 2 * 2 + tests,
        "train_pipe": 2,
        "dl1_to_dl2": 2 * tests,
        "dl2_to_irfs": 2 * tests,
    }


#: For each class: its arguments, and how many steps read from elsewhere, by stage.
N = len(GAMMAS)
GRAPHS: dict[str, tuple[Any, dict[str, int]]] = {
    "PathConfigAllSkyTraining": ("dec_931", {"r0_to_dl1": 2 * N}),
    "PathConfigAllSkyTrainingWithSplit": ("dec_931", {"r0_to_dl1": 2 * N}),
    "PathConfigAllSkyTesting": ("dec_931", {"r0_to_dl1": 2, "dl1_to_dl2": 2}),
    "PathConfigAllSkyTestingGammaDiffuse": ("dec_931", {"merge_dl1": N, "dl1_to_dl2": N}),
    "PathConfigAllSkyFull": (LINES, {"r0_to_dl1": 4 * N + 2}),
    "PathConfigAllSkyFullSplitDiffuse": (LINES, {"r0_to_dl1": 4 * N + 2}),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_link_is_there(name: str, tmp_path: Path) -> None:
    """Models and what an earlier production has split are all that is read from elsewhere."""
    lines, expected = GRAPHS[name]
    config = getattr(layouts, name)(PROD, lines, root=sky(tmp_path))
    plan = planned(config, tmp_path)
    assert plan.graph.problems == ()
    assert plan.graph.notices == ()
    assert outside(plan) == expected


def test_the_halves_feed_training_and_tests(tmp_path: Path) -> None:
    config = PathConfigAllSkyFullSplitDiffuse(PROD, ["dec_931"], root=sky(tmp_path))
    plan = planned(config, tmp_path)
    stages = [node.step.stage for node in plan.steps]
    splits = {i for i, stage in enumerate(stages) if stage == "train_test_split"}
    assert len(splits) == N
    for index in splits:
        merges = [plan.steps[i].step for i in plan.graph.consumers[index]]
        assert sorted(step.output.count("_train_") for step in merges) == [0, 1]  # type: ignore[union-attr]


def test_names_with_braces_are_names(tmp_path: Path) -> None:
    root = tmp_path / "{x}"
    (step, *_) = PathConfigAllSkyTraining(PROD, "dec_931", root=str(root)).r0_to_dl1
    assert step["input"].startswith(f"{root}/mc/DL0/")


def test_a_line_that_has_no_models_is_told(tmp_path: Path) -> None:
    config = PathConfigAllSkyTesting(PROD, "dec_2267", root=sky(tmp_path))
    config.generate()
    assert any("dec_2267 is none of the lines" in notice for notice in config.notices)


@pytest.mark.parametrize("lines", [[], "", ["a/b"], ["dec_931", ".."], [None]])
def test_lines_that_do_not_fit(lines: Any) -> None:
    with pytest.raises(LstluigiError):
        PathConfigAllSkyFull(PROD, lines)


def test_lines_as_one_text_and_twice() -> None:
    config = PathConfigAllSkyFull(PROD, "dec_931,dec_2276,dec_931")
    assert config.dec_list == ["dec_931", "dec_2276"]
