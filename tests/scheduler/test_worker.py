"""The worker, with the scheduler inside the process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, ClassVar

import luigi
import pytest
from luigi.event import Event

from lstluigi.errors import LstluigiError
from lstluigi.scheduler import Outcome, exit_code, install, run_tasks

install()


class Record:
    """What happened in a test."""

    started: ClassVar[list[str]] = []
    polls: ClassVar[int] = 0
    pumps: ClassVar[int] = 0
    in_flight: ClassVar[int] = 0
    most_in_flight: ClassVar[int] = 0
    complete: ClassVar[set[str]] = set()
    outcomes: ClassVar[dict[str, Any]] = {}


@pytest.fixture(autouse=True)
def _fresh_record() -> Iterator[None]:
    Record.started, Record.complete, Record.outcomes = [], set(), {}
    Record.polls = Record.pumps = Record.in_flight = Record.most_in_flight = 0
    luigi.Task._event_callbacks.clear()
    return None


class InstantHandle:
    """Ends at its second poll."""

    @property
    def status_message(self) -> str:
        raise AssertionError("there is no page to show it on, so nobody asks for it")

    progress = tracking_url = status_message

    def __init__(self, task: Step) -> None:
        self.task = task
        self.polled = 0

    def start(self) -> None:
        Record.started.append(self.task.name)
        Record.in_flight += 1
        Record.most_in_flight = max(Record.most_in_flight, Record.in_flight)

    def poll(self) -> Outcome | None:
        Record.polls += 1
        self.polled += 1
        if self.polled < 2:
            return None
        Record.in_flight -= 1
        outcome = Record.outcomes.get(self.task.name, Outcome(True))
        if isinstance(outcome, Exception):
            raise outcome
        if outcome.done:
            Record.complete.add(self.task.name)
        return outcome

    def detach(self) -> None:
        Record.started.append(f"detached {self.task.name}")


def pump() -> None:
    Record.pumps += 1


class Step(luigi.Task):
    name = luigi.Parameter()
    needs = luigi.ListParameter(default=(), significant=False)
    rank = luigi.IntParameter(default=0, significant=False)
    pump = staticmethod(pump)

    @property
    def priority(self) -> int:
        return self.rank

    def requires(self) -> list[luigi.Task]:
        return [Step(name=name) for name in self.needs]

    def complete(self) -> bool:
        return self.name in Record.complete

    def handle(self) -> InstantHandle:
        return InstantHandle(self)


class Star(luigi.WrapperTask):
    count = luigi.IntParameter()

    def requires(self) -> list[luigi.Task]:
        return [Step(name=f"s{i}") for i in range(self.count)]


def run(*tasks: luigi.Task, **options: Any) -> int:
    return exit_code(run_tasks(tasks, local_scheduler=True, **options))


def test_priorities_are_respected() -> None:
    tasks = [Step(name=name, rank=rank) for name, rank in (("a", 0), ("b", 9), ("c", 3))]
    assert run(*tasks, workers=1) == 0
    assert Record.started == ["b", "c", "a"]


def test_a_chain_runs_in_order() -> None:
    assert run(Step(name="last", needs=["first"])) == 0
    assert Record.started == ["first", "last"]


def test_the_number_of_workers_bounds_the_jobs_in_flight() -> None:
    assert run(Star(count=7), workers=3) == 0
    assert Record.most_in_flight == 3


def test_a_failure_stays_a_failure() -> None:
    Record.outcomes["bad"] = Outcome(False, "out of memory")
    assert run(Step(name="last", needs=["bad"]), Step(name="other")) == 30
    assert sorted(Record.started) == ["bad", "other"]


@pytest.mark.parametrize("error", [ValueError("odd"), LstluigiError("wrong")])
def test_an_exception_of_a_handle_fails_its_task_only(error: Exception) -> None:
    Record.outcomes["bad"] = error
    assert run(Step(name="bad"), Step(name="good")) == 30
    assert Record.complete == {"good"}


def test_events_and_hooks_as_under_luigi() -> None:
    seen: list[str] = []
    for event in (Event.START, Event.SUCCESS, Event.PROCESSING_TIME):
        Step.event_handler(event)(lambda *args, event=event: seen.append(event))
    Step.event_handler(Event.FAILURE)(lambda task, error: seen.append(str(error)))
    Record.outcomes["bad"] = Outcome(False, "out of memory")
    run(Step(name="good"))
    assert seen == [Event.START, Event.PROCESSING_TIME, Event.SUCCESS]
    del seen[:]
    run(Step(name="bad"))
    assert seen == [Event.START, "out of memory"]


def test_a_pump_that_the_user_must_mend_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise LstluigiError("sbatch refuses the account 'x'.")

    monkeypatch.setattr(Step, "pump", staticmethod(broken))
    with pytest.raises(SystemExit) as end:
        run(Step(name="a"))
    assert end.value.code == LstluigiError.exit_code
    assert "sbatch refuses the account 'x'." in capsys.readouterr().err
    assert "detached a" in Record.started


def test_a_pump_may_fail_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    def flaky() -> None:
        Record.pumps += 1
        if Record.pumps == 1:
            raise OSError("stale file handle")

    monkeypatch.setattr(Step, "pump", staticmethod(flaky))
    assert run(Step(name="a")) == 0


def calls(count: int) -> int:
    """Return how many Python functions the run of some jobs in flight at once calls."""
    _reset()
    counted = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal counted
        counted += event == "call"

    sys.setprofile(profile)
    try:
        assert run(Star(count=count)) == 0
    finally:
        sys.setprofile(None)
    assert Record.most_in_flight == count
    return counted


def _reset() -> None:
    Record.complete.clear()
    Record.most_in_flight = 0


def test_cost_is_linear_in_the_jobs() -> None:
    # ten times the jobs: ten times the calls, where the square would be a hundred times
    assert calls(2000) < 15 * calls(200)
    assert Record.polls < 5 * 2200


def test_one_pump_serves_all_handles() -> None:
    assert run(Star(count=200)) == 0
    assert Record.pumps < 20
