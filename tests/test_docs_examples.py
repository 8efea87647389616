"""Examples of the documentation, typed as they stand there.

A fenced block of `console` or `python` with the comment `<!-- tested -->` on the line before it is
run, in a copy of what a checkout has for its users; with `<!-- tested in DIRECTORY -->` in that
directory of the copy. Blocks of a page follow each other in one copy. What a console block shows
below a command has to be what it prints, where `...` stands for anything, as in a doctest. Every
other command of the documentation has to be one that lstluigi would take.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from lstluigi.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKED = re.compile(
    r"^<!-- tested(?: in (?P<where>\S+))? -->\n```(?P<language>console|python)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
#: A command is on one line, or on several with a backslash at the end of all but the last.
TYPED = re.compile(r"^\$ ((?:.*\\\n)*.*)\n", re.MULTILINE)
LIKE_DOCTEST = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Example(NamedTuple):
    """Something to type, and what it shows: nothing is said of it where that is empty."""

    where: str
    command: list[str]
    shown: str


def examples(page: Path) -> Iterator[Example]:
    """What a page has that is marked, in its order."""
    for block in MARKED.finditer(page.read_text()):
        where, text = block["where"] or ".", block["text"]
        if block["language"] == "python":
            yield Example(where, [sys.executable, "-c", text], "")
            continue
        _, *parts = TYPED.split(text)
        for command, shown in zip(parts[::2], parts[1::2], strict=True):
            yield Example(where, ["bash", "-c", command], shown)


@pytest.mark.parametrize("page", [p for p in PAGES if any(examples(p))], ids=lambda page: page.stem)
def test_examples_do_what_they_show(page: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for directory in ("configs", "production_configs"):
        shutil.copytree(ROOT / directory, checkout / directory)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        "MPLBACKEND": "agg",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "LSTLUIGI_PROD_LOGS": str(tmp_path / "logs"),
    }
    for example in examples(page):
        done = subprocess.run(
            example.command,
            cwd=checkout / example.where,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        typed = f"{example.command[-1]}\n{done.stdout}"
        assert done.returncode == 0, typed
        same = doctest.OutputChecker().check_output(example.shown, done.stdout, LIKE_DOCTEST)
        assert same or not example.shown, typed


def commands(page: Path) -> Iterator[list[str]]:
    """Words of every `lstluigi ...` line of a page that is no synopsis, in blocks of any kind."""
    joined = page.read_text().replace("\\\n", " ")
    for line in re.findall(r"^(?:    |\$ )(lstluigi [^\[\n]*)$", joined, re.MULTILINE):
        yield list(takewhile(lambda word: word != ">", shlex.split(line, comments=True)))


def test_commands_are_found() -> None:
    assert sum(1 for page in PAGES for _ in commands(page)) > 30


@pytest.mark.parametrize("page", [p for p in PAGES if any(commands(p))], ids=lambda page: page.stem)
def test_commands_are_ones_that_lstluigi_takes(page: Path) -> None:
    for line in commands(page):
        check(line)


def check(words: list[str]) -> None:
    """Read a command line as click does, and do nothing."""
    context = click.Context(main, info_name="lstluigi")
    found: click.Command = main
    rest = words[1:]
    while isinstance(found, click.Group):
        name, command, rest = found.resolve_command(context, rest)
        assert command is not None, words
        found = command
    try:
        found.make_context(name, rest, parent=context)
    except click.UsageError as error:
        parameter = error.param if isinstance(error, click.BadParameter) else None
        # a file of the reader's own need not be here
        if parameter is None or not isinstance(parameter.type, click.Path):
            pytest.fail(f"{' '.join(words)}: {error.format_message()}")
