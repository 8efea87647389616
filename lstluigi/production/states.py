"""How far products are: what a plan says of a step, and what is to be seen of it."""

from __future__ import annotations

from enum import Enum


class Standing(Enum):
    """Where a step stands before anything runs."""

    WHOLE = "whole"  #: product there, made by today's recipe or by hand
    PASSED = "passed"  #: intermediate product not there, but everything made of it is
    GONE = "gone"  #: delivered product not there, and not made again, as `Plan.why_gone` says
    CHANGED = "changed"  #: product there, by another recipe than today's
    MISSING = "missing"

    @property
    def satisfied(self) -> bool:
        """Is nothing to be done for it?"""
        return self in (Standing.WHOLE, Standing.PASSED, Standing.GONE)


class Status(Enum):
    """Where a file, or a step, stands."""

    DONE = "done"  #: at its place
    PASSED = "passed"  #: not there, and not needed: all that is made of it is there
    GONE = "gone"  #: not there though productions are made for it: released, or cannot be made
    RUNNING = "running"  #: being made
    QUEUED = "queued"  #: submitted, or about to be by a run that is alive
    UNKNOWN = "unknown"  #: submitted, and there is no telling what has become of it
    FAILED = "failed"  #: tried, and given up
    CHANGED = "changed"  #: there, made differently from what the config says: the user decides
    BLOCKED = "blocked"  #: needs what failed, or what the user has to decide about
    TO_DO = "to do"  #: nothing has been submitted, nothing is in its way

    @property
    def satisfied(self) -> bool:
        """Is nothing to be done any more?"""
        return self in (Status.DONE, Status.PASSED, Status.GONE)

    @property
    def under_way(self) -> bool:
        """May something come of it by itself?"""
        return self in (Status.RUNNING, Status.QUEUED, Status.UNKNOWN)

    @property
    def in_the_way(self) -> bool:
        """Does what is made of it have to wait for the user?"""
        return self in (Status.FAILED, Status.CHANGED, Status.BLOCKED)
