"""Smoke tests as they are typed: real lstchain, toy data."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from chain_config import config_of
from chain_runs import ROOT, Ended, Production, need_lstchain, small_lstchain_config

pytestmark = pytest.mark.chain

DEMO = ROOT / "production_configs" / "toy_demo" / "lstluigi_config.yml"


def smoke(place: Production, config: Path, *options: str) -> Ended:
    """Type the command."""
    need_lstchain()
    place.where.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "lstluigi.cli", "validate", "--smoke", str(config), *options]
    done = subprocess.run(
        command,
        env={**place.environment, "TMPDIR": str(place.where)},
        cwd=place.where,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout + done.stderr)


def states(text: str) -> dict[str, str]:
    """What was said of each stage."""
    line = re.compile(r"^(\w+) +(ok|failed|not reached) +\d+ of \d+ steps$", re.MULTILINE)
    return dict(line.findall(text))


@pytest.mark.slow
def test_the_demo_passes(place: Production) -> None:
    ended = smoke(place, DEMO)
    assert ended.code == 0, ended.text
    assert set(states(ended.text).values()) == {"ok"}
    assert len(states(ended.text)) == 7
    assert not list(place.where.glob("lstluigi-smoke-*"))


@pytest.mark.slow
def test_a_wrong_option_and_a_misspelt_feature_are_told_with_their_stages(
    place: Production,
) -> None:
    """One config with a fault in each of two branches that need nothing from each other."""
    lstchain = small_lstchain_config()
    lstchain["energy_regression_features"] = ["log_intensity", "widht"]
    merged = {key: f"/before/{key}/dl1_{key}.h5" for key in ("gamma", "proton")}
    stages: Mapping[str, Any] = {
        "merge_dl1": [{"input": "/before/node", "output": "/dl1/m.h5", "options": "--no-picture"}],
        "train_pipe": [{"input": merged, "output": "/models"}],
        "dl1_to_dl2": [{"input": "/dl1/m.h5", "path_model": "/models", "output": "/dl2"}],
    }
    place.write(config_of(stages), lstchain)
    ended = smoke(place, place.config)
    assert ended.code == 2, ended.text
    expected = {"merge_dl1": "failed", "train_pipe": "failed", "dl1_to_dl2": "not reached"}
    assert states(ended.text) == expected
    assert "--no-picture" in ended.text
    assert "widht" in ended.text
    assert "stage train_pipe, step 1" in ended.text
    assert list(place.where.glob("lstluigi-smoke-*"))


def test_a_stage_works_until_its_cleaning_is_misspelt(place: Production) -> None:
    lstchain = small_lstchain_config()
    config = config_of({"r0_to_dl1": [{"input": "/dl0/TestDataset/node", "output": "/dl1/node"}]})
    place.write(config, lstchain)
    ended = smoke(place, place.config)
    assert ended.code == 0, ended.text
    assert states(ended.text) == {"r0_to_dl1": "ok"}
    assert not list(place.where.glob("lstluigi-smoke-*"))

    lstchain["tailcut"]["picture_tresh"] = lstchain["tailcut"].pop("picture_thresh")
    place.write(config, lstchain)
    ended = smoke(place, place.config)
    assert ended.code == 2, ended.text
    assert states(ended.text) == {"r0_to_dl1": "failed"}
    assert "picture_tresh" in ended.text
