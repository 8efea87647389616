"""What a worker itself knows about its tasks, whatever the scheduler remembers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from luigi.task_status import DONE, PENDING, RUNNING

__all__ = ["Books", "UnfinishedRequirements"]


class Books:
    """Status and requirements of every task of a worker, from what it told the scheduler.

    Attributes
    ----------
    ready : dict of str to None
        The tasks that lack nothing and that the scheduler should hand out, in order.
    """

    def __init__(self) -> None:
        self.ready: dict[str, None] = {}
        self._status: dict[str, str] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._requirements = UnfinishedRequirements()

    def __iter__(self) -> Iterator[str]:
        return iter(self._status)

    def lacking(self) -> list[str]:
        """Return the ready tasks that nothing but their order may keep a scheduler from."""
        return [
            name
            for name in self.ready
            if not self._told[name].get("resources") and not self._told[name].get("batchable")
        ]

    def status(self, task_id: str) -> str | None:
        """Return the last status of a task, None for one that is not in the books."""
        return self._status.get(task_id)

    def required(self, task_id: str) -> tuple[str, ...]:
        """Return what a task requires."""
        return self._requirements.required(task_id)

    def pending_requirements(self, task_id: str) -> list[str]:
        """Return the requirements of a task that this worker is still to run, or is running."""
        missing = self._requirements.missing(task_id)
        return [name for name in missing if self._status.get(name) in (PENDING, RUNNING)]

    def record(self, told: dict[str, Any]) -> None:
        """Enter what the scheduler is told.

        Parameters
        ----------
        told : dict
            Arguments of `luigi.scheduler.Scheduler.add_task`.
        """
        task_id, status = told["task_id"], told["status"]
        if told.get("runnable") is not None or task_id not in self._told:
            self._told[task_id] = told
        if told.get("deps") is not None:
            self._requirements.require(task_id, told["deps"])
        if told.get("new_deps"):
            self._requirements.require(task_id, [*self.required(task_id), *told["new_deps"]])
        self._enter(task_id, status)

    def handed_out(self, task_id: str) -> None:
        """Enter that the scheduler has handed out a task."""
        self._enter(task_id, RUNNING)

    def retold(self, task_id: str) -> dict[str, Any]:
        """Return what to tell a scheduler that has forgotten a task."""
        told = dict(self._told[task_id])
        told["status"] = self._status[task_id]
        told["deps"] = list(self.required(task_id))
        told["runnable"] = bool(told.get("runnable")) and told["status"] in (PENDING, RUNNING)
        return told

    def _enter(self, task_id: str, status: str) -> None:
        self._status[task_id] = status
        if status == DONE:
            for freed in self._requirements.finish(task_id):
                self._offer(freed)
        else:
            self._requirements.reopen(task_id)
        self._offer(task_id)

    def _offer(self, task_id: str) -> None:
        if (
            self._status.get(task_id) == PENDING
            and self._told[task_id].get("runnable")
            and not self._requirements.lacks(task_id)
        ):
            self.ready[task_id] = None
        else:
            self.ready.pop(task_id, None)


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

    def missing(self, task: str) -> list[str]:
        """Return the unfinished requirements of a task."""
        return [name for name in self.required(task) if name not in self._done]

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
