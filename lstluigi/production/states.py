"""The state of a step, and of a file: one enum for plan, status, graph and report."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """What is known of a step or a file.

    A plan knows from the files alone COMPLETE, NOT_NEEDED, GONE, OUTDATED and MISSING. The others
    need ledgers and the backend.
    """

    COMPLETE = "complete"  #: The product is there, made by today's recipe or by hand.
    NOT_NEEDED = "not needed"  #: DL1 or a merge that is not there, but all that is made of it is.
    GONE = "gone"  #: A delivered product that was released, or cannot be made again.
    RUNNING = "running"  #: A job makes it.
    QUEUED = "queued"  #: It is submitted, or a run that is alive is about to submit it.
    UNKNOWN = "unknown"  #: It was submitted, and the backend cannot say what became of it.
    FAILED = "failed"  #: It was tried and given up.
    OUTDATED = "outdated"  #: The product is there, made by another recipe: the user decides.
    BLOCKED = "blocked"  #: It needs something that failed or is outdated.
    MISSING = "missing"  #: The product is not there, nothing is submitted, a run makes it.

    @property
    def satisfied(self) -> bool:
        """Is nothing to be done for it?"""
        return self in (State.COMPLETE, State.NOT_NEEDED, State.GONE)

    @property
    def under_way(self) -> bool:
        """May something come of it by itself?"""
        return self in (State.RUNNING, State.QUEUED, State.UNKNOWN)

    @property
    def in_the_way(self) -> bool:
        """Does what is made of it have to wait for the user?"""
        return self in (State.FAILED, State.OUTDATED, State.BLOCKED)
