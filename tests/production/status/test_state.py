"""Where a production stands, whatever state it was left in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml
from lab import Lab, full, small

from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.jobs.ledger import note
from lstluigi.jobs.slurm.commands import Answer
from lstluigi.jobspec import ArrayFiles
from lstluigi.production.states import State
from lstluigi.production.status.state import ProductionState
from lstluigi.report.data import as_data
from lstluigi.validation.examine import production_state
from lstluigi.validation.examine import state_of as state_of_plan

Counts = dict[str, int]


def silent(argv: Sequence[str], text: str = "") -> Answer:
    raise AssertionError(f"nothing was to be asked, but {argv} was")


def look(lab: Lab, ask: Callable[..., Answer] = silent) -> ProductionState:
    return production_state(str(lab.config), ask)


def steps(state: ProductionState) -> list[str]:
    return [step.status.value for step in state.steps]


def files(state: ProductionState) -> list[Counts]:
    return [{s.value: n for s, n in step.files.items()} for step in state.steps]


def submit(lab: Lab, backend: str, chunks: dict[str, list[str]], job: str = "70") -> Path:
    """As the first step was submitted; returns the directory of the array."""
    directory = lab.root / "array"
    directory.mkdir(exist_ok=True)
    step = lab.plan().steps[0]
    ledger = step.places.ledger
    chunks = {index: [step.item(name) for name in names] for index, names in chunks.items()}
    facts = {"directory": str(directory), "name": "n.arr", "asked": {"cpus": 1}}
    note(ledger, "submitting", array="arr", backend=backend, chunks=chunks, **facts)
    note(ledger, "submitted", array="arr", job=job)
    return directory


A, B = "a.simtel.gz", "b.simtel.gz"


def state_of(lab: Lab, directory: Path, chunk: int = 0, **items: dict[str, str]) -> None:
    """What the job has written down of items of the first step."""
    step = lab.plan().steps[0]
    content = {step.item(f"{name}.simtel.gz"): told for name, told in items.items()}
    (directory / f"chunk-{chunk}.json").write_text(json.dumps({"items": content}))


# ---- runs that have ended


def test_never_started(lab: Lab) -> None:
    small(lab)
    state = look(lab)
    assert steps(state) == ["missing", "missing"]
    assert files(state) == [{"missing": 2}, {"missing": 1}]
    assert state.runs == []
    assert state.estimate.seconds is None
    assert "never started" in state.warnings[0]
    assert not state.begun


def test_never_started_and_no_dl0(lab: Lab) -> None:
    lab.write({"r0_to_dl1": [{"input": lab.path("dl0"), "output": lab.path("dl1")}]})
    state = look(lab)
    assert steps(state) == ["missing"]
    assert state.whole.unknown == 1  # not "0 of 0 files done"
    assert any(f"{lab.path('dl0')} does not exist" in warning for warning in state.warnings)


def test_all_done(lab: Lab) -> None:
    full(lab)
    lab.ok()
    state = look(lab)
    assert set(steps(state)) == {"complete"}
    assert state.whole.files == {State.COMPLETE: len(lab.files())}
    assert state.groups == []
    assert state.begun
    assert state.stages["r0_to_dl1"].files == {State.COMPLETE: 6}


def test_events_as_the_jobs_counted_them(lab: Lab) -> None:
    small(lab)  # files with 4 and 5 events
    lab.ok()
    stages = look(lab).stages
    assert (stages["r0_to_dl1"].events, stages["merge_dl1"].events) == (9, 9)
    ledger = Path(lab.plan().steps[0].places.ledger)
    ledger.write_text(ledger.read_text().replace('"events": 4', '"events": null'))
    assert look(lab).stages["r0_to_dl1"].events is None  # not 5, which would be too few


def test_events_are_those_of_the_files_that_are_there(lab: Lab) -> None:
    small(lab)
    lab.ok()
    kept = {name: Path(lab.path(f"dl1/node/dl1_{name}.h5")) for name in "ab"}
    counted = {}
    for name, file in kept.items():
        content = file.read_bytes()
        file.unlink()
        counted[name] = look(lab).stages["r0_to_dl1"].events
        file.write_bytes(content)
    assert (counted["a"], counted["b"]) in {(4, 5), (5, 4)}
    for file in kept.values():
        file.unlink()
    assert look(lab).stages["r0_to_dl1"].events is None


def test_events_of_changed_files_count(lab: Lab) -> None:
    small(lab)
    lab.ok()
    Path(lab.plan().steps[0].places.recipe).write_text("{")
    state = look(lab)
    assert state.steps[0].status is State.OUTDATED
    assert state.stages["r0_to_dl1"].events == 9


def test_events_of_a_file_whose_end_is_not_taken_down_yet(lab: Lab) -> None:
    small(lab)
    lab.ok()
    ledger = Path(lab.plan().steps[0].places.ledger)
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(line for line in lines if '"submit' in line))
    assert look(lab).stages["r0_to_dl1"].events == 9
    begun = json.loads(lines[0])
    for chunk in begun["chunks"]:
        Path(ArrayFiles(begun["array"], begun["directory"]).result(int(chunk))).unlink()
    assert look(lab).stages["r0_to_dl1"].events is None


def test_steps_are_known_by_their_products(lab: Lab) -> None:
    """Another order of the steps, or a config of some of them, tells the same."""
    full(lab)
    lab.simtel("dl0/gamma", b="truncated")
    assert lab.run().code
    before = look(lab)
    content = yaml.safe_load(lab.config.read_text())
    content["stages"]["r0_to_dl1"].reverse()
    lab.config.write_text(yaml.safe_dump(content, sort_keys=False))
    after = look(lab)
    assert before.groups[0].failures[0].item
    assert [(g.cause, g.line, len(g.failures)) for g in after.groups] == [
        (g.cause, g.line, len(g.failures)) for g in before.groups
    ]
    assert sorted(files(after), key=str) == sorted(files(before), key=str)


def test_what_is_not_needed_any_more(lab: Lab) -> None:
    small(lab)
    lab.ok()
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    assert files(look(lab)) == [{"complete": 1, "not needed": 1}, {"complete": 1}]


def test_merged_dl1_there_in_part_is_told(lab: Lab) -> None:
    """All made of it is there, so no run makes the rest."""
    full(lab)
    lab.ok()
    lost = Path(lab.path("dl1/test/dl1_a.h5"))
    lost.unlink()
    (said,) = (w for w in production_state(str(lab.config)).warnings if "in part only" in w)
    assert str(lost) in said


@pytest.mark.parametrize("part", [True, False])
def test_lost_models_are_missed(lab: Lab, part: bool) -> None:
    full(lab)
    lab.ok()
    if part:
        next(Path(lab.path("models")).rglob("*.sav")).unlink()
    else:
        shutil.rmtree(lab.path("models"))
    state = look(lab)
    found = {step.stage: step.status.value for step in state.steps}
    assert found.pop("train_pipe") == "missing"
    assert set(found.values()) == {"complete"}
    assert any(lab.path("models") in warning for warning in state.warnings)


def test_models_that_cannot_be_made_again(lab: Lab) -> None:
    """DL0 and DL1 are purged: what there is is kept, and one sentence says what is gone."""
    full(lab)
    lab.ok()
    for name in ("models", "merged", "dl1", "dl0"):
        shutil.rmtree(lab.path(name))
    state = look(lab)
    found = {step.stage: step.status.value for step in state.steps if step.total}
    assert found.pop("train_pipe") == "gone"
    assert found.pop("merge_dl1") == "not needed"
    assert set(found.values()) == {"complete"}
    (said,) = (warning for warning in state.warnings if lab.path("models") in warning)
    assert lab.path("dl0") in said
    assert lab.ok() == []


def test_lost_models_wait_for_a_decision_about_what_was_made_of_them(lab: Lab) -> None:
    full(lab)
    lab.ok()
    shutil.rmtree(lab.path("models"))
    lab.configure(threshold=2)
    state = look(lab)
    found = {step.stage: step.status.value for step in state.steps}
    assert found["train_pipe"] == "blocked"
    assert found["dl1_to_dl2"] == "outdated"
    assert any(f"e.g. {lab.path('models')};" in warning for warning in state.warnings)


def test_half_deleted(lab: Lab) -> None:
    small(lab)
    lab.ok()
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    os.unlink(lab.path("merged/node.h5"))
    state = look(lab)
    assert files(state) == [{"complete": 1, "missing": 1}, {"missing": 1}]
    assert steps(state) == ["missing", "missing"]
    (warning,) = state.warnings
    assert "2 file(s) of 2 step(s) were made and are not there any more" in warning


def test_a_failed_file_with_what_it_blocks(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    state = look(lab)
    assert steps(state) == ["failed", "blocked"]
    assert files(state) == [{"complete": 2, "failed": 1}, {"blocked": 1}]
    (group,) = state.groups
    (failure,) = group.failures
    assert (failure.item, failure.step) == ("c.simtel.gz", 0)
    assert os.path.exists(failure.log)
    assert failure.line
    assert list(group.blocked) == [1]


def test_a_file_that_may_be_missing(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    text = lab.config.read_text().replace("output:", "max_failed_fraction: 0.5\n    output:", 1)
    lab.config.write_text(text)
    lab.ok()
    state = look(lab)
    assert steps(state) == ["complete", "complete"]
    assert state.stages["r0_to_dl1"].files == {State.COMPLETE: 2}
    assert state.stages["r0_to_dl1"].dropped == 1
    (warning,) = state.warnings
    assert warning.startswith("1 input file(s) of 1 step(s) failed and were left out")
    assert "c.simtel.gz (" in warning
    assert state.groups == []


def test_made_differently(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.configure(threshold=2)
    state = look(lab)
    assert "outdated" in steps(state)
    assert any("outdated" in warning for warning in state.warnings)


def test_a_run_that_settles_what_was_made_differently_while_one_looks(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.configure(threshold=2)
    plan = lab.plan()
    assert State.OUTDATED in plan.states
    lab.ok(accept_changed=True)
    state = state_of_plan(plan, silent)
    assert not any("are outdated" in warning for warning in state.warnings)


def test_what_was_kept_though_made_differently_is_shown(lab: Lab) -> None:
    """As long as it is there: by the recipe alone it looks as made by today's config."""
    small(lab)
    lab.ok()
    lab.configure(threshold=2)
    lab.ok(accept_changed=True)
    for _ in range(2):
        warnings = production_state(str(lab.config)).warnings
        assert any("(--accept-changed)" in warning for warning in warnings)
    assert lab.ok(remake="r0_to_dl1")
    warnings = production_state(str(lab.config)).warnings
    assert not any("(--accept-changed)" in warning for warning in warnings)


def test_a_production_that_was_moved(lab: Lab) -> None:
    full(lab)
    lab.ok()
    there = lab.root / "there"
    there.mkdir()
    for path in [p for p in lab.root.iterdir() if p not in (there, lab.prod_logs)]:
        path.rename(there / path.name)
    lab.config = there / "config.yml"
    lab.config.write_text(lab.config.read_text().replace(f"{lab.root}/", f"{there}/"))
    state = look(lab)
    assert set(steps(state)) == {"outdated"}
    (said,) = (warning for warning in state.warnings if "outdated" in warning)
    assert said.startswith(f"{len(state.steps)} product(s) are outdated")
    assert f" (it was made below {lab.root} and lies below {there} now);" in said


def test_made_by_hand(lab: Lab) -> None:
    small(lab)
    lab.ok()
    for path in Path(lab.path("merged")).glob("job_logs*/*"):
        path.unlink()
    state = look(lab)
    assert steps(state) == ["complete", "complete"]
    assert any("no recipe" in warning for warning in state.warnings)


# ---- runs that go on, or died


def test_a_run_here_that_is_alive(lab: Lab) -> None:
    small(lab)
    directory = submit(lab, "local", {"0": [A], "1": [B]})
    state_of(lab, directory, a={"state": "running"})
    lab.hold_lock(0)
    state = look(lab)
    assert files(state) == [{"running": 1, "queued": 1}, {"missing": 1}]
    assert steps(state) == ["running", "missing"]
    (run,) = state.runs
    assert str(os.getppid()) in run


def test_a_run_here_that_died(lab: Lab) -> None:
    small(lab)
    directory = submit(lab, "local", {"0": [A, B]})
    state_of(lab, directory, a={"state": "running"})
    state = look(lab)
    assert files(state) == [{"missing": 2}, {"missing": 1}]
    assert any("2 job item(s) disappeared" in w for w in state.warnings)


def queue(*rows: str, code: int = 0) -> Callable[..., Answer]:
    asked = []

    def ask(argv: Sequence[str], text: str = "") -> Answer:
        asked.append(argv)
        assert argv[0] == "squeue"
        assert len(asked) == 1, "Slurm is asked once"
        return Answer(code, "".join(f"{row}\n" for row in rows), "squeue: error: down" * code)

    return ask


def test_jobs_on_slurm_without_a_run(lab: Lab) -> None:
    small(lab)
    directory = submit(lab, "slurm", {"0": [A], "1": [B]})
    state_of(lab, directory, a={"state": "running"})
    rows = ("70|0|RUNNING|None|cp01|n.arr", "70|1|PENDING|Priority||n.arr")
    state = look(lab, queue(*rows))
    assert files(state)[0] == {"running": 1, "queued": 1}
    assert state.runs == []


def test_why_jobs_wait(lab: Lab) -> None:
    """Any reason but those for which jobs wait everywhere."""
    small(lab)
    submit(lab, "slurm", {"0": [A], "1": [B]})
    rows = ("70|0|PENDING|AssocGrpCPUMinutesLimit||n.arr", "70|1|PENDING|Priority||n.arr")
    (warning,) = look(lab, queue(*rows)).warnings
    assert "1 job(s)" in warning
    assert "AssocGrpCPUMinutesLimit" in warning


def test_a_user_without_a_name(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    small(lab)
    submit(lab, "slurm", {"0": [A], "1": [B]})
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    rows = ("70|0|RUNNING|None|cp01|n.arr", "70|1|PENDING|Priority||n.arr")
    assert files(look(lab, queue(*rows)))[0] == {"queued": 2}


def test_jobs_that_have_left_the_queue(lab: Lab) -> None:
    small(lab)
    directory = submit(lab, "slurm", {"0": [A], "1": [B]})
    failed = {"state": "failed", "reason": "killed by SIGKILL", "signal": "SIGKILL", "rc": None}
    state_of(lab, directory, a=failed)
    state = look(lab, queue())
    assert files(state)[0] == {"failed": 1, "missing": 1}
    (group,) = state.groups
    assert group.ending == "SIGKILL"


def test_another_array_of_that_id_is_not_ours(lab: Lab) -> None:
    small(lab)
    submit(lab, "slurm", {"0": [A, B]})
    assert files(look(lab, queue("70|0|RUNNING|None|cp01|other")))[0] == {"missing": 2}


def test_slurm_does_not_answer(lab: Lab) -> None:
    small(lab)
    submit(lab, "slurm", {"0": [A, B]})
    state = look(lab, queue(code=1))
    assert files(state)[0] == {"unknown": 2}
    assert any("Slurm does not answer (down)" in warning for warning in state.warnings)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"items": 5}', "\x00\x01"])
def test_result_files_that_are_broken(lab: Lab, content: str) -> None:
    small(lab)
    directory = submit(lab, "local", {"0": [A, B]})
    (directory / "chunk-0.json").write_text(content)
    lab.hold_lock(0)
    state = look(lab)
    assert files(state)[0] == {"unknown": 2}
    assert any("1 result file(s) of jobs cannot be read" in w for w in state.warnings)


def test_a_truncated_ledger(lab: Lab) -> None:
    small(lab)
    lab.ok()
    ledger = Path(lab.plan().steps[0].places.ledger)
    ledger.write_bytes(ledger.read_bytes()[:-20])
    state = look(lab)
    assert steps(state) == ["complete", "complete"]  # products are there, whatever the ledger says
    assert any("1 line(s) in 1 ledger(s) are broken" in warning for warning in state.warnings)


def test_a_refused_array(lab: Lab) -> None:
    small(lab)
    submit(lab, "slurm", {"0": [A, B]})
    ledger = lab.plan().steps[0].places.ledger
    note(ledger, "refused", array="arr", message="Slurm refuses the job: invalid account")
    state = look(lab)
    assert steps(state) == ["failed", "blocked"]
    (group,) = state.groups
    assert (group.cause, group.line) == ("refused", "Slurm refuses the job: invalid account")


def test_cancelled_jobs_have_not_failed(lab: Lab) -> None:
    small(lab)
    submit(lab, "slurm", {"0": [A, B]})
    note(lab.plan().steps[0].places.ledger, "cancelled", array="arr")
    assert steps(look(lab)) == ["missing", "missing"]


# ---- what cannot be told


def test_no_config(lab: Lab) -> None:
    with pytest.raises(LstluigiError, match=r"nothing\.yml"):
        production_state(lab.path("nothing.yml"))


def test_a_config_that_would_not_run(lab: Lab) -> None:
    small(lab)
    lab.lstchain_config.unlink()
    with pytest.raises(ConfigError):
        look(lab)


def test_a_damaged_recipe_is_named(lab: Lab) -> None:
    small(lab)
    lab.ok()
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    recipe = Path(lab.plan().steps[1].places.recipe)
    recipe.write_text("{")
    state = look(lab)
    assert state.steps[1].status is State.OUTDATED
    (note,) = (note for note in state.warnings if "is damaged" in note)
    assert str(recipe) in note
    assert "--accept-changed" in note
    assert "lstluigi remake" in note


@pytest.mark.parametrize("content", ["", "5", "{}", '{"host": 5}', "[1]"])
def test_a_lock_of_another_form_is_left_over(lab: Lab, content: str) -> None:
    small(lab)
    lock = Path(lab.plan().steps[0].places.lock)
    lock.parent.mkdir(parents=True)
    lock.write_text(content)
    os.utime(lock, (1, 1))
    assert steps(look(lab)) == ["missing", "missing"]


def test_files_in_which_nothing_has_triggered(lab: Lab) -> None:
    """They are made like others, without any max_failed_fraction."""
    small(lab)
    lab.simtel("dl0/node", c="0", d="0")
    lab.ok()
    state = look(lab)
    assert steps(state) == ["complete", "complete"]
    assert [step.without_events for step in state.steps] == [2, 0]
    assert as_data(state, steps=True)["steps"][0]["without_events"] == 2
    (note,) = state.warnings
    assert note.startswith("2 of the 4 files of 1 step(s) have no event")


def test_showers_that_an_earlier_lstluigi_has_lost(lab: Lab) -> None:
    """One of three files: effective areas are 3/2 of the right ones."""
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    text = lab.config.read_text().replace("output:", "max_failed_fraction: 0.5\n    output:", 1)
    lab.config.write_text(text)
    lab.ok()
    assert not any("too large" in warning for warning in look(lab).warnings)
    (manifest,) = lab.root.rglob("step.manifest.json")
    content = json.loads(manifest.read_text())
    reason = "dl1_c.h5 lacks /simulation/thrown_event_distribution, and has no rows in "
    content["dropped"] = dict.fromkeys(content["dropped"], f"{reason}/dl1/event/x")
    manifest.write_text(json.dumps(content))
    assert any("50.0% too large" in warning for warning in look(lab).warnings)
