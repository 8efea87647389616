"""How a smoke test is told, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.toy.smoke import SmokeOutcome, StageOutcome, smoke

OK = StageOutcome("r0_to_dl1", 2, 2, 521)
FAILED = StageOutcome("merge_dl1", 2, 1, 331, (("c.yml, line 7", "it failed\n    | why"),))
UNREACHED = StageOutcome("train_pipe", 1, 0, 9)


def test_states() -> None:
    assert [stage.state for stage in (OK, FAILED, UNREACHED)] == ["ok", "failed", "not reached"]
    assert SmokeOutcome((OK,), "", 1.0, "0.12.3", None).ok
    assert not SmokeOutcome((OK, FAILED, UNREACHED), "", 1.0, "0.12.3", None).ok
    assert not SmokeOutcome((), "no toy data", 1.0, "0.12.3", None).ok


def test_a_failure_is_told_with_its_place_and_its_log() -> None:
    lines = list(SmokeOutcome((OK, FAILED, UNREACHED), "", 1.0, "0.12.3", Path("/tmp/x")).lines())
    place = next(i for i, line in enumerate(lines) if "c.yml, line 7: it failed" in line)
    assert lines[place + 1] == "    | why"
    assert "/tmp/x" in lines[-1]
    assert "of 521" in lines[0]


def config(directory: Path, *steps: dict[str, str]) -> Path:
    content = {
        "workflow_kind": "lstchain",
        "prod_id": "p",
        "stages_to_run": ["merge_dl1"],
        "stages": {"merge_dl1": list(steps)},
    }
    path = directory / "config.yml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_config_that_is_refused_is_not_tried(tmp_path: Path) -> None:
    step = {"input": "/dl1/x", "output": "/dl1/dl1_m.h5"}
    with pytest.raises(ConfigError, match="made by merge_dl1 step 2"):
        smoke(config(tmp_path, step, step), where=tmp_path / "place")
    assert os.listdir(tmp_path) == ["config.yml"]


def test_a_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("lstchain")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    path = config(tmp_path, {"input": "/dl1/x", "output": "/dl1/dl1_m.h5"})
    with pytest.raises(LstluigiError, match="there already"):
        smoke(path, where=tmp_path / "mine")
    assert (tmp_path / "mine" / "file").exists()


def test_an_unknown_lstchain_config_is_said(tmp_path: Path) -> None:
    content = {
        "workflow_kind": "lstchain",
        "prod_id": "p",
        "stages_to_run": ["r0_to_dl1"],
        "stages": {"r0_to_dl1": [{"input": "/dl0", "output": "/dl1"}]},
    }
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="lstchain config is not known"):
        smoke(path, where=tmp_path / "place")
