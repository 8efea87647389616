"""The task that waits for a job."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.monitor import Job, Monitor
from lstluigi.jobs.task import JobFailed, MonitorHandle, SlurmTask
from lstluigi.jobs.tracking import Progress
from lstluigi.scheduler import offers_handle


class Slow:
    """A monitor whose job ends after some pumps."""

    def __init__(self, pumps: int, outcome: Outcome) -> None:
        self.left, self._outcome = pumps, outcome
        self.queued: list[object] = []
        self.detached = False

    def enqueue(self, job: object) -> None:
        self.queued.append(job)

    def pump(self) -> None:
        self.left -= 1

    def outcome(self, job: object) -> Outcome | None:
        return self._outcome if self.left <= 0 else None

    def progress(self, job: object) -> Progress | None:
        return Progress(1, 0, 4, started=True) if self.queued else None

    def detach(self) -> None:
        self.detached = True


def task(monitor: Slow) -> SlurmTask:
    job = SimpleNamespace(log="/data/a b/job_logs", told=lambda progress: f"{progress.done} done")

    class Task(SlurmTask):
        def monitor(self) -> Monitor:
            return monitor  # type: ignore[return-value]

        def job(self) -> Job:
            return job  # type: ignore[return-value]

    return Task()


def test_run_waits_for_the_end() -> None:
    monitor = Slow(2, Outcome(True))
    task(monitor).run()
    assert monitor.left == 0
    assert len(monitor.queued) == 1


def test_run_raises_where_the_job_failed() -> None:
    with pytest.raises(JobFailed, match="no disk") as caught:
        task(Slow(1, Outcome(False, "no disk"))).run()
    assert isinstance(caught.value, LstluigiError)


def test_the_worker_follows_it_by_a_handle(tmp_path: Path) -> None:
    monitor = Slow(1, Outcome(True))
    waiting = task(monitor)
    assert offers_handle(waiting)
    handle = waiting.handle()
    assert isinstance(handle, MonitorHandle)
    assert monitor.queued == []
    # nothing to show before it is described
    assert (handle.status_message, handle.progress, handle.tracking_url) == (None, None, None)
    handle.start()
    assert handle.poll() is None
    assert handle.status_message == "1 done"
    assert handle.tracking_url == "file:///data/a%20b/job_logs"
    assert handle.progress == 0.25
    waiting.pump()
    assert handle.poll() == Outcome(True)
    handle.detach()
    assert monitor.detached
