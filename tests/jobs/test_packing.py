"""Which items share a chunk, and which chunks an array."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted

from lstluigi.jobs.packing import Ready, pack
from lstluigi.jobspec import Chunk, Environment, Item, Resources, Shared


def ready(name: str, memory: int | None = None, time: str | None = None, **shared: Any) -> Ready:
    options = () if time is None else (("time", time),)
    given = {"kind": "k", "environment": Environment(), "capacity": 3, **shared}
    asked = Resources(1, memory, options)
    return Ready(Item(name, (), (), "/s", "/l"), Shared(resources=asked, **given), owner=None)


def packed(items: list[Ready], backend: Scripted | None = None) -> list[list[Chunk]]:
    arrays = [list(array) for array in pack(items, backend or Scripted())]
    for array in arrays:
        assert len({chunk.resources for chunk, _ in array}) == 1  # an array asks once for all
        for chunk, share in array:
            assert list(chunk.items) == [one.item for one in share]
    return [[chunk for chunk, _ in array] for array in arrays]


def names(chunks: list[Chunk]) -> list[str]:
    return ["".join(item.id for item in chunk.items) for chunk in chunks]


def test_a_chunk_has_the_largest_memory() -> None:
    ((chunk,),) = packed([ready("a", 100), ready("b", 300), ready("c", 200)])
    assert chunk.resources.memory_mb == 300


def test_chunks_of_other_memory_are_other_arrays() -> None:
    small, large = packed([ready(n, 100) for n in "abc"] + [ready(n, 200) for n in "de"])
    assert (names(small), names(large)) == (["abc"], ["de"])


def test_a_chunk_has_the_longest_time_of_items_that_do_not_add_up() -> None:
    ((chunk,),) = packed([ready("a", time="1:00:00"), ready("b", time="2:00:00")])
    assert chunk.resources.time_s == 2 * 3600


def test_time_adds_up() -> None:
    ((chunk,),) = packed([ready(n, time="1:30:00", adds_up=True) for n in "ab"])
    assert chunk.resources.time_s == 3 * 3600


def test_an_array_has_the_time_of_its_longest_chunk() -> None:
    hours = [1, 1, 1, 2, 3]
    items = [ready(str(h), time=f"{h}:00:00", adds_up=True) for h in hours]
    (chunks,) = packed(items)
    assert names(chunks) == ["111", "23"]
    assert [chunk.resources.time_s for chunk in chunks] == [5 * 3600] * 2


def test_added_time_never_goes_past_the_longest() -> None:
    backend = Scripted()
    backend.limit = 4 * 3600
    items = [ready(str(h), time=f"{h}:00:00", adds_up=True) for h in (1, 3, 1, 2, 4)]
    (chunks,) = packed(items, backend)
    assert names(chunks) == ["13", "12", "4"]
    assert chunks[0].resources.time_s == 4 * 3600


def test_one_that_is_too_long_by_itself_is_alone() -> None:
    backend = Scripted()
    backend.limit = 3600
    items = [ready(n, time=t, adds_up=True) for n, t in (("a", "0:30:00"), ("b", "UNLIMITED"))]
    (chunks,) = packed(items, backend)
    assert names(chunks) == ["a", "b"]
    assert {chunk.resources.time_s for chunk in chunks} == {math.inf}


@pytest.mark.parametrize(
    "others", [{"memory": 100}, {"time": "1:00:00"}, {"memory": 100, "time": "1:00:00"}]
)
def test_what_is_usual_at_the_site_is_not_mixed_with_what_is_asked(others: dict[str, Any]) -> None:
    """Usual may be more than what is asked, or less: nobody knows here."""
    plain, asked = packed([ready("a"), ready("b", **others), ready("c")])
    assert names(plain) == ["ac"]
    assert plain[0].resources == Resources()
    assert names(asked) == ["b"]


@pytest.mark.parametrize(
    "shared", [{"kind": "x"}, {"environment": Environment("/x")}, {"capacity": 1}]
)
def test_what_must_be_equal(shared: dict[str, Any]) -> None:
    assert len(packed([ready("a"), ready("b", **shared)])) == 2


@given(
    count=st.integers(0, 60),
    capacity=st.integers(1, 7),
    largest=st.integers(1, 5),
    width=st.none() | st.integers(1, 10),
)
def test_nothing_is_lost_and_no_bound_broken(
    count: int, capacity: int, largest: int, width: int | None
) -> None:
    backend = Scripted(width)
    backend.largest_array = largest
    items = [ready(str(n), capacity=capacity) for n in range(count)]
    arrays = packed(items, backend)
    assert all(0 < len(array) <= largest for array in arrays)
    chunks = [chunk for array in arrays for chunk in array]
    assert all(0 < len(chunk.items) <= capacity for chunk in chunks)
    assert [item for chunk in chunks for item in chunk.items] == [one.item for one in items]
    if width is not None:
        assert len(chunks) >= min(count, width) / 2  # no slot is left idle for long chunks
