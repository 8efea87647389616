"""The Slurm backend, with commands that answer as told; tests/slurm has the real Slurm."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lstluigi.jobs.backend import ChunkId, NotNow, SubmissionError
from lstluigi.jobs.ledger import Submission
from lstluigi.jobs.slurm import backend as module
from lstluigi.jobs.slurm.backend import SlurmBackend
from lstluigi.jobs.slurm.commands import Answer
from lstluigi.jobs.slurm.notices import LONG_WAIT
from lstluigi.jobs.slurm.site import Site
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobspec import Array, Chunk, Environment, Item, Partition, Resources, SlurmSettings

DOWN = Answer(1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
TIMED_OUT = Answer(1, "", "sbatch: error: Batch job submission failed: Socket timed out on send")
FULL = Answer(1, "", "sbatch: error: Job violates accounting/QOS policy (job submit limit, ...)")
REFUSED = Answer(1, "", "sbatch: error: Batch job submission failed: Invalid qos specification")
NOTHING = Answer(0, "", "")
DENIED = Answer(1, "", "slurm_load_jobs error: Invalid job id specified")


class Commands:
    """Slurm's commands: each answers what it was told, and notes what it was asked."""

    def __init__(self) -> None:
        self.answers = {"squeue": NOTHING, "sacct": NOTHING, "scancel": NOTHING, "scontrol": DENIED}
        self.asked: list[list[str]] = []
        self.jobs = 100

    def __call__(self, argv: Sequence[str], text: str = "") -> Answer:
        self.asked.append(list(argv))
        if argv[0] == "sbatch" and "sbatch" not in self.answers:
            self.jobs += 1
            return Answer(0, f"{self.jobs}\n", "")
        return self.answers[argv[0]]

    def count(self, command: str) -> int:
        return sum(argv[0] == command for argv in self.asked)

    def queue(self, *rows: str) -> None:
        self.answers["squeue"] = Answer(0, "".join(f"{row}\n" for row in rows), "")

    def account(self, *rows: str) -> None:
        self.answers["sacct"] = Answer(0, "".join(f"{row}\n" for row in rows), "")


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def slurm() -> Commands:
    return Commands()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def made(
    slurm: Commands, accounting: bool = True, site: Site | None = None, **given: Any
) -> SlurmBackend:
    settings = {"latency_s": 60.0, "interval_s": 30.0, **given}
    site = Site("me", accounting=accounting) if site is None else site
    return SlurmBackend(SlurmSettings(**settings), slurm, site)


def array(path: Path, chunks: int = 2, name: str = "run-1") -> Array:
    item = Item("a", (), (), "/scratch", "/a.log")
    chunk = Chunk([item], Resources(), Environment())
    (path / name).mkdir()
    return Array(name, str(path / name), [chunk] * chunks, "merge")


def polled(backend: SlurmBackend) -> dict[ChunkId, JobState]:
    return {chunk: status.state for chunk, status in backend.poll().items()}


def the(backend: SlurmBackend) -> JobStatus:
    (status,) = backend.poll().values()
    return status


# submission


def test_an_array_that_is_taken(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm, throttle=1)
    assert backend.submit(array(tmp_path)) == "101"
    (argv,) = slurm.asked
    assert "--array=0-1%1" in argv
    slurm.queue("101|[0-1%1]|PENDING|Priority||merge.run-1")
    assert polled(backend) == {("run-1", 0): JobState.PENDING, ("run-1", 1): JobState.PENDING}


def test_a_refusal_has_slurms_words(slurm: Commands, tmp_path: Path) -> None:
    slurm.answers["sbatch"] = REFUSED
    backend = made(slurm)
    with pytest.raises(SubmissionError, match="Invalid qos specification"):
        backend.submit(array(tmp_path))
    assert backend.poll() == {}


@pytest.mark.parametrize("silence", [TIMED_OUT, DOWN, NOTHING, Answer(0, "no id\n", "")])
def test_a_submission_without_an_answer_is_looked_up(
    slurm: Commands, tmp_path: Path, clock: Clock, silence: Answer
) -> None:
    slurm.answers["sbatch"] = silence
    backend, one = made(slurm), array(tmp_path)
    with pytest.raises(NotNow):
        backend.submit(one)
    assert slurm.count("sbatch") == 1
    assert slurm.count("squeue") == 0
    slurm.queue(f"77|{one.name}", f"77|{one.name}")
    assert backend.submit(one) == "77"
    assert slurm.count("sbatch") == 1
    assert f"--name={one.name}" in slurm.asked[-1]
    slurm.queue(f"77|[0-1]|PENDING|Priority||{one.name}")
    assert len(backend.poll()) == 2


def test_a_lost_submission_is_made_again_after_some_doubt(
    slurm: Commands, tmp_path: Path, clock: Clock
) -> None:
    slurm.answers["sbatch"] = TIMED_OUT
    backend, one = made(slurm), array(tmp_path)
    with pytest.raises(NotNow):
        backend.submit(one)
    slurm.queue("76|another.array", "N/A|merge.run-1", "75|merge.run-10")
    clock.now += 3600  # nobody has looked yet
    with pytest.raises(NotNow, match="may still arrive"):
        backend.submit(one)
    clock.now += module.DOUBT - 1
    with pytest.raises(NotNow):
        backend.submit(one)
    assert slurm.count("sbatch") == 1
    clock.now += 1
    del slurm.answers["sbatch"]
    assert backend.submit(one) == "101"
    assert slurm.count("sbatch") == 2


def test_a_failed_look_up_says_nothing(slurm: Commands, tmp_path: Path, clock: Clock) -> None:
    slurm.answers["sbatch"] = TIMED_OUT
    backend, one = made(slurm), array(tmp_path)
    slurm.answers["squeue"] = DOWN
    for _ in range(5):
        with pytest.raises(NotNow):
            backend.submit(one)
        clock.now += 3600
    assert slurm.count("sbatch") == 1


def test_a_full_queue_is_waited_for(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path))
    slurm.answers["sbatch"] = FULL
    with pytest.raises(NotNow, match="no more jobs for now"):
        backend.submit(array(tmp_path, name="run-2"))
    del slurm.answers["sbatch"]
    backend.submit(array(tmp_path, name="run-3"))
    assert slurm.count("squeue") == 0  # nothing was in doubt


@pytest.mark.parametrize(
    ("queue", "error"),
    [
        (Answer(0, "5|N/A|RUNNING|None|n1|another run\n", ""), NotNow),
        (DOWN, NotNow),
        (Answer(0, "5|N/A|COMPLETED|None|n1|another run\n", ""), SubmissionError),
        (NOTHING, SubmissionError),
    ],
)
def test_a_limit_that_no_job_explains_is_final(
    slurm: Commands, tmp_path: Path, queue: Answer, error: type[Exception]
) -> None:
    """The message is the same for an array that is larger than the limit."""
    slurm.answers.update(sbatch=FULL, squeue=queue)
    with pytest.raises(error):
        made(slurm).submit(array(tmp_path))


@pytest.mark.parametrize(
    ("profile", "site", "room"),
    [(None, None, None), (10, None, 8), (None, 5, 3), (10, 5, 3), (1, None, 0)],
)
def test_room(
    slurm: Commands, tmp_path: Path, profile: int | None, site: int | None, room: int | None
) -> None:
    backend = made(slurm, site=Site("me", max_jobs=site), max_jobs=profile)
    backend.submit(array(tmp_path))
    assert backend.room() == room


def test_what_the_site_and_its_profile_say(slurm: Commands) -> None:
    site = Site("me", {"long": Partition("long", time_s=3600)}, largest_array=7)
    backend = made(slurm, site=site, gather_s=5.0, longest_interval_s=99.0)
    asked = Resources(options=(("partition", "long"),))
    assert backend.longest(asked) == 3600
    assert backend.width(asked) is None
    assert backend.resources("k", asked, {}) == asked
    assert backend.again(asked, Cause.PREEMPTED, "n1") == asked
    assert (backend.largest_array, backend.gather, backend.longest_interval) == (7, 5.0, 99.0)
    assert backend.survives


# following


def test_states_of_elements(slurm: Commands, tmp_path: Path) -> None:
    backend, one = made(slurm), array(tmp_path, 6)
    backend.submit(one)
    slurm.queue(
        "101|[3-4%2]|PENDING|JobArrayTaskLimit||merge.run-1",
        "101|0|COMPLETED|None|n1|merge.run-1",
        "101|1|TIMEOUT|TimeLimit|n2|merge.run-1",
        "101|2|RUNNING|None|n1|merge.run-1",
        "101|5|STRANGE|None|n1|merge.run-1",
        "999|5|FAILED|None|n1|other",
    )
    found = backend.poll()
    assert {index: status.state for (_, index), status in found.items()} == {
        0: JobState.SUCCEEDED,
        1: JobState.FAILED,
        2: JobState.RUNNING,
        3: JobState.PENDING,
        4: JobState.PENDING,
        5: JobState.UNKNOWN,
    }
    assert found["run-1", 1].cause is Cause.TIME
    assert found["run-1", 1].host == "n2"
    assert polled(backend).keys() == {("run-1", n) for n in (2, 3, 4, 5)}  # ends are told once


@pytest.mark.parametrize("answer", [DOWN, Answer(1, "101|0|FAILED|None|n1|merge.run-1", "")])
def test_a_failed_query_says_nothing(
    slurm: Commands, tmp_path: Path, clock: Clock, answer: Answer
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path))
    slurm.answers["squeue"] = answer
    for _ in range(5):
        clock.now += 3600
        assert backend.poll() == {}
    assert slurm.count("sacct") == 0
    slurm.queue("101|[0-1]|RUNNING|None|n1|merge.run-1")
    assert set(polled(backend).values()) == {JobState.RUNNING}


def test_a_long_silence_is_told(
    slurm: Commands, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path))
    slurm.answers["squeue"] = DOWN
    backend.poll()
    assert caplog.records == []
    clock.now += module.SILENCE + 1
    backend.poll()
    backend.poll()
    assert len(caplog.records) == 1
    assert "Unable to contact slurm controller" in caplog.text


def test_an_id_that_was_given_again_is_another_job(
    slurm: Commands, tmp_path: Path, clock: Clock
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    slurm.queue("101|0|COMPLETED|None|n1|merge.run-7")
    slurm.account("101_0|COMPLETED|0:0|n1|merge.run-7")
    assert backend.poll() == {}
    clock.now += 61
    status = the(backend)
    assert (status.state, status.cause) == (JobState.FAILED, Cause.NODE)


def test_what_waits_for_a_person_is_told_once(
    slurm: Commands, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    slurm.queue("101|0|PENDING|PartitionDown||merge.run-1")
    for _ in range(3):
        assert the(backend).state is JobState.PENDING
        clock.now += LONG_WAIT
    assert len(caplog.records) == 1
    assert "its partition is down" in caplog.text


def test_a_held_launch_failure_is_cancelled(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    slurm.queue("101|0|PENDING|launch failed requeued held||merge.run-1")
    slurm.answers["scancel"] = DOWN
    assert the(backend).state is JobState.PENDING  # released by somebody, it would still run
    slurm.answers["scancel"] = NOTHING
    status = the(backend)
    assert (status.state, status.cause) == (JobState.FAILED, Cause.LAUNCH)
    assert slurm.asked[-1] == ["scancel", "101_[0]"]


@pytest.mark.parametrize("reason", ["AssocGrpCPUMinutesLimit", "ReqNodeNotAvail", "SomethingNew"])
def test_a_reason_is_told_once_after_a_while(
    slurm: Commands, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    backend.submit(array(tmp_path, 1, "run-2"))
    rows = [f"10{n}|0|PENDING|({reason})||merge.run-{n}" for n in (1, 2)]
    for seconds in (0, LONG_WAIT - 1):
        clock.now += seconds
        slurm.queue(*rows)
        backend.poll()
    assert not caplog.records
    for _ in range(3):
        clock.now += 1
        backend.poll()
    assert [reason in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("reason", ["Priority", "Resources", "None", "JobArrayTaskLimit"])
def test_what_is_waited_for_everywhere_is_not_told(
    slurm: Commands, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    slurm.queue(f"101|0|PENDING|{reason}||merge.run-1")
    for _ in range(5):
        clock.now += LONG_WAIT
        backend.poll()
    assert not caplog.records


# jobs that have gone


LISTED = "JobId=101 ArrayJobId=101 ArrayTaskId=0 JobName=merge.run-1 JobState=RUNNING\n"


def test_silence_of_squeue_is_not_an_end(slurm: Commands, tmp_path: Path, clock: Clock) -> None:
    """What the controller knows by its id is neither given up nor sent again by the next run."""
    backend, one = made(slurm), array(tmp_path, 1)
    backend.submit(one)
    slurm.account("101_0|RUNNING|0:0|n1|merge.run-1")
    slurm.answers["scontrol"] = Answer(0, LISTED, "")
    for _ in range(5):
        assert backend.poll() == {}
        clock.now += 1000
    left = Submission("run-1", one.directory, "merge.run-1", "", 0.0, "101", None, {"a": 0})
    assert made(slurm).adopt(left) == {0}
    slurm.answers["scontrol"] = DOWN
    for _ in range(3):
        clock.now += 1000
        assert backend.poll() == {}
    slurm.answers["scontrol"] = DENIED
    assert the(backend).cause is Cause.NODE


def test_hidden_partitions_are_asked_for(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    backend.poll()
    assert all("--all" in argv for argv in slurm.asked if argv[0] in ("squeue", "sinfo"))


def test_what_was_given_up_is_cancelled_when_it_is_known_again(
    slurm: Commands, tmp_path: Path, clock: Clock
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 2))
    slurm.queue("101|1|RUNNING|None|n1|merge.run-1")
    backend.poll()
    clock.now += 61
    assert backend.poll()["run-1", 0].state is JobState.FAILED
    slurm.queue(
        "101|0|PENDING|None||merge.run-1",
        "101|1|RUNNING|None|n1|merge.run-1",
        "102|[0-1]|PENDING|None||merge.run-1",  # sbatch had no answer the first time
        "103|0|COMPLETING|None||merge.run-1",
        "104|0|RUNNING|None||merge.run-9",
    )
    for _ in range(2):
        assert polled(backend) == {("run-1", 1): JobState.RUNNING}
    ended = [argv[1:] for argv in slurm.asked if argv[0] == "scancel"]
    assert ended == [["101_[0]", "102_[0-1]"]]


def test_plain_jobs_where_there_are_no_arrays(slurm: Commands, tmp_path: Path) -> None:
    site = Site("me", arrays=False, largest_array=1)
    backend = made(slurm, site=site)
    assert backend.largest_array == 1
    backend.submit(array(tmp_path, 1))
    slurm.queue("101|N/A|RUNNING|None|n1|merge.run-1")
    assert polled(backend) == {("run-1", 0): JobState.RUNNING}
    backend.cancel([("run-1", 0)])
    assert slurm.asked[-1] == ["scancel", "101"]


@pytest.mark.parametrize("by", ["squeue", "sacct"])
def test_logs_that_no_node_sees(slurm: Commands, tmp_path: Path, by: str) -> None:
    """On one node it may be the node's fault; on two, no try will help."""
    backend = made(slurm)
    for number, cause in ((1, Cause.LAUNCH), (2, Cause.FINAL)):
        backend.submit(array(tmp_path, 1, f"run-{number}"))
        job, name = 100 + number, f"merge.run-{number}"
        slurm.queue(f"{job}|0|FAILED|JobLaunchFailure|n{number}|{name}")
        line = f"JobId={job} ArrayJobId={job} ArrayTaskId=0 JobName={name} JobState=FAILED "
        slurm.answers["scontrol"] = Answer(0, f"{line} ExitCode=0:53\n", "")
        if by == "sacct":
            slurm.queue()
            slurm.account(f"{job}_0|FAILED|0:53|n{number}|{name}")
        status = the(backend)
        assert status.cause is cause
        assert str(tmp_path / f"run-{number}") in status.reason


def test_a_node_that_does_not_see_the_logs(slurm: Commands, tmp_path: Path) -> None:
    """Other jobs have written there, so it is tried elsewhere, however many nodes are blind."""
    backend, one = made(slurm), array(tmp_path, 1, "run-9")
    backend.submit(one)
    finish(one, finished=False, state="running")
    slurm.account("101_0|TIMEOUT|0:0|n1|merge.run-9")
    assert the(backend).cause is Cause.TIME
    for number in (1, 2):
        backend.submit(array(tmp_path, 1, f"run-{number}"))
        slurm.account(f"{101 + number}_0|FAILED|0:53|n{number}|merge.run-{number}")
        assert the(backend).cause is Cause.LAUNCH


def finish(one: Array, index: int = 0, finished: bool = True, **item: Any) -> None:
    items = {"a": {"state": "ok", "reason": "", "rc": 0, "signal": None, **item}}
    Path(one.result(index)).write_text(json.dumps({"finished": finished, "items": items}))


def test_the_result_file_beats_accounting(slurm: Commands, tmp_path: Path) -> None:
    backend, one = made(slurm), array(tmp_path)
    backend.submit(one)
    finish(one, 0)
    finish(one, 1, state="failed", rc=1)
    assert polled(backend) == {("run-1", 0): JobState.SUCCEEDED, ("run-1", 1): JobState.SUCCEEDED}
    assert slurm.count("sacct") == 0


def test_a_stopped_runner_does_not_know_why(slurm: Commands, tmp_path: Path) -> None:
    """SIGTERM comes at the time limit, from a person, or before a node goes down."""
    backend, one = made(slurm), array(tmp_path, 1)
    backend.submit(one)
    finish(one, state="failed", rc=None, signal="SIGTERM")
    slurm.account("101_0|TIMEOUT|0:0|n1|merge.run-1")
    assert the(backend).cause is Cause.TIME


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("TIMEOUT|0:0|n1", Cause.TIME),
        ("OUT_OF_MEMORY|0:125|n1", Cause.MEMORY),
        ("NODE_FAIL|1:0|n1", Cause.NODE),
        ("PREEMPTED|0:0|n1", Cause.PREEMPTED),
        ("CANCELLED by 1000|0:0|None assigned", Cause.CANCELLED),
        ("FAILED|0:53|n1", Cause.LAUNCH),
        ("FAILED|1:0|n1", Cause.LAUNCH),
    ],
)
def test_accounting_says_how_it_ended(
    slurm: Commands, tmp_path: Path, row: str, cause: Cause
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    slurm.account(f"101_0|{row}|merge.run-1")
    status = the(backend)
    assert (status.state, status.cause) == (JobState.FAILED, cause)
    assert status.host == ("" if cause is Cause.CANCELLED else "n1")


@pytest.mark.parametrize("state", ["NODE_FAIL", "PREEMPTED", "REQUEUED"])
def test_accounting_is_not_final_while_squeue_knows_the_job(
    slurm: Commands, tmp_path: Path, state: str
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    slurm.account(f"101_0|{state}|0:0|n1|merge.run-1")
    slurm.queue("101|0|PENDING|BeginTime||merge.run-1")
    assert the(backend).state is JobState.PENDING
    assert slurm.count("sacct") == 0


@pytest.mark.parametrize(
    ("accounting", "answer"),
    [
        (False, NOTHING),
        (True, NOTHING),
        (True, Answer(0, "101_0|RUNNING|0:0|n1|merge.run-1\n", "")),
        (True, Answer(0, "101_0|REQUEUED|0:0|n1|merge.run-1\n", "")),
    ],
)
def test_nothing_is_known_of_it_for_some_time(
    slurm: Commands, tmp_path: Path, clock: Clock, accounting: bool, answer: Answer
) -> None:
    backend = made(slurm, accounting)
    backend.submit(array(tmp_path, 1))
    slurm.answers["sacct"] = answer
    assert backend.poll() == {}
    clock.now += 59
    assert backend.poll() == {}
    clock.now += 1
    status = the(backend)
    assert (status.state, status.cause) == (JobState.FAILED, Cause.NODE)
    assert backend.poll() == {}
    assert accounting == (slurm.count("sacct") > 0)


def test_accounting_that_does_not_answer_says_nothing(
    slurm: Commands, tmp_path: Path, clock: Clock
) -> None:
    """How the job ended is known once it answers again; one that never does is not waited for."""
    backend = made(slurm)
    backend.submit(array(tmp_path, 2))
    slurm.queue("101|1|RUNNING|None|n1|merge.run-1")
    told = "101_0|TIMEOUT|0:0|n1|merge.run-1\n"
    slurm.answers["sacct"] = Answer(1, told, "sacct: error: Problem talking to the database")
    for _ in range(2):
        assert polled(backend) == {("run-1", 1): JobState.RUNNING}
        clock.now += 600
    slurm.account(told)
    assert backend.poll()["run-1", 0].cause is Cause.TIME
    slurm.queue()
    slurm.answers["sacct"] = Answer(1, "", "sacct: error: Problem talking to the database")
    assert polled(backend) == {}
    clock.now += 900
    assert the(backend).cause is Cause.NODE


def test_a_job_that_turns_up_again_was_never_gone(
    slurm: Commands, tmp_path: Path, clock: Clock
) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 1))
    backend.poll()
    slurm.queue("101|0|RUNNING|None|n1|merge.run-1")
    clock.now += 59
    assert the(backend).state is JobState.RUNNING
    slurm.queue()
    clock.now += 59
    assert backend.poll() == {}


def test_a_result_on_its_way_is_waited_for(slurm: Commands, tmp_path: Path, clock: Clock) -> None:
    backend, one = made(slurm, accounting=False), array(tmp_path, 1)
    backend.submit(one)
    finish(one, finished=False, state="running")
    assert backend.poll() == {}
    finish(one)
    assert the(backend).state is JobState.SUCCEEDED


def test_a_damaged_result_says_nothing(slurm: Commands, tmp_path: Path) -> None:
    backend, one = made(slurm), array(tmp_path, 1)
    backend.submit(one)
    Path(one.result(0)).write_text('{"finished": tr')
    assert backend.poll() == {}


def test_sacct_is_asked_for_many_at_once(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm)
    for n in range(450):
        backend.submit(array(tmp_path, 2, f"run-{n}"))
    backend.poll()
    asked = [argv for argv in slurm.asked if argv[0] == "sacct"]
    assert len(asked) == 2
    listed = [word for argv in asked for word in argv if word.startswith("--jobs=")]
    assert sum(len(word.split(",")) for word in listed) == 450


# a bare FAILED


@pytest.mark.parametrize(
    ("reason", "begun", "output", "cause"),
    [
        ("NonZeroExitCode", True, "", Cause.COMMAND),
        ("NonZeroExitCode", False, "lstluigi: this failed: conda activate x", Cause.LAUNCH),
        ("JobLaunchFailure", False, "", Cause.LAUNCH),
        ("JobLaunchFailure", True, "", Cause.MEMORY),
        (
            "JobLaunchFailure",
            True,
            "slurmstepd: error: JobId=1 exceeded memory limit (9 > 5), being killed\nbye",
            Cause.MEMORY,
        ),
        ("NonZeroExitCode", False, "slurmstepd: error: Detected 1 oom-kill event", Cause.MEMORY),
    ],
)
def test_a_bare_failure_is_examined(
    slurm: Commands, tmp_path: Path, reason: str, begun: bool, output: str, cause: Cause
) -> None:
    backend, one = made(slurm), array(tmp_path, 1)
    backend.submit(one)
    if begun:
        finish(one, finished=False, state="running")
    Path(one.output(0)).write_text(output)
    slurm.queue(f"101|0|FAILED|{reason}|n1|merge.run-1")
    status = the(backend)
    assert (status.state, status.cause, status.host) == (JobState.FAILED, cause, "n1")
    assert (output.splitlines()[-1] if output else "") in status.reason


def test_a_kill_in_accounting_is_one_for_memory(slurm: Commands, tmp_path: Path) -> None:
    backend, one = made(slurm), array(tmp_path, 1)
    backend.submit(one)
    finish(one, finished=False, state="running")
    slurm.account("101_0|FAILED|0:9|n1|merge.run-1")
    assert the(backend).cause is Cause.MEMORY


# what an earlier run has left


def earlier(path: Path, job: str = "55") -> Submission:
    return Submission("old-1", str(path), "merge.old-1", "", 0.0, job, {"a": 0})


QUEUE = (
    "55|[3-4]|PENDING|Priority||merge.old-1",
    "55|0|RUNNING|None|n1|merge.old-1",
    "55|1|COMPLETING|None|n1|merge.old-1",
    "55|2|COMPLETED|None|n1|merge.old-1",
    "55|5|STRANGE|None|n1|merge.old-1",
    "56|6|RUNNING|None|n1|merge.old-10",
)


@pytest.mark.parametrize("job", ["55", ""])
def test_an_earlier_run_is_found_again(slurm: Commands, tmp_path: Path, job: str) -> None:
    backend = made(slurm)
    slurm.queue(*QUEUE)
    assert set(backend.adopt(earlier(tmp_path, job))) == {0, 1, 3, 4, 5}
    assert set(backend.adopt(earlier(tmp_path, job))) == {0, 1, 3, 4, 5}
    assert slurm.count("squeue") == 1
    assert {index for _, index in polled(backend)} == {0, 1, 3, 4, 5}


def test_id_and_name_must_be_the_same(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm)
    slurm.queue(*QUEUE)
    assert not backend.adopt(earlier(tmp_path, "56"))
    assert backend.poll() == {}


def test_adoption_needs_an_answer(slurm: Commands, tmp_path: Path, clock: Clock) -> None:
    backend = made(slurm)
    slurm.answers["squeue"] = DOWN
    with pytest.raises(NotNow):
        backend.adopt(earlier(tmp_path))
    slurm.queue(*QUEUE)
    assert backend.adopt(earlier(tmp_path))
    slurm.answers["squeue"] = DOWN
    clock.now += module.FRESH + 1
    with pytest.raises(NotNow):
        backend.adopt(earlier(tmp_path))


# the end


def test_cancelling(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 3))
    backend.submit(array(tmp_path, 1, "run-2"))
    backend.cancel([("run-1", 0), ("run-1", 2), ("run-2", 0), ("run-9", 0)])
    assert slurm.asked[-1] == ["scancel", "101_[0,2]", "102_[0]"]
    slurm.queue("101|[0-2]|RUNNING|None|n1|merge.run-1", "102|0|RUNNING|None|n1|merge.run-2")
    assert polled(backend) == {("run-1", 1): JobState.RUNNING}
    backend.cancel([("run-1", 1)])
    assert backend.detach() == "no job of this run is left in Slurm"


def test_what_could_not_be_cancelled_goes_on(slurm: Commands, tmp_path: Path) -> None:
    backend = made(slurm)
    backend.submit(array(tmp_path, 3))
    slurm.answers["scancel"] = DOWN
    with pytest.raises(NotNow, match="not all jobs could be cancelled"):
        backend.cancel([("run-1", 0)])
    assert backend.detach().startswith("3 job(s) go on in Slurm")
    assert backend.poll() == {}


def test_the_account_of_jobs(slurm: Commands) -> None:
    backend = made(slurm)
    slurm.account("7_0|merge", "7_1|merge")
    lines = list(backend.account(["7"]))
    assert lines[0].startswith("JobID|JobName|Partition")
    assert lines[1:] == ["7_0|merge", "7_1|merge"]
    assert "--jobs=7" in slurm.asked[-1]
    slurm.answers["sacct"] = Answer(1, "", "sacct: error: Problem talking to the database")
    assert "Problem talking to the database" in list(backend.account(["7"]))[1]
    assert "cannot be asked" in next(made(slurm, accounting=False).account(["7"]))
