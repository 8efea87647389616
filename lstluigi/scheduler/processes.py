"""Tasks that are waited for by a handle: no process, no thread."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import luigi
from luigi.event import Event
from luigi.task_status import DONE, FAILED
from luigi.worker import TaskStatusReporter

from lstluigi.errors import LstluigiError, alike, sentence

from .contract import JobFailed, JobHandle
from .interrupts import Interrupts
from .progress import StatusReports
from .results import Pace, ResultQueue

__all__ = ["HandleProcess", "Handles", "NotYet", "has_nothing_to_run"]

log = logging.getLogger("lstluigi")

_PUMP_FAILURES = 10  # in a row, before the run gives up


class HandleProcess:
    """What `luigi.worker.Worker` takes for the process of a task.

    Luigi's worker timeouts do not apply: the work has its own limits where it runs.

    Parameters
    ----------
    task : luigi.Task
        A task for which `offers_handle` holds.
    results : ResultQueue
        Where its result goes.
    handles : Handles
        Who polls it.
    reporter : luigi.worker.TaskStatusReporter
        How it talks to the scheduler.
    check_complete : bool
        Whether ``complete()`` must hold when the work is done.
    """

    use_multiprocessing = False  # the worker then calls run(), without a lock
    timeout_time = None
    exitcode = None

    def __init__(
        self,
        task: Any,
        results: ResultQueue,
        handles: Handles,
        reporter: TaskStatusReporter,
        check_complete: bool,
    ) -> None:
        self.task = task
        self.status_reporter = reporter
        self.handle: JobHandle | None = None
        self.pump: Callable[[], bool] | None = None
        self._results = results
        self._handles = handles
        self._check_complete = check_complete
        self._started = time.time()
        self._is_alive = False

    def run(self) -> None:
        """Start the work."""
        self.task.trigger_event(Event.START, self.task)
        try:
            handle: JobHandle = self.task.handle()
            handle.start()
        except Exception as error:
            self._fail(error)
            return
        self.handle, self.pump = handle, self.task.pump
        self._is_alive = True
        self._handles.add(self)

    def poll(self) -> bool:
        """Look at the handle; if the work has ended, hand in the result and return True."""
        if self.handle is None or not self._is_alive:
            return True
        try:
            outcome = self.handle.poll()
            if outcome is None:
                return False
            if not outcome.done:
                raise JobFailed(outcome.message)
            self._succeed()
        except Exception as error:
            self._fail(error)
        self._is_alive = False
        return True

    def is_alive(self) -> bool:
        """Tell whether the work is followed."""
        return self._is_alive

    def terminate(self) -> None:
        """Stop following the work."""
        if self.handle is not None and self._is_alive:
            self._is_alive = False
            try:
                self.handle.detach()
            except Exception as error:
                log.warning("%s: %s", self.task, sentence(error))

    def join(self, timeout: float | None = None) -> None:
        """Return at once: there is no process."""

    def _succeed(self) -> None:
        task = self.task
        if self._check_complete and not task.complete():
            raise JobFailed("its work has ended, but what it makes is not there")
        task.trigger_event(Event.PROCESSING_TIME, task, time.time() - self._started)
        explanation = task.on_success()
        task.trigger_event(Event.SUCCESS, task)
        self._results.put((task.task_id, DONE, explanation, [], []))

    def _fail(self, error: Exception) -> None:
        task = self.task
        told = str(error) if isinstance(error, JobFailed) else sentence(error)
        self._handles.announce_failure(task, told)
        task.trigger_event(Event.FAILURE, task, error)
        explanation: Any = told
        if type(task).on_failure is not luigi.Task.on_failure:
            explanation = task.on_failure(error) or told
        self._results.put((task.task_id, FAILED, explanation, [], []))


class Handles:
    """The handles of the tasks under way, looked at together.

    Parameters
    ----------
    reports : StatusReports or None
        How their messages reach a luigid; None if there is none.
    pace : Pace
        Told when something has happened.
    interrupts : Interrupts
        Held back during submissions.
    """

    def __init__(self, reports: StatusReports | None, pace: Pace, interrupts: Interrupts) -> None:
        self._reports = reports
        self._pace = pace
        self._interrupts = interrupts
        self._processes: dict[str, HandleProcess] = {}
        self._pumps: Counter[Callable[[], bool]] = Counter()
        self._pump_failures = 0
        self._looked = 0.0
        self._first_failures: dict[str, str] = {}

    def announce_failure(self, task: Any, reason: str) -> None:
        """Log why a task failed: in full the first time, later by the task that failed like it."""
        kind = alike(reason.partition("\n")[0])
        name = str(task)
        first = self._first_failures.setdefault(kind, name)
        if first == name:
            log.error("%s failed: %s", name, reason)
        else:
            log.error("%s failed for the same reason as %s", name, first)

    def __len__(self) -> int:
        return len(self._processes)

    def add(self, process: HandleProcess) -> None:
        """Follow a process that has been started."""
        if not self._processes:
            self._looked = time.monotonic()  # more may start at once, to be submitted together
        self._processes[process.task.task_id] = process
        if process.pump is not None:
            self._pumps[process.pump] += 1
        self._pace.something_started()

    def look_if_older_than(self, seconds: float) -> None:
        """Look, unless the last look is recent."""
        if time.monotonic() - self._looked > seconds:
            self.look()

    def look(self) -> None:
        """Run the pumps, then poll every handle; those that have ended hand in their results."""
        with self._interrupts.held_back():
            busy = [self._run_pump(pump) for pump in list(self._pumps)]
            ended = [process for process in self._processes.values() if process.poll()]
        for process in ended:
            self._drop(process)
        if self._reports is not None:
            self._reports.send_last(ended)
            self._reports.send(self._processes.values())
        self._looked = time.monotonic()
        self._pace.looked(any(busy))

    def _drop(self, process: HandleProcess) -> None:
        del self._processes[process.task.task_id]
        if process.pump is not None:
            self._pumps[process.pump] -= 1
            if not self._pumps[process.pump]:
                del self._pumps[process.pump]
        self._pace.something_ended()

    def _run_pump(self, pump: Callable[[], bool]) -> bool:
        """Run a pump; True if it has more to do."""
        try:
            busy = pump()
        except LstluigiError:
            raise
        except Exception as error:
            self._pump_failures += 1
            if self._pump_failures >= _PUMP_FAILURES:
                raise LstluigiError(
                    f"Following the jobs failed {_PUMP_FAILURES} times in a row "
                    f"({sentence(error)}); submitted jobs go on. Type the same command again "
                    "to follow them."
                ) from error
            log.warning("Following the jobs: %s; trying again.", sentence(error))
            return False
        self._pump_failures = 0
        return busy


class NotYet:
    """A task that was handed out and waits for a core."""

    use_multiprocessing = False
    timeout_time = None
    exitcode = None

    def __init__(self, task: Any, reporter: TaskStatusReporter) -> None:
        self.task = task
        self.status_reporter = reporter

    def is_alive(self) -> bool:
        """Tell that nothing runs that could be terminated."""
        return False


def has_nothing_to_run(task: Any) -> bool:
    """Tell whether a task only wraps others: no reason to fork."""
    return isinstance(task, luigi.WrapperTask) and type(task).run is luigi.Task.run
