"""A scheduler inside the process whose cost grows with the number of tasks, not its square.

Luigi's own walks all tasks on every request for work (22,000 tasks: over 300 s). This one keeps a
queue of the tasks that can run now. Whatever makes the choice depend on more than priority and
order (resources, batches, other workers, assistants, pauses) is left to Luigi's own.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterable
from typing import Any

from luigi.scheduler import Scheduler, SimpleTaskState
from luigi.scheduler import Worker as KnownWorker
from luigi.task_status import BATCH_RUNNING, DONE, FAILED, PENDING, RUNNING

__all__ = ["ReadyQueueScheduler"]

_PRUNE_EVERY = 5.0  # s; pruning walks all tasks, and only retries wait for it


class UnfinishedRequirements:
    """The unfinished requirements of every task; all changes cost the edges they touch.

    There may be 22,000 tasks with a few edges each: tuples and lists take a quarter of what sets
    would.
    """

    def __init__(self) -> None:
        self._required: dict[str, tuple[str, ...]] = {}
        self._unfinished: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = {}
        self._done: set[str] = set()

    def require(self, task: str, required: Iterable[str]) -> None:
        """Replace the requirements of a task."""
        wanted, before = set(required), set(self.required(task))
        if wanted == before:
            return
        for name in before - wanted:
            self._dependents[name].remove(task)
        for name in wanted - before:
            self._dependents.setdefault(name, []).append(task)
        self._required[task] = tuple(wanted)
        self._unfinished[task] = len(wanted - self._done)

    def required(self, task: str) -> tuple[str, ...]:
        """Return what a task requires, each once."""
        return self._required.get(task, ())

    def lacks(self, task: str) -> bool:
        """Tell whether a task has unfinished requirements."""
        return self._unfinished.get(task, 0) > 0

    def finish(self, task: str) -> list[str]:
        """Mark a task as done; return the tasks for which it was the last thing missing."""
        if task in self._done:
            return []
        self._done.add(task)
        freed = []
        for dependent in self._dependents.get(task, ()):
            self._unfinished[dependent] -= 1
            if not self.lacks(dependent):
                freed.append(dependent)
        return freed

    def reopen(self, task: str) -> None:
        """Mark a task as not done."""
        if task in self._done:
            self._done.remove(task)
            for dependent in self._dependents.get(task, ()):
                self._unfinished[dependent] += 1

    def forget(self, task: str) -> None:
        """Drop a task that the scheduler has dropped."""
        self.require(task, ())
        self.reopen(task)
        self._required.pop(task, None)
        self._unfinished.pop(task, None)


class _ReadyState(SimpleTaskState):  # type: ignore[misc]
    """Luigi's table of tasks, with a queue of those that are pending and lack nothing."""

    def __init__(self, state_path: str) -> None:
        super().__init__(state_path)
        self.requirements = UnfinishedRequirements()
        self._queue: list[tuple[float, float, int, str]] = []
        self._order = itertools.count()
        self._choosy: set[str] = set()

    def count(self, *statuses: str) -> int:
        return sum(len(self._status_tasks[status]) for status in statuses)

    def offer(self, task: Any) -> None:
        """Queue a task if it can run now; entries that no longer hold are dropped by `take`."""
        if task.status == PENDING and not self.requirements.lacks(task.id):
            entry = (-task.priority, task.time, next(self._order), task.id)
            heapq.heappush(self._queue, entry)

    def take(self, worker_id: str) -> Any | None:
        """Remove and return the ready task of highest priority, the oldest first."""
        while self._queue:
            priority, _, _, task_id = heapq.heappop(self._queue)
            task = self.get_task(task_id)
            if (
                task is not None
                and task.status == PENDING
                and -priority == task.priority
                and worker_id in task.workers
                and not self.requirements.lacks(task_id)
            ):
                return task
        return None

    def index(self, task: Any) -> None:
        """Note the requirements of a task that was added or changed."""
        self.requirements.require(task.id, task.deps)
        if task.resources or task.is_batchable():
            self._choosy.add(task.id)
        else:
            self._choosy.discard(task.id)
        self.offer(task)

    def needs_luigi(self) -> bool:
        """Tell whether a pending task needs Luigi's own choice; settled ones are forgotten."""
        while self._choosy:
            task_id = next(iter(self._choosy))
            task = self.get_task(task_id)
            if task is not None and task.status == PENDING:
                return True
            self._choosy.discard(task_id)
        return bool(self._status_tasks[BATCH_RUNNING])

    def set_status(self, task: Any, new_status: str, config: Any = None) -> None:
        super().set_status(task, new_status, config)
        if task.status == DONE:
            for name in self.requirements.finish(task.id):
                dependent = self.get_task(name)
                if dependent is not None:
                    self.offer(dependent)
        else:
            self.requirements.reopen(task.id)
            self.offer(task)
        if task.status == PENDING and (task.resources or task.is_batchable()):
            self._choosy.add(task.id)

    def inactivate_tasks(self, delete_tasks: Any) -> None:
        delete_tasks = list(delete_tasks)
        super().inactivate_tasks(delete_tasks)
        for task_id in delete_tasks:
            self.requirements.forget(task_id)

    def load(self) -> None:
        super().load()
        for task in list(self.get_active_tasks()):
            self.index(task)
            if task.status == DONE:
                self.requirements.finish(task.id)


class ReadyQueueScheduler(Scheduler):  # type: ignore[misc]
    """Luigi's scheduler with a queue of ready tasks, for the one worker of this process."""

    _state: _ReadyState

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        state = _ReadyState(self._config.state_path)
        state._metrics_collector = self._state._metrics_collector
        self._state = state
        self._pruned = time.monotonic()

    def add_task(self, *args: Any, **kwargs: Any) -> None:
        """As Luigi's; the task is queued if it can run now."""
        super().add_task(*args, **kwargs)
        task = self._state.get_task(kwargs["task_id"] if "task_id" in kwargs else args[0])
        if task is not None:
            self._state.index(task)

    def _update_priority(self, task: Any, prio: float, worker: str) -> None:
        before = task.priority
        super()._update_priority(task, prio, worker)
        if task.priority != before:
            self._state.offer(task)

    def prune(self) -> None:
        """As Luigi's, at most every few seconds."""
        now = time.monotonic()
        if now - self._pruned >= _PRUNE_EVERY:
            super().prune()
            self._pruned = now

    def get_work(
        self,
        host: str | None = None,
        assistant: bool = False,
        current_tasks: list[str] | None = None,
        worker: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """As Luigi's; the usual case takes the next task off the queue."""
        known = self._state.get_worker(worker)
        if assistant or not self._is_simple(known):
            reply = super().get_work(
                host=host, assistant=assistant, current_tasks=current_tasks, worker=worker, **kwargs
            )
            return dict(reply)
        if self._config.prune_on_get_work:
            self.prune()
        self._update_worker(worker, worker_reference={"host": host}, get_work=True)
        task = self._state.take(known.id)
        reply = self._counts(known, idle=task is None and not self._state.count(RUNNING))
        reply["task_id"] = None
        if task is not None:
            self._hand_out(task, known.id, host)
            reply.update(
                task_id=task.id,
                task_family=task.family,
                task_module=task.module,
                task_params=task.params,
            )
        return reply

    def _is_simple(self, worker: KnownWorker) -> bool:
        return not (
            self._paused
            or worker.disabled
            or worker.assistant
            or len(self._state._active_workers) > 1
            or self._state.needs_luigi()
        )

    def _counts(self, worker: KnownWorker, idle: bool) -> dict[str, Any]:
        # Worker.run reads the counts only when nothing runs: exact then, cheap otherwise. Running
        # tasks are listed for the sake of other workers, and there are none.
        if idle:
            return dict(self.count_pending(worker.id))
        pending = self._state.count(PENDING, FAILED)
        return {
            "n_pending_tasks": pending,
            "n_unique_pending": pending,
            "n_pending_last_scheduled": pending,
            "worker_state": worker.state,
            "running_tasks": [],
        }

    def _hand_out(self, task: Any, worker_id: str, host: str | None) -> None:
        self.update_metrics_task_started(task)
        self._state.set_status(task, RUNNING, self._config)
        task.worker_running = worker_id
        task.resources_running = task.resources.copy()
        task.time_running = time.time()
        self._update_task_history(task, RUNNING, host=host)
