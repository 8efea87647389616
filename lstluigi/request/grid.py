"""A production for each level of noise from the night sky, written together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts import PathConfig, PathConfigAllSkyTraining
from lstluigi.layouts.base import checked_name
from lstluigi.request import readme
from lstluigi.request.draft import Draft, Start, draft
from lstluigi.request.known import named_sources, same_name
from lstluigi.request.places import RequestPaths, find_readme
from lstluigi.request.publish import publish, refuse
from lstluigi.request.settings import checked_rate
from lstluigi.request.write import Report, add_readme

__all__ = ["trained_lines", "write_grid"]

#: A line that was simulated for a study of how many nodes are needed.
_HIGH_DENSITY = "_high_density"


def trained_lines(where: Mapping[str, Any]) -> list[str]:
    """Return the lines that a grid has when nobody says which.

    Parameters
    ----------
    where : mapping
        The keyword arguments of config classes that say where data lie.
    """
    particles = PathConfigAllSkyTraining.particles
    lines = PathConfig("grid", **where).dl0.lines(particles)
    return [line for line in lines if not line.endswith(_HIGH_DENSITY)]


def write_grid(
    level: Callable[[str], PathConfig],
    levels: Sequence[float],
    prefix: str,
    begun: Callable[[], Start],
    directory: Path,
    command: Sequence[str],
    *,
    overwrite: bool = False,
) -> Report:
    """Write a production for each level, and a readme for all, or nothing.

    Parameters
    ----------
    level : callable
        Gives the class with its arguments for a prod_id.
    levels : sequence of float
        In GHz; 0 is the production without noise added.
    prefix : str
        What each prod_id starts with.
    begun : callable
        Gives what the lstchain configs start from; asked once files may be written.
    directory : Path
        Holds a directory for each level.
    command : sequence of str
        The command line, for the readme.
    overwrite : bool
        Replace files that exist.

    Raises
    ------
    LstluigiError
        A level is there twice or is none, or as for a single production.
    """
    checked_name(prefix, "prod_id_prefix")
    rates = _named(levels)
    places = {name: _places(directory, name) for name in rates}
    refuse([p for f in places.values() for p in (f.config, f.lstchain)], overwrite=overwrite)
    started = begun()
    drafts: dict[str, Draft] = {}
    texts: dict[Path, str] = {}
    known: list[str] = []
    for name, rate in rates.items():
        config, where = level(f"{prefix}_allsky_nsb_tuning_{name}"), places[name]
        made = drafts[config.prod_id] = draft(
            config, started, where.lstchain_name, where.config.parent, rate
        )
        texts |= {where.config: made.config, where.lstchain: made.lstchain}
        known += [*same_name(config.prod_id, where.config.parent), *named_sources(config)]
    origin = _origin(command, started, list(drafts.values()), rates)
    title = f"{prefix}_allsky_nsb_grid"
    kept = add_readme(texts, find_readme(directory), title, origin, overwrite=overwrite)
    publish(texts, overwrite=overwrite)
    return Report(drafts, started.words, list(texts), directory, kept, known)


def _named(levels: Sequence[float]) -> dict[str, float]:
    """Write each level with two decimals, or with as many as it has."""
    rates: dict[str, float] = {}
    for level in map(checked_rate, levels):
        name = f"{level:.2f}" if float(f"{level:.2f}") == level else str(level)
        if name in rates:
            raise LstluigiError(f"the NSB level {shown(name)} is there twice; name each once")
        rates[name] = level
    return rates


def _places(directory: Path, name: str) -> RequestPaths:
    home = directory / f"NSB-{name}"
    return RequestPaths(
        home / f"lstluigi_config_nsb{name}.yml",
        home / f"lstchain_config_nsb{name}.json",
        find_readme(directory),
    )


def _origin(
    command: Sequence[str], started: Start, drafts: Sequence[Draft], rates: Mapping[str, float]
) -> readme.Origin:
    """Say what the levels have in common, and in what they differ."""
    first, *others = drafts
    shared = [c for c in first.changes if all(c in other.changes for other in others)]
    rate = "waveform_nsb_tuning.nsb_tuning_rate_GHz"
    changes = [c for c in shared if not c.startswith(rate)] + [f"{rate}: one of {', '.join(rates)}"]
    return readme.Origin(command, started.words, first.steps, changes, first.notices)
