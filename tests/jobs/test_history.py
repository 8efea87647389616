"""Jobs of a step as its ledger tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.jobs.ledger import History, note


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return str(tmp_path / "step.ledger.jsonl")


def submit(ledger: str, array: str, *items: str, job: str = "") -> None:
    facts = {"name": f"name.{array}", "directory": "/d", "asked": {"cpus": 2}}
    note(ledger, "submitting", array=array, backend="slurm", chunks={"0": items}, **facts)
    if job:
        note(ledger, "submitted", array=array, job=job)


def items(ledger: str) -> list[dict[str, int]]:
    history = History(ledger)
    history.read_on()
    return [job["items"] for job in history.described]


def test_what_was_asked_and_what_came_of_it(ledger: str) -> None:
    submit(ledger, "a", "x", "y", "z", job="7")
    note(ledger, "ended", array="a", item="x", state="ok")
    note(ledger, "ended", array="a", item="y", state="failed", again=True)
    history = History(ledger)
    assert history.read_on()
    (job,) = history.described
    assert (job["job"], job["array"], job["name"]) == ("7", "a", "name.a")
    assert job["asked"] == {"cpus": 2}
    assert job["items"] == {"ok": 1, "failed": 1, "under way": 1}
    assert list(history.jobs("slurm", under_way=True)) == ["7"]
    assert list(history.jobs("local")) == []


def test_only_what_is_new_is_read(ledger: str) -> None:
    history = History(ledger)
    assert not history.read_on()
    submit(ledger, "a", "x")
    assert history.read_on()
    assert not history.read_on()
    assert list(history.jobs("slurm")) == []
    note(ledger, "submitted", array="a", job="8")
    note(ledger, "ended", array="a", item="x", state="ok")
    with Path(ledger).open("a") as stream:
        stream.write('{"event": "ended", ')  # being written, or left by a run that died
    assert history.read_on()
    note(ledger, "ended", array="a", item="x", state="ok")
    assert history.read_on()
    assert [job["items"] for job in history.described] == [{"ok": 1}]
    assert list(history.jobs("slurm", under_way=True)) == []
    assert list(history.jobs("slurm")) == ["8"]


def test_what_is_submitted_again_is_not_under_way_before(ledger: str) -> None:
    submit(ledger, "a", "x", "y", job="1")
    submit(ledger, "b", "y", job="2")
    note(ledger, "ended", array="a", item="y", state="ok")  # too late
    assert items(ledger) == [{"under way": 1, "gone": 1}, {"under way": 1}]


@pytest.mark.parametrize(
    ("event", "facts", "first", "second"),
    [
        ("refused", {"array": "b"}, "under way", "refused"),
        ("cancelled", {"array": "a"}, "cancelled", "under way"),
        ("abandoned", {}, "stopped", "stopped"),
        ("detached", {}, "under way", "under way"),
        ("done", {}, "gone", "gone"),
    ],
)
def test_ends_without_a_result(
    ledger: str, event: str, facts: dict[str, str], first: str, second: str
) -> None:
    submit(ledger, "a", "x", job="1")
    submit(ledger, "b", "y", job="2")
    note(ledger, event, **facts)
    assert items(ledger) == [{first: 1}, {second: 1}]
