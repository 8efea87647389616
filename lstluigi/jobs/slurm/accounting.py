"""What sacct says that jobs used, read back from lines in `ACCOUNT_FIELDS`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lstluigi.jobs.slurm.commands import ACCOUNT_FIELDS, expand

__all__ = ["Account", "parse_accounts"]


@dataclass(frozen=True)
class Account:
    """A job: seconds from its beginning to its end, and before in the queue (None if unknown)."""

    wall_s: float
    queue_s: float | None = None


def parse_accounts(lines: Iterable[str]) -> dict[tuple[str, int], Account]:
    """Accounts by id of the array's job and index; lines of another form are passed over.

    A name may hold a bar, so fields before it are counted from the left, the others from the right.
    """
    fields = ACCOUNT_FIELDS.split(",")
    from_right = {name: index - len(fields) for index, name in enumerate(fields)}
    found = {}
    for line in lines:
        parts = line.rstrip("\n").split("|")
        if len(parts) < len(fields):
            continue
        job, _, elements = parts[0].partition("_")
        times = [_time(parts[from_right[name]]) for name in ("Submit", "Start", "End")]
        submit, start, end = times
        if not job.isdecimal() or start is None or end is None or end < start:
            continue
        queue = None if submit is None else max(0.0, (start - submit).total_seconds())
        for index in expand(elements) if elements else (0,):  # a plain job
            found[job, index] = Account((end - start).total_seconds(), queue)
    return found


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # Unknown, None
        return None
