"""The job of one step: what it describes, and what it makes of the results."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from lab import HereBackend, Lab, full, small, write_dl1

from lstluigi.errors import LstluigiError, Refused
from lstluigi.files import Unwritable
from lstluigi.jobs.ledger import events, note
from lstluigi.jobs.lock import Held, Lock
from lstluigi.jobs.tracking import Progress
from lstluigi.jobspec import Environment, Work
from lstluigi.production.manifest import Manifest
from lstluigi.production.plan import Plan
from lstluigi.run.step_job import TAIL, StepJob


def job(lab: Lab, index: int = 0, plan: Plan | None = None) -> StepJob:
    plan = plan or lab.plan()
    return StepJob(plan, plan.steps[index], HereBackend(), Environment(), lambda *_: None)


def let_half_fail(lab: Lab) -> None:
    """Let r0_to_dl1 go on without half of its files."""
    text = lab.config.read_text()
    more = "    max_failed_fraction: 0.5\n"
    lab.config.write_text(text.replace("  merge_dl1:\n", f"{more}  merge_dl1:\n"))


def results(work: Work, **states: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Results by item; those not named, by file, went well."""
    return {
        item.id: states.get(item.id.rpartition("/")[2].partition(".")[0], {"state": "ok"})
        for item in work.items
    }


def make(work: Work, *but: str) -> None:
    """Put the products of a work where they belong."""
    for item in work.items:
        for product in item.products:
            if os.path.basename(product.final) not in but:
                write_dl1(Path(product.final))


def test_an_item_for_each_file(lab: Lab) -> None:
    small(lab)
    work = job(lab).describe()
    first, second = work.items
    assert first.id.startswith("r0_to_dl1-")
    assert first.id.endswith("/a.simtel.gz")
    assert second.products[0].final == lab.path("dl1/node/dl1_b.h5")
    assert first.log == lab.path("dl1/node/job_logs_r0dl1/a.simtel.gz.log")
    assert first.scratch.startswith(lab.path("dl1/node/.lstluigi/"))
    assert first.scratch != second.scratch
    assert first.verify == [(lab.path("dl0/node/a.simtel.gz"), {"simtel": True})]
    (command,) = first.commands
    config = command[command.index("-c") + 1]
    assert os.path.dirname(config) == lab.path("dl1/node/job_logs_r0dl1")
    assert json.loads(Path(config).read_text()) == {"threshold": 1}


def test_what_is_needed_is_written_before_anything_is_submitted(lab: Lab) -> None:
    small(lab)
    step = job(lab)
    step.describe()
    places = step.node.places
    for path in (places.recipe, places.manifest, places.lock):
        assert os.path.exists(path)


def test_only_what_is_missing_is_described(lab: Lab) -> None:
    small(lab)
    lab.ok()
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    os.unlink(lab.path("merged/node.h5"))
    (item,) = job(lab).describe().items
    assert item.id.endswith("/a.simtel.gz")


def test_scratch_of_earlier_runs_is_cleared_away_at_the_end(lab: Lab) -> None:
    """Not before: their jobs may still be running."""
    small(lab)
    step = job(lab)
    old = Path(step.node.places.scratch, "x.h5")
    old.parent.mkdir(parents=True)
    old.touch()
    work = step.describe()
    assert old.exists()
    make(work)
    step.conclude(results(work))
    assert not old.exists()


def test_requests_of_the_step_reach_the_backend(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    small(lab, extra_slurm_options={"cpus-per-task": 2, "mem": "3G"})
    lab.ok(stage="r0_to_dl1")
    resources = job(lab, 1).describe().shared.resources
    assert (resources.cpus, resources.memory_mb) == (2, 3072)

    def refuse(*_: object) -> None:
        raise Refused("memory 3072 MB is more than there is", "ask for less")

    monkeypatch.setattr(HereBackend, "resources", refuse)
    with pytest.raises(LstluigiError, match="stage merge_dl1, step 1, key 'extra_slurm_options'"):
        job(lab, 1).describe()
    assert not lab.leftovers()


def test_one_run_at_a_time(lab: Lab) -> None:
    small(lab)
    first = job(lab)
    first.describe()
    theirs = {"host": "elsewhere", "pid": 7, "started": "1"}
    Path(first.node.places.lock).write_text(json.dumps(theirs))
    with pytest.raises(Held, match="process id 7 on elsewhere"):
        job(lab).describe()


def test_done(lab: Lab) -> None:
    small(lab)
    step = job(lab)
    work = step.describe()
    make(work)
    outcome = step.conclude(results(work))
    assert outcome.done
    assert not lab.leftovers()


def test_a_product_that_is_not_there_is_not_done(lab: Lab) -> None:
    """Whatever the results say: a file may have been deleted, or lost by its file system."""
    small(lab)
    step = job(lab)
    work = step.describe()
    make(work, "dl1_b.h5")
    outcome = step.conclude(results(work))
    assert not outcome.done
    assert lab.path("dl1/node/dl1_b.h5") in outcome.message


def test_a_failure_says_file_reason_last_lines_and_log(lab: Lab) -> None:
    small(lab)
    step = job(lab)
    work = step.describe()
    make(work, "dl1_b.h5")
    tail = [f"line {number}" for number in range(30)]
    Path(work.items[1].log).touch()
    outcome = step.conclude(
        results(work, b={"state": "failed", "reason": "it broke", "tail": tail})
    )
    assert not outcome.done
    assert "1 of 2 files failed" in outcome.message
    assert "b.simtel.gz: it broke" in outcome.message
    assert lab.path("dl1/node/job_logs_r0dl1/b.simtel.gz.log") in outcome.message
    assert outcome.message.count("line ") == TAIL
    assert "line 29" in outcome.message
    assert not lab.leftovers()


@pytest.mark.parametrize(("share", "done"), [(0.5, True), (0.49, False), (0, False), (1, True)])
def test_as_many_as_may_fail(lab: Lab, share: float, done: bool) -> None:
    small(lab)
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace("  merge_dl1:\n", f"    max_failed_fraction: {share}\n  merge_dl1:\n")
    )
    step = job(lab)
    work = step.describe()
    make(work, "dl1_b.h5")
    bad = {"state": "empty", "reason": "no rows", "bad_data": True, "certain": True}
    assert step.conclude(results(work, b=bad)).done == done
    manifest = json.loads(Path(step.node.places.manifest).read_text())
    failed = {lab.path("dl0/node/b.simtel.gz"): "no rows"}
    assert manifest["dropped"] == (failed if done else {})


@pytest.mark.parametrize(
    ("reason", "excess"), [("x.h5 has no events of telescope 1.", "100.0%"), ("x is cut", "")]
)
def test_showers_that_are_lost_with_a_file_without_events(
    lab: Lab, caplog: pytest.LogCaptureFixture, reason: str, excess: str
) -> None:
    """One of two files: the other one's showers alone make areas twice as large."""
    small(lab)
    let_half_fail(lab)
    step = job(lab)
    work = step.describe()
    make(work, "dl1_b.h5")
    bad = {"state": "failed", "reason": reason, "bad_data": True, "certain": True}
    assert step.conclude(results(work, b=bad)).done
    assert ("too large" in caplog.text) == bool(excess)
    assert excess in caplog.text


@pytest.mark.parametrize(
    "result",
    [
        {"state": "failed", "reason": "killed by SIGKILL", "bad_data": False},
        {"state": "failed", "reason": "its job was ended", "tail": []},  # not the runner's words
    ],
)
def test_a_file_is_not_given_up_for_what_is_not_its_fault(lab: Lab, result: dict[str, Any]) -> None:
    small(lab)
    let_half_fail(lab)
    step = job(lab)
    work = step.describe()
    make(work, "dl1_b.h5")
    assert not step.conclude(results(work, b=result)).done
    assert json.loads(Path(step.node.places.manifest).read_text())["dropped"] == {}


def test_a_failure_that_the_config_can_mend(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    small(lab)
    step = job(lab)
    monkeypatch.setattr(type(step.node.stage), "mends", {"same number": "give each another"})
    work = step.describe()
    reason = "x ended with exit code 1: CannotMerge: a and b have the same number"
    outcome = step.conclude(results(work, b={"state": "failed", "reason": reason, "tail": []}))
    assert f"{reason}; give each another" in outcome.message
    other = job(lab)
    work = other.describe()
    outcome = other.conclude(results(work, b={"state": "failed", "reason": "x", "tail": []}))
    assert "give each another" not in outcome.message


def test_what_was_published_before_its_job_died_counts(lab: Lab) -> None:
    small(lab)
    step = job(lab)
    work = step.describe()
    make(work)
    assert step.conclude(results(work, b={"state": "failed", "reason": "its job ended"})).done


def test_a_step_of_one_product_may_not_fail(lab: Lab) -> None:
    small(lab, max_failed_fraction=1)
    lab.ok(stage="r0_to_dl1")
    step = job(lab, 1)
    work = step.describe()
    bad = {"state": "failed", "reason": "x", "tail": []}
    outcome = step.conclude({work.items[0].id: bad})
    assert not outcome.done
    assert "files failed" not in outcome.message


def test_what_has_never_made_anything_reads_what_is_there_now(lab: Lab) -> None:
    """A bad file among the inputs of a merge can be moved away, and another one put there."""
    for name in ("a", "b"):
        write_dl1(Path(lab.path(f"dl1/node/dl1_{name}.h5")))
    merge = {"input": "dl1/node", "output": "merged/node.h5"}
    lab.write({"merge_dl1": [merge]})
    step = job(lab)
    bad = {step.describe().items[0].id: {"state": "failed", "reason": "b is bad", "tail": []}}
    assert not step.conclude(bad).done
    assert not Path(step.node.places.manifest).exists()
    Path(lab.path("dl1/node/dl1_b.h5")).rename(lab.path("dl1/node/dl1_c.h5"))
    again = job(lab)
    work = again.describe()
    assert [link for _, link in work.items[0].links] == ["inputs/dl1_a.h5", "inputs/dl1_c.h5"]
    make(work)
    assert again.conclude({work.items[0].id: {"state": "ok"}}).done
    kept = json.loads(Path(again.node.places.manifest).read_text())["inputs"]
    assert set(kept[lab.path("dl1/node")]) == {"dl1_a.h5", "dl1_c.h5"}
    # once it has been made, the list stays, whatever happens later
    os.unlink(lab.path("merged/node.h5"))
    later = job(lab)
    later.describe()
    assert not later.conclude(bad).done
    assert Path(later.node.places.manifest).exists()


@pytest.mark.parametrize("published", [True, False])
def test_files_of_a_step_are_those_that_it_began_with(lab: Lab, published: bool) -> None:
    small(lab)
    step = job(lab)
    work = step.describe()
    bad = {"state": "failed", "reason": "it broke", "tail": []}
    make(work, "dl1_b.h5", *["dl1_a.h5"] * (not published))
    assert not step.conclude(results(work, b=bad)).done
    assert Path(step.node.places.manifest).exists() == published


def test_what_was_made_and_is_not_seen_yet_keeps_the_list_of_files(lab: Lab) -> None:
    """On a network file system products may be seen later than the ends of their jobs."""
    small(lab)
    step = job(lab)
    work = step.describe()
    chunks = {"0": [item.id for item in work.items]}
    note(step.ledger, "submitting", array="x", backend="local", directory="", chunks=chunks)
    for item in work.items:
        note(step.ledger, "ended", array="x", item=item.id, state="ok")
    assert not step.conclude(results(work)).done
    assert Path(step.node.places.manifest).exists()


def last_event(step: StepJob) -> dict[str, Any]:
    return list(events(step.ledger))[-1]


def test_a_list_of_files_that_cannot_be_deleted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small(lab)
    step = job(lab)
    work = step.describe()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    bad = {"state": "failed", "reason": "it broke", "tail": []}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        patch.setattr(Lock, "release", lambda _: None)
        outcome = step.conclude(results(work, a=bad, b=bad))
    assert "2 of 2 files failed, first a.simtel.gz: it broke" in outcome.message
    assert last_event(step)["event"] == "failed"
    assert f"{step.node.places.manifest} cannot be deleted (Permission denied)" in caplog.text


def test_files_that_were_given_up_and_cannot_be_written_down(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(lab)
    let_half_fail(lab)
    step = job(lab)
    work = step.describe()
    make(work, "dl1_b.h5")

    def refuse(_: Manifest, path: str) -> None:
        raise Unwritable(path, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(Manifest, "write", refuse)
    bad = {"state": "empty", "reason": "no rows", "bad_data": True, "certain": True}
    outcome = step.conclude(results(work, b=bad))
    assert not outcome.done
    assert f"{step.node.places.manifest} cannot be written (No space left" in outcome.message
    assert last_event(step) == {**last_event(step), "event": "failed", "message": outcome.message}


def test_a_changed_product_is_not_touched(lab: Lab) -> None:
    small(lab)
    lab.ok()
    text = lab.config.read_text()
    lab.config.write_text(text.replace("--no-image", "--other"))
    recipe = lab.session.plan.steps[1].places.recipe
    before = Path(recipe).read_bytes()
    with pytest.raises(LstluigiError, match="--accept-changed"):
        job(lab, 1).describe()
    assert Path(recipe).read_bytes() == before


def test_inputs_of_others_are_verified_and_own_ones_are_not(lab: Lab) -> None:
    full(lab)
    write_dl1(Path(lab.path("merged/dl1_test.h5")))
    lab.ok(stage="train_pipe")
    plan = lab.plan()
    (node,) = [n for n in plan.steps if n.step.stage == "dl1_to_dl2"]
    (item,) = job(lab, node.index, plan).describe().items
    assert [path for path, _ in item.verify] == [lab.path("merged/dl1_test.h5")]


def test_models_are_named_so_that_a_chunk_loads_them_once(lab: Lab) -> None:
    """The kind decides who may share a chunk."""
    full(lab)
    lab.ok(stage="train_pipe")
    lab.ok(stage="merge_dl1")
    plan = lab.plan()
    (node,) = [n for n in plan.steps if n.step.stage == "dl1_to_dl2"]
    work = job(lab, node.index, plan).describe()
    models = sorted(Path(lab.path("models")).glob("*.sav"))
    assert len(models) == 4
    assert sorted(work.items[0].loads) == list(map(str, models))
    assert sorted(work.items[0].as_json()["loads"]) == list(map(str, models))
    assert work.shared.kind == f"dl1_to_dl2 {lab.path('models')}"


def test_steps_that_load_nothing_share_with_all_of_their_stage(lab: Lab) -> None:
    small(lab)
    work = job(lab).describe()
    assert [list(item.loads) for item in work.items] == [[], []]
    assert work.shared.kind == "r0_to_dl1"


def test_letting_go_frees_the_step(lab: Lab) -> None:
    small(lab)
    step = job(lab)
    step.describe()
    step.abandon("stopped", failed=False)
    Lock(step.node.places.lock).release()


def test_a_place_that_cannot_be_written(lab: Lab) -> None:
    small(lab)
    Path(lab.path("dl1")).touch()
    with pytest.raises(LstluigiError, match=lab.path("dl1")):
        job(lab).describe()


# ---- what luigid shows


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(0, 0, 2, started=False), "0 of 2 files done, none runs yet"),
        (Progress(1, 0, 2, started=True), "1 of 2 files done"),
        (Progress(1, 1, 2, started=True), "1 of 2 files done, 1 failed"),
        (Progress(2, 0, 2, started=False), "2 of 2 files done"),
    ],
)
def test_progress_of_a_step_by_files(lab: Lab, progress: Progress, words: str) -> None:
    small(lab)
    told = job(lab).told(progress)
    assert told == f"{words}\nlog: {lab.path('dl1/node/job_logs_r0dl1')}"


@pytest.mark.parametrize(
    ("progress", "word"),
    [
        (Progress(0, 0, 1, started=False), "waits for its job to start"),
        (Progress(0, 0, 1, started=True), "running"),
        (Progress(1, 0, 1, started=True), "done"),
        (Progress(0, 1, 1, started=True), "failed"),
    ],
)
def test_progress_of_a_step_of_one_job(lab: Lab, progress: Progress, word: str) -> None:
    small(lab)
    step = job(lab, 1)
    assert step.told(progress) == f"{word}\nlog: {step.log}"


def test_the_log_that_is_told_is_the_one_of_the_job(lab: Lab) -> None:
    small(lab)
    first = job(lab)
    work = first.describe()
    assert {os.path.dirname(item.log) for item in work.items} == {first.log}
    make(work)
    first.conclude(results(work))
    merge = job(lab, 1)
    assert [item.log for item in merge.describe().items] == [merge.log]


def test_files_that_were_there_are_counted_as_found(lab: Lab) -> None:
    small(lab)
    first = job(lab)
    work = first.describe()
    assert work.found == 0
    make(work, "dl1_b.h5")
    first.abandon("gone", failed=False)
    again = job(lab).describe()
    assert (len(again.items), again.found) == (1, 1)


def test_a_merge_of_no_files(lab: Lab) -> None:
    """They went after the run had looked."""
    write_dl1(Path(lab.path("old/dl1_a.h5")))
    lab.write({"merge_dl1": [{"input": lab.path("old"), "output": lab.path("m.h5")}]})
    plan = lab.plan()
    os.unlink(lab.path("old/dl1_a.h5"))
    with pytest.raises(LstluigiError, match="old holds no file that it reads"):
        job(lab, plan=plan).describe()


@pytest.mark.parametrize(
    ("attempts", "certain", "dropped"),
    [
        ([("b", "n2", "failed", 9020)], False, False),  # nothing shows where the fault lies
        ([("b", "n2", "failed", 9020)], True, True),  # its content was looked at
        ([("a", "n2", "ok", 9015), ("b", "n2", "failed", 9020)], False, True),  # while b failed
        ([("b", "n2", "failed", 9020), ("a", "n2", "ok", 20000)], False, True),  # afterwards
        ([("a", "n2", "ok", 20), ("b", "n2", "failed", 9020)], False, False),  # in the morning
        ([("a", "n2", "ok", 9009), ("b", "n2", "failed", 9020)], False, True),  # shortly before
        (
            [("a", "n2", "ok", 9009), ("b", "n2", "failed", 9020), ("c", "n2", "failed", 9030)],
            False,
            False,  # shortly before, and then nothing more: n2 broke
        ),
        ([("b", "n2", "failed", 9020), ("a", "n1", "ok", 9030)], False, False),  # another node does
        ([("b", "n1", "failed", 20), ("b", "n2", "failed", 40)], False, False),  # both are broken
        (
            [("b", "n1", "failed", 20), ("b", "n2", "failed", 40), ("a", "n2", "ok", 50)],
            False,
            True,
        ),
    ],
)
def test_a_file_is_given_up_on_evidence_only(
    lab: Lab, attempts: list[tuple[str, str, str, int]], certain: bool, dropped: bool
) -> None:
    """A node that made files, then lost its Python, dropped sound files. Each try takes 10 s."""
    small(lab)
    let_half_fail(lab)
    step = job(lab)
    work = step.describe()
    make(work, "dl1_b.h5")
    ids = {name: step.node.item(f"{name}.simtel.gz") for name in "abcd"}
    for number, (name, host, state, ended) in enumerate(attempts):
        array = f"arr{number}"
        facts = {"directory": "/d", "name": array, "asked": {"cpus": 1}}
        chunks = {"0": [ids[name]]}
        note(step.ledger, "submitting", array=array, backend="slurm", chunks=chunks, **facts)
        end = {"item": ids[name], "state": state, "host": host, "wall_s": 10.0, "ended": ended}
        end |= {"cause": "command"} if state == "failed" else {}
        note(step.ledger, "ended", array=array, chunk=0, again=False, **end)
    bad = {"state": "failed", "reason": "x", "bad_data": True, "certain": certain}
    assert step.conclude(results(work, b=bad)).done == dropped
