"""Which items share a chunk, and which chunks an array."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lstluigi.jobs.backend import Backend
from lstluigi.jobs.states import Cause
from lstluigi.jobspec import Chunk, Item, Resources, Shared


@dataclass(frozen=True, slots=True)
class Ready:
    """An item that can be submitted.

    Attributes
    ----------
    owner
        Whose it is.
    """

    item: Item
    shared: Shared
    owner: Any


def pack(ready: Iterable[Ready], backend: Backend) -> Iterator[list[tuple[Chunk, list[Ready]]]]:
    """Arrays, each as its chunks and what they hold, in the order of what is ready.

    Items of several steps share a chunk: as many as may, as few as keep all of a bounded backend
    busy. Its memory is that of its largest item; the time of small steps adds up.
    """
    groups: dict[object, list[Ready]] = {}
    for one in ready:
        groups.setdefault(_likeness(one.shared), []).append(one)
    arrays: dict[object, list[tuple[Chunk, list[Ready]]]] = {}
    for likeness, members in groups.items():
        for share in _shares(members, backend):
            chunk = _chunk(share)
            arrays.setdefault((likeness, chunk.resources.memory_mb), []).append((chunk, share))
    for chunks in arrays.values():
        for start in range(0, len(chunks), backend.largest_array):
            yield _same_time(chunks[start : start + backend.largest_array])


def _likeness(shared: Shared) -> object:
    """What must be equal in a chunk: all but memory and time, if they are asked for at all."""
    asked = shared.resources
    alike = replace(shared, resources=replace(asked, memory_mb=None).without("time"))
    return alike, asked.memory_mb is None, asked.time_s is None


def _shares(members: Sequence[Ready], backend: Backend) -> Iterator[list[Ready]]:
    shared = members[0].shared
    size = shared.capacity
    width = backend.width(shared.resources)
    if width is not None:
        size = min(size, max(1, math.ceil(len(members) / width)))
    longest = backend.longest(shared.resources) if shared.adds_up else None
    share: list[Ready] = []
    spent = 0.0
    for one in members:
        time = one.shared.resources.time_s or 0.0
        too_long = longest is not None and spent + time > longest
        if share and (len(share) >= size or too_long):
            yield share
            share, spent = [], 0.0
        share.append(one)
        spent += time
    yield share


def _chunk(share: Sequence[Ready]) -> Chunk:
    shared = share[0].shared
    asked = [one.shared.resources for one in share]
    memory = max((r.memory_mb for r in asked if r.memory_mb is not None), default=None)
    times = [r.time_s for r in asked if r.time_s is not None]
    time = None
    if times:
        time = sum(times) if shared.adds_up else max(times)
    resources = replace(shared.resources, memory_mb=memory)
    return Chunk([one.item for one in share], resources.timed(time), shared.environment)


def _same_time(chunks: list[tuple[Chunk, list[Ready]]]) -> list[tuple[Chunk, list[Ready]]]:
    """Chunks of an array ask for the same: the time of the longest."""
    times = [chunk.resources.time_s for chunk, _ in chunks]
    time = max((time for time in times if time is not None), default=None)
    return [(replace(c, resources=c.resources.timed(time)), share) for c, share in chunks]


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
