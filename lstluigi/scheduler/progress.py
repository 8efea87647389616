"""What luigid's visualiser shows of a task under way."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from typing import Any

from .contract import Followed

__all__ = ["StatusReports"]


class StatusReports:
    """Gives the scheduler the messages of handles, when they change."""

    def __init__(self) -> None:
        self._given: dict[str, dict[str, Any]] = {}

    def send(self, processes: Iterable[Followed]) -> None:
        """Give what has changed since it was given."""
        for process in processes:
            given = self._given.setdefault(process.task.task_id, {})
            for name, value in _values(process.handle):
                if given.get(name) != value:
                    getattr(process.status_reporter, f"update_{name}")(value)
                    given[name] = value

    def send_last(self, processes: Iterable[Followed]) -> None:
        """Give how far tasks had come when they ended."""
        for process in processes:
            self.send([process])
            self._given.pop(process.task.task_id, None)


def _values(handle: object) -> Iterator[tuple[str, Any]]:
    """What a handle has to show, as luigid wants it."""
    if (address := getattr(handle, "tracking_url", None)) is not None:
        yield "tracking_url", address
    if (message := getattr(handle, "status_message", None)) is not None:
        yield "status_message", html.escape(message, quote=False)  # the page takes it for HTML
    if (progress := getattr(handle, "progress", None)) is not None:
        yield "progress_percentage", round(100 * progress)
