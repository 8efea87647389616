"""What luigid's visualiser shows of a task under way."""

from __future__ import annotations

import html
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .contract import Followed

__all__ = ["StatusReports"]

log = logging.getLogger("lstluigi")

_PER_TASK = 2.0  # s, between two reports of one task
_BUDGET = 1.0  # s, for the reports of one look; what is left over comes with the next
_SILENCE = 30.0  # s, without reports after the scheduler did not answer


@dataclass
class _Sent:
    values: dict[str, Any]
    when: float = float("-inf")


class StatusReports:
    """Sends messages of handles to the scheduler: on change, rarely, and without ever failing."""

    def __init__(self) -> None:
        self._sent: dict[str, _Sent] = {}
        self._silent_until = float("-inf")

    def forget_all(self) -> None:
        """Send everything again: the scheduler has forgotten it."""
        for sent in self._sent.values():
            sent.values.clear()

    def send(self, processes: Iterable[Followed]) -> None:
        """Send what has changed since it was sent."""
        start = time.monotonic()
        for process in processes:
            sent = self._sent.setdefault(process.task.task_id, _Sent({}))
            if start - sent.when >= _PER_TASK and self._send_changes(process, sent.values):
                sent.when = time.monotonic()
            if time.monotonic() - start > _BUDGET:
                return

    def send_last(self, processes: Iterable[Followed]) -> None:
        """Send how far tasks had come when they ended: nothing of before stays on the page."""
        for process in processes:
            sent = self._sent.pop(process.task.task_id, _Sent({}))
            self._send_changes(process, sent.values)

    def _send_changes(self, process: Followed, sent: dict[str, Any]) -> bool:
        """Send what differs from `sent`; False if that was nothing, or could not be sent."""
        if time.monotonic() < self._silent_until:
            return False
        changes = {name: v for name, v in _values(process.handle) if sent.get(name) != v}
        try:
            for name, value in changes.items():
                update: Callable[[Any], None] = getattr(process.status_reporter, f"update_{name}")
                update(value)
                sent[name] = value
        except Exception as error:
            log.debug("no status reports for %g s", _SILENCE, exc_info=error)
            self._silent_until = time.monotonic() + _SILENCE
            return False
        return bool(changes)


def _values(handle: object) -> Iterator[tuple[str, Any]]:
    """What a handle has to show, as luigid wants it."""
    if (address := getattr(handle, "tracking_url", None)) is not None:
        yield "tracking_url", address
    if (message := getattr(handle, "status_message", None)) is not None:
        yield "status_message", html.escape(message, quote=False)  # the page takes it for HTML
    if (progress := getattr(handle, "progress", None)) is not None:
        yield "progress_percentage", round(100 * progress)
