"""Trying again, making again, and clearing away: this production's own, and no more than asked."""

from __future__ import annotations

import os
from typing import Any

import pytest
from lab import Lab, full, small

from lstluigi.errors import Declined, LstluigiError
from lstluigi.jobs.ledger import note
from lstluigi.run import remake as making
from lstluigi.run.remake import remake, retry

OPTIONS = {
    **dict.fromkeys(("lstchain_config", "ctapipe_config", "rta_config", "site"), ""),
    "backend": "local",
    "environment": "current",
}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is handed to `lstluigi.run.start`, which has tests of its own."""
    found: list[dict[str, Any]] = []

    def run(config: str, options: dict[str, Any], **choices: Any) -> int:
        found.append({**options, **choices})
        return 0

    monkeypatch.setattr(making, "run_production", run)
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


def test_what_failed_of_a_step_under_way_is_told(lab: Lab, runs: list[dict[str, Any]]) -> None:
    small(lab)
    step = lab.plan().steps[0]
    a, b = (step.item(f"{name}.simtel.gz") for name in "ab")
    facts = {"array": "arr", "backend": "local", "directory": str(lab.root / "array")}
    note(step.places.ledger, "submitting", chunks={"0": [a], "1": [b]}, name="n", **facts)
    note(step.places.ledger, "ended", array="arr", item=a, state="failed", cause="command")
    lab.hold_lock(0)
    said: list[str] = []
    assert retry(str(lab.config), "", OPTIONS, said.append, dry_run=True) == 0
    assert "1 failed in 1 step(s) that are still under way, e.g. r0_to_dl1 step 1" in said[0]
    assert "nothing was done" in said[1]
    assert not any("nothing that was tried has failed" in line for line in said)
    assert runs == []


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
    with pytest.raises(Declined, match=r"^nothing was done$"):
        remake(str(lab.config), "dl1_to_dl2", OPTIONS, said.append, **how)
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
    assert "nothing is outdated" in said[0]
    lab.configure(threshold=2)
    remake(str(lab.config), "", OPTIONS, lambda _: None, **how)
    assert lab.path("merged/node.h5") in runs[0]["remake"]
