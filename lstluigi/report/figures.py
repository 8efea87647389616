"""Figures of a report, each an image that needs no other file."""

from __future__ import annotations

import base64
import io
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import astropy.units as u
import numpy as np

from lstluigi.errors import LstluigiError, shown
from lstluigi.production.status.model import ProductionState, StepState
from lstluigi.production.step import resolved
from lstluigi.report.plots import irfs
from lstluigi.report.plots.performance import Curve, NothingToDraw, Performance, labels, read
from lstluigi.report.table import Table

__all__ = [
    *("Figure", "Group", "Source", "embedded", "importances", "performance", "rendered"),
    *("source", "there"),
]

#: So many curves in one panel have colours of their own.
CURVES = 7
#: Images of other programs are embedded up to this size (bytes).
MAX_IMAGE = 4 * 1024**2
DPI = 110
#: Height of a name in a legend (inches).
NAME = 0.19


@dataclass(frozen=True)
class Figure:
    """An image.

    Parameters
    ----------
    title : str
        What it shows, for those who do not see it, too.
    source : str
        A `data:` address.
    wide : bool
        Whether it takes the whole width.
    dense : bool
        Whether it keeps its size on a phone, where it is moved sideways.
    """

    title: str
    source: str
    wide: bool = False
    dense: bool = False


@dataclass(frozen=True)
class Source:
    """Files that figures show.

    Parameters
    ----------
    step : str
        What has made them: STAGE:NUMBER.
    paths : sequence of str
        Where they lie.
    commands : sequence of str
        As they were written down when they were made, each as for a shell; else as the config
        has it.
    """

    step: str
    paths: Sequence[str]
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class Group:
    """Figures that belong together.

    Parameters
    ----------
    title : str
        Their heading.
    figures : list of Figure
        In their order.
    table : Table, optional
        Numbers beside them.
    sources : list of Source
        What is drawn, and how it was made.
    problems : list of str
        What could not be drawn, and why.
    unreadable : list of str
        Files that are there and cannot be read, and why.
    """

    title: str
    figures: list[Figure] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    table: Table | None = None
    sources: list[Source] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def embedded(content: bytes) -> str:
    """Return a PNG as an address."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def rendered(drawing: Any, title: str, *, wide: bool = False, dense: bool = False) -> Figure:
    """Return a figure of matplotlib as an image."""
    stream = io.BytesIO()
    drawing.savefig(stream, dpi=DPI, format="png")
    return Figure(title, embedded(stream.getvalue()), wide, dense)


# ---- instrument responses and sensitivities

STAGES = {"dl2_to_irfs": "Instrument responses", "dl2_to_sensitivity": "Sensitivity"}
COLUMNS = (
    "Sensitivity [% Crab]",
    "Effective area [m²]",
    "Angular resolution [°]",
    "Energy resolution",
    "Energy bias",
)


def performance(state: ProductionState) -> Iterator[Group]:
    """Draw every instrument response and sensitivity, those of a declination line together."""
    for stage, title in STAGES.items():
        found: dict[str, list[Source]] = {}
        for step in state.steps:
            if step.stage == stage:
                files = [f for f in there(state, step) if f.endswith((".fits", ".fits.gz"))]
                if files:
                    found.setdefault(step.about.line or "", []).append(source(state, step, files))
        for line, sources in sorted(found.items()):
            group = _compared(title, line, sorted({p for one in sources for p in one.paths}))
            group.sources.extend(sources)
            yield group


def source(state: ProductionState, step: StepState, paths: Sequence[str]) -> Source:
    """How files of a step were made."""
    plan, node = state.plan, step.node
    written = (plan.record(node) or {}).get("content", {}).get("commands")
    commands = resolved(written, node, plan.configs) if written else plan.commands(node)
    return Source(step.name, paths, [shlex.join(map(str, command)) for command in commands])


def there(state: ProductionState, step: StepState) -> Iterator[str]:
    """Files of a step that are at their place."""
    listing = state.plan.listing
    return (file for file in state.plan.finals(step.node) if listing.is_file(file))


def _compared(title: str, line: str, paths: Sequence[str]) -> Group:
    found: list[Performance] = []
    problems, unreadable = [], []
    for path in paths:
        try:
            found.append(read(path))
        except NothingToDraw as error:
            problems.append(str(error))
        except LstluigiError as error:
            unreadable.append(str(error))
    names = labels([one.path for one in found]) if found else []
    names = [name.removeprefix(f"{line}, ") for name in names]
    rows = [[name, *_at_tev(one)] for name, one in zip(names, found, strict=True)]
    table = Table(["file", *COLUMNS], rows).without_empty() if rows else None
    group = Group(f"{title}, {line}" if line else title, problems=problems, table=table)
    group.unreadable.extend(unreadable)
    for start in range(0, len(found), CURVES):
        some, called = found[start : start + CURVES], names[start : start + CURVES]
        for name in irfs.PANELS:
            if any(getattr(one, name) is not None for one in some):
                about = f"{name.replace('_', ' ')}: {'; '.join(called)}"
                drawing = irfs.figure(some, called, only=(name,))
                # each further name stands on a line of its own and is to take nothing of the panel
                drawing.set_figheight(drawing.get_figheight() + NAME * (len(called) - 1))
                group.figures.append(rendered(drawing, about))
    return group


def _at_tev(one: Performance) -> list[str]:
    """Numbers of the bin that holds 1 TeV, in the order of `COLUMNS`."""
    return [
        _percent_of_crab(one.sensitivity),
        _value(one.effective_area, u.m**2, "{:,.0f}"),
        _value(one.angular_resolution, u.deg, "{:g}"),
        _value(one.energy_resolution, u.one, "{:g}"),
        _value(one.energy_bias, u.one, "{:+g}"),
    ]


def _value(curve: Curve | None, unit: Any, pattern: str) -> str:
    if curve is None:
        return ""
    inside = np.flatnonzero((curve.low <= 1 * u.TeV) & (1 * u.TeV < curve.high))
    value = float(curve.value[inside[0]].to_value(unit)) if len(inside) else np.nan
    return pattern.format(float(f"{value:.3g}")) if np.isfinite(value) else ""


def _percent_of_crab(curve: Curve | None) -> str:
    if curve is None:
        return ""
    from pyirf.spectral import CRAB_HEGRA

    # as the flux: energy squared at the arithmetic middle of the bin
    energy = (curve.low + curve.high) / 2
    share = (curve.value / (energy**2 * CRAB_HEGRA(energy))).to(u.percent)
    return _value(Curve(curve.low, curve.high, share), u.percent, "{:g}")


# ---- random forests


def importances(state: ProductionState) -> Group:
    """Collect the images that train_pipe made of the importance of features."""
    group = Group("Importance of features in the random forests")
    for step in state.steps:
        for path in there(state, step) if step.stage == "train_pipe" else ():
            if path.endswith(".png"):
                _add_image(group, path)
                group.sources.append(source(state, step, [path]))
    return group


def _add_image(group: Group, path: str) -> None:
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as stream:
            content = stream.read(MAX_IMAGE + 1)
    except OSError as error:
        group.unreadable.append(f"{shown(path, 4096)} cannot be read ({error.strerror})")
        return
    if size > MAX_IMAGE:
        group.problems.append(f"{shown(path, 4096)} is too large to be shown here")
    elif not content.startswith(b"\x89PNG\r\n\x1a\n"):
        group.unreadable.append(f"{shown(path, 4096)} is no PNG")
    else:
        title = os.path.dirname(path)
        group.figures.append(Figure(title, embedded(content), wide=True, dense=True))
