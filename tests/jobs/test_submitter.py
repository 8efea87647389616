"""From jobs that are ready to arrays that a backend has taken."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, Step, names, sizes

from lstluigi.jobs import submitter as module
from lstluigi.jobs.ledger import ARRIVAL, events, note, submissions
from lstluigi.jobs.submitter import Submitter
from lstluigi.jobs.tracking import Followed, Submitted
from lstluigi.jobspec import Environment, Resources


class Bench:
    """A submitter, its backend, and a clock that stands still unless it is told to go on."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.now = path, 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.backend = Scripted()
        self.backend.survives = True
        self.given_up: list[tuple[Followed, str]] = []
        self.submitter = Submitter(self.backend, str(path / "jobs"), "run", self._give_up)

    def _give_up(self, followed: Followed, items: Collection[str], message: str) -> None:
        followed.open.difference_update(items)
        self.given_up.append((followed, message))

    def take(self, name: str, items: int = 1, recipe: str = "", **shared: Any) -> Followed:
        step = Step(self.path, name, items, **shared)
        step.recipe = recipe
        followed = Followed(step, step.describe())
        followed.open = {item.id for item in followed.work.items}
        self.submitter.take(followed)
        return followed

    def pump(self, after: float = 0.0, more: bool = False) -> list[Submitted]:
        self.now += after
        return list(self.submitter.pump(more))

    def earlier(self, name: str, array: str = "old", **facts: Any) -> str:
        """An earlier run was about to submit an item of a step."""
        ledger = str(self.path / f"{name}.jsonl")
        given = {
            **{"backend": "scripted", "directory": f"/{array}", "name": f"title.{array}"},
            **{"recipe": "", "chunks": {"0": [f"{name}0"]}},
        }
        note(ledger, "submitting", array=array, **{**given, **facts})
        return ledger


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def told(followed: Followed) -> list[str]:
    return [str(event["event"]) for event in events(followed.job.ledger)]


# gathering


def test_what_is_ready_is_gathered(bench: Bench) -> None:
    bench.backend.gather = 2.0
    bench.take("a")
    assert bench.pump() == []
    bench.take("b")
    assert bench.pump(1.9) == []
    (chunk,) = bench.pump(0.1)
    assert chunk.owners.keys() == {"a0", "b0"}
    assert len(bench.backend.arrays) == 1


def test_an_array_waits_for_what_is_about_to_be_ready_but_not_for_ever(bench: Bench) -> None:
    bench.backend.gather = 2.0
    bench.take("a")
    assert bench.pump(more=True) == []
    assert bench.pump(2.0, more=True) == []
    assert len(bench.pump(2.0 * module.HOLD - 2.0, more=True)) == 1


def test_what_is_plenty_waits_for_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLENTY", 3)
    bench.backend.gather = 2.0
    bench.take("a", items=2)
    assert bench.pump(more=True) == []
    bench.take("b", items=1)
    assert len(bench.pump(more=True)) == 1


def test_files_are_written_before_anything_is_submitted(bench: Bench) -> None:
    followed = bench.take("a", items=2, capacity=1)
    bench.backend.silent = True
    bench.pump()
    (event,) = events(followed.job.ledger)
    assert event["event"] == "submitting"
    for index, items in event["chunks"].items():
        spec = json.loads((Path(event["directory"]) / f"chunk-{index}.spec.json").read_text())
        assert [item["id"] for item in spec["chunks"][0]["items"]] == items


# limits


def test_arrays_are_no_larger_than_the_site_allows(bench: Bench) -> None:
    bench.backend.largest_array = 3
    bench.take("a", items=7, capacity=1)
    bench.pump()
    assert [sizes(array) for array in bench.backend.arrays] == [[1] * 3, [1] * 3, [1]]
    assert len({array.id for array in bench.backend.arrays}) == 3


def test_no_more_is_submitted_than_there_is_room_for(bench: Bench) -> None:
    bench.backend.free = 2
    bench.take("a", items=3, capacity=1)
    bench.take("b", items=2, capacity=1, kind="other")
    assert len(bench.pump()) == 2
    bench.backend.free = 0
    assert bench.pump() == []
    bench.backend.free = 9
    bench.pump()
    sent = [item for array in bench.backend.arrays for chunk in names(array) for item in chunk]
    assert sorted(sent) == ["a0", "a1", "a2", "b0", "b1"]
    assert len(bench.submitter) == 0


# no answer


def test_what_cannot_be_submitted_now_is_kept(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.backend.silent = True
    followed = bench.take("a")
    for _ in range(5):
        assert bench.pump(module.PATIENCE) == []
    assert len(caplog.records) == 1  # said once: it may last for days
    bench.backend.silent = False
    (chunk,) = bench.pump(module.PATIENCE)
    assert chunk.owners == {"a0": followed}
    assert told(followed) == ["submitting", "submitted"]
    (array,) = bench.backend.arrays
    assert array.id == "run-00001"  # the same, so that it can be found by its name


def test_nothing_is_asked_again_at_once(bench: Bench) -> None:
    bench.take("a")
    bench.backend.silent = True
    bench.pump()
    bench.backend.silent = False
    assert bench.pump(module.PATIENCE - 0.1) == []
    assert len(bench.pump(0.1)) == 1


def test_what_becomes_ready_meanwhile_goes_out_together(bench: Bench) -> None:
    bench.backend.silent = True
    for name in "abcd":
        bench.take(name)
        bench.pump(module.PATIENCE)
    bench.backend.silent = False
    bench.pump(module.PATIENCE)
    bench.pump()
    assert [names(array) for array in bench.backend.arrays] == [[["a0"]], [["b0", "c0", "d0"]]]


# refusals


def test_a_refusal_gives_its_steps_up(bench: Bench) -> None:
    bench.backend.refusal = "no such partition"
    first, second = bench.take("a"), bench.take("b")
    assert bench.pump() == []
    assert bench.given_up == [(first, "no such partition"), (second, "no such partition")]
    assert told(first) == ["submitting", "refused"]
    assert submissions(first.job.ledger, "scripted") == []


def test_what_is_refused_is_given_up_and_nothing_else(bench: Bench) -> None:
    bench.backend.largest_array = 1
    bench.backend.free = 2
    bench.backend.refusal = "no"
    followed = bench.take("a", items=3, capacity=1)
    bench.pump()
    assert followed.open == {"a2"}
    assert bench.given_up == [(followed, "no")] * 2
    bench.backend.refusal, bench.backend.free = "", None
    bench.pump()
    assert [names(array) for array in bench.backend.arrays] == [[["a2"]]]
    assert told(followed) == [*["submitting"] * 2, *["refused"] * 2, "submitting", "submitted"]
    (left,) = submissions(followed.job.ledger, "scripted")
    assert left.open == {"a2": 0}


def test_no_place_for_the_files_of_an_array(bench: Bench) -> None:
    (bench.path / "jobs").touch()
    followed = bench.take("a")
    assert bench.pump() == []
    ((given_up, message),) = bench.given_up
    assert given_up is followed
    assert str(bench.path / "jobs") in message
    assert bench.backend.arrays == []


def test_a_ledger_that_cannot_be_read_gives_up_its_step_alone(bench: Bench) -> None:
    (bench.path / "a.jsonl").mkdir()
    followed = bench.take("a")
    other = bench.take("b", environment=Environment("/x"))
    (chunk,) = bench.pump()
    assert chunk.owners == {"b0": other}
    ((given_up, message),) = bench.given_up
    assert given_up is followed
    assert "a.jsonl" in message


# what an earlier run has left


def test_jobs_of_an_earlier_run_are_found_again(bench: Bench) -> None:
    ledger = bench.earlier("a", chunks={"0": ["a0", "a1"], "1": ["a2"], "2": ["gone"]})
    note(ledger, "submitted", array="old", job="7")
    note(ledger, "ended", array="old", item="a0")
    bench.backend.alive = {"old": {0, 1, 2}}
    followed = bench.take("a", items=4)
    found = {chunk.index: chunk for chunk in bench.pump() if chunk.array.id == "old"}
    assert {index: set(chunk.owners) for index, chunk in found.items()} == {0: {"a1"}, 1: {"a2"}}
    assert found[0].array.result(0) == "/old/chunk-0.json"
    assert found[0].owners["a1"] is followed
    assert [names(array) for array in bench.backend.arrays] == [[["a0", "a3"]]]


def test_what_is_not_alive_is_submitted(bench: Bench) -> None:
    note(bench.earlier("a"), "submitted", array="old", job="7")
    bench.take("a")
    bench.pump()
    assert [names(array) for array in bench.backend.arrays] == [[["a0"]]]


def test_an_earlier_run_made_it_differently(bench: Bench) -> None:
    note(bench.earlier("a", recipe="then"), "submitted", array="old", job="7")
    bench.backend.alive = {"old": {0}}
    followed, other = bench.take("a", recipe="now"), bench.take("b")
    (chunk,) = bench.pump()
    assert chunk.owners == {"b0": other}
    ((given_up, message),) = bench.given_up
    assert given_up is followed
    assert "title.old" in message
    assert "lstluigi cancel" in message


def test_a_recipe_of_jobs_that_have_ended_is_nobodys_concern(bench: Bench) -> None:
    note(bench.earlier("a", recipe="then"), "submitted", array="old", job="7")
    bench.take("a", recipe="now")
    assert len(bench.pump()) == 1
    assert bench.given_up == []


def test_a_young_submission_may_still_arrive(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.earlier("a")
    followed = bench.take("a")
    assert bench.pump() == []
    assert bench.backend.arrays == []
    bench.backend.alive = {"old": {0}}
    (chunk,) = bench.pump(module.PATIENCE)
    assert (chunk.array.id, chunk.owners) == ("old", {"a0": followed})
    assert bench.backend.arrays == []


def test_an_old_submission_will_not(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.earlier("a")
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall + ARRIVAL + 2)
    bench.take("a")
    (chunk,) = bench.pump()
    assert chunk.array.id == "run-00001"


def test_without_an_answer_nothing_is_submitted_twice(bench: Bench) -> None:
    note(bench.earlier("b"), "submitted", array="old", job="7")
    bench.backend.silent = True
    bench.take("a")
    bench.take("b")
    bench.pump()
    assert len(bench.submitter) == 2
    bench.backend.silent = False
    bench.backend.alive = {"old": {0}}
    found = bench.pump(module.PATIENCE)
    assert {chunk.array.id: set(chunk.owners) for chunk in found} == {
        "old": {"b0"},
        "run-00001": {"a0"},
    }


def test_a_backend_that_ends_with_the_run_has_left_nothing(bench: Bench) -> None:
    bench.backend.survives = False
    bench.earlier("a")
    bench.backend.alive = {"old": {0}}
    bench.take("a")
    (chunk,) = bench.pump()
    assert chunk.array.id == "run-00001"


# the end


def test_what_may_be_in_the_queue_all_the_same(bench: Bench) -> None:
    sent = bench.take("a")
    bench.pump()
    bench.backend.silent = True
    doubtful = bench.take("b", resources=Resources(2))
    bench.pump()
    unseen = bench.take("c")
    assert bench.submitter.clear() == [unseen, doubtful]
    assert len(bench.submitter) == 0
    assert told(sent) == ["submitting", "submitted"]
