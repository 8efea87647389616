"""What became of every item of a step, attempt by attempt, as its ledger tells."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lstluigi.jobs.backend import Cause
from lstluigi.jobs.history import CLOSED, GONE, UNDER_WAY
from lstluigi.jobs.ledger import examined, resources_noted, seconds
from lstluigi.jobs.results import has_ended
from lstluigi.jobs.spec import ArrayFiles, Resources

__all__ = ["Attempt", "Ledger", "Share", "is_file_at_fault", "read_ledger"]

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
