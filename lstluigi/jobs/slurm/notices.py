"""What a person should know of jobs in the queue, each said once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from lstluigi.jobs.slurm import states
from lstluigi.jobs.slurm.commands import Row

log = logging.getLogger("lstluigi")

#: After so many seconds of waiting for the same reason, it is said.
LONG_WAIT = 600.0


class Notices:
    """Says in the run's log what jobs need a person for."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._since: dict[str, float] = {}

    def tell(self, row: Row, sentence: str) -> None:
        """Say something of an array, unless it is empty."""
        self._once(row, (row.job, sentence), sentence)

    def waiting(self, rows: Iterable[Row]) -> None:
        """Say of a reason that jobs have been waiting for it for long, whatever it means.

        Parameters
        ----------
        rows
            The run's own jobs, as the queue is now.
        """
        now = time.monotonic()
        first: dict[str, Row] = {}
        for row in rows:
            known = states.stuck(row.reason) or not states.is_remarkable(row.reason)
            if row.state in states.PENDING and not known:
                first.setdefault(row.reason.strip("()"), row)
        self._since = {reason: self._since.get(reason, now) for reason in first}
        for reason, since in self._since.items():
            if now - since >= LONG_WAIT:
                self._once(first[reason], ("", reason), states.waits_for(reason))

    def _once(self, row: Row, key: tuple[str, str], sentence: str) -> None:
        if sentence and key not in self._told:
            self._told.add(key)
            log.warning("job %s (%s): %s", row.job, row.name, sentence)
