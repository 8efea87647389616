"""What fits a terminal: no number is cut, and nothing is left out in silence."""

from __future__ import annotations

import io
import re

import pytest
from lab import Lab, small
from rich.console import Console, RenderableType
from rich.text import Text

from lstluigi.display import Column, Columns, Screen
from lstluigi.production.status.failures import folded
from lstluigi.report.show import screen, status
from lstluigi.validation.examine import production_state


def shown(what: RenderableType, width: int, height: int = 24, terminal: bool = True) -> list[str]:
    console = Console(
        file=io.StringIO(), force_terminal=terminal, width=width, height=height, color_system=None
    )
    console.print(what, soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def column(heading: str, *cells: object, gives_way: int = 0) -> Column:
    return Column(heading, [Text(str(cell)) for cell in cells], gives_way)


TABLE = Columns(
    [
        column("stage", "dl2_to_sensitivity", "", "all", ""),
        column("", "steps", "files", "steps", "files"),
        column("complete", 3375, 52100, 13579, 246801),
        column("running", "-", "-", "-", "-", gives_way=3),
        column("of", 33750, 521000, 98765, 456789),
        column("events", "", 123456789, "", "", gives_way=1),
        column("left", "3 d 12 h", "", "", "", gives_way=2),
    ]
)
NUMBERS = {"3375", "52100", "13579", "246801", "33750", "521000", "98765", "456789"}


@pytest.mark.parametrize("width", [*range(20, 41), 60, 80, 120])
def test_numbers_are_never_cut(width: int) -> None:
    lines = shown(TABLE, width)
    assert all(len(line) <= width for line in lines)
    found = set(re.findall(r"(?<!\w)\d+(?!\w)", " ".join(lines)))
    assert found >= NUMBERS
    assert found <= NUMBERS | {"123456789", "3", "12"}


def test_columns_give_way_in_order_and_names_last() -> None:
    full = len(shown(TABLE, 200)[0])
    headings = {width: shown(TABLE, width)[0].split() for width in range(20, full + 1)}
    order = list(dict.fromkeys(map(tuple, reversed(list(headings.values())))))
    assert order == [
        ("stage", "complete", "running", "of", "events", "left"),
        ("stage", "complete", "running", "of", "left"),
        ("stage", "complete", "running", "of"),
        ("stage", "complete", "of"),
        ("dl2_to_sensitivity",),  # rows in words
    ]
    narrow = min(width for width, found in headings.items() if found[0] == "stage")
    assert [line.split()[0] for line in shown(TABLE, narrow)[1:3]] == ["dl2_to_", "sensitivity"]


def test_what_is_no_terminal_has_all_columns() -> None:
    assert shown(TABLE, 20, terminal=False) == shown(TABLE, 200)


PARTS: list[tuple[str, RenderableType]] = [
    ("line", Text("a\nb\nc")),
    *(("cause", Text(f"{n}\nlog")) for n in range(3)),
]


@pytest.mark.parametrize(
    ("height", "last"),
    [
        (3, "and 2 more lines, 3 more causes: look there"),
        (5, "and 3 more causes: look there"),
        (8, "and 2 more causes: look there"),
        (9, "and 1 more cause: look there"),
        (10, "log"),
    ],
)
def test_a_screen_says_what_it_leaves_out(height: int, last: str) -> None:
    lines = shown(Screen([PARTS], "look there"), 60, height)
    assert len(lines) < height
    assert lines[-1] == last


def test_failures_on_a_screen(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated", d="exit 3")
    lab.run()
    state = production_state(str(lab.config))
    text = " ".join(shown(screen(state, []), 500, 40))
    for group in state.groups:
        assert "1 failed of r0_to_dl1 (command" in text
        assert f": {folded(group.line)}; log {group.failures[0].log}" in text
    low = shown(screen(state, []), 500, 8)
    assert len(low) == 7
    assert low[-1].startswith("and 1 more line, 2 more causes")


def test_a_low_screen_counts_files_only(lab: Lab) -> None:
    """So that causes have room below."""
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    found = screen(production_state(str(lab.config)), [])  # 10 lines, a cause, no note
    counted = [" ".join(shown(found, 500, height)).split() for height in (12, 11)]
    assert [words.count("steps") for words in counted] == [3, 0]
    assert [words.count("files") for words in counted] == [3, 3]
    assert all("r0_to_dl1" in words and "log" in words for words in counted)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_table_of_a_status_fits(lab: Lab, width: int) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    state = production_state(str(lab.config))
    lines = shown(status(state), width)
    table = lines[2 : next(i for i, line in enumerate(lines) if line.startswith("time left"))]
    assert all(len(line) <= width for line in table)
    assert "…" not in " ".join(table)
