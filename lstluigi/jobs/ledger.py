"""The ledger of a step: what was submitted for it and how it ended, one JSON object a line.

Lines are only ever added, each with one write: a run that dies leaves at most one broken line,
its last.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from calendar import timegm
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from lstluigi.errors import LstluigiError
from lstluigi.jobs.results import has_ended
from lstluigi.jobs.states import Cause
from lstluigi.jobspec import ArrayFiles, Resources

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


#: What a machine made so long (s) before a failure shows that it was sound then.
SHORTLY = 600.0


@dataclass
class Share:
    """What an array holds of one step.

    Attributes
    ----------
    files
        The array's id, and where its files lie.
    backend, name, job
        Who has it, under which name and id (empty where that was not written down).
    asked
        What each of its chunks asked for; None where that was not written down.
    when, submitted
        When it was about to be and had been submitted (s since the epoch); 0 if not known.
    """

    files: ArrayFiles
    backend: str = ""
    name: str = ""
    job: str = ""
    asked: Resources | None = None
    when: float = 0.0
    submitted: float = 0.0


@dataclass(slots=True)
class Attempt:
    """One try at one item.

    Attributes
    ----------
    state
        `ok`, `failed`, `empty`, or the word that `History` has for items without a result.
    reason, cause
        Why it went wrong; the cause is a value of `Cause`.
    again
        Whether it was to be tried once more.
    ended
        When it ended, by its machine's clock, or else when that was written down (s since the
        epoch); 0 if it was not.
    wall_s, cpu_s, memory_mb
        What it used; None where nobody knows.
    events
        Events in what it made; None where nobody counted, or there are none to be counted.
    """

    item: str
    share: Share
    chunk: int
    state: str = UNDER_WAY
    reason: str = ""
    cause: str = ""
    again: bool = False
    ended: float = 0.0
    wall_s: float | None = None
    cpu_s: float | None = None
    memory_mb: float | None = None
    host: str = ""
    events: int | None = None

    @property
    def open(self) -> bool:
        """Has nobody written down how it ended?"""
        return self.state == UNDER_WAY

    @property
    def began(self) -> float:
        """When it began (s since the epoch), as far as it is known how long it took."""
        return self.ended - (self.wall_s or 0.0)

    @property
    def failed(self) -> bool:
        """Did its commands fail, for its files or unknown causes?"""
        return self.cause == Cause.COMMAND.value

    @property
    def measured(self) -> bool:
        """Did it do something, and is it known for how long? Not so what was there already."""
        return self.wall_s is not None and self.wall_s > 0

    def told(self, item: Mapping[str, Any]) -> Attempt:
        """It with what a job wrote down of it, for one of which the ledger knows no end."""
        found = replace(self)
        if has_ended(item):
            found.state = str(item.get("state"))
        found.measure(item)
        return found

    def measure(self, facts: Mapping[str, Any]) -> None:
        """Take down what it used, and how many events it made."""
        self.wall_s, self.cpu_s = _number(facts.get("wall_s")), _number(facts.get("cpu_s"))
        self.memory_mb = _number(facts.get("max_rss_mb"))
        events = _number(facts.get("events"))
        self.events = None if events is None else int(events)


@dataclass
class Ledger:
    """A step's ledger.

    Attributes
    ----------
    attempts
        In the order in which they were submitted.
    latest
        The last attempt at each item.
    concluded
        `done`, `failed`, or nothing if a run has submitted something since, or never ended it.
    message
        Why the step failed, or why its array was refused.
    broken
        Lines that tell nothing.
    unreadable
        Why nothing is known of what was tried; empty if it could be read.
    """

    attempts: list[Attempt] = field(default_factory=list)
    latest: dict[str, Attempt] = field(default_factory=dict)
    concluded: str = ""
    message: str = ""
    broken: int = 0
    unreadable: str = ""
    _shares: dict[str, Share] = field(default_factory=dict)

    @property
    def shares(self) -> Iterable[Share]:
        """What was submitted, oldest first."""
        return self._shares.values()

    def take(self, event: Mapping[str, Any]) -> None:
        """Read an event."""
        name, array = event.get("event"), str(event.get("array", ""))
        share = self._shares.get(array)
        if name == "submitting":
            self._begin(array, event)
        elif name == "submitted" and share:
            share.job, share.submitted = str(event.get("job", "")), seconds(event.get("time"))
        elif name == "ended" and share:
            attempt = self.latest.get(str(event.get("item")))
            if attempt is not None and attempt.share is share and attempt.open:
                _end(attempt, event)
        elif name in CLOSED:
            self.message = str(event.get("message", ""))
            self._close(CLOSED[name], array)
        elif name in ("done", "failed"):
            self.concluded, self.message = name, str(event.get("message", ""))
            self._close(GONE)

    def _begin(self, array: str, event: Mapping[str, Any]) -> None:
        self.concluded = self.message = ""
        share = Share(
            ArrayFiles(array, str(event.get("directory", ""))),
            backend=str(event.get("backend", "")),
            name=str(event.get("name", "")),
            asked=resources_noted(event.get("asked")),
            when=seconds(event.get("time")),
        )
        self._shares[array] = share
        chunks = event.get("chunks")
        for index, items in chunks.items() if isinstance(chunks, dict) else ():
            for item in items if isinstance(items, list) and str(index).isdecimal() else ():
                attempt = Attempt(sys.intern(str(item)), share, int(index))
                before = self.latest.get(attempt.item)
                if before is not None and before.open:
                    before.state = GONE
                self.attempts.append(attempt)
                self.latest[attempt.item] = attempt

    def _close(self, state: str, array: str = "") -> None:
        for attempt in self.latest.values():
            if attempt.open and (not array or attempt.share.files.id == array):
                attempt.state = state


def read_ledger(path: str) -> Ledger:
    """Read a ledger; one that is not there tells nothing.

    Raises
    ------
    LstluigiError
        When it is there and cannot be read.
    """
    events, broken = examined(path)
    found = Ledger(broken=broken)
    for event in events:
        found.take(event)
    return found


def is_file_at_fault(item: str, attempts: Iterable[Attempt]) -> bool:
    """Do the attempts of a step show that an item fails for its files, and not for a machine?

    They do when a machine on which its commands failed made another item since then. The last
    item that a machine tries has none behind it: then one counts that the machine made shortly
    before, if no other item has failed there since. What a machine made long before shows nothing:
    it may have broken in between.
    """
    tried = list(attempts)
    failures = [one for one in tried if one.failed and one.item == item]
    for failure in failures:
        others = [one for one in tried if one.host == failure.host and one.item != item]
        made = max((one.ended for one in others if one.state == "ok"), default=-math.inf)
        alone = not any(one.failed and one.ended > made for one in others)
        if made > failure.began or (alone and made > failure.began - SHORTLY):
            return True
    return False


def _end(attempt: Attempt, event: Mapping[str, Any]) -> None:
    attempt.state = sys.intern(str(event.get("state") or event.get("cause")))
    attempt.reason = str(event.get("reason") or "")
    attempt.cause = str(event.get("cause") or "")
    attempt.again = event.get("again") is True
    attempt.ended = _number(event.get("ended")) or seconds(event.get("time"))
    attempt.measure(event)
    attempt.host = sys.intern(str(event.get("host") or ""))


def _number(value: object) -> float | None:
    """A number that a quantity can have; a damaged file may hold anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None
