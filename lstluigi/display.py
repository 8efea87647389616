"""Consoles, tables and pages."""

from __future__ import annotations

from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING

from lstluigi._version import __version__
from lstluigi.errors import LstluigiError, shown

if TYPE_CHECKING:
    from jinja2 import Environment

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from lstluigi.errors import counted
from lstluigi.files import written

#: Columns of what is no terminal: a log folds nothing.
WIDE = 100_000


def terminal(*, stderr: bool = False) -> Console:
    """Where a command prints: a terminal has its width, and nothing else has an end."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=WIDE)


def template(name: str, *packages: str) -> str | None:
    """Return a file of the templates of the first of these packages that has it."""
    for package in packages:
        path = resources(package).joinpath("templates", name)
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def environment(generator: str, *packages: str) -> Environment:
    """Return what renders the templates of packages.

    Parameters
    ----------
    generator : str
        Named in each page, with the version, by which it is known again.
    packages : str
        Where templates are looked for, one after the other.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    found = Environment(
        autoescape=True,
        loader=FunctionLoader(lambda name: template(name, *packages)),
        undefined=StrictUndefined,
    )
    found.globals["generator"] = f"{generator} {__version__}"
    return found


def refuse_another(output: Path, generator: str) -> None:
    """Refuse a directory whose page another program, or a human, has written.

    Raises
    ------
    LstluigiError
        It is no directory, or its `index.html` names another generator.
    """
    page = output / "index.html"
    if output.exists() and not output.is_dir():
        raise LstluigiError(f"{shown(str(output))} is no directory; name another with -o")
    if page.exists() and f'content="{generator} ' not in page.read_text(errors="replace")[:2000]:
        raise LstluigiError(
            f"{shown(str(page))} is not a page of this command; name another directory with -o"
        )


#: Endings of images
IMAGES = (".png", ".pdf", ".svg")


def free_to_write(
    path: Path | str, overwrite: bool = False, formats: Sequence[str] = IMAGES
) -> None:
    """Refuse what cannot be written, before there is work in it.

    Parameters
    ----------
    path : Path or str
        The file.
    overwrite : bool
        Whether it may be there already.
    formats : sequence of str
        Endings that are known.

    Raises
    ------
    LstluigiError
        The ending says no known format, or the file exists and may not be replaced.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in formats:
        raise LstluigiError(f"{shown(str(path))} has to end in one of {', '.join(formats)}")
    if os.path.lexists(path) and not overwrite:
        raise LstluigiError(f"{shown(str(path))} exists; name another file or give --overwrite")


def save(drawing: Any, path: Path | str) -> None:
    """Write a figure as PNG, PDF or SVG, whole or not at all.

    Parameters
    ----------
    drawing : matplotlib.figure.Figure
        The figure.
    path : Path or str
        Its ending says the format; its directory is made where it is missing.
    """
    with written(path) as place:
        drawing.savefig(place, dpi=150)


def images_for(files: Sequence[str], labels: Sequence[str], output: str | None) -> list[str]:
    """Name an image for each file.

    Parameters
    ----------
    files : sequence of str
        Files that are drawn.
    labels : sequence of str
        What tells them apart, for images of files of the same name.
    output : str, optional
        The image of a single file, or the directory of the images; here by default.

    Raises
    ------
    LstluigiError
        One image is named for several files, or a file is named twice.
    """
    is_image = output is not None and output.lower().endswith(IMAGES)
    if output is not None and is_image and len(files) > 1:
        raise LstluigiError(
            f"{shown(output)} is one image for {len(files)} files; name a directory, or draw them "
            "into one figure with compare-irfs"
        )
    if output is not None and (is_image or (os.path.splitext(output)[1] and len(files) == 1)):
        return [output]
    stems = [re.sub(r"\.fits(\.gz)?$", "", os.path.basename(file)) for file in files]
    if len(set(stems)) < len(stems):
        stems = [re.sub(r"[^\w.-]+", "_", label) for label in labels]
    if len(set(stems)) < len(stems):
        raise LstluigiError("a file is named twice; name each once")
    return [os.path.join(output or "", f"{stem}.png") for stem in stems]


def hours(seconds: float) -> str:
    """Hours, with two digits also where there are only seconds."""
    value = seconds / 3600
    if value >= 100:
        return f"{value:,.0f}"
    if 0 < value < 0.001:
        return "< 0.001"
    return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.2g}"


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


def plain(text: str) -> str:
    """A text from a file as one line that cannot break a terminal."""
    return text if text.isprintable() else shown(text, 4096)


def duration(seconds: float) -> str:
    """A time in two units at most."""
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{round(seconds / 60)} min" if whole >= 60 else f"{whole} s"
