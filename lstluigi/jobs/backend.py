"""The contract between lstluigi and whatever runs its jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import ClassVar

from lstluigi.errors import LstluigiError
from lstluigi.jobs.ledger import Submission
from lstluigi.jobs.states import Cause, JobStatus
from lstluigi.jobspec import Array, Resources, Retries

#: A chunk that has been submitted: id of its array and its index there.
ChunkId = tuple[str, int]


class SubmissionError(LstluigiError):
    """The backend will never accept this array; the message says what to mend."""


class NotNow(LstluigiError):
    """The backend does not answer, or has no room, now; nothing is known to be wrong."""


class Backend(ABC):
    """Runs arrays of chunks.

    Nothing here may block for longer than a query takes, and no query that fails may be taken for
    a job that failed.
    """

    name: ClassVar[str]
    #: Whether jobs go on when the run that submitted them ends.
    survives: ClassVar[bool] = False
    #: For how long (s) ready jobs are gathered for one submission.
    gather: float = 0.0
    #: Time between two queries (s), and the longest while nothing changes.
    interval: float = 0.2
    longest_interval: float = 0.2
    #: How long (s) files written elsewhere may take to be seen here.
    latency: float = 0.0
    #: How many chunks an array may have.
    largest_array: int = 10_000
    #: How often something is tried again.
    retries: Retries = Retries(*[0] * 6)

    @abstractmethod
    def resources(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        """What a chunk asks for here: a stage's usual resources, a step's own requests on top.

        Parameters
        ----------
        kind
            What it does, e.g. the stage.
        usual
            What a full-size production needs on a cluster.
        requests
            Options of sbatch by their long names.

        Raises
        ------
        Refused
            When these resources cannot be had here.
        """

    def lowered(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Sequence[str]:
        """What `resources` has lowered, since it cannot be had here: a sentence for each."""
        return ()

    def refusal(self, resources: Resources) -> str:
        """Why no job with these resources would be taken; empty where nothing is known."""
        return ""

    @abstractmethod
    def width(self, resources: Resources) -> int | None:
        """How many chunks with these resources can run at once; None where there is no telling."""

    def room(self) -> int | None:
        """How many more chunks may be submitted now; None where nothing limits them."""
        return None

    def longest(self, resources: Resources) -> int | None:
        """The longest time (s) that such a chunk may ask for; None where nothing limits it."""
        return None

    def again(self, asked: Resources, cause: Cause, host: str) -> Resources | None:
        """What to ask for after it went wrong; None where there is nothing more to be had."""
        return asked

    @abstractmethod
    def submit(self, array: Array) -> str:
        """Hand over an array whose spec files are written; return the backend's name for it.

        Called again with the same array after `NotNow`, it first looks whether the array has
        arrived all the same.

        Raises
        ------
        SubmissionError
            When the array is refused for good.
        NotNow
            When it may be tried again later.
        """

    def adopt(self, submission: Submission) -> Collection[int]:
        """Follow what an earlier run submitted; return the chunks that are still under way.

        Raises
        ------
        NotNow
            When that cannot be told now.
        """
        return ()

    @abstractmethod
    def poll(self) -> Mapping[ChunkId, JobStatus]:
        """State of every chunk that was submitted and has not been reported as ended before."""

    @abstractmethod
    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        """End these chunks, started or not; those unknown or ended are passed over.

        Raises
        ------
        NotNow
            When some may still be under way.
        """

    @abstractmethod
    def detach(self) -> str:
        """Stop following; return a sentence that says what becomes of the chunks under way."""

    def account(self, jobs: Sequence[str]) -> Iterable[str]:
        """Lines that tell what jobs (names that `submit` gave) used; none without accounts."""
        return ()

    def ending(self, jobs: Sequence[str]) -> str:
        """Text of a shell script that ends these jobs; empty where they end with the run."""
        return ""
