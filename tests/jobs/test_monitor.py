"""The monitor, with jobs and a backend that do as they are told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, Step, sizes

from lstluigi.jobs.backend import ChunkId, NotNow, State
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import events, submissions
from lstluigi.jobs.monitor import Monitor
from lstluigi.jobs.spec import Environment, Resources


@pytest.fixture
def backend() -> Scripted:
    return Scripted()


@pytest.fixture
def monitor(backend: Scripted, tmp_path: Path) -> Monitor:
    return Monitor(backend, str(tmp_path / "jobs"), "run")


def start(monitor: Monitor, *steps: Step) -> None:
    for step in steps:
        monitor.enqueue(step)
    monitor.pump()


def test_steps_of_one_kind_go_out_as_one_array(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    steps = [Step(tmp_path, name, capacity=4) for name in "abcdef"]
    start(monitor, *steps)
    (array,) = backend.arrays
    assert sizes(array) == [4, 2]
    assert [item.id for chunk in array.chunks for item in chunk.items] == [
        f"{name}0" for name in "abcdef"
    ]
    for index in (0, 1):
        assert json.loads(Path(array.spec(index)).read_text()) == array.as_json(index)
    paths = {path(index) for path in (array.spec, array.result, array.log) for index in (0, 1)}
    assert len(paths) == 6


def test_no_chunk_waits_while_there_is_room(tmp_path: Path) -> None:
    backend = Scripted(width=4)
    monitor = Monitor(backend, str(tmp_path), "run")
    start(monitor, Step(tmp_path, "a", items=10))
    assert sizes(backend.arrays[0]) == [3, 3, 3, 1]
    start(monitor, Step(tmp_path, "b", items=2))
    assert sizes(backend.arrays[1]) == [1, 1]
    start(monitor, Step(tmp_path, "c", items=100, capacity=20))
    assert sizes(backend.arrays[2]) == [20] * 5


@pytest.mark.parametrize(
    "shared",
    [{"resources": Resources(2)}, {"environment": Environment("/x")}, {"kind": "other"}],
)
def test_different_steps_do_not_share(
    monitor: Monitor, backend: Scripted, tmp_path: Path, shared: dict[str, Any]
) -> None:
    start(monitor, Step(tmp_path, "a"), Step(tmp_path, "b", **shared))
    assert len(backend.arrays) == 2
    assert len({array.directory for array in backend.arrays}) == 2


def test_a_step_ends_with_its_last_item(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=3)
    start(monitor, step)
    assert monitor.progress(step) == (0, 3)
    backend.say(State.RUNNING)
    backend.result(a0="ok", a1="running")
    monitor.pump()
    assert monitor.progress(step) == (1, 3)
    assert monitor.outcome(step) is None
    assert step.refreshed > 0
    backend.result(a0="ok", a1="failed", a2="ok")
    backend.say(State.FAILED, reason="its job ended with exit code 1")
    monitor.pump()
    assert monitor.outcome(step) == Outcome(False, "a1 failed")
    assert monitor.progress(step) == (3, 3)


def test_a_step_does_not_wait_for_others_in_its_chunk(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    first, second = Step(tmp_path, "a"), Step(tmp_path, "b")
    start(monitor, first, second)
    assert len(backend.arrays[0].chunks) == 1
    backend.say(State.RUNNING)
    backend.result(a0="ok", b0="running")
    monitor.pump()
    assert monitor.outcome(first) == Outcome(True)
    assert monitor.outcome(second) is None
    backend.say(State.FAILED, reason="its job was ended by SIGKILL")
    monitor.pump()
    assert monitor.outcome(first) == Outcome(True)
    assert monitor.outcome(second) == Outcome(False, "its job was ended by SIGKILL")


@pytest.mark.parametrize("state", [State.PENDING, State.UNKNOWN])
def test_no_answer_is_no_failure(
    monitor: Monitor, backend: Scripted, tmp_path: Path, state: State
) -> None:
    step = Step(tmp_path, "a")
    start(monitor, step)
    for _ in range(3):
        backend.say(state)
        monitor.pump()
    assert monitor.outcome(step) is None


def test_success_without_a_result_is_a_failure(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a")
    start(monitor, step)
    backend.say(State.SUCCEEDED)
    monitor.pump()
    outcome = monitor.outcome(step)
    assert outcome is not None
    assert not outcome.done
    assert "its job never came to it" in outcome.message


def test_what_a_job_had_not_come_to_is_done_all_the_same(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    """One file may take its job along, but not the files behind it."""
    step = Step(tmp_path, "a", items=3)
    start(monitor, step)
    backend.result(a0="ok", a1="running")
    backend.say(State.FAILED, reason="killed")
    monitor.pump()
    assert monitor.outcome(step) is None
    monitor.pump()
    (chunk,) = backend.arrays[1].chunks
    assert [item.id for item in chunk.items] == ["a2"]
    backend.result(array=1, a2="ok")
    backend.say(State.SUCCEEDED, array=1)
    monitor.pump()
    outcome = monitor.outcome(step)
    assert outcome is not None
    assert outcome.message == "killed"


def test_a_damaged_result_file_is_no_success(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a")
    start(monitor, step)
    backend.result(a0="ok")
    Path(backend.arrays[0].result(0)).write_text('{"items": {"a0": {"sta')
    backend.say(State.SUCCEEDED)
    monitor.pump()
    outcome = monitor.outcome(step)
    assert outcome is not None
    assert not outcome.done


def test_a_step_that_cannot_be_described_harms_no_other(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    bad, good = Step(tmp_path, "a"), Step(tmp_path, "b")
    bad.problem = "it is locked"
    start(monitor, bad, good)
    assert monitor.outcome(bad) == Outcome(False, "it is locked")
    assert [item.id for chunk in backend.arrays[0].chunks for item in chunk.items] == ["b0"]


def test_a_step_without_items_concludes_at_once(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=0)
    start(monitor, step)
    assert step.concluded == {}
    assert monitor.outcome(step) == Outcome(True)
    assert backend.arrays == []


def test_a_refused_submission_frees_its_steps(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    steps = [Step(tmp_path, name) for name in "ab"]
    backend.refusal = "no such partition"
    start(monitor, *steps)
    for step in steps:
        assert monitor.outcome(step) == Outcome(False, f"{step.where}: no such partition")
        assert "no such partition" in step.abandoned
        assert step.concluded is None


def test_the_ledger_tells_before_and_after(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=2)
    start(monitor, step)
    backend.result(a0="ok", a1="ok")
    backend.say(State.SUCCEEDED)
    monitor.pump()
    array = backend.arrays[0]
    told = list(events(step.ledger))
    assert [event["event"] for event in told] == ["submitting", "submitted", "ended", "ended"]
    assert told[0]["array"] == array.id
    assert told[0]["directory"] == array.directory
    assert told[0]["chunks"] == {"0": ["a0", "a1"]}
    assert told[1]["job"] == "job1"
    assert {event["item"] for event in told[2:]} == {"a0", "a1"}


def test_the_ledger_knows_of_a_submission_that_was_cut_short(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a")
    backend.refusal = "no"
    start(monitor, step)
    assert next(events(step.ledger))["event"] == "submitting"


def test_one_query_for_all(tmp_path: Path) -> None:
    backend = Scripted()
    backend.interval = backend.longest_interval = 3600.0
    monitor = Monitor(backend, str(tmp_path), "run")
    start(monitor, *[Step(tmp_path, name) for name in "abc"])
    asked = backend.polls
    for _ in range(5):
        monitor.pump()
    assert backend.polls == asked <= 1


def test_nothing_under_way_nothing_asked(monitor: Monitor, backend: Scripted) -> None:
    monitor.pump()
    assert backend.polls == 0


def test_letting_go(
    monitor: Monitor, backend: Scripted, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done, open_ = Step(tmp_path, "a"), Step(tmp_path, "b", kind="other")
    start(monitor, done, open_)
    backend.result(a0="ok")
    backend.say(State.SUCCEEDED)
    monitor.pump()
    monitor.detach()
    monitor.detach()
    assert [record.message for record in caplog.records] == ["let go"]
    assert open_.abandoned == "let go"
    assert done.abandoned == ""
    polls = backend.polls
    monitor.pump()
    assert backend.polls == polls


class Surviving(Scripted):
    """A backend whose jobs go on without the run."""

    survives = True

    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        if self.silent:
            raise NotNow("no answer")
        super().cancel(chunks)


@pytest.mark.parametrize(
    ("cancel", "silent", "said", "told"),
    [
        (False, False, "let go", "detached"),
        (True, False, "1 job(s) were cancelled", "abandoned"),
        (True, True, "let go", "detached"),
    ],
)
def test_what_survives_is_ended_only_if_asked_for(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    cancel: bool,
    silent: bool,
    said: str,
    told: str,
) -> None:
    """What may go on stays open in the ledger, so that the next run finds it."""
    backend, step = Surviving(), Step(tmp_path, "a")
    monitor = Monitor(backend, str(tmp_path / "jobs"), "run", cancel)
    start(monitor, step)
    backend.silent = silent
    monitor.detach()
    array = backend.arrays[0].id
    ended = told == "abandoned"
    assert said in caplog.text
    assert said in step.abandoned
    assert [event["event"] for event in events(step.ledger)][2:] == [told]
    assert backend.cancelled == [(array, 0)] * ended
    left = [one.array for one in submissions(step.ledger, backend.name)]
    assert left == [array] * (not ended)
