"""Jobs and chunks under way, as those who submit and those who follow them see them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lstluigi.errors import LstluigiError
from lstluigi.jobs.backend import Cause, Status
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import note
from lstluigi.jobs.results import ItemResult
from lstluigi.jobs.spec import ArrayFiles, Resources, Shared, Work

log = logging.getLogger("lstluigi")


class Job(Protocol):
    """What a step wants done."""

    @property
    def ledger(self) -> str:
        """Path of the step's ledger."""

    @property
    def where(self) -> str:
        """Where its requests stand in the config."""

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

    def abandon(self, reason: str) -> None:
        """Called instead of `conclude` for what was described and is not followed any more."""


@dataclass
class Followed:
    """A job under way: its items that have not ended, and those that have."""

    job: Job
    work: Work
    open: set[str] = field(default_factory=set)
    items: dict[str, ItemResult] = field(default_factory=dict)
    tries: Counter[tuple[str, Cause]] = field(default_factory=Counter)
    deadline: float | None = None

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
    ended: Status | None = None
    deadline: float = 0.0


def sentence(error: Exception) -> str:
    """What to tell the user of something that went wrong with one job."""
    if isinstance(error, LstluigiError):
        return str(error)
    return f"{type(error).__name__}: {error}; this is a fault of lstluigi, please report it"
