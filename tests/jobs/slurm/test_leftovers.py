"""Jobs that are not needed any more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from lstluigi.jobs.slurm import leftovers
from lstluigi.jobs.slurm.commands import Answer

DOWN = Answer(1, "", "squeue: error: Unable to contact slurm controller (connect failure)")


def array(directory: Path, name: str, *there: bool) -> None:
    """An array whose elements make a file each, which may be there."""
    (directory / name).mkdir(parents=True)
    for index, made in enumerate(there):
        final = directory / f"{name}-{index}.h5"
        if made:
            final.touch()
        spec = {"chunks": [{"items": [{"products": [{"final": str(final)}]}]}]}
        (directory / name / f"chunk-{index}.spec.json").write_text(json.dumps(spec))


def cancelled(directory: Path, *answers: Answer, run: str = "me-2") -> list[list[str]]:
    """What is called after these answers of squeue, the last of which stays."""
    asked: list[list[str]] = []
    left = list(answers)

    def ask(argv: Sequence[str], text: str = "") -> Answer:
        asked.append(list(argv))
        return (
            (left.pop(0) if len(left) > 1 else left[0])
            if argv[0] == "squeue"
            else Answer(0, "", "")
        )

    leftovers.end_leftovers(str(directory), run, ask)
    return [argv for argv in asked if argv[0] != "squeue"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE", 0.0)
    monkeypatch.setattr(leftovers, "SILENCE", 0.0)


def test_what_is_made_and_what_this_run_has_left(tmp_path: Path) -> None:
    array(tmp_path, "a.b-1-00001", True, True, False)
    array(tmp_path, "me-2-00001", False)
    rows = (
        "10|[0-2%1]|PENDING|None||merge.a.b-1-00001",
        "11|0|RUNNING|None|n1|merge.me-2-00001",
        "12|N/A|RUNNING|None|n1|merge.a.b-1-00001",
        "13|1|COMPLETING|None|n1|merge.a.b-1-00001",
        "14|0|RUNNING|None|n1|merge.other-3-00001",
        "15|N/A|RUNNING|None|n1|lstluigi_prod",
    )
    answer = Answer(0, "\n".join(rows) + "\n", "")
    assert cancelled(tmp_path, answer) == [["scancel", "10_[0-1]", "11_[0]"], ["scancel", "12"]]


def test_what_ends_by_itself_is_let_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE", 60.0)
    monkeypatch.setattr(leftovers, "SILENCE", 60.0)
    monkeypatch.setattr(leftovers, "LOOK", 0.0)
    array(tmp_path, "me-1-00001", True)
    running = Answer(0, "11|0|RUNNING|None|n1|merge.me-1-00001\n", "")
    assert cancelled(tmp_path, DOWN, running, running, Answer(0, "", "")) == []


def test_no_answer_is_no_error(tmp_path: Path) -> None:
    assert cancelled(tmp_path, DOWN) == []
    assert cancelled(tmp_path / "nothing", DOWN) == []


def test_a_spec_that_cannot_be_read_is_no_end(tmp_path: Path) -> None:
    array(tmp_path, "a-1-00001", True)
    (tmp_path / "a-1-00001" / "chunk-0.spec.json").write_text("{")
    assert cancelled(tmp_path, Answer(0, "11|0|RUNNING|None|n1|merge.a-1-00001\n", "")) == []
