"""The worker: it waits for many jobs at once, and says in a sentence why it stops."""

from __future__ import annotations

import logging
import os
import sys
import threading
from types import TracebackType
from typing import Any

from luigi import execution_summary
from luigi.task_status import DONE, FAILED, PENDING
from luigi.worker import GetWorkResponse, TaskStatusReporter, TracebackWrapper, Worker

from lstluigi.errors import LstluigiError

from .books import Books
from .contract import offers_handle
from .defaults import WORKERS, collection_put_off
from .interrupts import Interrupted, Interrupts, explained, leave, outlive_terminal
from .luigid_client import PatientScheduler
from .luigid_recovery import Upkeep
from .processes import AlreadyFailed, HandleProcess, Handles, NotYet, has_nothing_to_run
from .progress import StatusReports
from .results import Pace, ResultQueue
from .settings import say_once

__all__ = ["HandleWorker"]

summary = logging.getLogger("lstluigi.summary")

_LOOK_WHILE_STARTING = 2.0  # s; luigid may take minutes to hand out thousands of tasks


class HandleWorker(Worker):  # type: ignore[misc]
    """Luigi's worker, with handles in place of processes for the tasks that offer them.

    Other tasks run as under Luigi's own, except that the default number of workers, which suits
    handles, starts no more processes than there are cores.

    Parameters
    ----------
    scheduler : luigi.scheduler.Scheduler or PatientScheduler
        Who hands out the tasks.
    **options
        See `luigi.worker.Worker`.
    """

    results: ResultQueue
    _task_result_queue: Any
    _running_tasks: dict[str, Any]

    def __init__(self, scheduler: Any, **options: Any) -> None:
        super().__init__(scheduler=scheduler, **options)
        self._pid = os.getpid()
        self.books = Books()
        self._interrupts = Interrupts()
        self._pace = Pace(self._config.wait_interval)
        # a scheduler in this process has no page that could show messages
        has_page = isinstance(scheduler, PatientScheduler)
        self._reports = StatusReports() if has_page else None
        self._handles = Handles(self._reports, self._pace, self._interrupts)
        self._forks: dict[str, Any] = {}
        self._held: dict[str, None] = {}
        self.results = ResultQueue(self._task_result_queue, lambda: bool(self._forks), self._pace)
        self._task_result_queue = self.results
        self._failed: dict[str, object] = {}
        self._may_be_retried: set[str] = set()
        self._elsewhere: dict[str, dict[str, Any]] = {}
        self._is_running = False
        self._upkeep: Upkeep | None = None
        if isinstance(scheduler, PatientScheduler):
            self._upkeep = Upkeep(self, scheduler)
            scheduler.while_waiting = self._look_while_waiting

    # ---- what the helpers of a worker ask of it

    @property
    def worker_id(self) -> str:
        """The name of this worker at the scheduler."""
        return str(self._id)

    @property
    def username(self) -> str | None:
        """The user of this run, as the scheduler knows them."""
        return dict(self._worker_info).get("username")

    def follows_any(self) -> bool:
        """Tell whether any task of this worker is under way."""
        return len(self._running_tasks) > len(self._held)

    def reporter(self, task: Any) -> TaskStatusReporter:
        """Return how a task talks to the scheduler: without patience, it is not important."""
        scheduler = getattr(self._scheduler, "hasty", self._scheduler)
        return TaskStatusReporter(scheduler, task.task_id, self._id, None)

    def tell(self, task_id: str) -> None:
        """Tell the scheduler once more what the books say of a task."""
        super()._add_task(**self.books.retold(task_id))

    def tell_unless_complete(self, task_id: str) -> None:
        """Tell the scheduler of a pending task, or that another worker has done it."""
        if self._scheduled_tasks[task_id].complete():
            self._add_task(**{**self.books.retold(task_id), "status": DONE, "runnable": False})
        else:
            self.tell(task_id)

    def introduce_again(self) -> None:
        """Tell a scheduler that has forgotten this worker everything."""
        self._scheduler.add_worker(self._id, self._worker_info)
        for task_id in self.books:
            self.tell(task_id)
        if self._reports is not None:
            self._reports.forget_all()

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
            if self._upkeep is not None:
                self._upkeep.wipe_messages()
            succeeded = bool(super().run())
        self._wind_up()
        self._sum_up_elsewhere()
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

    # ---- telling the scheduler and asking it

    def _add_task(self, *args: Any, **told: Any) -> None:
        members = self._batch_running_tasks.get(told["task_id"], ())
        for task_id in [told["task_id"], *(member.task_id for member in members)]:
            self.books.record({**told, "task_id": task_id})
            if told["status"] == FAILED:
                self._note_failure(task_id, told.get("expl"))
        super()._add_task(*args, **told)

    def _note_failure(self, task_id: str, explanation: object) -> None:
        task = self._scheduled_tasks.get(task_id)
        # a task class that sets retry_count wants Luigi's retries
        if task is None or offers_handle(task) or task.retry_count is None:
            self._failed.setdefault(task_id, explanation)
        else:
            self._may_be_retried.add(task_id)

    def _get_work(self) -> GetWorkResponse:
        response = super()._get_work()
        self._get_work_response_history.clear()
        if response.task_id is not None:
            if response.task_id in self._batch_running_tasks:
                members = list(self._batch_running_tasks[response.task_id])
                self._batch_running_tasks[response.task_id] = members
            return response
        running = response.running_tasks or []
        for task in running:
            if task["worker"] != self._id:
                self._elsewhere[task["task_id"]] = task
        if self._upkeep is not None and not self._stop_requesting_work:
            self._upkeep.nothing_to_do(running)
        return response

    def _sum_up_elsewhere(self) -> None:
        # the execution summary reads from the history which tasks other workers held
        left = []
        for task_id, told in self._elsewhere.items():
            if self.books.status(task_id) == PENDING:
                task = self._scheduled_tasks[task_id]
                if task.complete():
                    self._add_task_history.append((task, DONE, False))
                else:
                    left.append(told)
        self._get_work_response_history[:] = [{"task_id": None, "running_tasks": left}]

    def _keep_alive(self, get_work_response: GetWorkResponse) -> bool:
        if self._stop_requesting_work:
            return False
        if self._upkeep is not None and self._upkeep.hopeful:
            return True
        can_change = self._assistant or self.books.ready or self._may_be_retried
        return bool(can_change and super()._keep_alive(get_work_response))

    # ---- running tasks

    def _run_task(self, task_id: str) -> None:
        if task_id not in self._running_tasks and self._must_wait(task_id):
            self._running_tasks[task_id] = NotYet(self, self._scheduled_tasks[task_id])
            self._held[task_id] = None
            return
        self.books.handed_out(task_id)
        super()._run_task(task_id)
        self._handles.look_if_older_than(_LOOK_WHILE_STARTING)

    def _create_task_process(self, task: Any) -> Any:
        if task.task_id in self._failed:
            return AlreadyFailed(self, task, self._failed[task.task_id])
        if offers_handle(task):
            return HandleProcess(
                task,
                self.results,
                self._handles,
                self.reporter(task),
                self._config.check_complete_on_run,
            )
        process = super()._create_task_process(task)
        if has_nothing_to_run(task):
            process.use_multiprocessing = False
        if process.use_multiprocessing:
            process.result_queue = self.results.forked
            self._forks[task.task_id] = process
        return process

    def _must_wait(self, task_id: str) -> bool:
        return self._awaits_a_core(task_id) or self._came_too_early(task_id)

    def _awaits_a_core(self, task_id: str) -> bool:
        task = self._scheduled_tasks[task_id]
        cores = len(os.sched_getaffinity(0))
        limit = cores if self.worker_processes == WORKERS else self.worker_processes
        return (
            len(self._forks) >= limit > 0
            and task_id not in self._failed
            and not offers_handle(task)
            and not has_nothing_to_run(task)
        )

    def _came_too_early(self, task_id: str) -> bool:
        # luigid takes what was done in the last seconds for done, even if the product is gone
        if self._upkeep is None:
            return False
        for name in self.books.pending_requirements(task_id):
            if not self._scheduled_tasks[name].complete():
                return True
        return False

    def _start_held(self) -> None:
        self._forget_ended_forks()
        for task_id in list(self._held):
            if any(self.books.status(name) == FAILED for name in self.books.required(task_id)):
                del self._held[task_id], self._running_tasks[task_id]
                self._give_back(task_id)
            elif not self._must_wait(task_id):
                del self._held[task_id], self._running_tasks[task_id]
                self._run_task(task_id)
            elif self._awaits_a_core(task_id):
                break

    def _give_back(self, task_id: str) -> None:
        # only new requirements make a running task pending again
        told = {**self.books.retold(task_id), "status": PENDING, "runnable": True}
        self._add_task(**told, new_deps=list(self.books.required(task_id)))

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

    def _look_while_waiting(self) -> None:
        # a forked task of somebody else's has a copy of this worker, and must not follow jobs
        if os.getpid() == self._pid and threading.current_thread() is threading.main_thread():
            self._handles.look()
