"""Pointings of productions over the sky at La Palma, as an image.

`lstluigi.plots.interactive` draws the same as a page.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from lstluigi.config.yaml12 import Value, read_yaml
from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts import sky
from lstluigi.layouts.nodes import Node, declination, sample
from lstluigi.layouts.sky import Track

__all__ = [
    "FORMATS",
    "PROJECTIONS",
    "PointingSet",
    "figure",
    "pointing_sets",
    "pointing_sets_of_config",
    "save",
]

Kind: TypeAlias = Literal["training", "test"]

#: Names of the projections; all but polar and rectilinear show azimuth and altitude as a map does.
PROJECTIONS = ("polar", "rectilinear", "aitoff", "hammer", "lambert", "mollweide")
FORMATS = (".png", ".pdf", ".svg")

#: Colours that colour-blind readers can tell apart (Okabe and Ito); training sets differ by
#: their markers, too. Black belongs to test nodes and to tracks that stand out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
TRAINING_MARKERS = ("o", "^", "D", "v", "P")
TEST_MARKERS = ("s", "h", "8")
OTHER_LINE = "#777777"
COMPASS = {0: "N", 45: "NE", 90: "E", 135: "SE", 180: "S", 225: "SW", 270: "W", 315: "NW"}


@dataclass(frozen=True)
class PointingSet:
    """Nodes that belong together.

    Parameters
    ----------
    label : str
        Their name in the legend.
    kind : {"training", "test"}
        What they are for.
    nodes : tuple of Node
        The pointings.
    line : str
        The declination line of training nodes, such as ``dec_2276``; its track is drawn.
    """

    label: str
    kind: Kind
    nodes: tuple[Node, ...]
    line: str = ""

    @property
    def declination(self) -> float | None:
        """That of the line, in degrees; None if there is none."""
        return declination(self.line)


def pointing_sets(paths: Iterable[str], label: str = "") -> tuple[PointingSet, ...]:
    """Sort the nodes named in paths of a production.

    Parameters
    ----------
    paths : iterable of str
        Any paths; those without a node are passed over.
    label : str
        What the labels start with, such as the name of the production.

    Returns
    -------
    tuple of PointingSet
        Training nodes by line, then all test nodes. Each pointing is there once: particles may
        name it differently. What is split off training nodes for tests counts as both.
    """
    found: dict[tuple[Kind, str], dict[tuple[float, float], Node]] = {}
    for path in sorted(set(paths)):
        what = sample(path)
        if what.node is None:
            continue
        training = what.dataset == "training" or (what.dataset is None and what.line is not None)
        key: tuple[Kind, str] = ("training", what.line or "") if training else ("test", "")
        pointing = what.node.zenith, what.node.azimuth
        found.setdefault(key, {}).setdefault(pointing, what.node)
    order = sorted(found, key=lambda key: (key[0] == "test", declination(key[1]) or 0.0, key[1]))
    return tuple(
        PointingSet(
            " ".join(filter(None, [label, kind, line])),
            kind,
            tuple(node for _, node in sorted(found[kind, line].items())),
            line,
        )
        for kind, line in order
    )


def pointing_sets_of_config(path: Path | str, label: str = "") -> tuple[PointingSet, ...]:
    """Sort the nodes named in a production config, of whatever format and year.

    Parameters
    ----------
    path : Path or str
        The config.
    label : str
        What the labels start with.

    Raises
    ------
    ConfigError
        The file cannot be read, or is not YAML.
    """
    value, _, _ = read_yaml(Path(path), shown(str(path), 4096)[1:-1])
    return pointing_sets(_texts(value), label)


def _texts(value: Value) -> Iterator[str]:
    """All texts in a document; it is at most 32 deep."""
    if isinstance(value, str):
        yield value
    elif value is not None:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


# ---- what is drawn, whatever draws it


@dataclass(frozen=True)
class Style:
    """How a set is drawn.

    Parameters
    ----------
    colour : str
        In hexadecimal.
    marker : str
        As matplotlib calls it.
    filled : bool
        Training nodes are, test nodes are rings around what they coincide with.
    size : float
        Diameter in points.
    """

    colour: str
    marker: str
    filled: bool
    size: float


def styles(sets: Sequence[PointingSet]) -> tuple[Style, ...]:
    """Give each set a look of its own."""
    given, counts = [], {"training": 0, "test": 0}
    for one in sets:
        number = counts[one.kind]
        counts[one.kind] += 1
        if one.kind == "training":
            colour, marker = COLOURS[number % len(COLOURS)], TRAINING_MARKERS[number % 5]
            given.append(Style(colour, marker, True, 5.0 if len(one.nodes) < 100 else 3.0))
        else:
            given.append(Style("#000000", TEST_MARKERS[number % 3], False, 7.5))
    return tuple(given)


def coloured_tracks(
    sets: Sequence[PointingSet], lines: Iterable[float] | None, limit: float
) -> list[tuple[Track, str]]:
    """Tracks of declinations, each with its colour: that of the set whose line it is, or grey."""
    own = {
        one.declination: style.colour
        for one, style in reversed(list(zip(sets, styles(sets), strict=True)))
        if one.declination is not None
    }
    wanted = dict.fromkeys(own if lines is None else lines)
    return [(sky.track(line, limit), own.get(line, OTHER_LINE)) for line in sorted(wanted)]


def zenith_limit(sets: Iterable[PointingSet], tracks: Iterable[Track] = ()) -> float:
    """Zenith distance that holds everything, in tens of degrees; 70 at least, 90 at most."""
    zeniths = [node.zenith for one in sets for node in one.nodes]
    zeniths += [float(track.zenith.max()) for track in tracks if track.zenith.size]
    return min(90.0, max(70.0, 10.0 * math.ceil(max(zeniths, default=0.0) / 10)))


# ---- the image


def figure(
    sets: Sequence[PointingSet],
    projection: str = "polar",
    lines: Iterable[float] | None = None,
    tracks: Sequence[Track] = (),
    title: str = "",
) -> Any:
    """Draw pointings over the sky.

    Parameters
    ----------
    sets : sequence of PointingSet
        Training nodes are filled, test nodes are open.
    projection : str
        One of `PROJECTIONS`. ``polar`` looks down on a compass: the zenith in the middle, north
        up, east on the right.
    lines : iterable of float, optional
        Declinations in degrees whose tracks are drawn; those of the training lines by default.
    tracks : sequence of Track
        Further paths, drawn to stand out.
    title : str
        Stands above it.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window.
    """
    from matplotlib.figure import Figure

    if projection not in PROJECTIONS:
        raise LstluigiError(
            f"the projection {shown(projection)} is not known; take one of {', '.join(PROJECTIONS)}"
        )
    limit = zenith_limit(sets, tracks)
    size = (9.5, 6.5) if projection == "polar" else (11.0, 6.0)
    drawing = Figure(figsize=size, layout="constrained")
    kind: dict[str, Any] = {} if projection == "rectilinear" else {"projection": projection}
    if projection == "lambert":  # an azimuthal one: the zenith in the middle
        kind["center_latitude"] = math.pi / 2
    axes = drawing.add_subplot(**kind)
    place = _PREPARE.get(projection, _map)(axes, limit)
    for line, colour in coloured_tracks(sets, lines, limit):
        axes.plot(*place(line.azimuth, line.zenith), color=colour, lw=1, alpha=0.7, zorder=1)
    for one, style in zip(sets, styles(sets), strict=True):
        points = np.array([(node.azimuth, node.zenith) for node in one.nodes]).reshape(-1, 2)
        axes.plot(
            *place(*points.T, path=False),
            linestyle="none",
            marker=style.marker,
            color=style.colour,
            markersize=style.size,
            markerfacecolor=style.colour if style.filled else "none",
            markeredgewidth=0.8,
            label=f"{one.label} ({len(one.nodes)})",
            zorder=2 if style.filled else 3,
        )
    for track in tracks:
        path = place(track.azimuth, track.zenith)
        axes.plot(*path, color="black", lw=2.5, zorder=1.5, label=track.label)
    if sets or tracks:
        legend = drawing.legend(loc="outside right upper", frameon=False, fontsize="small")
        for text in legend.get_texts():
            text.set_parse_math(False)  # a name may hold a dollar
    axes.set_title(title, fontsize="medium", parse_math=False)
    return drawing


def _polar(axes: Any, limit: float) -> Any:
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_thetagrids(list(COMPASS), [f"{name} {angle}°" for angle, name in COMPASS.items()])
    axes.tick_params(axis="x", pad=10)
    radii = np.arange(10, limit + 1, 10)
    axes.set_rgrids(radii, [])
    for radius in radii[1::2]:
        _write(axes, math.radians(22.5), radius, f"{radius:.0f}°")
    axes.set_rlim(0, limit)
    axes.set_xlabel("zenith distance from the middle, azimuth from north through east")
    axes.grid(alpha=0.4)

    def place(azimuth: sky.Floats, zenith: sky.Floats, path: bool = True) -> Any:
        return np.radians(azimuth), zenith

    return place


def _rectilinear(axes: Any, limit: float) -> Any:
    axes.set_xlim(0, 360)
    axes.set_ylim(limit, 0)
    axes.set_xticks(list(COMPASS), [f"{name}\n{angle}°" for angle, name in COMPASS.items()])
    axes.set_xlabel("azimuth")
    axes.set_ylabel("zenith distance [°]")
    axes.grid(alpha=0.4)

    def place(azimuth: sky.Floats, zenith: sky.Floats, path: bool = True) -> Any:
        azimuth = np.asarray(azimuth) % 360
        return _broken(azimuth, zenith, 180.0) if path else (azimuth, zenith)

    return place


def _map(axes: Any, limit: float) -> Any:
    """Look to the south, as most sources culminate there: east is on the left, as outside."""
    angles = [angle for angle in COMPASS if angle]
    axes.set_xticks(np.radians(np.subtract(angles, 180)), [])
    for angle in angles:
        _write(axes, math.radians(angle - 180), 0.0, f"{COMPASS[angle]} {angle}°", va="top")
    heights = np.arange(0, 90, 15)
    axes.set_yticks(np.radians(heights), [])
    for height in heights[1:]:
        _write(axes, 0.0, math.radians(height), f"{90 - height}°")
    axes.grid(alpha=0.4)

    def place(azimuth: sky.Floats, zenith: sky.Floats, path: bool = True) -> Any:
        longitude = np.radians(np.asarray(azimuth) % 360 - 180)
        height = np.radians(90 - np.asarray(zenith))
        return _broken(longitude, height, math.pi) if path else (longitude, height)

    return place


def _write(axes: Any, x: float, y: float, text: str, **more: Any) -> None:
    """Write a word that stays readable on nodes and lets them be seen."""
    from matplotlib.patheffects import withStroke

    around = [withStroke(linewidth=3, foreground="white")]
    axes.text(x, y, text, fontsize="small", ha="center", zorder=5, path_effects=around, **more)


_PREPARE = {"polar": _polar, "rectilinear": _rectilinear}


def _broken(x: sky.Floats, y: sky.Floats, jump: float) -> tuple[sky.Floats, sky.Floats]:
    """Interrupt a path where it leaves on one side and comes in on the other."""
    at = np.flatnonzero(np.abs(np.diff(x)) > jump) + 1
    return np.insert(np.asarray(x, float), at, np.nan), np.insert(np.asarray(y, float), at, np.nan)


def save(drawing: Any, path: Path | str) -> None:
    """Write a figure as PNG, PDF or SVG, whole or not at all.

    Parameters
    ----------
    drawing : matplotlib.figure.Figure
        The figure.
    path : Path or str
        Its ending says the format; its directory is made where it is missing.
    """
    path = str(path)
    ending = os.path.splitext(path)[1].lower()
    if ending not in FORMATS:
        raise LstluigiError(f"{shown(path)} has to end in one of {', '.join(FORMATS)}, .html")
    directory = os.path.dirname(path) or "."
    os.makedirs(directory, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".lstluigi-") as scratch:
        whole = os.path.join(scratch, f"figure{ending}")
        drawing.savefig(whole, dpi=150)
        os.replace(whole, path)
