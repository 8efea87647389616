"""Trying again, making again, and clearing away: this production's own, and no more than asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, full, small
from test_state import hold_lock

from lstluigi.errors import LstluigiError
from lstluigi.report import again
from lstluigi.report.again import remake, retry
from lstluigi.report.clean import clean
from lstluigi.report.sizes import freed, size

OPTIONS = {
    **dict.fromkeys(("lstchain_config", "ctapipe_config", "rta_config", "site"), ""),
    "backend": "local",
    "environment": "current",
}
TOOLS = {"lstchain_config": ""}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is handed to `lstluigi.run`, which has tests of its own."""
    found: list[dict[str, Any]] = []

    def run(config: str, options: dict[str, Any], **choices: Any) -> int:
        found.append({**options, **choices})
        return 0

    monkeypatch.setattr(again, "run_production", run)
    return found


def failing(lab: Lab) -> None:
    """Two steps of which one fails, and one that waits for it."""
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()


# ---- retry


def test_only_what_failed_is_tried_again(lab: Lab, runs: list[dict[str, Any]]) -> None:
    failing(lab)
    said: list[str] = []
    assert retry(str(lab.config), "", OPTIONS, said.append, dry_run=False) == 0
    assert runs[0]["outputs"] == [lab.path("dl1/node")]
    assert "r0_to_dl1 step 1" in said[0]
    assert "1 file(s)" in said[0]


def test_a_pattern_that_names_what_has_not_failed(lab: Lab, runs: list[dict[str, Any]]) -> None:
    failing(lab)
    said: list[str] = []
    assert retry(str(lab.config), "merge_dl1", OPTIONS, said.append, dry_run=False) == 0
    assert runs == []
    assert "nothing that matches has failed" in said[0]


def test_a_dry_run_tries_nothing(lab: Lab, runs: list[dict[str, Any]]) -> None:
    failing(lab)
    retry(str(lab.config), "", OPTIONS, lambda _: None, dry_run=True)
    assert runs == []


def test_a_pattern_that_names_nothing(lab: Lab) -> None:
    small(lab)
    with pytest.raises(LstluigiError, match="'nonsense' matches no output, no stage"):
        retry(str(lab.config), "nonsense", OPTIONS, lambda _: None, dry_run=True)


def test_a_retry_runs_its_steps_and_not_what_follows(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    source = f"source_environment:\n  source_file: {lab.environment()}\n"
    lab.config.write_text(source + lab.config.read_text())
    lab.run()
    lab.simtel("dl0/node", c="3")
    run = lab.type("retry", str(lab.config), "--backend", "local", program="lstluigi")
    assert run.code == 0, run.text
    assert "1 step(s) made" in run.text
    assert lab.files() == {f"dl1/node/dl1_{name}.h5" for name in "abc"}


# ---- remake


def test_what_would_be_deleted_is_shown_before(lab: Lab, runs: list[dict[str, Any]]) -> None:
    full(lab)
    lab.ok()
    said: list[str] = []

    def no(question: str) -> bool:
        said.append(question)
        return False

    how: dict[str, Any] = {"dry_run": False, "confirm": no}
    assert remake(str(lab.config), "dl1_to_dl2", OPTIONS, said.append, **how) == 1
    assert runs == []
    assert [line.split()[3] for line in said if "to be deleted" in line] == [
        "dl1_to_dl2",
        "dl2_to_irfs",
        "dl2_to_sensitivity",
    ]
    assert os.path.exists(lab.path("dl2/dl2_test.h5"))


def test_a_yes_hands_over_to_a_run(lab: Lab, runs: list[dict[str, Any]]) -> None:
    full(lab)
    lab.ok()
    how: dict[str, Any] = {"dry_run": False, "confirm": lambda _: True}
    assert remake(str(lab.config), "dl1_to_dl2:1", OPTIONS, lambda _: None, **how) == 0
    assert runs[0]["remake"] == "dl1_to_dl2:1"


def test_without_a_pattern_what_changed_is_meant(lab: Lab, runs: list[dict[str, Any]]) -> None:
    small(lab)
    lab.ok()
    how: dict[str, Any] = {"dry_run": False, "confirm": lambda _: True}
    said: list[str] = []
    assert remake(str(lab.config), "", OPTIONS, said.append, **how) == 0
    assert runs == []
    assert "nothing was made differently" in said[0]
    lab.configure(threshold=2)
    remake(str(lab.config), "", OPTIONS, lambda _: None, **how)
    assert lab.path("merged/node.h5") in runs[0]["remake"]


# ---- clean


def cleaned(lab: Lab, *patterns: str, dry_run: bool = False) -> list[str]:
    said: list[str] = []
    clean(str(lab.config), patterns, TOOLS, said.append, dry_run=dry_run)
    return said


def test_scratch_and_locks_of_dead_runs(lab: Lab) -> None:
    failing(lab)
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
    [("dl2_to_irfs", "no intermediate product"), ("dl1_to_dl2", "is still needed")],
)
def test_products_that_are_needed_stay(lab: Lab, pattern: str, why: str) -> None:
    full(lab)
    lab.ok()
    os.unlink(lab.path("irf/sensitivity.fits"))
    before = lab.files()
    with pytest.raises(LstluigiError, match=why):
        cleaned(lab, "r0_to_dl1", pattern)
    assert lab.files() == before


def test_products_of_others_stay(lab: Lab) -> None:
    small(lab)
    lab.ok()
    os.unlink(lab.plan().steps[0].places.recipe)
    with pytest.raises(LstluigiError, match="no recipe beside it"):
        cleaned(lab, "r0_to_dl1")
    assert os.path.exists(lab.path("dl1/node/dl1_a.h5"))


def test_nothing_while_a_run_holds_a_lock(lab: Lab) -> None:
    failing(lab)
    hold_lock(lab, 0)
    with pytest.raises(LstluigiError, match="nothing was deleted: the run with process id"):
        cleaned(lab)


def test_nothing_while_a_run_holds_the_lock_of_what_is_done(lab: Lab) -> None:
    small(lab)
    lab.ok()
    hold_lock(lab, 0)
    with pytest.raises(LstluigiError, match="nothing was deleted"):
        cleaned(lab, "r0_to_dl1")


def test_space_of_links_is_free_with_the_last(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(os.urandom(100_000))
    os.link(one, other)
    assert freed([str(one)]) == 0
    assert freed([str(one), str(other), str(tmp_path / "none")]) >= 100_000


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e12, "2.5 TB")]
)
def test_sizes_in_words(count: float, words: str) -> None:
    assert size(count) == words
