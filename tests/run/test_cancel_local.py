"""`lstluigi cancel` without a Slurm: what is asked of it, and what is refused."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, small

from lstluigi.errors import LstluigiError
from lstluigi.jobs import ledger as ledger_module
from lstluigi.jobs.backend import ChunkId
from lstluigi.jobs.ledger import Submission, events, note
from lstluigi.jobs.slurm import controller
from lstluigi.jobs.slurm.commands import Answer
from lstluigi.run import cancel as module
from lstluigi.run.cancel import cancel


class Scripted:
    """A queue that holds chunks of arrays."""

    name = "slurm"
    holds: dict[str, set[int]]
    asked: int
    cancelled: list[ChunkId]

    def __init__(self, settings: object) -> None:
        pass

    def adopt(self, submission: Submission) -> Collection[int]:
        type(self).asked += 1
        return self.holds.get(submission.array, set())

    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        self.cancelled.extend(chunks)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    Scripted.holds, Scripted.cancelled, Scripted.asked = {}, [], 0
    monkeypatch.setattr(module, "SlurmBackend", Scripted)
    monkeypatch.setattr(controller, "in_queue", lambda prod_id: {})
    return Scripted


def run(lab: Lab, **options: Any) -> str:
    said: list[str] = []
    cancel(str(lab.config), said.append, **options)
    return "\n".join(said)


def ledgers(lab: Lab) -> list[str]:
    return [node.places.ledger for node in lab.plan().steps]


def submit(path: str, array: str, job: str = "1", **chunks: str) -> None:
    held = {number.removeprefix("c"): items.split() for number, items in chunks.items()}
    note(path, "submitting", array=array, backend="slurm", name=f"n.{array}", chunks=held)
    if job:
        note(path, "submitted", array=array, job=job)


def lock(lab: Lab, **content: object) -> Path:
    path = Path(lab.plan().steps[0].places.lock)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"host": "elsewhere", "pid": 7, "started": "1", **content}))
    return path


def test_only_open_elements_of_own_arrays_are_ended(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    first, second = ledgers(lab)
    submit(first, "a", c0="x", c1="y", c2="z")
    submit(second, "a", c2="m")
    submit(second, "b", c0="k")
    note(first, "ended", array="a", item="x", state="ok")
    queue.holds = {"a": {0, 1, 2, 3}}
    said = run(lab, dry_run=True)
    assert "2 job(s) would be cancelled" in said
    assert "n.a [1-2]" in said
    assert queue.cancelled == []
    assert "2 job(s) cancelled" in run(lab)
    assert sorted(queue.cancelled) == [("a", 1), ("a", 2)]
    for path in (first, second):
        assert [e["array"] for e in events(path) if e["event"] == "cancelled"] == ["a"]


def test_each_array_is_asked_for_once(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    for path in ledgers(lab):
        submit(path, "a", c0=path)
    assert "nothing is under way" in run(lab)
    assert queue.asked == 1


def test_a_submission_that_was_cut_short_is_waited_for(
    lab: Lab, queue: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    small(lab)
    submit(ledgers(lab)[0], "a", job="", c0="x")
    monkeypatch.setattr(module.time, "sleep", lambda s: queue.holds.update(a={0}))
    said = run(lab)
    assert "may still arrive" in said
    assert queue.cancelled == [("a", 0)]


def test_it_is_not_waited_for_for_ever(
    lab: Lab, queue: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    small(lab)
    submit(ledgers(lab)[0], "a", job="", c0="x")
    monkeypatch.setattr(ledger_module, "ARRIVAL", -1.0)
    assert "nothing is under way" in run(lab)


def test_a_run_on_another_host_has_to_be_ended_there(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    submit(ledgers(lab)[0], "a", c0="x")
    queue.holds = {"a": {0}}
    path = lock(lab)
    with pytest.raises(LstluigiError, match=r"process id 7 on elsewhere is alive.*kill 7.*works"):
        run(lab)
    assert queue.cancelled == []
    lock(lab, job="12")
    with pytest.raises(LstluigiError, match="scancel 12"):
        run(lab)
    os.utime(path, (0, 0))
    assert "1 job(s) cancelled" in run(lab)


def test_a_controller_on_another_host_is_ended_first(
    lab: Lab, queue: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was killed, and could not give its locks back."""
    small(lab)
    submit(ledgers(lab)[0], "a", c0="x")
    queue.holds = {"a": {0}}
    path = lock(lab, job="12")
    told: list[list[str]] = []
    left = [{"12": "completing"}, {"12": "completing"}, {"12": "running"}]
    monkeypatch.setattr(controller, "in_queue", lambda prod_id: left.pop() if left else {})
    monkeypatch.setattr(
        module.commands, "run", lambda argv: told.append(list(argv)) or Answer(0, "", "")
    )
    monkeypatch.setattr(module, "LOOK", 0)
    assert "job 12 (running), the run, is ended first" in run(lab)
    assert told == [["scancel", "12"]]
    assert queue.cancelled == [("a", 0)]
    assert not path.exists()


def test_no_slurm_is_needed_where_there_is_nothing(lab: Lab) -> None:
    small(lab)
    assert "nothing is under way" in run(lab)


def test_a_lock_of_the_dead_does_not_matter(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    lock(lab, host=socket.gethostname(), pid=2**22 + 1)
    assert "nothing is under way" in run(lab)


def test_a_pattern_ends_jobs_of_its_steps_alone(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    first, second = ledgers(lab)
    submit(first, "a", c0="x", c1="y")
    submit(second, "a", c1="m")  # shares the chunk
    submit(second, "b", c0="k")
    queue.holds = {"a": {0, 1}, "b": {0}}
    said = run(lab, pattern="r0_to_dl1:1")
    assert queue.cancelled == [("a", 0)]
    assert "1 job(s) also make other steps and go on" in said
    assert "1 job(s) of 1 step(s) cancelled" in said
    # the shared one is still under way, so the ledger stays as it is
    assert [e for e in events(first) if e["event"] == "cancelled"] == []
    run(lab, pattern=lab.path("merged/*"))
    assert queue.cancelled[1:] == [("b", 0)]
    assert [e["array"] for e in events(second) if e["event"] == "cancelled"] == ["b"]


def test_a_pattern_leaves_the_run_alive_and_its_word(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    submit(ledgers(lab)[0], "a", c0="x")
    queue.holds = {"a": {0}}
    path = lock(lab)
    run(lab, pattern="r0_to_dl1")
    assert queue.cancelled == [("a", 0)]
    assert path.exists()
    assert [e for e in events(ledgers(lab)[0]) if e["event"] == "cancelled"] == []


def test_a_pattern_without_slurm(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    lock(lab)
    with pytest.raises(LstluigiError, match="process id 7 on elsewhere makes 1 of these 1"):
        run(lab, pattern="r0_to_dl1")
    assert "nothing of 1 step(s) is under way, so nothing was done" in run(lab, pattern="merge_dl1")


def test_a_pattern_of_jobs_that_work_for_others(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    for path in ledgers(lab):
        submit(path, "a", c0=path)
    queue.holds = {"a": {0}}
    with pytest.raises(LstluigiError, match="nothing was cancelled: no job works for these 1"):
        run(lab, pattern="r0_to_dl1")
    assert queue.cancelled == []


def test_what_was_ended_is_told(
    lab: Lab, queue: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run without jobs on Slurm, with them, and jobs alone."""
    small(lab)
    monkeypatch.setattr(module, "_end_process", lambda found: None)
    lab.hold_lock(0)
    assert run(lab, dry_run=True).endswith(": the run would be ended; nothing was done")
    assert run(lab).endswith(": the run was ended; what was finished is kept")
    submit(ledgers(lab)[0], "a", c0="x")
    queue.holds = {"a": {0}}
    would = ": the run would be ended, 1 job(s) would be cancelled; nothing was done"
    assert run(lab, dry_run=True).endswith(would)
    told = run(lab)
    assert told.endswith(": the run was ended, 1 job(s) cancelled; what was finished is kept")


def test_a_pattern_that_names_nothing(lab: Lab, queue: type[Scripted]) -> None:
    small(lab)
    with pytest.raises(LstluigiError, match="'nonsense' matches no output, no stage"):
        run(lab, pattern="nonsense")


@pytest.mark.parametrize("named", [True, False], ids=["--site", "LSTLUIGI_SITE"])
def test_the_site_counts_as_for_a_run(
    named: bool, lab: Lab, queue: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    small(lab, extra_slurm_options={"tmp-usage": "1G"})
    site = Path(lab.path("site.yml"))
    site.write_text("plugin_options: [tmp-usage]\n")
    if not named:
        monkeypatch.setenv("LSTLUIGI_SITE", str(site))
    said = run(lab, site=str(site) if named else "")
    assert "problem(s)" not in said
    assert "nothing is under way" in said
