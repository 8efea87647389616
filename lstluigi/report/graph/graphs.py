"""Graphs of productions as SVG, Mermaid or an image."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from lstluigi.display import save
from lstluigi.files import write_text
from lstluigi.report.graph.boxes import NAMES, Box, Drawing
from lstluigi.report.graph.placing import (
    BOX_WIDTH,
    LINE_HEIGHT,
    MARGIN,
    SWATCH_HEIGHT,
    SWATCH_WIDTH,
    Layout,
    Point,
    full_height,
    layout,
    legend,
    rows,
)

__all__ = ["FORMATS", "draw", "figure", "mermaid", "svg"]

#: Endings of files that `draw` writes
FORMATS = (".svg", ".png", ".pdf", ".mmd")
#: Fill and edge of a box by how far it is
STATES = {
    "outside": ("#ffffff", "#777777"),
    "made": ("#ffffff", "#222222"),
    "complete": ("#d5f0e3", "#00724f"),
    "partly": ("#f0f8ec", "#5d8a3c"),
    "running": ("#bfe3fb", "#0061a4"),
    "queued": ("#e6eefc", "#5b7bb5"),
    "unknown": ("#efe3f7", "#7b3f9d"),
    "failed": ("#f9c9c4", "#b3130b"),
    "outdated": ("#fde0b8", "#a85800"),
    "blocked": ("#e4e0dc", "#6f6258"),
    "missing": ("#ffffff", "#222222"),
}
STYLE = """
.pipeline text { fill: currentColor; text-anchor: middle;
  font-family: var(--pst-font-family-base, sans-serif); }
.pipeline .stage { font-size: 13px; font-weight: 600; }
.pipeline .what { font-size: 11px; }
.pipeline rect { fill: var(--pst-color-background, white); stroke: currentColor; }
.pipeline .legend text { font-size: 11px; text-anchor: start; }
.pipeline .outside rect { stroke-dasharray: 5 3; }
.pipeline path { fill: none; stroke: currentColor; stroke-opacity: 0.55; }
.pipeline marker path { fill: currentColor; stroke: none; fill-opacity: 0.7; }
"""
TINTS = "".join(
    f".pipeline .{state} rect {{ fill: {fill}; stroke: {edge}; }}\n"
    for state, (fill, edge) in STATES.items()
    if state not in ("outside", "made")
)


def svg(picture: Drawing, title: str) -> str:
    """Draw boxes and edges as SVG.

    Parameters
    ----------
    picture : Drawing
        Of a production.
    title : str
        Its title.

    Returns
    -------
    str
        An element that stands in a page or is a file of its own.
    """
    place = layout(picture)
    curves = [_path(place.edge(source, box)) for source, box in sorted(picture.edges)]
    tints = TINTS if picture.statuses else ""
    entries = legend(picture, place)
    height = full_height(place, entries)
    return "\n".join(
        [
            f'<svg class="pipeline" role="img" viewBox="0 0 {place.width:g} {height:g}" '
            f'style="max-width: {place.width:g}px; width: 100%; margin-bottom: 1.5em" '
            'xmlns="http://www.w3.org/2000/svg">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}{tints}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
            *(f'<path d="{curve}" marker-end="url(#tip)"/>' for curve in curves),
            *(_svg_box(picture, box, place) for box in sorted(picture.counts)),
            *(_svg_entry(*entry) for entry in entries),
            "</svg>\n",
        ]
    )


def _path(points: Sequence[Point]) -> str:
    start, *rest = (f"{x:g},{y:g}" for x, y in points)
    return f"M{start} C{' '.join(rest)}"


def _svg_box(picture: Drawing, box: Box, place: Layout) -> str:
    x, y = place.corners[box]
    middle = x + BOX_WIDTH / 2
    lines = [
        f'<text class="what" x="{middle:g}" y="{y + 36 + LINE_HEIGHT * number:g}">'
        f"{escape(line)}</text>"
        for number, line in enumerate(picture.lines(box))
    ]
    return (
        f'<g class="{picture.state(box)}">'
        f'<rect x="{x:g}" y="{y:g}" width="{BOX_WIDTH}" height="{place.box_height}" rx="6"/>'
        f'<text class="stage" x="{middle:g}" y="{y + 19:g}">{escape(box.stage)}</text>'
        f"{''.join(lines)}</g>"
    )


def _svg_entry(state: str, x: float, y: float) -> str:
    size = f'width="{SWATCH_WIDTH}" height="{SWATCH_HEIGHT}"'
    return (
        f'<g class="legend {state}"><rect x="{x:g}" y="{y:g}" {size} rx="3"/>'
        f'<text x="{x + SWATCH_WIDTH + 5:g}" y="{y + 10:g}">{escape(NAMES[state])}</text></g>'
    )


def mermaid(picture: Drawing, title: str) -> str:
    """Write boxes and edges in the language of Mermaid, which GitLab and GitHub draw.

    Parameters
    ----------
    picture, title
        As for `svg`.
    """
    boxes = [box for level in rows(picture) for box in level if isinstance(box, Box)]
    names = {box: f"b{number}" for number, box in enumerate(boxes)}
    lines = ["---", f"title: {json.dumps(title, ensure_ascii=False)}", "---"]
    lines.append("flowchart LR" if layout(picture).across else "flowchart TD")
    for box, name in names.items():
        text = "<br>".join(map(_entities, [box.stage, *picture.lines(box)]))
        lines.append(f'  {name}["{text}"]:::{picture.state(box)}')
    edges = sorted((boxes.index(source), boxes.index(box)) for source, box in picture.edges)
    lines += [f"  b{source} --> b{target}" for source, target in edges]
    if entries := picture.legend():
        lines += ["  subgraph legend", "    direction LR"]
        lines += [f'    l{n}["{NAMES[state]}"]:::{state}' for n, state in enumerate(entries)]
        lines.append("  end")
    for state in dict.fromkeys(map(picture.state, boxes)):
        fill, edge = STATES[state]
        dashes = ",stroke-dasharray:5 3" if state == "outside" else ""
        lines.append(f"  classDef {state} fill:{fill},stroke:{edge},color:#222{dashes}")
    return "\n".join(lines) + "\n"


def _entities(text: str) -> str:
    """No text ends its quotes or becomes an element of the page."""
    return escape(text).replace("#", "#35;").replace("&quot;", "#quot;")


def figure(picture: Drawing, title: str) -> Any:
    """Draw boxes and edges as a figure of matplotlib.

    Parameters
    ----------
    picture, title
        As for `svg`.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    place = layout(picture)
    entries = legend(picture, place)
    height, head = full_height(place, entries), 24
    drawing = Figure(figsize=(place.width / 96, (height + head) / 96))
    axes = drawing.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, place.width), ylim=(height, -head))
    axes.set_axis_off()
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 7, "lw": 0.8, "color": "0.5"}
    arrow |= {"shrinkA": 0, "shrinkB": 0}
    for source, box in sorted(picture.edges):
        points = place.edge(source, box)
        curve = Curve(points, [Curve.MOVETO, *[Curve.CURVE4] * (len(points) - 1)])
        axes.add_patch(FancyArrowPatch(path=curve, **arrow))
    for box in sorted(picture.counts):
        _plot_box(axes, picture, box, place)
    for state, x, y in entries:
        _plot_shape(axes, state, (x, y), SWATCH_WIDTH, SWATCH_HEIGHT)
        axes.text(x + SWATCH_WIDTH + 5, y + 10, NAMES[state], fontsize=8, parse_math=False)
    axes.text(MARGIN, -6, title, fontsize=9.5, parse_math=False)
    return drawing


def _plot_shape(axes: Any, state: str, corner: Point, width: float, height: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    fill, edge = STATES[state]
    rounding = min(6, height / 4)
    shape = FancyBboxPatch(corner, width, height, f"round,pad=0,rounding_size={rounding}")
    shape.set(facecolor=fill, edgecolor=edge, linestyle="--" if state == "outside" else "-")
    axes.add_patch(shape)


def _plot_box(axes: Any, picture: Drawing, box: Box, place: Layout) -> None:
    x, y = place.corners[box]
    _plot_shape(axes, picture.state(box), (x, y), BOX_WIDTH, place.box_height)
    words: dict[str, Any] = {"ha": "center", "parse_math": False}
    middle = x + BOX_WIDTH / 2
    axes.text(middle, y + 19, box.stage, fontsize=9.5, weight="bold", **words)
    for number, line in enumerate(picture.lines(box)):
        axes.text(middle, y + 36 + LINE_HEIGHT * number, line, fontsize=8, **words)


def draw(picture: Drawing, title: str, path: str) -> None:
    """Draw boxes and edges into a file, whole or not at all.

    Parameters
    ----------
    picture, title
        As for `svg`.
    path : str
        The file; its ending, one of `FORMATS`, says what is written.
    """
    ending = Path(path).suffix.lower()
    writers = {".svg": svg, ".mmd": mermaid}
    if ending in writers:
        write_text(os.path.abspath(path), writers[ending](picture, title))
    else:
        save(figure(picture, title), path)
