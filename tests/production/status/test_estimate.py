"""Time left, by what is finished."""

from __future__ import annotations

import pytest

from lstluigi.jobs.ledger import Attempt, Share
from lstluigi.jobspec import ArrayFiles
from lstluigi.production.status.estimate import Remaining, estimate

NOW = 1_000_000.0
SHARE = Share(ArrayFiles("a", "/d"))


def done(wall: float, ended: float = NOW) -> Attempt:
    return Attempt("x", SHARE, 0, state="ok", wall_s=wall, ended=ended)


def test_work_left_by_how_many_were_worked_on_at_once() -> None:
    # two at once for the last 100 s, 50 s each; 10 files are left: 10 * 50 s / 2
    finished = {"r0": [done(50, NOW - 50), done(50, NOW - 50), done(50), done(50)]}
    found = estimate({"r0": Remaining(10, 14)}, [["r0"]], finished, 2, NOW)
    assert found.seconds == pytest.approx(250)
    assert found.stages == {"r0": pytest.approx(250)}


def test_no_shorter_than_what_waits_for_each_other() -> None:
    finished = {"r0": [done(10)] * 3, "train": [done(600)]}
    left = {"r0": Remaining(1, 4), "train": Remaining(1, 2)}
    found = estimate(left, [["r0", "train"], ["train"]], finished, 100, NOW)
    assert found.seconds == 610
    assert "wait for each other" in found.why


def test_no_number_for_a_stage_of_which_too_little_is_finished() -> None:
    left = {"r0": Remaining(10, 100), "train": Remaining(4, 4)}
    found = estimate(left, [], {"r0": [done(10)] * 90, "train": [done(10)]}, 1, NOW)
    assert found.seconds is None
    assert "1 of train" in found.why
    assert list(found.stages) == ["r0"]


def test_what_was_there_already_tells_nothing() -> None:
    found = estimate({"r0": Remaining(1, 4)}, [], {"r0": [done(0.0)] * 3}, 1, NOW)
    assert found.seconds is None


def test_no_number_while_files_are_not_known() -> None:
    found = estimate({"r0": Remaining(None, 1)}, [], {"r0": [done(10)] * 3}, 1, NOW)
    assert found.seconds is None
    assert "how many files r0" in found.why


def test_no_number_where_nothing_was_worked_on() -> None:
    finished = {"r0": [done(10, NOW - 7200)] * 3}
    assert estimate({"r0": Remaining(1, 4)}, [], finished, 0, NOW).seconds is None


def test_nothing_left() -> None:
    assert estimate({"r0": Remaining(0, 4)}, [], {}, 0, NOW).seconds == 0
