"""Help of every command, and completion in the shell."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lstluigi.cli import COMMANDS, main
from lstluigi.config.tool_config import TOOLS
from lstluigi.production.load import Choices
from lstluigi.run.tasks import ProductionTask

QUICKSTART = Path(__file__).parents[2] / "docs" / "quickstart.md"


def commands() -> Iterator[tuple[str, ...]]:
    """Words of every command, those of groups too."""
    for name in COMMANDS:
        yield (name,)
        found = main.get_command(click.Context(main), name)
        if isinstance(found, click.Group):
            yield from ((name, inner) for inner in found.commands)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_has_an_example_of_the_command(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*words, "--help"])
    assert done.exit_code == 0
    text = " ".join(done.output.split())
    assert "Example" in text
    assert f"lstluigi {' '.join(words)}" in text.split("Example", 1)[1]


def names_of_options(name: str) -> set[str]:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return {option.name for option in found.params if option.name is not None}


@pytest.mark.parametrize(
    "name",
    [
        *("run", "cancel", "status", "logs", "report", "retry", "remake", "clean", "graph"),
        "validate",
    ],
)
def test_every_command_that_reads_a_production_is_told_what_lies_beside_it(name: str) -> None:
    assert names_of_options(name) >= {"site", *(f"{tool}_config" for tool in TOOLS)}


def test_a_choice_of_a_run_has_one_name() -> None:
    choices = {field.name for field in fields(Choices)}
    assert choices >= {f"{tool}_config" for tool in TOOLS}
    assert choices <= names_of_options("run")
    assert choices | {"about"} == {name for name, _ in ProductionTask.get_params()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_a_script(shell: str) -> None:
    environment = {"_LSTLUIGI_COMPLETE": f"{shell}_source"}
    done = CliRunner().invoke(main, [], prog_name="lstluigi", env=environment)
    assert done.exit_code == 0
    assert f"_LSTLUIGI_COMPLETE={shell}_complete" in done.output
    assert f"_LSTLUIGI_COMPLETE={shell}_source lstluigi" in QUICKSTART.read_text()
    if shutil.which(shell) and shell != "fish":
        subprocess.run([shell, "-n"], input=done.output, text=True, check=True)


def test_completion_knows_the_commands() -> None:
    environment = {
        "_LSTLUIGI_COMPLETE": "bash_complete",
        "COMP_WORDS": "lstluigi plot-",
        "COMP_CWORD": "1",
    }
    done = CliRunner().invoke(main, [], prog_name="lstluigi", env=environment)
    names = {line.removeprefix("plain,") for line in done.output.splitlines()}
    assert names == {name for name in COMMANDS if name.startswith("plot-")}


def advice() -> Iterator[tuple[str, str]]:
    """Commands with options that messages of lstluigi name, and bare options of decisions."""
    root = Path(__file__).parents[2] / "lstluigi"
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            for name, rest in re.findall(r"`lstluigi ([a-z-]+)([^`]*)", node.value):
                yield from ((name, option) for option in re.findall(r"--[a-z-]+", rest))
            if re.search(r"\badd --accept-changed", node.value):
                yield from (("run", "--accept-changed"), ("remake", "--accept-changed"))


@pytest.mark.parametrize(("name", "option"), sorted(set(advice())))
def test_a_command_has_the_options_that_messages_advise(name: str, option: str) -> None:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    assert option in {word for param in found.params for word in param.opts}


def test_no_message_advises_a_bare_option_of_a_decision() -> None:
    """Which command is meant is not clear from `retry`, `remake` and others that hand over."""
    root = Path(__file__).parents[2] / "lstluigi"
    for path in root.rglob("*.py"):
        for line in path.read_text().splitlines():
            assert not re.search(r"(with|decide with) --(accept-changed|remake)", line), line
