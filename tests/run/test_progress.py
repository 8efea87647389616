"""What a run shows while it goes on: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from lab import Lab, small
from rich.console import Console

from lstluigi.run.progress import Display


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    log, summary = logging.getLogger("lstluigi"), logging.getLogger("lstluigi.summary")
    before = (log.level, summary.level, list(log.handlers))
    yield
    log.setLevel(before[0])
    summary.setLevel(before[1])
    log.handlers[:] = before[2]


def shown(lab: Lab, *words: str, terminal: bool) -> str:
    """What is there at the end, when the first step was told to have begun, ended, ..."""
    small(lab)
    first, *others = lab.plan().steps
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
    with Display([first, *others], console) as display:
        for word in words:
            display.heard(first, word)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_step_that_has_begun_is_under_way_though_it_may_wait_in_a_queue(lab: Lab) -> None:
    assert "0/1 1 under way" in shown(lab, "begun", terminal=True)


def test_a_step_that_has_ended_is_not_under_way(lab: Lab) -> None:
    text = shown(lab, "begun", "done", terminal=True).splitlines()
    (last,) = [line for line in text if "r0_to_dl1" in line][-1:]
    assert "1/1" in last
    assert "under way" not in last


def test_failures_are_counted(lab: Lab) -> None:
    assert "0/1 1 failed" in shown(lab, "begun", "failed", terminal=True)


def test_no_bars_in_a_log(lab: Lab) -> None:
    assert shown(lab, "begun", "done", terminal=False) == ""
