"""What a task offers so that it is waited for without a process of its own."""

from __future__ import annotations

from typing import Any, Protocol

from luigi.worker import TaskStatusReporter

from lstluigi.jobs.handle import JobFailed, JobHandle, Outcome

__all__ = ["Followed", "JobFailed", "JobHandle", "Outcome", "offers_handle"]


class Followed(Protocol):
    """A task under way, as the visualiser shows it."""

    task: Any
    handle: JobHandle | None
    status_reporter: TaskStatusReporter


def offers_handle(task: object) -> bool:
    """Tell whether a task is waited for by a handle.

    Such a task has a method ``handle()`` that returns a `JobHandle`, and an attribute ``pump``: a
    callable shared by all handles that submits and asks for news, or None. The worker calls it
    before it polls handles. It may take minutes; it returns True to be called again soon.

    Any task may have an attribute ``wind_up``: a callable shared by all tasks of a run, called once
    when the worker has nothing more to do.
    """
    return callable(getattr(task, "handle", None)) and hasattr(task, "pump")
