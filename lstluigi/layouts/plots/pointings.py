"""Pointings of productions over the sky at La Palma, as an image; the door to this room."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstluigi.display import IMAGES, save
from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts import sky
from lstluigi.layouts.plots.interactive import save_html
from lstluigi.layouts.plots.sets import (
    COMPASS,
    PointingSet,
    coloured_tracks,
    pointing_sets,
    pointing_sets_of_config,
    styles,
    zenith_limit,
)
from lstluigi.layouts.sky import Track

__all__ = [
    "FORMATS",
    "PROJECTIONS",
    "PointingSet",
    "draw",
    "figure",
    "pointing_sets",
    "pointing_sets_of_config",
    "save_html",
]

#: Names of the projections; all but polar and rectilinear show azimuth and altitude as a map does.
PROJECTIONS = ("polar", "rectilinear", "aitoff", "hammer", "lambert", "mollweide")
PAGE = ".html"
_BESIDE = "outside right upper"
FORMATS = (*IMAGES, PAGE)


def figure(
    sets: Sequence[PointingSet],
    projection: str = "polar",
    lines: Iterable[float] | None = None,
    tracks: Sequence[Track] = (),
    title: str = "",
    *,
    narrow: bool = False,
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
    narrow : bool
        Whether the legend stands below, so that the figure can be read on a phone, too.

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
    rows = math.ceil((len(sets) + len(tracks)) / 2)
    drawing = Figure(figsize=(6.0, 5.6 + 0.25 * rows) if narrow else size, layout="constrained")
    kind: dict[str, Any] = {} if projection == "rectilinear" else {"projection": projection}
    if projection == "lambert":  # an azimuthal one: the zenith in the middle
        kind["center_latitude"] = math.pi / 2
    axes = drawing.add_subplot(**kind)
    place = _PREPARE.get(projection, _map)(axes, limit)
    for line, colour in coloured_tracks(sets, lines, limit):
        axes.plot(*place(line.azimuth, line.zenith), color=colour, lw=1, alpha=0.7, zorder=1)
    _draw_nodes(axes, place, sets)
    _draw_tracks(axes, place, tracks)
    if sets or tracks:
        _draw_legend(drawing, narrow)
    axes.set_title(title, fontsize="medium", parse_math=False)
    return drawing


def _draw_nodes(axes: Any, place: Any, sets: Sequence[PointingSet]) -> None:
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
            clip_on=False,  # whole where a node lies on the edge of the sky
        )


def _draw_tracks(axes: Any, place: Any, tracks: Sequence[Track]) -> None:
    for number, track in enumerate(tracks):
        first = track.label not in [before.label for before in tracks[:number]]
        path = place(track.azimuth, track.zenith)
        axes.plot(*path, color="black", lw=2.5, zorder=1.5, label=track.label if first else None)


def _draw_legend(drawing: Any, narrow: bool) -> None:
    where = {"loc": "outside lower center", "ncols": 2} if narrow else {"loc": _BESIDE}
    legend = drawing.legend(**where, frameon=False, fontsize="small")
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold a dollar


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
    """Look to the south, as most sources culminate there: so east is on the left."""
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


def draw(
    path: Path | str,
    sets: Sequence[PointingSet],
    projection: str = "polar",
    lines: Iterable[float] | None = None,
    tracks: Sequence[Track] = (),
    title: str = "",
) -> None:
    """Draw pointings into a file: a page if it ends in .html, else an image.

    Parameters
    ----------
    path : Path or str
        The file.
    sets, projection, lines, tracks, title
        As for `figure`; a page is always a compass.
    """
    if str(path).lower().endswith(PAGE):
        save_html(path, sets, lines, tracks, title)
    else:
        save(figure(sets, projection, lines, tracks, title), path)
