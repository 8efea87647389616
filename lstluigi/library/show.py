"""Productions as lines for a terminal and as data for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lstluigi.errors import shown
from lstluigi.files import Listing
from lstluigi.library.costs import costs
from lstluigi.library.model import PRODUCTS, Production
from lstluigi.library.presence import Presence, files_there, models_there

if TYPE_CHECKING:
    from lstluigi.library.likeness import Likeness, Names
    from lstluigi.library.steps import Summary

__all__ = [
    "TITLES",
    "as_data",
    "called",
    "details",
    "example",
    "facts",
    "labels",
    "like_data",
    "like_lines",
    "noise",
    "plain",
    "table",
    "where",
]

#: Words for what files are.
TITLES = {"dl2": "DL2", "irf": "IRF", "sensitivity": "sensitivity"}
#: How many declination lines a table names, and how many differences are shown of each production.
_LINES, _DIFFERENCES = 3, 10
_HEAD = ("PRODUCTION", "DATE", "LSTCHAIN", "DECLINATIONS", "NSB", "MODELS", "DL2", "IRF")
_NONE = "-"


def plain(text: str) -> str:
    """Return a text from a config as one line that cannot break a terminal."""
    return text if text.isprintable() else shown(text, 4096)


def example(production: Production, models: Presence) -> str:
    """Say of an example that it is one; empty for what somebody has made to be used."""
    if not production.example:
        return ""
    return "example" if models.count else "example, not made"


def labels(productions: Sequence[Production]) -> list[str]:
    """Return the name of each production, with its prod_id where several have the same name."""
    times = Counter(production.name for production in productions)
    return [
        f"{p.name} ({p.prod_id or ', '.join(p.configs)})" if times[p.name] > 1 else p.name
        for p in productions
    ]


def called(production: Production, listing: Listing, name: str = "") -> str:
    """Return the name of a production, and that it is an example where it is one."""
    said = example(production, models_there(list(production.models), listing))
    return plain(name or production.name) + (f" ({said})" if said else "")


def noise(production: Production) -> str:
    """Say in a few words how noise of the night sky was added."""
    waveform = production.tuning.get("waveform_nsb_tuning", {})
    image = production.tuning.get("image_modifier", {})
    words = []
    if waveform.get("nsb_tuning") is True:
        rate = waveform.get("nsb_tuning_rate_GHz")
        ratio = waveform.get("nsb_tuning_ratio")
        words.append(f"{rate} GHz" if rate is not None else f"ratio {ratio}")
    elif production.levels:
        words.append(", ".join(f"{level:g}" for level in production.levels))
    if image.get("increase_nsb") is True:
        keys = ("dim_pixels", "bright_pixels")
        added = [f"{image.get(f'extra_noise_in_{key}', '?')}" for key in keys]
        words.append(f"image {'/'.join(added)}")
    if image.get("increase_psf") is True:
        words.append(f"psf {image.get('smeared_light_fraction', '?')}")
    return plain(", ".join(words)) or _NONE


def table(productions: Sequence[Production], listing: Listing) -> Iterator[str]:
    """Yield a table, one line for each production, and below it what is wrong with some."""
    pairs = zip(productions, labels(productions), strict=True)
    rows = [_HEAD, *(_row(production, name, listing) for production, name in pairs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    told = [production for production in productions if production.problems]
    if told:
        yield ""
        yield f"{len(told)} of these are not known in full, or would not run as they are:"
    for production in told:
        more = len(production.problems) - 1
        rest = f" ({more} more: lstluigi productions show)" if more else ""
        yield f"  {plain(production.name)}: {plain(production.problems[0])}{rest}"


def _row(production: Production, name: str, listing: Listing) -> tuple[str, ...]:
    models = models_there(list(production.models), listing)
    lines = [line.removeprefix("dec_") for line in production.lines]
    more = f" +{len(lines) - _LINES}" if len(lines) > _LINES else ""
    counts = [sum(production.products.get(kind, {}).values()) for kind in ("dl2", "irf")]
    return (
        called(production, listing, name) + ("!" if production.problems else ""),
        production.date or _NONE,
        plain(production.lstchain or _NONE),
        plain(" ".join(lines[:_LINES]) + more) or _NONE,
        noise(production),
        f"{models.count}/{len(models.there)}" if models.there else _NONE,
        *(str(count) if count else _NONE for count in counts),
    )


def details(production: Production, made: Summary, listing: Listing) -> Iterator[str]:
    """Yield all there is to say of a production.

    Parameters
    ----------
    production : Production
        The production.
    made : Summary
        What its steps make.
    listing : Listing
        Looks at them.
    """
    yield called(production, listing)
    yield from (f"  {name:<13} {value}" for name, value in facts(production))
    models = models_there(list(production.models), listing)
    for path, trained in production.models.items():
        of = "" if trained else ", trained by another production"
        yield f"  {'models':<13} {plain(path)} ({models.words(path)}{of})"
    for kind in PRODUCTS:
        yield from _product_lines(kind, production, files_there(made.files.get(kind, ()), listing))
    for use in costs(production, made.logs):
        cpu, wall, peak = use.words
        said = f"{use.stage}: {cpu} of CPU, {wall} of wall clock" + (f", {peak}" if peak else "")
        yield f"  {'cost':<13} {plain(said)}"
    if production.title:
        yield f"  {'readme':<13} {plain(production.title)}"
    for problem in production.problems:
        yield f"  {'problem':<13} {plain(problem)}"


def facts(production: Production) -> Iterator[tuple[str, str]]:
    """Yield what is known of a production besides its products, each with a name."""
    nodes = (f"{len(names)} {group}" for group, names in production.nodes.items())
    stages = (
        f"{stage} {count}" + ("" if stage in production.stages_to_run else " (not run)")
        for stage, count in production.stages.items()
    )
    given = {
        "prod_id": production.prod_id,
        "directory": production.directory,
        "configs": ", ".join(production.configs),
        "lstchain cfg": production.lstchain_config,
        "type": production.prod_type,
        "date": production.date,
        "lstchain": production.lstchain,
        "environment": production.environment,
        "declinations": ", ".join(production.lines),
        "nodes": ", ".join(nodes),
        "NSB": noise(production),
        "steps": ", ".join(stages) or ", ".join(production.stages_to_run),
    }
    yield from ((name, plain(value or "not known")) for name, value in given.items())


def _product_lines(kind: str, production: Production, presence: Presence) -> Iterator[str]:
    for directory in production.products.get(kind, {}):
        counted = presence.below(directory).counted
        yield f"  {TITLES[kind]:<13} {plain(directory)}/ ({counted})"


def as_data(
    production: Production, listing: Listing, made: Summary | None = None
) -> dict[str, Any]:
    """Return a production for JSON; with each file and its cost if what its steps make is given."""
    models = models_there(list(production.models), listing).there
    data = production.to_json()
    data["models"] = [
        {"path": path, "trained_here": trained, "there": models[path]}
        for path, trained in production.models.items()
    ]
    data["products"] = {
        kind: [{"directory": path, "files": count} for path, count in directories.items()]
        for kind, directories in production.products.items()
    }
    if made is not None:
        data["files"] = {
            kind: [{"path": p, "there": t} for p, t in files_there(paths, listing).there.items()]
            for kind, paths in made.files.items()
        }
        data["cost"] = [vars(use) for use in costs(production, made.logs)]
    return data


def where(
    production: Production, files: Mapping[str, Sequence[str]], kind: str, listing: Listing
) -> tuple[list[str], int]:
    """Return the paths of one kind of product (``models`` too), and how many are not there."""
    if kind == "models":
        presence = models_there(list(production.models), listing)
    else:
        presence = files_there(files.get(kind, ()), listing)
    return list(presence.there), len(presence.there) - presence.count


def like_lines(likes: Iterable[Likeness], listing: Listing, every: bool = False) -> Iterator[str]:
    """Yield how like productions are to a request: in a word, in lines, stages, nodes, settings."""
    for like in likes:
        yield f"{called(like.production, listing)}: {_likeness(like)}"
        for what, names in (("lines", like.lines), ("stages", like.stages)):
            yield from _names_lines(what, names)
        if like.versions is not None:
            yield f"  lstchain: {' -> '.join(map(plain, like.versions))}"
        told = like.lines.theirs if like.lines is not None else ()
        for group, o in (like.nodes or {}).items():
            if (o.theirs or o.mine) and group not in told:
                counts = f"{o.both} shared, {o.theirs} only theirs, {o.mine} only mine"
                yield f"  nodes, {plain(group)}: {counts}"
        shown_here = like.differences if every else like.differences[:_DIFFERENCES]
        yield from (f"  {plain(difference)}" for difference in shown_here)
        left = len(like.differences) - len(shown_here)
        if left:
            yield f"  ... and {left} more: lstluigi productions show NAME --near-config"


def _names_lines(what: str, names: Names | None) -> Iterator[str]:
    """Say which lines or stages are in one only."""
    sides = {} if names is None else {"theirs": names.theirs, "mine": names.mine}
    told = [f"only {whose}: {', '.join(side)}" for whose, side in sides.items() if side]
    if told:
        yield f"  {what}, {plain('; '.join(told))}"


def _likeness(like: Likeness) -> str:
    if like.lines is None:
        said = "lines, stages and nodes are not compared, as an lstchain config has none"
        return f"{_settings_words(like)}; {said}"
    if like.holds_mine and not like.production.example:
        has = "equal in lines, stages, settings and nodes" if like.equal else "it has all of mine"
        return f"{has}; use it instead of asking for another"
    lines, covered = like.lines.overlap, like.all_nodes.covered
    words = [_settings_words(like), f"it has {covered:.0%} of my nodes"]
    if lines.both or lines.mine:
        words.insert(0, f"it has {lines.both} of my {lines.both + lines.mine} lines")
    return ", ".join(words)


def _settings_words(like: Likeness) -> str:
    if not like.differences:
        return "all settings equal"
    return f"{len(like.differences)} of {like.settings} settings differ (theirs -> mine)"


def like_data(like: Likeness) -> dict[str, Any]:
    """Return a likeness for JSON."""
    return {
        "name": like.production.name,
        "directory": like.production.directory,
        "prod_id": like.production.prod_id,
        "equal": like.equal,
        "settings": like.settings,
        "differences": like.differences,
        "lstchain": list(like.versions) if like.versions is not None else None,
        "lines": vars(like.lines) if like.lines is not None else None,
        "stages": vars(like.stages) if like.stages is not None else None,
        "example": like.production.example,
        "nodes": {group: vars(overlap) for group, overlap in (like.nodes or {}).items()},
        "shared": round(like.shared, 4),
    }
