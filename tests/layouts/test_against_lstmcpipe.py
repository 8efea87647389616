"""Step by step against lstmcpipe 0.11.5, whose python the variable LSTMCPIPE_PYTHON names."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from small_sky import GAMMAS, PROD, PROTONS, dl1, sky

from lstluigi import layouts

PYTHON = os.environ.get("LSTMCPIPE_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="LSTMCPIPE_PYTHON names no python")

SCRIPT = Path(__file__).with_name("lstmcpipe_paths.py")
SOURCE = "source"
LINES = ["dec_2276", "dec_931"]
ASKED: dict[str, list[Any]] = {
    "PathConfigProd5Trans80": [PROD],
    "PathConfigProd5Trans80DL1ab": [PROD, SOURCE, "zenith_20deg", False],
    "PathConfigAllSkyTraining": [PROD, "dec_2276"],
    "PathConfigAllSkyTrainingWithSplit": [PROD, "dec_931"],
    "PathConfigAllSkyTesting": [PROD, "dec_2276"],
    "PathConfigAllSkyTestingGammaDiffuse": [PROD, "dec_2276"],
    "PathConfigAllSkyFull": [PROD, LINES],
    "PathConfigAllSkyTrainingDL1ab": [PROD, SOURCE, "dec_931"],
    "PathConfigAllSkyTestingDL1ab": [PROD, SOURCE, "dec_931"],
    "PathConfigAllSkyFullDL1ab": [PROD, SOURCE, LINES],
    "PathConfigAllTrainTestDL1b": [PROD, SOURCE, LINES],
    "PathConfigAllSkyFullSplitDiffuse": [PROD, LINES],
}
#: Steps of each stage that only lstluigi makes, and those that only lstmcpipe makes.
DIFFERENT: dict[str, dict[str, tuple[int, int]]] = {
    # off0.0deg no longer in the directories and files of off0.4deg
    "PathConfigProd5Trans80": {
        "train_test_split": (1, 1),
        "merge_dl1": (1, 1),
        "dl2_to_sensitivity": (1, 1),
        "dl2_to_irfs": (1, 1),
    },
    # the same, and halves with images in, halves out and merged, instead of merged files in
    "PathConfigProd5Trans80DL1ab": {
        "dl1ab": (7, 10),
        "merge_dl1": (7, 0),
        "dl2_to_sensitivity": (1, 1),
        "dl2_to_irfs": (1, 1),
    },
    # the training row that was dropped: a node of each particle, for every line
    "PathConfigAllSkyTrainingDL1ab": {"dl1ab": (2, 0)},
    "PathConfigAllSkyFullDL1ab": {"dl1ab": (2 * len(LINES), 0)},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small sky with a source production."""
    root = sky(tmp_path_factory.mktemp("sky"))
    source = layouts.PathConfigAllSkyFull(SOURCE, LINES, root=root)
    dl1(source)
    dl1(source, "merge_dl1")
    return root


@pytest.fixture(scope="module")
def theirs(root: str) -> dict[str, dict[str, list[Any]]]:
    """All that lstmcpipe generates."""
    command = [PYTHON, str(SCRIPT), root, json.dumps(ASKED)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    made: dict[str, dict[str, list[Any]]] = json.loads(done.stdout)
    return made


def counted(steps: list[Any]) -> Counter[str]:
    """Steps, with the words of their options."""
    plain = [step | {"options": words(step.get("options"))} for step in steps]
    return Counter(json.dumps(step, sort_keys=True) for step in plain)


def words(options: Any) -> Any:
    return options.split() if isinstance(options, str) else options


@pytest.mark.parametrize("name", ASKED)
def test_the_same_steps(name: str, root: str, theirs: dict[str, dict[str, list[Any]]]) -> None:
    given = ASKED[name]
    ours = getattr(layouts, name)(*given, root=root).generate()
    expected = theirs[name]
    found = {}
    for stage in dict.fromkeys((*ours, *expected)):
        mine, other = counted(ours.get(stage, [])), counted(expected.get(stage, []))
        if mine != other:
            found[stage] = (sum((mine - other).values()), sum((other - mine).values()))
    assert found == DIFFERENT.get(name, {})


def test_what_lstmcpipe_drops(root: str, theirs: dict[str, dict[str, list[Any]]]) -> None:
    ours = layouts.PathConfigAllSkyTrainingDL1ab(PROD, SOURCE, "dec_931", root=root).dl1ab
    dropped = {step["input"] for step in ours} - {
        step["input"] for step in theirs["PathConfigAllSkyTrainingDL1ab"]["dl1ab"]
    }
    assert {Path(path).name for path in dropped} == {GAMMAS[-1], PROTONS[-1]}
