"""The ledger of a step: what was submitted for it and how it ended, one JSON object a line.

Lines are only ever added, each with one write: a run that dies leaves at most one broken line,
its last.
"""

from __future__ import annotations

import json
import os
import sys
import time
from calendar import timegm
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lstluigi.errors import LstluigiError
from lstluigi.jobs.spec import Resources

#: A submission that is not confirmed in the ledger may still arrive for so long (s).
ARRIVAL = 60.0
#: Events: the user had a product deleted by name, so no run makes it for its own sake; the user
#: wants it again.
RELEASED, WANTED = "released", "wanted"
STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass
class Submission:
    """An array that was handed to a backend, as far as it concerns one step.

    Attributes
    ----------
    array, directory
        The array's name and where its files lie.
    name
        What the backend shows it under.
    job
        The backend's id of it; empty where the run ended before it was written down.
    recipe
        Digest of what it makes its products by.
    when
        When it was about to be submitted (s since the epoch).
    asked
        What its chunks asked for, where that is written down.
    open
        Items that are not known to have ended, and the chunk of each.
    """

    array: str
    directory: str
    name: str
    recipe: str
    when: float
    job: str = ""
    asked: Resources | None = None
    open: dict[str, int] = field(default_factory=dict)

    @property
    def arrives(self) -> float:
        """Until when (s since the epoch) it may still turn up if its id is not known.

        The directory is touched whenever it has been tried to submit the array.
        """
        try:
            tried = os.stat(self.directory).st_mtime
        except OSError:
            tried = self.when
        return max(self.when, tried) + ARRIVAL

    @property
    def may_arrive(self) -> bool:
        """May it still turn up, though the backend does not know it yet?"""
        return not self.job and time.time() < self.arrives


def note(path: str, event: str, **facts: Any) -> None:
    """Add an event to a ledger, with the time (UTC)."""
    stamp = time.strftime(STAMP, time.gmtime())
    line = json.dumps({"time": stamp, "event": event, **facts}) + "\n"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(handle).st_size
            broken = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, ("\n" * broken + line).encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise LstluigiError(f"ledger {path} cannot be written ({error.strerror})") from None


def events(path: str) -> Iterator[dict[str, Any]]:
    """Events of a ledger, oldest first; lines that a dying run left broken are passed over.

    Raises
    ------
    LstluigiError
        When there is one and it cannot be read.
    """
    return iter(events_from(path, 0)[0])


def events_from(path: str, start: int) -> tuple[list[dict[str, Any]], int]:
    """Events behind a position (bytes) in a ledger, and the position behind them."""
    lines = _lines(path, start)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()  # it may still be being written
    found = [event for line in lines if (event := _parsed(line)) is not None]
    return found, start + sum(map(len, lines))


def is_released(path: str) -> bool:
    """Did the user have the step's product deleted, and not ask for it since?"""
    words = [event.get("event") for event in events(path)]
    return (
        next((w for w in reversed(words) if w in (RELEASED, WANTED, "submitting")), "") == RELEASED
    )


def examined(path: str) -> tuple[list[dict[str, Any]], int]:
    """Events of a ledger, and how many of its lines tell nothing because they are broken."""
    lines = _lines(path, 0)
    found = [event for line in lines if (event := _parsed(line)) is not None]
    return found, sum(bool(line.strip()) for line in lines) - len(found)


def _lines(path: str, start: int) -> list[bytes]:
    try:
        with open(path, "rb") as stream:
            stream.seek(start)
            return stream.readlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LstluigiError(f"ledger {path} cannot be read ({error.strerror})") from None


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def submissions(path: str, backend: str) -> list[Submission]:
    """What was handed to a backend and may be under way, oldest first.

    Whether it is, the backend is asked. So nothing counts as ended here because its item was
    submitted again, or the step is done: a run with another backend may have made it, while these
    jobs go on. `History` and `attempts.Ledger`, which tell of the last try, take those for gone.
    """
    found: dict[str, Submission] = {}
    for event in events(path):
        array = str(event.get("array", ""))
        known = found.get(array)
        if event.get("event") == "submitting" and event.get("backend") == backend:
            found[array] = _submission(array, event)
        elif event.get("event") == "submitted" and known:
            known.job = str(event.get("job", ""))
        elif event.get("event") == "ended" and known:
            known.open.pop(str(event.get("item")), None)
        elif event.get("event") in ("refused", "cancelled") and known:
            known.open.clear()
        elif event.get("event") == "abandoned" and event.get("backend", backend) == backend:
            found.clear()
    return [submission for submission in found.values() if submission.open]


def _submission(array: str, event: dict[str, Any]) -> Submission:
    chunks = event.get("chunks")
    chunks = chunks if isinstance(chunks, dict) else {}
    return Submission(
        array,
        directory=str(event.get("directory", "")),
        name=str(event.get("name", "")),
        recipe=str(event.get("recipe", "")),
        when=seconds(event.get("time")),
        asked=resources_noted(event.get("asked")),
        open={
            sys.intern(str(item)): int(index) for index, items in chunks.items() for item in items
        },
    )


def resources_noted(noted: object) -> Resources | None:
    """What an array asked for, as its event says; None where that is not written down."""
    if not isinstance(noted, dict) or not isinstance(noted.get("cpus"), int):
        return None
    options = {str(k): str(v) for k, v in noted.items() if k not in ("cpus", "memory_mb")}
    memory = noted.get("memory_mb")
    memory = memory if isinstance(memory, int) else None
    return Resources(noted["cpus"], memory, tuple(sorted(options.items())))


def seconds(stamp: object) -> float:
    """A time of a ledger in seconds since the epoch; 0 if it is none."""
    return _seconds(str(stamp))


@lru_cache(maxsize=1024)  # a chunk's items end in a few moments
def _seconds(stamp: str) -> float:
    try:
        return float(timegm(time.strptime(stamp, STAMP)))
    except ValueError:
        return 0.0
