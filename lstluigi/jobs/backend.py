"""The contract between lstluigi and whatever runs its jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from lstluigi.errors import LstluigiError
from lstluigi.jobs.spec import Array, Resources

#: A chunk that has been submitted: id of its array and its index there.
ChunkId = tuple[str, int]


class State(Enum):
    """Where a submitted chunk stands."""

    PENDING = "pending"  #: accepted, not started
    RUNNING = "running"
    SUCCEEDED = "succeeded"  #: ended by itself with exit code 0
    FAILED = "failed"  #: ended in any other way
    UNKNOWN = "unknown"  #: the backend could not tell; says nothing about the job

    @property
    def ended(self) -> bool:
        """True when nothing more can come from the chunk."""
        return self in (State.SUCCEEDED, State.FAILED)


@dataclass(frozen=True)
class Status:
    """State of a chunk, and for FAILED why, in words."""

    state: State
    reason: str = ""


class SubmissionError(LstluigiError):
    """The backend will never accept this array; the message says what to mend."""


class Backend(ABC):
    """Runs arrays of chunks.

    Nothing here may block for longer than a query takes, and no query that fails may be taken for
    a job that failed.
    """

    name: str

    @abstractmethod
    def resources(self, usual: Resources, requests: Mapping[str, str]) -> Resources:
        """What a chunk asks for here: a stage's usual resources, a step's own requests on top.

        Parameters
        ----------
        usual
            What a full-size production needs on a cluster.
        requests
            Options of sbatch by their long names.
        """

    @abstractmethod
    def width(self, resources: Resources) -> int | None:
        """How many chunks with these resources can run at once; None where there is no telling."""

    @abstractmethod
    def submit(self, array: Array) -> str:
        """Hand over an array whose spec file is written; return the backend's name for it.

        Raises
        ------
        SubmissionError
            When the array is refused for good.
        """

    @abstractmethod
    def poll(self) -> Mapping[ChunkId, Status]:
        """State of every chunk that was submitted and has not been reported as ended before."""

    @abstractmethod
    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        """End these chunks, started or not; those unknown or ended are passed over."""

    @abstractmethod
    def detach(self) -> str:
        """Stop following; return a sentence that says what becomes of the chunks under way."""
