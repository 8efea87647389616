"""The jobs of a step as its ledger tells them, read on as it grows."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lstluigi.jobs.ledger import events_from

#: What became of items without a result of their own, by the event that tells so.
CLOSED = {"refused": "refused", "cancelled": "cancelled", "abandoned": "stopped"}
#: Items that were submitted again, or whose product is there, without a word on how they ended.
GONE = "gone"
UNDER_WAY = "under way"


@dataclass
class _Submitted:
    """What was submitted of a step as a share of one array, and how many items ended how."""

    facts: dict[str, Any]
    backend: str
    job: str = ""
    submitted: str = ""
    items: Counter[str] = field(default_factory=Counter)


class History:
    """Jobs of one step.

    Parameters
    ----------
    path
        Its ledger.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._position = 0
        self._arrays: dict[str, _Submitted] = {}
        self._open: dict[str, str] = {}

    def read_on(self) -> bool:
        """Read what has been added to the ledger; True if there was something."""
        try:
            if os.stat(self._path).st_size == self._position:
                return False
        except OSError:
            return False
        events, self._position = events_from(self._path, self._position)
        for event in events:
            self._take(event)
        return bool(events)

    def _take(self, event: dict[str, Any]) -> None:
        name, array = event.get("event"), str(event.get("array", ""))
        known = self._arrays.get(array)
        if name == "submitting":
            self._begin(array, event)
        elif name == "submitted" and known:
            known.job, known.submitted = str(event.get("job", "")), str(event.get("time", ""))
        elif name == "ended" and known:
            item = str(event.get("item"))
            if self._open.get(item) == array:
                self._close(item, str(event.get("state") or event.get("cause")))
        elif name in CLOSED:
            for item in [i for i, a in self._open.items() if a == array or not array]:
                self._close(item, CLOSED[name])
        elif name in ("done", "failed"):
            for item in list(self._open):
                self._close(item, GONE)

    def _begin(self, array: str, event: dict[str, Any]) -> None:
        facts = {key: event.get(key) for key in ("name", "directory", "asked")}
        self._arrays[array] = _Submitted(facts, str(event.get("backend", "")))
        chunks = event.get("chunks")
        for items in chunks.values() if isinstance(chunks, dict) else ():
            for item in map(sys.intern, items):  # others remember these names, too
                if item in self._open:
                    self._close(item, GONE)
                self._open[item] = array
                self._arrays[array].items[UNDER_WAY] += 1

    def _close(self, item: str, state: str) -> None:
        items = self._arrays[self._open.pop(item)].items
        items[UNDER_WAY] -= 1
        items[state] += 1

    @property
    def described(self) -> list[dict[str, Any]]:
        """Every job: id, array, name, what it asked for, and how many items are in which state."""
        return [
            {
                "job": one.job or None,
                "array": array,
                **one.facts,
                "submitted": one.submitted or None,
                "items": {state: count for state, count in one.items.items() if count},
            }
            for array, one in self._arrays.items()
        ]

    def jobs(self, backend: str, under_way: bool = False) -> Iterator[str]:
        """Ids of the jobs that a backend has taken; only of those that may be under way if so."""
        for one in self._arrays.values():
            if one.job and one.backend == backend and (one.items[UNDER_WAY] or not under_way):
                yield one.job
