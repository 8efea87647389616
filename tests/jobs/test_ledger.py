"""The ledger of a step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs.ledger import events, note, submissions


def test_events_come_back_in_order(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "ledger.jsonl")
    note(path, "submitting", array="a", items=["x\ny", "é"])
    note(path, "submitted", job="7")
    first, second = events(path)
    assert first["event"] == "submitting"
    assert first["items"] == ["x\ny", "é"]
    assert second["job"] == "7"
    assert first["time"] <= second["time"]
    assert first["time"].endswith("Z")


def test_jobs_of_another_backend_may_go_on_whatever_a_run_elsewhere_says(tmp_path: Path) -> None:
    """Where there is no Slurm to be asked, a run makes here what Slurm is still making."""
    path = str(tmp_path / "ledger")
    note(path, "submitting", array="a", backend="slurm", chunks={"3": ["x"]})
    note(path, "submitted", array="a", job="7")
    note(path, "detached", backend="slurm")
    note(path, "submitting", array="b", backend="local", chunks={"0": ["x"]})
    note(path, "abandoned", backend="local")
    note(path, "submitting", array="c", backend="local", chunks={"0": ["x"]})
    note(path, "ended", array="c", item="x", state="ok")
    note(path, "done")
    (left,) = submissions(path, "slurm")
    assert (left.array, left.job, left.open) == ("a", "7", {"x": 3})
    assert submissions(path, "local") == []
    note(path, "abandoned", backend="slurm")
    assert submissions(path, "slurm") == []


def test_no_ledger_no_events(tmp_path: Path) -> None:
    assert list(events(str(tmp_path / "ledger"))) == []


@pytest.mark.parametrize("broken", [b'{"event": "subm', b"\xff\xfe", b"[1]\n", b"\n"])
def test_broken_lines_are_passed_over(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "ledger"
    note(str(path), "submitting")
    with path.open("ab") as stream:
        stream.write(broken)
    assert [event["event"] for event in events(str(path))] == ["submitting"]


def test_what_follows_a_broken_line_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b'{"event": "submi')
    note(str(path), "submitting")
    assert [event["event"] for event in events(str(path))] == ["submitting"]


def test_a_ledger_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LstluigiError, match="cannot be written"):
        note(str(tmp_path / "file" / "ledger"), "submitting")


def test_a_ledger_has_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    before = os.umask(0o002)
    try:
        note(str(path), "done")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o664
