"""When the worker looks at its handles."""

from __future__ import annotations

import time

import pytest

from lstluigi.scheduler.results import Pace


def test_looks_that_cost_cpu_become_rare_unless_there_is_more_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shortest, spent = 0.2, 1.0
    clock = [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: clock[0])
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    pace = Pace(shortest)
    clock[0] += spent
    pace.looked(busy=True)
    assert pace.remaining() == shortest
    clock[0] += spent
    pace.looked()
    assert pace.remaining() > spent
