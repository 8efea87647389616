"""The Luigi task whose work is jobs: on Slurm, or on whatever the backend is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import luigi

from lstluigi.jobs.handle import JobFailed, Outcome
from lstluigi.jobs.monitor import Job, Monitor

#: How often a task that waits by itself looks at its jobs (s).
LOOK = 0.1


class MonitorHandle:
    """A job under way, in the place of the process that Luigi would start for its task."""

    def __init__(self, monitor: Monitor, job: Job) -> None:
        self._monitor, self._job = monitor, job

    def start(self) -> None:
        """Enqueue the job; never blocks."""
        self._monitor.enqueue(self._job)

    def poll(self) -> Outcome | None:
        """How the job ended; None while it has not."""
        return self._monitor.outcome(self._job)

    def detach(self) -> None:
        """Stop following: the monitor lets go of all jobs at once."""
        self._monitor.detach()

    @property
    def progress(self) -> float | None:
        """Share of the job's items that have ended, 0 to 1; None before it is described."""
        progress = self._monitor.progress(self._job)
        return None if progress is None else progress.share

    @property
    def status_message(self) -> str | None:
        """How far the job has come, in words; None before it is described."""
        progress = self._monitor.progress(self._job)
        return None if progress is None else self._job.told(progress)

    @property
    def tracking_url(self) -> str | None:
        """Where the job's log is, or will be; None before it is described."""
        begun = self._monitor.progress(self._job) is not None
        return Path(self._job.log).as_uri() if begun else None


class SlurmTask(luigi.Task):  # type: ignore[misc]
    """A task that describes a job, has it run by a backend, and waits without holding a process.

    Under lstluigi's worker the task is followed through its `handle`; under any other worker
    `run` submits and waits by itself.
    """

    def monitor(self) -> Monitor:
        """The monitor of the run."""
        raise NotImplementedError

    def job(self) -> Job:
        """What the task wants done."""
        raise NotImplementedError

    def handle(self) -> MonitorHandle:
        """A handle on the task's job, not started."""
        return MonitorHandle(self.monitor(), self.job())

    @property
    def pump(self) -> Callable[[], bool]:
        """Submits and asks for all handles of the run."""
        return self.monitor().pump

    def run(self) -> None:
        """Submit, wait, raise `JobFailed` where it failed."""
        handle = self.handle()
        handle.start()
        while (outcome := handle.poll()) is None:
            self.pump()
            time.sleep(LOOK)
        if not outcome.done:
            raise JobFailed(outcome.message)
