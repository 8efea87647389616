"""Jobs and chunks under way, as those who submit and those who follow them see them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lstluigi.errors import LstluigiError
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import note
from lstluigi.jobs.results import ItemResult
from lstluigi.jobs.states import Cause, JobStatus
from lstluigi.jobspec import ArrayFiles, Resources, Shared, Work

log = logging.getLogger("lstluigi")

#: What is remembered of an item that ended well; the ledger has the rest.
DONE: ItemResult = {"state": "ok"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come.

    Attributes
    ----------
    done, failed, total
        Items; those that were whole before are done.
    started
        Has any of its chunks begun to run?
    """

    done: int
    failed: int
    total: int
    started: bool

    @property
    def share(self) -> float:
        """Share of the items that have ended, 0 to 1."""
        return (self.done + self.failed) / self.total if self.total else 1.0


class Job(Protocol):
    """What a step wants done."""

    @property
    def ledger(self) -> str:
        """Path of the step's ledger."""

    @property
    def where(self) -> str:
        """Where its requests stand in the config."""

    @property
    def log(self) -> str:
        """Path of its log, or of the directory of its logs."""

    def told(self, progress: Progress) -> str:
        """How far it has come, in words."""

    def describe(self) -> Work:
        """What to submit; may touch the file system.

        Raises
        ------
        LstluigiError
            When the job cannot be done; nothing is submitted then.
        """

    def visible(self) -> bool:
        """Can the products be seen here already? Files written elsewhere may take a while."""

    def conclude(self, items: Mapping[str, ItemResult]) -> Outcome:
        """Look at how all items ended, and at the products."""

    def refresh(self) -> None:
        """Called now and then while the job is under way."""

    def abandon(self, reason: str, *, failed: bool) -> None:
        """Called instead of `conclude` for what was described and is not followed any more.

        It has `failed` where it could not be submitted, not where the run is interrupted.
        """


@dataclass
class Followed:
    """A job under way: its items that have not ended, and those that have."""

    job: Job
    work: Work
    open: set[str] = field(default_factory=set)
    items: dict[str, ItemResult] = field(default_factory=dict)
    tries: Counter[tuple[str, Cause]] = field(default_factory=Counter)
    deadline: float | None = None
    failed: int = 0
    started: bool = False
    versions: object = None

    def news(self, result: ItemResult) -> dict[str, object]:
        """Versions that made an item, unless they are those that made the one before."""
        versions = result.get("versions")
        if versions == self.versions:
            return {}
        self.versions = versions
        return {"versions": versions}

    def end(self, item: str, result: ItemResult) -> None:
        """Take down how an item ended for good; what went well is remembered in one word."""
        self.open.discard(item)
        good = result.get("state") == DONE["state"]
        self.items[item] = DONE if good else result
        self.failed += not good

    @property
    def progress(self) -> Progress:
        """How far the job has come; asked for often, so nothing is counted here."""
        before, ended = self.work.found, len(self.items)
        total = before + ended + len(self.open)
        return Progress(before + ended - self.failed, self.failed, total, self.started)

    def say(self, event: str, **facts: object) -> None:
        """Add to the step's ledger; a full disk must not end the run."""
        try:
            note(self.job.ledger, event, **facts)
        except LstluigiError as error:
            log.warning("%s", error)


@dataclass(slots=True)
class Submitted:
    """A chunk under way: whose items it holds, and what it asked for."""

    array: ArrayFiles
    index: int
    asked: Resources
    owners: dict[str, Followed] = field(default_factory=dict)
    shared: dict[str, Shared] = field(default_factory=dict)
    read: float = 0.0
    running: bool = False
    ended: JobStatus | None = None
    deadline: float = 0.0

    def begin(self) -> None:
        """Take down that the chunk runs."""
        if not self.running:
            self.running = True
            for owner in self.owners.values():
                owner.started = True
