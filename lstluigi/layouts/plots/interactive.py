"""Pointings over the sky as a page to look around in: one file, no network."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstluigi.files import write_text
from lstluigi.layouts.plots.sets import (
    COMPASS,
    PointingSet,
    Style,
    coloured_tracks,
    styles,
    zenith_limit,
)
from lstluigi.layouts.sky import Floats, Track

__all__ = ["page", "save_html"]

#: matplotlib's names of markers, as bokeh calls them.
MARKERS = {
    "o": "circle",
    "^": "triangle",
    "D": "diamond",
    "v": "inverted_triangle",
    "P": "plus",
    "s": "square",
    "h": "hex",
    "8": "circle",
}


def page(
    sets: Sequence[PointingSet],
    lines: Iterable[float] | None = None,
    tracks: Sequence[Track] = (),
    title: str = "",
) -> str:
    """Draw pointings on a compass as a page: the zenith in the middle, north up, east right.

    A node shows its name, zenith distance and azimuth under the mouse; a click on an entry of the
    legend hides a set.

    Parameters
    ----------
    sets, lines, tracks, title
        As for `lstluigi.layouts.plots.pointings.figure`.

    Returns
    -------
    str
        HTML that holds all it needs.
    """
    from bokeh.embed import file_html
    from bokeh.models import HoverTool, Legend
    from bokeh.plotting import figure
    from bokeh.resources import INLINE

    limit = zenith_limit(sets, tracks)
    drawing = figure(
        title=title,
        frame_width=700,
        frame_height=700,
        tools="pan,wheel_zoom,box_zoom,reset,save",
        active_scroll="wheel_zoom",
        x_range=(-limit * 1.2, limit * 1.2),
        y_range=(-limit * 1.2, limit * 1.2),
    )
    drawing.add_layout(Legend(click_policy="hide"), "right")
    _compass(drawing, limit)
    for line, colour in coloured_tracks(sets, lines, limit):
        drawing.line(*_place(line.azimuth, line.zenith), color=colour, alpha=0.7)
    for track in tracks:
        drawing.line(
            *_place(track.azimuth, track.zenith),
            color="black",
            line_width=3,
            legend_label=track.label,
        )
    points = [_nodes(drawing, one, style) for one, style in zip(sets, styles(sets), strict=True)]
    tooltips = [
        ("set", "@label"),
        ("node", "@name"),
        ("zenith", "@zenith{0.000}°"),
        ("azimuth", "@azimuth{0.000}°"),
    ]
    drawing.add_tools(HoverTool(renderers=points, tooltips=tooltips))
    whole: str = file_html(drawing, INLINE, title=title or "Pointings")
    return whole


def _place(azimuth: Floats, zenith: Floats) -> tuple[Floats, Floats]:
    """Return coordinates on the compass: east to the right, north up."""
    angle = np.radians(azimuth)
    return zenith * np.sin(angle), zenith * np.cos(angle)


def _compass(drawing: Any, limit: float) -> None:
    """Draw rings of zenith distance and rays of azimuth, in place of axes."""
    drawing.axis.visible = False
    drawing.grid.visible = False
    rings = [float(ring) for ring in range(10, int(limit) + 1, 10)]
    around = np.linspace(0.0, 360.0, 181, dtype=np.float64)
    circles = [_place(around, np.full(around.shape, ring)) for ring in rings]
    drawing.multi_line([x for x, _ in circles], [y for _, y in circles], color="#cccccc")
    x, y = _place(np.array(list(COMPASS), dtype=float), np.full(len(COMPASS), limit))
    drawing.segment(0, 0, x, y, color="#cccccc")
    words = [f"{name} {angle}°" for angle, name in COMPASS.items()]
    common = {"text_align": "center", "text_baseline": "middle", "text_color": "#333333"}
    drawing.text(x * 1.1, y * 1.06, text=words, **common)
    x, y = _place(np.full(len(rings), 22.5), np.array(rings))
    words = [f"{ring:.0f}°" for ring in rings]
    drawing.text(x, y, text=words, text_font_size="10px", **common)


def _nodes(drawing: Any, one: PointingSet, style: Style) -> Any:
    from bokeh.models import ColumnDataSource

    zenith = np.array([node.zenith for node in one.nodes])
    azimuth = np.array([node.azimuth for node in one.nodes])
    x, y = _place(azimuth, zenith)
    columns = {
        "x": x,
        "y": y,
        "zenith": zenith,
        "azimuth": azimuth,
        "name": [node.name for node in one.nodes],
        "label": [one.label] * len(one.nodes),
    }
    return drawing.scatter(
        "x",
        "y",
        source=ColumnDataSource(columns),
        marker=MARKERS[style.marker],
        size=math.ceil(style.size * 1.6),
        line_color=style.colour,
        fill_color=style.colour if style.filled else None,
        legend_label=f"{one.label} ({len(one.nodes)})",
    )


def save_html(
    path: Path | str,
    sets: Sequence[PointingSet],
    lines: Iterable[float] | None = None,
    tracks: Sequence[Track] = (),
    title: str = "",
) -> None:
    """Write that page, whole or not at all.

    Parameters
    ----------
    path : Path or str
        The file; its directory is made where it is missing.
    sets, lines, tracks, title
        As for `page`.
    """
    write_text(os.path.abspath(path), page(sets, lines, tracks, title))
