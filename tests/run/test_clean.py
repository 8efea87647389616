"""Clearing away: leftovers of dead runs, and products by name if all made of them is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from lab import Lab, full, small

from lstluigi.errors import LstluigiError
from lstluigi.production.states import State
from lstluigi.run.clean import clean
from lstluigi.run.decisions import delete


def cleaned(lab: Lab, *patterns: str, dry_run: bool = False) -> list[str]:
    said: list[str] = []
    clean(str(lab.config), patterns, {}, said.append, dry_run=dry_run)
    return said


def test_scratch_and_locks_of_dead_runs(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    places = lab.plan().steps[0].places
    scratch = Path(places.scratch, "c", "half.h5")
    scratch.parent.mkdir(parents=True)
    scratch.write_bytes(b"x" * 10_000)
    Path(places.lock).write_text('{"host": "elsewhere", "pid": 1}')
    os.utime(places.lock, (1, 1))
    before = lab.files()
    assert "leftovers of 1 step(s)" in cleaned(lab, dry_run=True)[-1]
    assert scratch.exists()
    cleaned(lab)
    assert lab.leftovers() == set()
    assert lab.files() == before - {os.path.relpath(scratch, lab.root)}


def test_intermediate_products_by_name(lab: Lab) -> None:
    full(lab)
    lab.ok()
    before = lab.files()
    assert "6 product file(s) would be deleted" in cleaned(lab, "r0_to_dl1", dry_run=True)[-1]
    assert lab.files() == before
    cleaned(lab, "r0_to_dl1")
    assert before - lab.files() == {
        f"dl1/{s}/dl1_{n}.h5" for s in ("gamma", "proton", "test") for n in "ab"
    }
    assert lab.ok() == []  # nothing is made again


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("dl2_to_irfs", "no intermediate product"),
        ("dl1_to_dl2", "is still needed"),
    ],
)
def test_products_that_are_needed_stay(lab: Lab, pattern: str, why: str) -> None:
    full(lab)
    lab.ok()
    os.unlink(lab.path("irf/sensitivity.fits"))
    before = lab.files()
    with pytest.raises(LstluigiError, match=why):
        cleaned(lab, "r0_to_dl1", pattern)
    assert lab.files() == before


def test_inputs_of_a_product_that_is_there_in_part_stay(lab: Lab) -> None:
    """Models that lost a file are made again, though all made of them is there."""
    full(lab)
    lab.ok()
    next(Path(lab.path("models")).rglob("*.sav")).unlink()
    before = lab.files()
    (merge,) = (n for n in lab.plan().steps if n.step.stage == "merge_dl1" and n.step.number == 1)
    with pytest.raises(LstluigiError, match=r"train_pipe step 1.* is not made yet"):
        cleaned(lab, merge.output)
    assert lab.files() == before


def test_a_deletion_is_told_when_it_is_done(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    full(lab)
    lab.ok()
    first, second = (n for n in lab.plan().steps if n.step.stage == "r0_to_dl1" and n.index < 2)

    def refused(path: str) -> None:
        if path.startswith(f"{second.output}/"):
            raise LstluigiError(f"{path} cannot be deleted")
        os.unlink(path)

    monkeypatch.setattr("lstluigi.run.clean.delete_file", refused)
    said: list[str] = []
    with pytest.raises(LstluigiError, match="cannot be deleted"):
        clean(str(lab.config), ["r0_to_dl1"], {}, said.append, dry_run=False)
    assert said == [f"  deleted: 2 file(s) of {first}"]


def test_products_of_others_stay(lab: Lab) -> None:
    small(lab)
    lab.ok()
    os.unlink(lab.plan().steps[0].places.recipe)
    with pytest.raises(LstluigiError, match="no recipe beside it"):
        cleaned(lab, "r0_to_dl1")
    assert os.path.exists(lab.path("dl1/node/dl1_a.h5"))


def test_nothing_while_a_run_holds_a_lock(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    lab.hold_lock(0)
    with pytest.raises(LstluigiError, match="nothing was deleted: the run with process id"):
        cleaned(lab)


def test_nothing_while_a_run_holds_the_lock_of_what_is_done(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.hold_lock(0)
    with pytest.raises(LstluigiError, match="nothing was deleted"):
        cleaned(lab, "r0_to_dl1")


def test_no_name_names_nothing(lab: Lab) -> None:
    small(lab)
    lab.ok()
    with pytest.raises(LstluigiError, match="'' matches no output"):
        cleaned(lab, "")
    assert os.path.exists(lab.path("dl1/node/dl1_a.h5"))


def test_a_released_product_is_not_missed_until_it_is_asked_for(lab: Lab) -> None:
    full(lab)
    lab.ok()
    kept = {name: os.stat(lab.path("irf", name)).st_mtime_ns for name in lab.files("irf")}
    cleaned(lab, "dl1_to_dl2")
    assert lab.files("dl2") == set()
    assert lab.plan().states.count(State.GONE) == 1
    assert lab.ok() == []
    assert lab.ok(remake=("dl1_to_dl2",)) == [lab.path("dl2/dl2_test.h5")]
    os.unlink(lab.path("dl2/dl2_test.h5"))
    assert lab.ok() == [lab.path("dl2/dl2_test.h5")]  # it is the user's again
    assert kept == {name: os.stat(lab.path("irf", name)).st_mtime_ns for name in kept}


def test_a_product_that_was_deleted_by_hand_can_be_released(lab: Lab) -> None:
    full(lab)
    lab.ok()
    shutil.rmtree(lab.path("dl2"))
    assert lab.plan().to_do()
    cleaned(lab, "dl1_to_dl2")
    assert lab.ok() == []


def test_what_needs_a_released_product_has_it_made_again(lab: Lab) -> None:
    full(lab)
    lab.ok()
    cleaned(lab, "dl1_to_dl2")
    os.unlink(lab.path("irf/irf.fits"))
    assert lab.ok() == [lab.path("dl2/dl2_test.h5"), lab.path("irf/irf.fits")]


def test_what_a_product_leads_to_stays(lab: Lab) -> None:
    """Where hard links fail, files of a split are symbolic links to DL1."""
    small(lab)
    lab.ok()
    plan = lab.plan()
    dl1 = lab.path("dl1/node/dl1_a.h5")
    product = plan.finals(plan.consumers(plan.steps[0])[0])[0]
    os.unlink(product)
    os.symlink(dl1, product)
    with pytest.raises(LstluigiError, match="symbolic link"):
        cleaned(lab, "r0_to_dl1")
    assert os.path.exists(dl1)


def test_nothing_is_deleted_that_cannot_be_made_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(lab)
    lab.ok()
    plan = lab.plan()
    ledger = plan.steps[0].places.ledger
    monkeypatch.setattr(os, "access", lambda path, mode: path != ledger)
    with pytest.raises(LstluigiError, match="nothing was deleted"):
        delete(plan, [0])
    assert os.path.exists(lab.path("dl1/node/dl1_a.h5"))
    assert os.path.exists(plan.steps[0].places.recipe)
