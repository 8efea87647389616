"""What a task offers so that it is waited for without a process, and a worker to its helpers."""

from __future__ import annotations

from typing import Any, Protocol

from luigi.worker import TaskStatusReporter

from lstluigi.jobs.handle import JobFailed, JobHandle, Outcome

from .books import Books
from .results import ResultQueue

__all__ = ["Followed", "JobFailed", "JobHandle", "Outcome", "RunsTasks", "offers_handle"]


class Followed(Protocol):
    """A task under way, as the visualiser shows it."""

    task: Any
    handle: JobHandle | None
    status_reporter: TaskStatusReporter


class RunsTasks(Protocol):
    """What the helpers of a worker ask of it."""

    @property
    def books(self) -> Books:
        """Status and requirements of its tasks."""

    @property
    def results(self) -> ResultQueue:
        """Where results of tasks go."""

    @property
    def host(self) -> str:
        """The host that it runs on."""

    @property
    def worker_id(self) -> str:
        """Its name at the scheduler."""

    @property
    def username(self) -> str | None:
        """The user of this run, as the scheduler knows them."""

    def follows_any(self) -> bool:
        """Tell whether any of its tasks is under way."""

    def reporter(self, task: Any) -> TaskStatusReporter:
        """Return how a task talks to the scheduler."""

    def tell(self, task_id: str) -> None:
        """Send the scheduler once more what the worker knows of a task."""

    def tell_unless_complete(self, task_id: str) -> None:
        """Send the scheduler a pending task, or that another worker has done it."""

    def introduce_again(self) -> None:
        """Send everything to a scheduler that has forgotten this worker."""


def offers_handle(task: object) -> bool:
    """Tell whether a task is waited for by a handle.

    Such a task has a method ``handle()`` that returns a `JobHandle`, and an attribute ``pump``: a
    callable shared by all handles that submits and asks for news, or None. The worker calls it
    before it polls handles. It may take minutes; it returns True to be called again soon.

    Any task may have an attribute ``wind_up``: a callable shared by all tasks of a run, called once
    when the worker has nothing more to do.
    """
    return callable(getattr(task, "handle", None)) and hasattr(task, "pump")
