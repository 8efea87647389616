"""Results of tasks on their way to the worker."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Pace", "ResultQueue"]

_LONGEST = 2.0  # s, between two looks at the handles while nothing happens
_SLOWEST = 10.0  # s, when a look is costly
_SHARE = 0.01  # of one core, spent on looking


class Pace:
    """When to look next: less often while nothing happens and if looks cost CPU.

    Parameters
    ----------
    shortest : float
        Wait after something has happened, in s.
    """

    def __init__(self, shortest: float) -> None:
        self._shortest = shortest
        self._wait = shortest
        self._due = time.monotonic()
        self._cpu = time.thread_time()

    def something_started(self) -> None:
        """Look now: it may have ended already."""
        self._due = time.monotonic()
        self._wait = self._shortest

    def something_ended(self) -> None:
        """Look again soon: more may follow."""
        self._wait = self._shortest

    def looked(self, busy: bool = False) -> None:
        """Set the time of the next look, counting the CPU time spent since the last one.

        Parameters
        ----------
        busy : bool
            Whether the time went into work that is not done yet, and goes on soon.
        """
        cpu = time.thread_time()
        spent, self._cpu = cpu - self._cpu, cpu
        wait = min(max(self._wait, spent / _SHARE), max(_SLOWEST, self._shortest))
        if busy:
            wait = self._wait = self._shortest
        self._due = time.monotonic() + wait
        self._wait = min(self._wait * 1.5, max(_LONGEST, self._shortest))

    def remaining(self) -> float:
        """Return the time until the next look, in s."""
        return max(self._due - time.monotonic(), 0.0)

    def is_due(self) -> bool:
        """Tell whether it is time for the next look."""
        return self.remaining() == 0.0


class ResultQueue:
    """The queue `luigi.worker.Worker` takes results from.

    A `multiprocessing.Queue` pickles each result through a feeder thread; only results of forked
    tasks need that.

    Parameters
    ----------
    forked : multiprocessing.Queue
        Where forked tasks put their results.
    any_forks : callable
        Whether forked tasks are running.
    pace : Pace
        When to stop waiting for a result.
    """

    def __init__(self, forked: Any, any_forks: Callable[[], bool], pace: Pace) -> None:
        self.forked = forked
        self._any_forks = any_forks
        self._pace = pace
        self._own: deque[tuple[Any, ...]] = deque()

    def __len__(self) -> int:
        return len(self._own)

    def put(self, result: tuple[Any, ...]) -> None:
        """Add the result of a task of this process."""
        self._own.append(result)

    def get(self, timeout: float) -> tuple[Any, ...]:
        """Return the next result; wait for one until the next look, and for a fork ``timeout``.

        Raises
        ------
        queue.Empty
            If there is none yet.
        """
        if self._own:
            return self._own.popleft()
        if self._any_forks():
            return tuple(self.forked.get(timeout=timeout))
        time.sleep(self._pace.remaining())
        raise queue.Empty

    def close(self) -> None:
        """Close the queue of the forks."""
        self.forked.close()
