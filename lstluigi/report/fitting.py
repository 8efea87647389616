"""What fits a terminal: columns and lines are left out as a whole, and no number is cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from lstluigi.errors import counted

__all__ = ["Column", "Columns", "Screen"]

#: What a cell says that holds nothing.
NOTHING = ("", "-")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    heading : str
        Above its cells; may be empty.
    cells : sequence of Text
        One for each row.
    gives_way : int
        Where there is no room it is left out before those with a higher number; 0 for never.
    """

    heading: str
    cells: Sequence[Text]
    gives_way: int = 0

    @property
    def width(self) -> int:
        """Of its widest cell."""
        return max(len(self.heading), *(cell.cell_len for cell in self.cells))


class Columns:
    """A table of as many columns as there is room for; of all where the output is no terminal.

    If there is no room even without those that give way, a name is broken into the row below its
    own, should that have none; and then rows are written out in words.

    Parameters
    ----------
    columns : sequence of Column
        The first holds names, and is set to the left.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns: Sequence[Column] | None = self._columns
        if console.is_terminal:
            columns = _fitting(self._columns, options.max_width)
        if columns is not None:
            yield from _lines(columns)
            return
        yield from _in_words(self._columns, options.max_width)


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + 2 * (len(columns) - 1)


def _fitting(columns: Sequence[Column], width: int) -> Sequence[Column] | None:
    """Columns that fit a width; None if there is no such choice."""
    ranks = sorted({column.gives_way for column in columns} - {0})
    for rank in (0, *ranks):
        columns = [c for c in columns if not 0 < c.gives_way <= rank]
        if _width(columns) <= width:
            return columns
    columns = [replace(columns[0], cells=_broken(columns[0].cells)), *columns[1:]]
    return columns if _width(columns) <= width else None


def _broken(names: Sequence[Text]) -> list[Text]:
    """Names in two halves, where the row below has none."""
    found = list(names)
    for row, name in enumerate(found[:-1]):
        places = [at + 1 for at, letter in enumerate(name.plain) if letter == "_"]
        if places and not found[row + 1]:
            middle = min(places, key=lambda at: abs(2 * at - len(name)))
            found[row], found[row + 1] = name[:middle], Text(" ") + name[middle:]
    return found


def _lines(columns: Sequence[Column]) -> Iterator[Text]:
    rows = [[Text(column.heading, style="bold") for column in columns]]
    rows += map(list, zip(*(column.cells for column in columns), strict=True))
    for row in rows:
        for number, (cell, column) in enumerate(zip(row, columns, strict=True)):
            room = " " * (column.width - cell.cell_len)
            row[number] = Text.assemble(cell, room) if number == 0 else Text.assemble(room, cell)
        line = Text("  ", no_wrap=True, overflow="ignore").join(row)
        line.rstrip()
        yield line


def _in_words(columns: Sequence[Column], width: int) -> Iterator[Text]:
    """Each row below its name: headings and cells that hold something, none of them broken."""
    names, *others = columns
    for row, name in enumerate(names.cells):
        if name:
            yield name
        line = Text(" ")
        for column in others:
            cell = column.cells[row]
            if cell.plain.strip() in NOTHING:
                continue
            words = Text.assemble(column.heading, " " * bool(column.heading), cell)
            if len(line) > 3 and line.cell_len + 1 + words.cell_len > width:
                yield line
                line = Text("   ")
            line = Text.assemble(line, " ", words)
        yield line


class Screen:
    """As much as fits the height of a terminal, and how much more there is.

    Parameters
    ----------
    versions : sequence of sequence of (str, RenderableType)
        Of what is shown, one part below the other, the first that fits as a whole, else the last.
        Each part has a word for the kind of thing that it is; a `line` may be shown in part.
    more : str
        Where to see what is not shown.
    """

    def __init__(self, versions: Sequence[Sequence[tuple[str, RenderableType]]], more: str) -> None:
        self._versions, self._more = versions, more

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = console.height - 1
        for version in self._versions:
            blocks = list(_blocks(version, console, options))
            if sum(len(lines) for _, lines in blocks) <= room:
                break
        else:
            room -= 1  # for the line that says so
        shown = 0
        for _, lines in blocks:
            if len(lines) > room:
                break
            room -= len(lines)
            shown += 1
            for line in lines:
                yield from line
                yield Segment.line()
        if hidden := Counter(kind for kind, _ in blocks[shown:]):
            told = ", ".join(counted(n, f"more {kind}") for kind, n in hidden.items())
            yield Text(f"and {told}: {self._more}", style="bold", no_wrap=True, overflow="ellipsis")


def _blocks(
    parts: Sequence[tuple[str, RenderableType]], console: Console, options: ConsoleOptions
) -> Iterator[tuple[str, list[list[Segment]]]]:
    """Lines that are shown together, or not at all."""
    for kind, part in parts:
        lines = console.render_lines(part, options.update(height=None), pad=False)
        if kind == "line":
            yield from ((kind, [line]) for line in lines)
        else:
            yield kind, lines
