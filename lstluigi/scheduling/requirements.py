"""How many requirements of each task are unfinished, kept up to date edge by edge."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["UnfinishedRequirements"]


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
