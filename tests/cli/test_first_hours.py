"""What a student and a production manager type in their first hours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
import tables
from click.testing import CliRunner, Result
from lab import Lab, full, small

from lstluigi.cli import COMMANDS, main
from lstluigi.config.tool_config import ToolConfig, differences
from lstluigi.errors import Busy, ConfigError, LstluigiError, Problem
from lstluigi.jobs.ledger import note
from lstluigi.production.states import State
from lstluigi.report.toy_data import _is_toy
from lstluigi.request.settings import checked_rate
from lstluigi.run.start import delivered
from lstluigi.scheduler.processes import Handles
from lstluigi.validation.examine import production_state


def type_in(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


# ---- the command line


def test_the_help_cuts_no_description() -> None:
    lines = type_in("--help").output.split("Commands:")[1]
    assert "..." not in lines
    assert all(f"  {name} " in lines for name in COMMANDS)


def test_a_typing_error_in_a_command_names_the_nearest() -> None:
    for words, near in ((["sugest"], "suggest"), (["productions", "serch"], "search")):
        result = type_in(*words)
        assert result.exit_code == 2
        assert f"did you mean {near}?" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_drops_an_option_that_is_given_twice(name: str) -> None:
    """Of each option with one value; flags and lists of values may be repeated."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    for option in command.params:
        if not isinstance(option, click.Option) or option.multiple or option.is_flag:
            continue
        values = ["1"] * option.nargs
        if isinstance(option.type, click.Choice):
            values = [str(option.type.choices[0])]
        result = type_in(name, *[option.opts[-1], *values] * 2)
        assert result.exit_code == 2
        assert f"{option.opts[-1]} is given 2 times" in result.output


# ---- a directory in place of a config


@pytest.mark.parametrize("words", [["status"], ["logs"], ["run", "--dry-run"], ["graph"]])
def test_the_directory_of_a_config_stands_for_it(lab: Lab, words: list[str]) -> None:
    small(lab)
    (lab.root / "other.yml").write_text("name: no production config\n")
    result = type_in(*words, str(lab.root), *(["-o", lab.path("g.svg")] * (words == ["graph"])))
    assert result.exit_code == 0, result.output


def test_a_directory_of_several_configs_is_refused(lab: Lab) -> None:
    small(lab)
    shutil.copy(lab.config, lab.root / "another.yml")
    result = type_in("status", str(lab.root))
    assert result.exit_code == 2
    assert "2 production configs (another.yml, config.yml)" in result.output


# ---- run


def test_problems_of_a_kind_are_grouped_and_keep_their_place() -> None:
    missing = [Problem("c.yml, line 1", f"/a/{n} is missing", "make it") for n in range(100)]
    other = Problem("c.yml, line 9", "the key is unknown", "write b")
    lines = str(ConfigError([*missing, other])).splitlines()
    assert "101 problems" in lines[0]
    assert len(lines) == 4
    assert lines[1].startswith(str(missing[0]).rstrip("."))
    assert "c.yml: 100 are of this kind" in lines[2]
    assert lines[3] == str(other)


def test_after_a_complete_run_the_results_are_named(lab: Lab) -> None:
    full(lab)
    assert list(delivered(lab_session(lab)))[:-1] == []
    lab.ok()
    lines = list(delivered(lab_session(lab)))
    assert f"  train_pipe: {lab.path('models')}" in lines
    assert lines[-1].startswith("next: lstluigi report ")


def lab_session(lab: Lab) -> Any:
    plan = lab.plan()
    return SimpleNamespace(plan=plan, config=plan.config)


def test_a_second_run_of_the_same_production_has_a_code_of_its_own(lab: Lab) -> None:
    full(lab)
    lab.hold_lock(0)
    assert lab.run().code == Busy.exit_code == 10


def test_steps_that_fail_alike_are_told_once_in_full(caplog: pytest.LogCaptureFixture) -> None:
    nothing: Any = None
    handles = Handles(nothing, nothing, nothing)
    reason = "no partition 'long' for /a/file-{}, line {}; name another"
    for number in range(3):
        handles.announce_failure(f"step {number}", reason.format(number, number))
    handles.announce_failure("step 9", "out of memory")
    first, second, third, other = caplog.messages
    assert reason.format(0, 0) in first
    assert second == "step 1 failed for the same reason as step 0"
    assert third == "step 2 failed for the same reason as step 0"
    assert "out of memory" in other


def test_a_retry_of_many_steps_announces_them_once(lab: Lab) -> None:
    full(lab)
    for sample in ("gamma", "proton"):
        lab.simtel(f"dl0/{sample}", c="truncated")
    source = f"source_environment:\n  source_file: {lab.environment()}\n"
    lab.config.write_text(source + lab.config.read_text())
    lab.run()
    run = lab.type("retry", str(lab.config), "--backend", "local", program="lstluigi")
    assert run.text.count(" steps to do, on local") == 1, run.text


# ---- status, logs, report


def test_what_a_person_cancelled_is_to_do_not_failed(lab: Lab) -> None:
    small(lab)
    step = lab.plan().steps[0]
    chunks = {"0": [step.item("a.simtel.gz"), step.item("b.simtel.gz")]}
    facts = {"directory": str(lab.root), "name": "n.arr", "asked": {"cpus": 1}}
    note(step.places.ledger, "submitting", array="arr", backend="slurm", chunks=chunks, **facts)
    note(step.places.ledger, "submitted", array="arr", job="70")
    for item in chunks["0"]:
        end = {"state": "failed", "cause": "cancelled", "reason": "its job was cancelled"}
        note(step.places.ledger, "ended", array="arr", chunk=0, item=item, again=False, **end)
    note(step.places.ledger, "failed", message="2 of 2 files failed")
    state = production_state(str(lab.config))
    assert [step.status for step in state.steps] == [State.MISSING, State.MISSING]
    assert state.groups == []


def test_logs_without_a_step_are_those_of_failures(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    result = type_in("logs", str(lab.config))
    assert result.exit_code == 0
    assert "c.simtel.gz" in result.output
    assert "a.simtel.gz" not in result.output


def test_the_report_has_a_place_and_rows_for_steps_and_files(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(lab)
    lab.ok()
    monkeypatch.chdir(lab.root)
    assert type_in("report", str(lab.config)).exit_code == 0
    page = (lab.root / "report_test_prod" / "index.html").read_text()
    assert "1 / 2" not in page
    assert '<td data-label="">steps</td>' in page
    assert '<td data-label="">files</td>' in page
    assert "Toy data" not in page
    assert type_in("report", str(lab.config)).exit_code == 2  # it is there


def test_a_report_of_toy_data_says_so(lab: Lab) -> None:
    small(lab)
    (lab.root / "toy_dataset.json").write_text("{}")
    assert type_in("report", str(lab.config), "-o", lab.path("r")).exit_code == 0
    assert "not for science" in (lab.root / "r" / "index.html").read_text()


@pytest.mark.parametrize(("program", "toy"), [(0, True), (1, False)])
def test_dl1_of_no_version_of_corsika_is_toy_data(tmp_path: Path, program: int, toy: bool) -> None:
    row = type(
        "Row",
        (tables.IsDescription,),
        {name: tables.Int64Col() for name in ("corsika_version", "shower_prog_id")},
    )
    with tables.open_file(str(tmp_path / "a.h5"), "w") as h5:
        table = h5.create_table("/simulation", "run_config", row, createparents=True)
        table.append([(7741 * program, program)])
    assert _is_toy(str(tmp_path / "a.h5")) is toy
    assert _is_toy(str(tmp_path / "absent.h5")) is False


# ---- requests and configs


def test_a_difference_far_inside_a_long_text_is_shown() -> None:
    words = ["lstchain_mc_trainpipe", *(f"--option-{n}" for n in range(50))]
    (one,) = differences({"commands": [words]}, {"commands": [[*words, "--new"]]})
    assert one == "commands[1]: [] -> ['--new']"
    (one,) = differences({"a": "x" * 300 + "1 end"}, {"a": "x" * 300 + "2 end"})
    assert one.endswith("1 end' -> '..." + "x" * 30 + "2 end'")


@pytest.mark.parametrize(
    ("word", "right"), [("True", "true"), ("False", "false"), ("None", "null")]
)
def test_words_of_python_in_json(tmp_path: Path, word: str, right: str) -> None:
    path = tmp_path / "lstchain.json"
    path.write_text(f'{{"tailcut": {word}}}')
    with pytest.raises(ConfigError) as caught:
        ToolConfig.read("lstchain", path)
    assert f"write {right}" in caught.value.problems[0].mend


def test_a_rate_in_another_unit_is_refused() -> None:
    assert checked_rate(2.34) == 2.34
    with pytest.raises(LstluigiError, match="GHz"):
        checked_rate(400)


def test_a_mistyped_stage_is_told_with_its_own_line(lab: Lab) -> None:
    small(lab)
    text = lab.config.read_text().replace("- merge_dl1\n", "- merge_dl3\n")
    lab.config.write_text(text)
    line = text.splitlines().index("- merge_dl3") + 1
    answer = json.loads(type_in("validate", str(lab.config), "--json").output)
    where = [e["where"] for e in answer[0]["errors"] if "merge_dl3" in e["what"]]
    assert where == [f"{lab.config}, line {line}, key 'stages_to_run'"]
