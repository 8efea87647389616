"""How many requirements of each task are unfinished, kept up to date edge by edge."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["UnfinishedRequirements"]


class UnfinishedRequirements:
    """The unfinished requirements of every task; all changes cost the edges they touch."""

    def __init__(self) -> None:
        self._required: dict[str, frozenset[str]] = {}
        self._missing: dict[str, set[str]] = {}
        self._dependents: dict[str, set[str]] = {}
        self._done: set[str] = set()

    def require(self, task: str, required: Iterable[str]) -> None:
        """Replace the requirements of a task."""
        wanted = frozenset(required)
        before = self._required.get(task, frozenset())
        if wanted == before:
            return
        for name in before - wanted:
            self._dependents[name].discard(task)
        for name in wanted - before:
            self._dependents.setdefault(name, set()).add(task)
        self._required[task] = wanted
        self._missing[task] = set(wanted - self._done)

    def required(self, task: str) -> frozenset[str]:
        """Return what a task requires."""
        return self._required.get(task, frozenset())

    def missing(self, task: str) -> set[str]:
        """Return the unfinished requirements of a task."""
        return self._missing.get(task, set())

    def finish(self, task: str) -> list[str]:
        """Mark a task as done; return the tasks for which it was the last thing missing."""
        if task in self._done:
            return []
        self._done.add(task)
        freed = []
        for dependent in self._dependents.get(task, ()):
            missing = self._missing[dependent]
            missing.discard(task)
            if not missing:
                freed.append(dependent)
        return freed

    def reopen(self, task: str) -> None:
        """Mark a task as not done."""
        if task in self._done:
            self._done.remove(task)
            for dependent in self._dependents.get(task, ()):
                self._missing[dependent].add(task)

    def forget(self, task: str) -> None:
        """Drop a task that the scheduler has dropped."""
        self.require(task, ())
        self.reopen(task)
        self._required.pop(task, None)
        self._missing.pop(task, None)
