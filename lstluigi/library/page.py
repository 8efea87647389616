"""The library as a page: static files that need no network and no server.

Everything that comes from a config or a readme is text to the page: templates escape it, HTML in
a readme is shown as it is written, and the pages of productions allow no script at all.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lstluigi.display import environment, refuse_another, template
from lstluigi.files import Listing, written_together
from lstluigi.library.costs import Use, costs
from lstluigi.library.markdown import render
from lstluigi.library.model import PRODUCTS, Production
from lstluigi.library.names import version_parts
from lstluigi.library.presence import Presence, files_there, models_there
from lstluigi.library.read import contents
from lstluigi.library.show import TITLES, example, facts, labels, noise

__all__ = ["Plot", "write"]

#: Draws the pointings of a production into a file; says whether there are any.
Plot = Callable[[Production, Path], bool]

GENERATOR = "lstluigi"
_PACKAGE = "lstluigi.library"
COLUMNS = ("Production", "Date", "lstchain", "Declinations", "NSB", "Models", "DL2", "IRF")
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_PLOT = "lstluigi_pointings.png"
#: Facts of the machine that writes the page, or told by links.
_UNTOLD = ("directory", "configs", "lstchain cfg")
#: Larger files are not copied.
_MAX_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class _Cell:
    """What a cell shows and what it is sorted by; empty where nothing is known."""

    text: str
    key: str


@dataclass(frozen=True)
class _Row:
    """A production in the table."""

    production: Production
    page: str
    cells: list[_Cell]
    lines: list[str]
    text: str
    title: str
    example: str


@dataclass(frozen=True)
class _File:
    """A file copied beside a page."""

    name: str
    href: str


@dataclass(frozen=True)
class _Looked:
    """A production with which of its products are there, and what it has cost."""

    production: Production
    models: Presence
    files: dict[str, Presence]
    costs: list[Use]

    @classmethod
    def at(cls, production: Production, listing: Listing) -> _Looked:
        """Look at them."""
        made = contents(production)
        return cls(
            production,
            models_there(list(production.models), listing),
            {kind: files_there(paths, listing) for kind, paths in made.files.items()},
            costs(production, made.logs),
        )

    def directories(self, kind: str) -> list[tuple[str, str]]:
        """The directories of one kind of product, each with how much of it is there."""
        above = self.production.products.get(kind, {})
        return [(path, self.of(kind).below(path).counted) for path in above]

    def of(self, kind: str) -> Presence:
        """The files of one kind of product."""
        return self.files.get(kind, Presence({}))


def write(productions: Sequence[Production], output: Path, plot: Plot | None = None) -> Path:
    """Write the page.

    Parameters
    ----------
    productions : sequence of Production
        What is on it, the newest first.
    output : Path
        Its directory. A page of ours that is there is replaced; other files are left alone.
    plot : callable, optional
        Draws pointings; without it there are none.

    Returns
    -------
    Path
        The file to open.

    Raises
    ------
    LstluigiError
        The directory holds a page of somebody else, or cannot be written; then it is as it was.
    """
    refuse_another(output, GENERATOR)
    with written_together() as beside:
        _write_all(productions, beside(output), plot)
    return output / "index.html"


def _write_all(productions: Sequence[Production], output: Path, plot: Plot | None) -> None:
    pages = environment(GENERATOR, _PACKAGE)
    written = datetime.date.today().isoformat()
    listing = Listing()
    rows = []
    newest_first = sorted(productions, key=lambda production: production.date or "", reverse=True)
    names = labels(newest_first)
    for production, slug, name in zip(newest_first, _slugs(newest_first), names, strict=True):
        place = output / "productions" / slug
        place.mkdir(parents=True)
        looked = _Looked.at(production, listing)
        values = _values(looked, place, plot)
        html = pages.get_template("production.html").render(values, root="../../", written=written)
        (place / "index.html").write_text(html, encoding="utf-8")
        rows.append(_row(looked, name, f"productions/{quote(slug)}/index.html"))
    for name in ("library.css", "library.js"):
        (output / name).write_text(template(name, _PACKAGE) or "", encoding="utf-8")
    html = pages.get_template("index.html").render(
        columns=COLUMNS,
        rows=rows,
        lines=sorted({line for row in rows for line in row.lines}),
        versions=_versions(productions),
        root="",
        written=written,
    )
    (output / "index.html").write_text(html, encoding="utf-8")


def _slugs(productions: Sequence[Production]) -> Iterator[str]:
    """Yield a name for each production's directory that needs no escaping anywhere, each once."""
    taken: set[str] = set()
    for production in productions:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", production.name).strip(".")[:150] or "production"
        slug, number = plain, 1
        while slug in taken:
            number += 1
            slug = f"{plain}-{number}"
        taken.add(slug)
        yield slug


def _versions(productions: Sequence[Production]) -> list[str]:
    versions = {production.lstchain for production in productions if production.lstchain}
    return sorted(versions, key=lambda text: [part.zfill(6) for part in version_parts(text)])


def _row(looked: _Looked, name: str, page: str) -> _Row:
    production = looked.production
    lines = [line.removeprefix("dec_") for line in production.lines]
    presences = (looked.models, looked.of("dl2"), looked.of("irf"))
    texts = [
        name,
        production.date or "",
        production.lstchain or "",
        ", ".join(lines),
        noise(production).removeprefix("-"),
        *(presence.counted for presence in presences),
    ]
    said = example(production, looked.models)
    searched = (*texts, production.prod_id, production.prod_type, said, production.text)
    return _Row(
        production,
        page,
        [_Cell(text, text) for text in texts],
        production.lines,
        " ".join(" ".join(filter(None, searched)).lower().split()),
        _title(production),
        said,
    )


def _title(production: Production) -> str:
    """Return the readme's title where it says more than the name."""
    names = [production.name.rpartition("/")[2], production.prod_id or production.name]
    said = any(name in production.title or production.title in name for name in names)
    return "" if said else production.title


def _values(looked: _Looked, place: Path, plot: Plot | None) -> dict[str, Any]:
    """Return what the page of a production shows, after its files have been copied there."""
    production, models = looked.production, looked.models
    copied = list(_copy(production, place))
    images = [file for file in copied if file.name.lower().endswith(_IMAGES)]
    has_plot = plot is not None and bool(production.nodes) and plot(production, place / _PLOT)
    return {
        "production": production,
        "example": example(production, models),
        "facts": [(name, value) for name, value in facts(production) if name not in _UNTOLD],
        "files": [file for file in copied if file not in images],
        "images": images,
        "plot": _PLOT if has_plot else "",
        "models": [{"path": path, "words": models.words(path)} for path in production.models],
        "products": [(TITLES[k], there) for k in PRODUCTS if (there := looked.directories(k))],
        "costs": [(use.stage, *use.words) for use in looked.costs],
        "tuning": [
            (name, str(value))
            for section in production.tuning.values()
            for name, value in section.items()
        ],
        "readme": render(production.text),
    }


def _copy(production: Production, place: Path) -> Iterator[_File]:
    """Copy configs, readme and images of a production beside its page, no file from elsewhere."""
    directory = Path(production.directory)
    names = [*production.configs, *filter(None, [production.readme])]
    sources = [directory / name for name in names]
    if production.lstchain_config is not None:
        sources.append(Path(production.lstchain_config))
    try:
        inside = sorted(directory.iterdir())
    except OSError:
        inside = []
    sources += [path for path in inside if path.name.lower().endswith(_IMAGES)]
    for source in sources:
        target = place / (source.name if source.suffix.lower() != ".html" else f"{source.name}.txt")
        try:
            # a config may name any file, and a link may lead to one: neither gets published
            own = source.resolve().is_relative_to(directory.resolve())
            if not own or not source.is_file() or source.stat().st_size > _MAX_BYTES:
                continue
            content = source.read_bytes()
        except OSError:  # its problems say so
            continue
        target.write_bytes(content)
        yield _File(source.name, quote(target.name))
