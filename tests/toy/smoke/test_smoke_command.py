"""`lstluigi validate --smoke` as typed, with the trial itself replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import lstluigi.toy.smoke
from lstluigi.cli import main
from lstluigi.toy.smoke import SmokeOutcome, StageOutcome

OK = StageOutcome("merge_dl1", 1, 1, 7)
FAILED = StageOutcome("merge_dl1", 1, 0, 7, (("c.yml, line 6", "it failed"),))
TEXT = """workflow_kind: lstchain
prod_id: 20260101_v0.12.3_p
stages_to_run: [merge_dl1]
stages:
  merge_dl1:
  - input: /dl1/x
    output: /dl1/dl1_m.h5
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[StageOutcome], None]:
    def replace(stage: StageOutcome) -> None:
        def trial(config: Path, lstchain: str | None, say: Any, *, keep: bool) -> SmokeOutcome:
            say("smoke: it runs")
            return SmokeOutcome((stage,), "", 1.0, "0.12.3", Path("/kept") if keep else None)

        monkeypatch.setattr(lstluigi.toy.smoke, "smoke", trial)

    return replace


@pytest.mark.parametrize(("stage", "code"), [(OK, 0), (FAILED, 2)])
def test_exit_code(
    config: Path, ends_with: Callable[[StageOutcome], None], stage: StageOutcome, code: int
) -> None:
    ends_with(stage)
    done = CliRunner().invoke(main, ["validate", str(config), "--smoke", "--keep"])
    assert done.exit_code == code
    assert stage.state in done.stdout
    assert "/kept" in done.stdout


def test_as_json(config: Path, ends_with: Callable[[StageOutcome], None]) -> None:
    ends_with(FAILED)
    done = CliRunner().invoke(main, ["validate", str(config), "--smoke", "--json"])
    (told,) = json.loads(done.stdout)
    assert told["smoke"]["ok"] is False
    assert told["smoke"]["stages"][0]["failures"] == [
        {"where": "c.yml, line 6", "message": "it failed"}
    ]
    assert "smoke: it runs" in done.stderr


def test_what_is_refused_is_not_tried(config: Path) -> None:
    config.write_text(TEXT.replace("output", "ouput"))
    done = CliRunner().invoke(main, ["validate", str(config), "--smoke"])
    assert done.exit_code == 2
    assert "smoke: not tried" in done.output


def test_keep_goes_with_smoke(config: Path) -> None:
    done = CliRunner().invoke(main, ["validate", str(config), "--keep"])
    assert done.exit_code == 2
    assert "--keep goes with --smoke" in done.output
