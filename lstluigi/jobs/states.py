"""States that jobs are in, and causes of failures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class JobState(Enum):
    """Where a submitted chunk stands."""

    PENDING = "pending"  #: accepted, not started
    RUNNING = "running"
    SUCCEEDED = "succeeded"  #: ended by itself with exit code 0
    FAILED = "failed"  #: ended in any other way
    UNKNOWN = "unknown"  #: the backend could not tell; says nothing about the job

    @property
    def ended(self) -> bool:
        """True when nothing more can come from the chunk."""
        return self in (JobState.SUCCEEDED, JobState.FAILED)


class Cause(Enum):
    """Why something ended badly: what is worth another try depends on it."""

    COMMAND = "command"  #: a command failed, or made nothing whole
    MEMORY = "memory"  #: it needed more than was asked for
    TIME = "time"  #: it took longer than was asked for
    NODE = "node"  #: the machine went away under it
    LAUNCH = "launch"  #: it could not be started where it was sent
    PREEMPTED = "preempted"  #: it had to make way
    CANCELLED = "cancelled"  #: a person ended it
    FINAL = "final"  #: another try would end in the same way


@dataclass(frozen=True)
class JobStatus:
    """State of a chunk, and for FAILED why: in words, as a cause, and on which machine."""

    state: JobState
    reason: str = ""
    cause: Cause = Cause.COMMAND
    host: str = ""
