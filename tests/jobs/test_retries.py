"""Whether an item that ended badly gets another try."""

from __future__ import annotations

from typing import Any

import pytest
from scripted import Scripted

from lstluigi.jobs.packing import another_try
from lstluigi.jobs.states import Cause
from lstluigi.jobspec import Environment, Resources, Retries, Shared

LIMITS = Retries(memory=3, time=2, node=4, preempted=20, launch=5, command=1)


def shared(resources: Resources, adds_up: bool = False) -> Shared:
    return Shared("k", resources, Environment(), capacity=10, adds_up=adds_up)


def asks(memory: int | None = 100, **options: str) -> Resources:
    return Resources(1, memory, tuple(sorted(options.items())))


@pytest.fixture
def backend() -> Scripted:
    backend = Scripted()
    backend.retries = LIMITS
    return backend


@pytest.mark.parametrize(
    ("cause", "limit"),
    [
        (Cause.MEMORY, 3),
        (Cause.TIME, 2),
        (Cause.NODE, 4),
        (Cause.PREEMPTED, 20),
        (Cause.LAUNCH, 5),
        (Cause.COMMAND, 1),
        (Cause.CANCELLED, 0),
        (Cause.FINAL, 0),
    ],
)
def test_each_cause_has_its_count(backend: Scripted, cause: Cause, limit: int) -> None:
    given: tuple[Any, ...] = (backend, shared(asks()), asks(), cause)
    granted = [another_try(*given, count, "n1") is not None for count in range(1, 25)]
    assert granted == [True] * limit + [False] * (24 - limit)


def test_every_cause_is_in_the_settings_or_final() -> None:
    limits = {cause: Retries(*[7] * 6).limit(cause.value) for cause in Cause}
    assert {cause for cause, limit in limits.items() if not limit} == {Cause.CANCELLED, Cause.FINAL}


def test_it_is_alone_in_its_chunk(backend: Scripted) -> None:
    again = another_try(backend, shared(asks()), asks(), Cause.COMMAND, 1, "")
    assert again is not None
    assert again.capacity == 1


def test_what_the_backend_makes_of_it(backend: Scripted) -> None:
    again = another_try(backend, shared(asks(100)), asks(100), Cause.MEMORY, 1, "n1")
    assert again is not None
    assert again.resources.memory_mb == 200
    assert another_try(backend, shared(asks(600)), asks(600), Cause.MEMORY, 1, "n1") is None


def test_the_memory_is_that_of_the_chunk(backend: Scripted) -> None:
    """A smaller item was given what the largest of its chunk asked for, and it was too little."""
    again = another_try(backend, shared(asks(100)), asks(300), Cause.MEMORY, 1, "")
    assert again is not None
    assert again.resources.memory_mb == 600


def test_time_that_adds_up_is_its_own(backend: Scripted) -> None:
    own, chunk = asks(time="1:00:00"), asks(time="10:00:00")
    another_try(backend, shared(own, adds_up=True), chunk, Cause.TIME, 1, "n1")
    another_try(backend, shared(own), chunk, Cause.TIME, 1, "n1")
    assert [base.time_s for base, _, _ in backend.asked_again] == [3600, 36_000]
    assert {(cause, host) for _, cause, host in backend.asked_again} == {(Cause.TIME, "n1")}


def test_options_are_its_own(backend: Scripted) -> None:
    own, chunk = asks(exclude="n1"), asks(exclude="n2")
    again = another_try(backend, shared(own), chunk, Cause.COMMAND, 1, "")
    assert again is not None
    assert dict(again.resources.options)["exclude"] == "n1"
