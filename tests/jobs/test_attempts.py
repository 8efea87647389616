"""What became of every item of a step, attempt by attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.jobs.ledger import note, read_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return str(tmp_path / "step.ledger.jsonl")


def submit(ledger: str, array: str, *items: str) -> None:
    asked = {"cpus": 2, "memory_mb": 100, "partition": "long"}
    note(ledger, "submitting", array=array, backend="slurm", chunks={"3": items}, asked=asked)
    note(ledger, "submitted", array=array, job=f"job {array}")


def states(ledger: str) -> list[tuple[str, str]]:
    return [(attempt.item, attempt.state) for attempt in read_ledger(ledger).attempts]


def test_nothing_where_there_is_no_ledger(ledger: str) -> None:
    found = read_ledger(ledger)
    assert (found.attempts, found.broken) == ([], 0)


def test_attempts_with_what_they_used(ledger: str) -> None:
    submit(ledger, "a", "x", "y")
    used = {"wall_s": 2.5, "cpu_s": 2, "max_rss_mb": 90.5, "host": "cp01"}
    note(ledger, "ended", array="a", item="x", state="failed", cause="memory", again=True, **used)
    submit(ledger, "b", "x")
    note(ledger, "ended", array="b", item="x", state="ok", wall_s=0, cpu_s=0, max_rss_mb=0)
    found = read_ledger(ledger)
    assert states(ledger) == [("x", "failed"), ("y", "under way"), ("x", "ok")]
    first, second, third = found.attempts
    assert (first.wall_s, first.cpu_s, first.memory_mb, first.host) == (2.5, 2.0, 90.5, "cp01")
    assert (first.cause, first.again, first.chunk, first.share.job) == ("memory", True, 3, "job a")
    assert first.share.asked is not None
    assert (first.share.asked.cpus, first.share.asked.memory_mb) == (2, 100)
    assert second.open
    assert found.latest["x"] is third
    assert first.measured
    assert not third.measured  # it was there already


def test_an_end_is_that_of_its_own_array(ledger: str) -> None:
    submit(ledger, "a", "x")
    submit(ledger, "b", "x")
    note(ledger, "ended", array="a", item="x", state="ok")
    assert states(ledger) == [("x", "gone"), ("x", "under way")]


@pytest.mark.parametrize(
    ("event", "state"),
    [("refused", "refused"), ("cancelled", "cancelled"), ("abandoned", "stopped")],
)
def test_what_ends_without_a_result(ledger: str, event: str, state: str) -> None:
    submit(ledger, "a", "x")
    note(ledger, event, array="a", message="why")
    assert states(ledger) == [("x", state)]
    assert read_ledger(ledger).message == "why"


def test_a_conclusion_holds_until_something_is_submitted(ledger: str) -> None:
    submit(ledger, "a", "x")
    note(ledger, "failed", message="no file")
    assert read_ledger(ledger).concluded == "failed"
    submit(ledger, "b", "x")
    assert read_ledger(ledger).concluded == ""


def test_broken_lines_are_counted(ledger: str) -> None:
    submit(ledger, "a", "x")
    text = Path(ledger).read_text()
    Path(ledger).write_text(f"{text}garbage\n[1]\n{{'event'\n\n" + '{"event": "ended", "arr')
    assert states(ledger) == [("x", "under way")]
    assert read_ledger(ledger).broken == 4


@pytest.mark.parametrize("value", ["5", None, True, -1, float("nan"), float("inf"), [1]])
def test_what_is_no_measurement_is_none(ledger: str, value: object) -> None:
    submit(ledger, "a", "x")
    note(ledger, "ended", array="a", item="x", state="ok", wall_s=value, cpu_s=value)
    (attempt,) = read_ledger(ledger).attempts
    assert (attempt.wall_s, attempt.cpu_s) == (None, None)


@pytest.mark.parametrize("chunks", [None, [1], {"x": ["a"]}, {"0": "a"}, {"0": None}])
def test_chunks_of_another_form_hold_nothing(ledger: str, chunks: object) -> None:
    note(ledger, "submitting", array="a", backend="slurm", chunks=chunks, asked="?")
    assert states(ledger) == []
