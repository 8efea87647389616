"""The worker: it waits for many jobs at once, and says in a sentence why it stops."""

from __future__ import annotations

import logging
import os
import sys
from types import TracebackType
from typing import Any

from luigi import execution_summary
from luigi.worker import GetWorkResponse, TaskStatusReporter, TracebackWrapper, Worker

from lstluigi.errors import LstluigiError

from .contract import offers_handle
from .defaults import WORKERS, collection_put_off
from .interrupts import Interrupted, Interrupts, explained, leave, outlive_terminal
from .mirror import MirroredScheduler
from .processes import HandleProcess, Handles, NotYet, has_nothing_to_run
from .progress import StatusReports
from .results import Pace, ResultQueue
from .settings import say_once

__all__ = ["HandleWorker"]

summary = logging.getLogger("lstluigi.summary")

_LOOK_WHILE_STARTING = 2.0  # s; to start thousands of tasks may take minutes


class HandleWorker(Worker):  # type: ignore[misc]
    """Luigi's worker, with handles in place of processes for the tasks that offer them.

    Other tasks run as under Luigi's own, except that the default number of workers, which suits
    handles, starts no more processes than there are cores.

    Parameters
    ----------
    scheduler : luigi.scheduler.Scheduler
        Who hands out the tasks: one inside this process.
    **options
        See `luigi.worker.Worker`.
    """

    results: ResultQueue
    _task_result_queue: Any
    _running_tasks: dict[str, Any]

    def __init__(self, scheduler: Any, **options: Any) -> None:
        super().__init__(scheduler=scheduler, **options)
        self._interrupts = Interrupts()
        self._pace = Pace(self._config.wait_interval)
        reports = StatusReports() if isinstance(scheduler, MirroredScheduler) else None
        self._handles = Handles(reports, self._pace, self._interrupts)
        self._forks: dict[str, Any] = {}
        self._held: dict[str, None] = {}
        self.results = ResultQueue(self._task_result_queue, lambda: bool(self._forks), self._pace)
        self._task_result_queue = self.results
        self._is_running = False

    # ---- beginning and end

    def __enter__(self) -> HandleWorker:
        super().__enter__()
        outlive_terminal()
        self._interrupts.install()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interrupts.start_leaving()
        super().__exit__(kind, error, trace)
        if isinstance(self._scheduler, MirroredScheduler):
            self._scheduler.close()
        self._interrupts.restore()
        if isinstance(error, KeyboardInterrupt):
            signum = error.signum if isinstance(error, Interrupted) else 2
            typed = self._command_to_continue()
            leave(f"lstluigi: the run was interrupted. Type {typed} to continue.", 128 + signum)

    def _command_to_continue(self) -> str:
        """What the task that it was started for says of the command to type."""
        root = next(iter(self._scheduled_tasks.values()), None)
        return str(getattr(root, "to_continue", "the same command again"))

    def add(self, task: Any, multiprocess: bool = False, processes: int = 0) -> bool:
        """As Luigi's, in one process; a task that the run was started for may ``prepare()`` first.

        In processes of its own, each would plan the production and look at every file again.
        """
        if multiprocess:
            say_once("parallel_scheduling has no effect: one process looks at all steps together.")
        with explained(), collection_put_off():
            prepare = getattr(task, "prepare", None)
            if not self._is_running and callable(prepare):
                prepare()
            return bool(super().add(task))

    def run(self) -> bool:
        """As Luigi's."""
        self._is_running = True
        with explained():
            succeeded = bool(super().run())
        self._wind_up()
        if not logging.getLogger("luigi-interface").isEnabledFor(logging.INFO):
            summary.info(execution_summary.summary(self))
        return succeeded

    def _wind_up(self) -> None:
        """Let runs do what is left to do at their end: each once, however many tasks it has."""
        tasks = self._scheduled_tasks.values()
        for wind_up in {task.wind_up for task in tasks if hasattr(task, "wind_up")}:
            with self._interrupts.held_back():
                wind_up()

    # ---- errors of tasks while they are added

    def _add(self, task: Any, is_complete: Any) -> Any:
        if isinstance(is_complete, TracebackWrapper):
            # only its text is left of the exception: provoke it again
            try:
                is_complete = task.complete()
            except LstluigiError:
                raise
            except Exception:
                pass
        yield from super()._add(task, is_complete)

    def _log_dependency_error(self, task: Any, tb: str) -> None:
        self._raise_if_explained()
        super()._log_dependency_error(task, tb)

    def _log_unexpected_error(self, task: Any) -> None:
        self._raise_if_explained()
        super()._log_unexpected_error(task)

    @staticmethod
    def _raise_if_explained() -> None:
        error = sys.exc_info()[1]
        if isinstance(error, LstluigiError):
            leave(str(error), error.exit_code)

    # ---- asking the scheduler

    def _get_work(self) -> GetWorkResponse:
        response = super()._get_work()
        self._get_work_response_history.clear()
        return response

    def _keep_alive(self, get_work_response: GetWorkResponse) -> bool:
        return False  # nothing becomes ready by waiting: what failed is not tried again

    # ---- running tasks

    def _run_task(self, task_id: str) -> None:
        if task_id not in self._running_tasks and self._awaits_a_core(task_id):
            task = self._scheduled_tasks[task_id]
            self._running_tasks[task_id] = NotYet(task, self._reporter(task))
            self._held[task_id] = None
            return
        super()._run_task(task_id)
        self._handles.look_if_older_than(_LOOK_WHILE_STARTING)

    def _reporter(self, task: Any) -> TaskStatusReporter:
        return TaskStatusReporter(self._scheduler, task.task_id, self._id, None)

    def _create_task_process(self, task: Any) -> Any:
        if offers_handle(task):
            return HandleProcess(
                task,
                self.results,
                self._handles,
                self._reporter(task),
                self._config.check_complete_on_run,
            )
        process = super()._create_task_process(task)
        if has_nothing_to_run(task):
            process.use_multiprocessing = False
        if process.use_multiprocessing:
            process.result_queue = self.results.forked
            self._forks[task.task_id] = process
        return process

    def _awaits_a_core(self, task_id: str) -> bool:
        task = self._scheduled_tasks[task_id]
        cores = len(os.sched_getaffinity(0))
        limit = cores if self.worker_processes == WORKERS else self.worker_processes
        return (
            len(self._forks) >= limit > 0
            and not offers_handle(task)
            and not has_nothing_to_run(task)
        )

    def _start_held(self) -> None:
        self._forget_ended_forks()
        for task_id in list(self._held):
            if self._awaits_a_core(task_id):
                break
            del self._held[task_id], self._running_tasks[task_id]
            self._run_task(task_id)

    def _handle_next_task(self) -> None:
        if not self.results:
            if self._pace.is_due():
                self._handles.look()
            self._start_held()
        super()._handle_next_task()

    def _purge_children(self) -> None:
        # only forks can die; to look at thousands of handles for each result would be quadratic
        self._forget_ended_forks()
        running, self._running_tasks = self._running_tasks, self._forks
        try:
            super()._purge_children()
        finally:
            self._running_tasks = running

    def _forget_ended_forks(self) -> None:
        for task_id in [name for name in self._forks if name not in self._running_tasks]:
            del self._forks[task_id]
