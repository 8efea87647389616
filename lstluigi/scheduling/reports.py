"""What luigid's visualiser shows of a task under way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .handles import HandleProcess

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

    def forget(self, task_id: str) -> None:
        """Drop a task that has ended."""
        self._sent.pop(task_id, None)

    def forget_all(self) -> None:
        """Send everything again: the scheduler has forgotten it."""
        for sent in self._sent.values():
            sent.values.clear()

    def send(self, processes: Iterable[HandleProcess]) -> None:
        """Send what has changed since it was sent."""
        start = time.monotonic()
        if start < self._silent_until:
            return
        for process in processes:
            sent = self._sent.setdefault(process.task.task_id, _Sent({}))
            if start - sent.when < _PER_TASK:
                continue
            try:
                if self._send_changes(process, sent.values):
                    sent.when = time.monotonic()
            except Exception as error:
                log.debug("no status reports for %g s", _SILENCE, exc_info=error)
                self._silent_until = time.monotonic() + _SILENCE
                return
            if time.monotonic() - start > _BUDGET:
                return

    @staticmethod
    def _send_changes(process: HandleProcess, sent: dict[str, Any]) -> bool:
        reporter = process.status_reporter
        changed = False
        for name, value in _values(process.handle).items():
            if value is not None and sent.get(name) != value:
                update: Callable[[Any], None] = getattr(reporter, f"update_{name}")
                update(value)
                sent[name] = value
                changed = True
        return changed


def _values(handle: object) -> dict[str, Any]:
    progress = getattr(handle, "progress", None)
    return {
        "tracking_url": getattr(handle, "tracking_url", None),
        "status_message": getattr(handle, "status_message", None),
        "progress_percentage": None if progress is None else round(100 * progress),
    }
