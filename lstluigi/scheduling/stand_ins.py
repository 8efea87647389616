"""What stands for the process of a task that is not run, or not yet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import luigi
from luigi.task_status import FAILED

if TYPE_CHECKING:
    from .worker import HandleWorker

__all__ = ["AlreadyFailed", "NotYet", "has_nothing_to_run"]


class NotYet:
    """A task that was handed out and waits for a core or for a requirement."""

    use_multiprocessing = False
    timeout_time = None
    exitcode = None

    def __init__(self, worker: HandleWorker, task: Any) -> None:
        self.task = task
        self.status_reporter = worker.reporter(task)

    def is_alive(self) -> bool:
        """Tell that nothing runs that could be terminated."""
        return False


class AlreadyFailed(NotYet):
    """A task that failed earlier in this run and is not tried again."""

    def __init__(self, worker: HandleWorker, task: Any, explanation: object) -> None:
        super().__init__(worker, task)
        self._results = worker.results
        self._explanation = explanation

    def run(self) -> None:
        """Report the failure again."""
        explanation = self._explanation
        if isinstance(explanation, str):
            explanation = json.loads(explanation)  # as it was told to the scheduler
        self._results.put((self.task.task_id, FAILED, explanation, [], []))


def has_nothing_to_run(task: Any) -> bool:
    """Tell whether a task only wraps others: no reason to fork."""
    return isinstance(task, luigi.WrapperTask) and type(task).run is luigi.Task.run
