"""`lstluigi status`, `logs`, `retry`, `remake` and `clean` as typed."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from lab import Lab, full, small

from lstluigi.cli import main


def type_in(*words: str, columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(main, list(words))


def failing(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()


def test_status_that_is_no_terminal_is_not_folded(lab: Lab) -> None:
    failing(lab)
    result = type_in("status", str(lab.config), "--tree", "--cost", columns=20)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert ["files", "2", "-", "-", "1", "-", "3", "9"] in [line.split() for line in lines]
    assert ["r0_to_dl1", "3", "1"] in [line.split()[:3] for line in lines]  # --cost
    assert "1 failed in 1 step(s) of r0_to_dl1" in result.output
    assert "blocks 1 step(s): 1 of merge_dl1" in result.output
    assert "Traceback" not in result.output


def test_status_for_programs(lab: Lab) -> None:
    failing(lab)
    result = type_in("status", str(lab.config), "--json")
    data = json.loads(result.output)
    assert data["total"]["files"]["complete"] == 2
    assert data["stages"]["r0_to_dl1"]["steps"]["failed"] == 1
    assert data["failures"][0]["blocked"] == ["merge_dl1:1"]
    assert [step["status"] for step in data["steps"]] == ["failed", "blocked"]
    assert data["cost"]["stages"]["r0_to_dl1"]["failed"] == 1


def test_watching_ends_when_nothing_is_under_way(lab: Lab) -> None:
    full(lab)
    lab.ok()
    result = type_in("status", str(lab.config), "--watch")
    assert result.exit_code == 0
    assert "everything is there" in result.output


def test_status_of_what_is_no_production(lab: Lab) -> None:
    lab.config.write_text("- nothing\n")
    result = type_in("status", str(lab.config))
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_logs_of_what_failed(lab: Lab) -> None:
    failing(lab)
    result = type_in("logs", str(lab.config), "r0_to_dl1:1")
    heads = [line for line in result.output.splitlines() if line.startswith("==> ")]
    assert [head.endswith("c.simtel.gz.log <==") for head in heads] == [True]
    every = type_in("logs", str(lab.config), "r0_to_dl1:1", "--all")
    assert every.output.count("==> ") == 3


def test_logs_of_what_has_not_begun(lab: Lab) -> None:
    small(lab)
    told = type_in("logs", str(lab.config), "merge_dl1").output
    assert "there is no log (missing)" in told
    result = type_in("logs", str(lab.config), "nonsense")
    assert result.exit_code == 2
    assert "'nonsense' matches no output" in result.output
    failing(lab)
    told = type_in("logs", str(lab.config), "merge_dl1").output
    assert "there is no log (blocked)" in told
    lab.hold_lock(1)
    told = type_in("logs", str(lab.config), "merge_dl1").output
    assert "there is no log (queued)" in told


def test_logs_that_are_gone(lab: Lab) -> None:
    small(lab)
    lab.ok()
    for path in lab.root.glob("merged/**/*.log"):
        path.unlink()
    assert "its logs were deleted" in type_in("logs", str(lab.config), "merge_dl1").output


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_remake_asks_and_does_nothing_without_a_yes(lab: Lab, answer: str) -> None:
    small(lab)
    lab.ok()
    before = lab.files()
    result = CliRunner().invoke(main, ["remake", str(lab.config), "r0_to_dl1"], input=answer)
    assert result.exit_code == 1
    assert "delete 3 file(s)" in result.output
    assert result.output.endswith("lstluigi: nothing was done\n")
    assert "Abort" not in result.output
    assert lab.files() == before


def test_what_only_says_what_it_would_do_ends_by_saying_so(lab: Lab) -> None:
    failing(lab)
    for words, told in (
        (("retry",), "1 step(s) would be tried again"),
        (("clean",), "leftovers of 0 step(s)"),
        (("remake", "r0_to_dl1"), "in all 2 file(s)"),
        (("cancel",), "nothing is under way"),
        (("run",), "What would run"),
    ):
        command, *pattern = words
        result = type_in(command, str(lab.config), *pattern, "--dry-run")
        assert told in result.output
        assert result.output.endswith("nothing was done\n")
