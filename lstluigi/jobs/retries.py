"""Whether an item that ended badly gets another try, and with what."""

from __future__ import annotations

from dataclasses import replace

from lstluigi.jobs.backend import Backend, Cause
from lstluigi.jobs.spec import Resources, Shared


def with_more_memory(backend: Backend, shared: Shared, asked: Resources, host: str) -> Shared:
    """Return with what an item is submitted whose neighbours in a chunk lacked memory.

    It keeps its place among others, since nothing is known against it.
    """
    more = another_try(backend, shared, asked, Cause.MEMORY, 0, host)
    return shared if more is None else replace(more, capacity=shared.capacity)


def another_try(
    backend: Backend, shared: Shared, asked: Resources, cause: Cause, count: int, host: str
) -> Shared | None:
    """With what an item is submitted again; None if it is not.

    It is alone in its chunk where the cause may be its own.

    Parameters
    ----------
    shared
        What it was submitted with.
    asked
        What its chunk asked for.
    count
        How often the item has ended for this cause, this time included.
    host
        Where.
    """
    if count > backend.retries.limit(cause.value):
        return None
    own = shared.resources
    # the chunk had the memory of its largest item; and the time of all, if it adds up
    base = replace(asked, options=own.options).timed(own.time_s if shared.adds_up else asked.time_s)
    more = backend.again(base, cause, host)
    alone = cause in (Cause.MEMORY, Cause.TIME, Cause.COMMAND)
    capacity = 1 if alone else shared.capacity
    return None if more is None else replace(shared, resources=more, capacity=capacity)
