"""The monitor, with jobs and a backend that do as they are told."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, Step, names, sizes

from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import events, note, submissions
from lstluigi.jobs.monitor import Monitor
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobs.tracking import Progress
from lstluigi.jobspec import Environment, Resources, Retries


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
    assert monitor.progress(step) is None
    start(monitor, step)
    assert monitor.progress(step) == Progress(0, 0, 3, started=False)
    backend.say(JobState.RUNNING)
    backend.result(a0="ok", a1="running")
    monitor.pump()
    assert monitor.progress(step) == Progress(1, 0, 3, started=True)
    assert monitor.outcome(step) is None
    assert step.refreshed > 0
    backend.result(a0="ok", a1="failed", a2="ok")
    backend.say(JobState.FAILED, reason="its job ended with exit code 1")
    monitor.pump()
    assert monitor.outcome(step) == Outcome(False, "a1 failed")
    assert monitor.progress(step) == Progress(2, 1, 3, started=True)


def test_what_was_whole_before_counts_as_done(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=1)
    step.found = 3
    start(monitor, step)
    progress = monitor.progress(step)
    assert progress == Progress(3, 0, 4, started=False)
    assert progress.share == 0.75


def test_a_step_does_not_wait_for_others_in_its_chunk(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    first, second = Step(tmp_path, "a"), Step(tmp_path, "b")
    start(monitor, first, second)
    assert len(backend.arrays[0].chunks) == 1
    backend.say(JobState.RUNNING)
    backend.result(a0="ok", b0="running")
    monitor.pump()
    assert monitor.outcome(first) == Outcome(True)
    assert monitor.outcome(second) is None
    backend.say(JobState.FAILED, reason="its job was ended by SIGKILL")
    monitor.pump()
    assert monitor.outcome(first) == Outcome(True)
    assert monitor.outcome(second) == Outcome(False, "its job was ended by SIGKILL")


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.UNKNOWN])
def test_no_answer_is_no_failure(
    monitor: Monitor, backend: Scripted, tmp_path: Path, state: JobState
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
    backend.say(JobState.SUCCEEDED)
    monitor.pump()
    outcome = monitor.outcome(step)
    assert outcome is not None
    assert not outcome.done
    assert "the job ended before it started this file" in outcome.message


def test_what_a_job_had_not_come_to_is_done_all_the_same(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    """One file may take its job along, but not the files behind it."""
    step = Step(tmp_path, "a", items=3)
    start(monitor, step)
    backend.result(a0="ok", a1="running")
    backend.say(JobState.FAILED, reason="killed")
    monitor.pump()
    assert monitor.outcome(step) is None
    monitor.pump()
    (chunk,) = backend.arrays[1].chunks
    assert [item.id for item in chunk.items] == ["a2"]
    backend.result(array=1, a2="ok")
    backend.say(JobState.SUCCEEDED, array=1)
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
    backend.say(JobState.SUCCEEDED)
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
        assert monitor.progress(step) == Progress(0, 1, 1, started=False)


def test_a_refused_retry_fails_its_items_and_no_others(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    backend.retries = Retries(*[1] * 6)
    step = Step(tmp_path, "a", items=2, capacity=1)
    start(monitor, step)
    backend.refusal = "no such node"
    backend.say(JobState.FAILED, 0, 0, reason="killed", cause=Cause.MEMORY)
    for _ in range(3):
        monitor.pump()
    assert monitor.outcome(step) is None, "the other one is still under way"
    backend.result(0, 1, a1="ok")
    backend.say(JobState.SUCCEEDED, 0, 1)
    monitor.pump()
    assert monitor.outcome(step) == Outcome(False, f"{step.where}: no such node")
    assert step.concluded is not None
    assert step.concluded["a1"]["state"] == "ok"


def test_the_ledger_tells_before_and_after(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=2)
    start(monitor, step)
    backend.result(a0="ok", a1="ok")
    backend.say(JobState.SUCCEEDED)
    monitor.pump()
    array = backend.arrays[0]
    told = list(events(step.ledger))
    assert [event["event"] for event in told] == ["submitting", "submitted", "ended", "ended"]
    assert told[0]["array"] == array.id
    assert told[0]["directory"] == array.directory
    assert told[0]["chunks"] == {"0": ["a0", "a1"]}
    assert told[1]["job"] == "job1"
    assert {event["item"] for event in told[2:]} == {"a0", "a1"}


def test_versions_are_noted_where_they_change(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=4)
    start(monitor, step)
    path = Path(backend.arrays[0].result(0))
    backend.result(a0="ok", a1="ok", a2="ok", a3="failed")
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "versions": {"numpy": "2"}}))
    backend.say(JobState.SUCCEEDED)
    monitor.pump()
    assert [event.get("versions") for event in ended(step)] == [{"numpy": "2"}, None, None, None]


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


def test_submissions_bring_no_queries_of_their_own(tmp_path: Path) -> None:
    backend = Scripted()
    backend.interval = backend.longest_interval = 3600.0
    monitor = Monitor(backend, str(tmp_path / "jobs"), "run")
    for number in range(3):
        monitor.enqueue(Step(tmp_path, f"s{number}"))
        monitor.pump()
    assert len(backend.arrays) == 3
    assert backend.polls == 1


def test_nothing_under_way_nothing_asked(monitor: Monitor, backend: Scripted) -> None:
    monitor.pump()
    assert backend.polls == 0


def test_letting_go(
    monitor: Monitor, backend: Scripted, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done, open_ = Step(tmp_path, "a"), Step(tmp_path, "b", kind="other")
    start(monitor, done, open_)
    backend.result(a0="ok")
    backend.say(JobState.SUCCEEDED)
    monitor.pump()
    monitor.detach()
    monitor.detach()
    assert [record.message for record in caplog.records] == ["let go"]
    assert open_.abandoned == "let go"
    assert done.abandoned == ""
    polls = backend.polls
    monitor.pump()
    assert backend.polls == polls


# another try


@pytest.fixture
def patient(backend: Scripted) -> Scripted:
    backend.retries = Retries(memory=2, time=1, node=2, preempted=5, launch=1, command=1)
    return backend


def ended(step: Step) -> list[dict[str, Any]]:
    return [event for event in events(step.ledger) if event["event"] == "ended"]


@pytest.mark.parametrize(
    ("cause", "tries"),
    [
        (Cause.TIME, 2),
        (Cause.NODE, 3),
        (Cause.PREEMPTED, 6),
        (Cause.LAUNCH, 2),
        (Cause.COMMAND, 2),
        (Cause.CANCELLED, 1),
        (Cause.FINAL, 1),
    ],
)
def test_each_cause_has_its_number_of_tries(
    monitor: Monitor, patient: Scripted, tmp_path: Path, cause: Cause, tries: int
) -> None:
    step = Step(tmp_path, "a")
    start(monitor, step)
    while monitor.outcome(step) is None:
        patient.say(JobState.FAILED, len(patient.arrays) - 1, reason="it ended", cause=cause)
        monitor.pump()
        monitor.pump()
    assert len(patient.arrays) == tries
    assert monitor.outcome(step) == Outcome(False, "it ended")
    told = ended(step)
    assert [event["cause"] for event in told] == [cause.value] * tries
    assert [event["again"] for event in told] == [True] * (tries - 1) + [False]


def test_causes_are_counted_each_by_itself(
    monitor: Monitor, patient: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a")
    start(monitor, step)
    causes = [Cause.LAUNCH, Cause.NODE, Cause.TIME, Cause.NODE, Cause.COMMAND]
    for cause in causes:
        patient.say(JobState.FAILED, len(patient.arrays) - 1, cause=cause)
        monitor.pump()
        monitor.pump()
    assert len(patient.arrays) == len(causes) + 1
    patient.result(len(causes), a0="ok")
    patient.say(JobState.SUCCEEDED, len(causes))
    monitor.pump()
    assert monitor.outcome(step) == Outcome(True)


def test_what_lacked_memory_is_alone_and_its_neighbours_get_more_together(
    monitor: Monitor, patient: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=5)
    start(monitor, step)
    patient.result(a0="ok", a1="running")
    patient.say(JobState.FAILED, cause=Cause.MEMORY)
    monitor.pump()
    monitor.pump()
    again = {tuple(chunk): array for array in patient.arrays[1:] for chunk in names(array)}
    assert again.keys() == {("a1",), ("a2", "a3", "a4")}
    assert again["a1",].resources.memory_mb == 200  # twice the usual
    assert again["a2", "a3", "a4"].resources.memory_mb == 200  # or each would be killed in turn
    assert [event["again"] for event in ended(step)] == [False, True, True, True, True]


def test_what_a_job_has_tried_twice_is_told(
    monitor: Monitor, backend: Scripted, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Files that crashed by a damaged cache of compiled code, and were done without it."""
    step = Step(tmp_path, "a", items=2)
    start(monitor, step)
    backend.result(a0="ok", a1="ok")
    (path,) = (array.result(0) for array in backend.arrays)
    content = json.loads(Path(path).read_text())
    content["items"]["a1"]["again"] = "killed by SIGSEGV; with a cache of its own"
    Path(path).write_text(json.dumps(content))
    backend.say(JobState.SUCCEEDED)
    with caplog.at_level("INFO"):
        monitor.pump()
    (said,) = (r.getMessage() for r in caplog.records if "once more" in r.getMessage())
    assert said.endswith("(killed by SIGSEGV; with a cache of its own)")
    assert "files" not in said  # one


def test_the_innocent_are_not_counted(monitor: Monitor, patient: Scripted, tmp_path: Path) -> None:
    """Each time another one takes the chunk along, for a cause that allows no second try."""
    patient.retries = Retries(*[0] * 6)
    step = Step(tmp_path, "a", items=4)
    start(monitor, step)
    for n in range(3):
        patient.result(n, **{f"a{n}": "running"})
        patient.say(JobState.FAILED, n, reason="killed", cause=Cause.NODE)
        monitor.pump()
        monitor.pump()
    patient.result(3, a3="ok")
    patient.say(JobState.SUCCEEDED, 3)
    monitor.pump()
    assert monitor.outcome(step) == Outcome(False, "killed; killed; killed")


def test_a_cancelled_chunk_is_over_for_all(
    monitor: Monitor, patient: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=3)
    start(monitor, step)
    patient.result(a0="ok", a1="running")
    patient.say(JobState.FAILED, reason="cancelled", cause=Cause.CANCELLED)
    monitor.pump()
    assert monitor.outcome(step) == Outcome(False, "cancelled; cancelled")
    assert len(patient.arrays) == 1


def test_no_more_memory_is_to_be_had(monitor: Monitor, patient: Scripted, tmp_path: Path) -> None:
    step = Step(tmp_path, "a", resources=Resources(1, 600))
    start(monitor, step)
    patient.say(JobState.FAILED, reason="memory", cause=Cause.MEMORY)
    monitor.pump()
    assert monitor.outcome(step) == Outcome(False, "memory")


def test_the_node_is_the_backends_word(monitor: Monitor, patient: Scripted, tmp_path: Path) -> None:
    """A node that nobody has named must not be excluded as 'None'."""
    step = Step(tmp_path, "a")
    start(monitor, step)
    for array, host in enumerate(("", "n7")):
        patient.say(JobState.FAILED, array, cause=Cause.NODE, host=host)
        monitor.pump()
        monitor.pump()
    assert [host for _, _, host in patient.asked_again] == ["", "n7"]


def test_a_try_of_one_step_harms_no_other(
    monitor: Monitor, patient: Scripted, tmp_path: Path
) -> None:
    bad, good = Step(tmp_path, "a"), Step(tmp_path, "b")
    start(monitor, bad, good)
    patient.result(a0="running")
    patient.say(JobState.FAILED, cause=Cause.TIME)
    monitor.pump()
    monitor.pump()
    for n, array in enumerate(patient.arrays[1:], 1):
        for chunk, (item,) in enumerate(names(array)):
            patient.result(n, chunk, **{item: "ok"})
            patient.say(JobState.SUCCEEDED, n, chunk)
    monitor.pump()
    assert monitor.outcome(bad) == monitor.outcome(good) == Outcome(True)


# files that are seen late


@pytest.fixture
def late(backend: Scripted, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A file system that shows files 60 s later; the clock."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    backend.latency = 60.0
    return now


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED])
def test_results_may_be_late(
    monitor: Monitor, backend: Scripted, tmp_path: Path, late: list[float], state: JobState
) -> None:
    """A job that failed has results, too: what it had done need not be done again."""
    step = Step(tmp_path, "a", items=2)
    start(monitor, step)
    backend.result(a0="ok", a1="running")
    backend.say(state)
    monitor.pump()
    late[0] += 59
    monitor.pump()
    assert monitor.outcome(step) is None
    backend.result(a0="ok", a1="ok")
    monitor.pump()
    assert monitor.outcome(step) == Outcome(True)


def test_results_are_not_waited_for_for_ever(
    monitor: Monitor, backend: Scripted, tmp_path: Path, late: list[float]
) -> None:
    step = Step(tmp_path, "a")
    start(monitor, step)
    backend.say(JobState.SUCCEEDED)
    monitor.pump()
    late[0] += 60
    monitor.pump()
    outcome = monitor.outcome(step)
    assert outcome is not None
    assert not outcome.done


def test_results_that_are_there_are_not_waited_for(
    monitor: Monitor, backend: Scripted, tmp_path: Path, late: list[float]
) -> None:
    step = Step(tmp_path, "a", items=2)
    start(monitor, step)
    backend.result(a0="ok", a1="failed")
    backend.say(JobState.FAILED)
    monitor.pump()
    assert monitor.outcome(step) == Outcome(False, "a1 failed")


def test_products_may_be_late(
    monitor: Monitor, backend: Scripted, tmp_path: Path, late: list[float]
) -> None:
    soon, never = Step(tmp_path, "a", kind="a"), Step(tmp_path, "b", kind="b")
    soon.seen = never.seen = False
    start(monitor, soon, never)
    for n, item in enumerate(("a0", "b0")):
        backend.result(n, **{item: "ok"})
        backend.say(JobState.SUCCEEDED, n)
    monitor.pump()
    late[0] += 59
    monitor.pump()
    assert soon.concluded is never.concluded is None
    soon.seen = True
    monitor.pump()
    assert monitor.outcome(soon) == Outcome(True)
    assert never.concluded is None
    late[0] += 1
    monitor.pump()
    assert never.concluded is not None  # and says itself what is missing


# the end of a run whose jobs go on


@pytest.fixture
def lasting(backend: Scripted) -> Scripted:
    backend.survives = True
    return backend


def test_ledgers_of_jobs_that_go_on_stay_open(
    monitor: Monitor, lasting: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a", items=2)
    start(monitor, step)
    lasting.say(JobState.RUNNING)
    lasting.result(a0="ok", a1="running")
    monitor.pump()
    monitor.detach()
    assert step.abandoned == "let go"
    assert [event["event"] for event in events(step.ledger)][-1] == "detached"
    (left,) = submissions(step.ledger, "scripted")
    assert left.array == lasting.arrays[0].id
    assert lasting.cancelled == []


def test_jobs_that_end_with_the_run_are_forgotten(
    monitor: Monitor, backend: Scripted, tmp_path: Path
) -> None:
    step = Step(tmp_path, "a")
    note(step.ledger, "submitting", backend="another", array="old", chunks={"0": ["a0"]})
    start(monitor, step)
    monitor.detach()
    assert submissions(step.ledger, "scripted") == []
    assert len(submissions(step.ledger, "another")) == 1


def test_cancelling_ends_all_and_forgets_them(lasting: Scripted, tmp_path: Path) -> None:
    monitor = Monitor(lasting, str(tmp_path / "jobs"), "run", cancel=True)
    step, done = Step(tmp_path, "a", items=2, capacity=1), Step(tmp_path, "b", kind="b")
    start(monitor, step, done)
    lasting.result(1, b0="ok")
    lasting.say(JobState.SUCCEEDED, 1)
    monitor.pump()
    monitor.detach()
    array = lasting.arrays[0]
    assert set(lasting.cancelled) == {(array.id, 0), (array.id, 1)}
    assert submissions(step.ledger, "scripted") == []
    assert done.abandoned == ""


def test_what_could_not_be_cancelled_is_not_forgotten(lasting: Scripted, tmp_path: Path) -> None:
    monitor = Monitor(lasting, str(tmp_path / "jobs"), "run", cancel=True)
    step = Step(tmp_path, "a")
    start(monitor, step)
    lasting.silent = True
    monitor.detach()
    assert step.abandoned
    assert len(submissions(step.ledger, "scripted")) == 1


def test_jobs_that_were_not_looked_up_are_not_forgotten(lasting: Scripted, tmp_path: Path) -> None:
    """They go on: cancelling has not reached them."""
    step = Step(tmp_path, "a")
    note(step.ledger, "submitting", backend="scripted", array="old", chunks={"0": ["a0"]})
    note(step.ledger, "submitted", array="old", job="7")
    monitor = Monitor(lasting, str(tmp_path / "jobs"), "run", cancel=True)
    lasting.silent = True
    start(monitor, step)
    lasting.silent = False
    monitor.detach()
    assert step.abandoned
    (left,) = submissions(step.ledger, "scripted")
    assert left.array == "old"


def test_a_step_whose_products_are_not_seen_yet_is_let_go(
    monitor: Monitor, lasting: Scripted, tmp_path: Path, late: list[float]
) -> None:
    step = Step(tmp_path, "a")
    step.seen = False
    start(monitor, step)
    lasting.result(a0="ok")
    lasting.say(JobState.SUCCEEDED)
    monitor.pump()
    monitor.detach()
    assert step.abandoned == "let go"  # or its lock would stay
    assert step.concluded is None


def test_two_steps_of_an_earlier_chunk_are_followed_together(
    monitor: Monitor, lasting: Scripted, tmp_path: Path
) -> None:
    steps = [Step(tmp_path, name) for name in "ab"]
    for step in steps:
        chunks = {"0": [step.items[0].id]}
        facts = {"backend": "scripted", "array": "old", "directory": str(tmp_path / "old")}
        note(step.ledger, "submitting", chunks=chunks, **facts)
        note(step.ledger, "submitted", array="old", job="7")
    lasting.alive = {"old": {0}}
    start(monitor, *steps)
    assert lasting.arrays == []
    assert monitor.progress(steps[0]) == Progress(0, 0, 1, started=False)
    (tmp_path / "old").mkdir()
    items = {f"{name}0": {"state": "ok", "rc": 0, "signal": None} for name in "ab"}
    (tmp_path / "old" / "chunk-0.json").write_text(json.dumps({"items": items}))
    lasting.answers["old", 0] = JobStatus(JobState.SUCCEEDED)
    monitor.pump()
    assert [monitor.outcome(step) for step in steps] == [Outcome(True)] * 2
