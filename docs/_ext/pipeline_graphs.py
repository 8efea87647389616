"""Graphs of pipelines, drawn from the very classes that generate their configs.

``pipeline-graph`` asks a config class for its steps, with nodes of the catalogue, reads the graph
off their paths as a run does, joins steps of one stage that do the same for the same kind of data,
and draws what is left as SVG. Nothing but this file draws: no network, no other program.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lstluigi.plan import Plan
from lstluigi.request.pipelines import create, read_back
from lstluigi.steps import PlannedStep

#: Words of paths that say what data are of, in the order in which a box tells them.
PARTICLES = {
    "GammaDiffuse": "diffuse gammas",
    "gamma-diffuse": "diffuse gammas",
    "Gamma": "gammas",
    "gamma": "gammas",
    "Protons": "protons",
    "proton": "protons",
    "electron": "electrons",
}
HALVES = {
    "TrainingDataset": "training",
    "TestDataset": "test",
    "TestingDataset": "test",
    "train": "training",
    "test": "test",
}
LEVELS = ("DL0", "DL1", "DL2", "models")

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 156, 60, 16, 38, 8
STYLE = """
.pipeline text { fill: currentColor; text-anchor: middle; font-family: inherit; }
.pipeline .stage { font-size: 13px; font-weight: 600; }
.pipeline .what { font-size: 11px; }
.pipeline rect { fill: var(--pst-color-background, white); stroke: currentColor; }
.pipeline .outside rect { stroke-dasharray: 5 3; }
.pipeline path { fill: none; stroke: currentColor; stroke-opacity: 0.55; }
.pipeline marker path { fill: currentColor; stroke: none; fill-opacity: 0.7; }
"""


@dataclass(frozen=True, order=True)
class Box:
    """Steps of one stage for one kind of data, or what comes from outside.

    Parameters
    ----------
    stage
        Name of the stage; of the data level for what comes from outside.
    kind
        Which data, in words; may be empty.
    outside
        Whether no step makes it.
    """

    stage: str
    kind: str = ""
    outside: bool = False


@dataclass(frozen=True)
class Drawing:
    """Boxes with the number of steps (or directories) in each, and what reads from what."""

    counts: Mapping[Box, int]
    edges: frozenset[tuple[Box, Box]]


def kind(path: str) -> str:
    """Say what the data at a path are of, as far as it tells."""
    parts = [piece for part in path.split("/") for piece in (part, *re.split(r"[_.]", part))]
    words = (next((names[p] for p in parts if p in names), "") for names in (PARTICLES, HALVES))
    return ", ".join(filter(None, words))


def drawing(plan: Plan) -> Drawing:
    """Join the steps of a plan."""
    boxes = [_box(step) for step in plan.steps]
    counts = Counter(boxes)
    edges = set()
    outside: dict[Box, set[str]] = {}
    for step, box in zip(plan.steps, boxes, strict=True):
        edges |= {(boxes[i], box) for i in plan.graph.producers[step.index]}
        for reading in plan.external(step):
            level = next((name for name in LEVELS if f"/{name}/" in reading.path), "files")
            source = Box(level, kind(reading.path) if level != "models" else "", outside=True)
            outside.setdefault(source, set()).add(reading.path)
            edges.add((source, box))
    return Drawing({**counts, **{b: len(p) for b, p in outside.items()}}, frozenset(edges))


def _box(node: PlannedStep) -> Box:
    stage = node.step.stage
    return Box(stage, "" if stage == "train_pipe" else _both(node))


def _both(node: PlannedStep) -> str:
    """A split is about both halves of its particle."""
    kinds = [kind(made.path) for made in node.makes]
    return kinds[0] if len(set(kinds)) == 1 else kinds[0].split(",")[0]


def rows(picture: Drawing) -> list[list[Box]]:
    """Put each box below all that it reads from, near the middle of them."""
    before: dict[Box, list[Box]] = {box: [] for box in picture.counts}
    for source, box in picture.edges:
        before[box].append(source)
    depth: dict[Box, int] = {}

    def below(box: Box) -> int:
        if box not in depth:
            depth[box] = 1 + max((below(source) for source in before[box]), default=-1)
        return depth[box]

    for box in picture.counts:
        below(box)
    after = {box: [b for s, b in picture.edges if s == box] for box in picture.counts}
    for box in picture.counts:
        if box.outside:  # right above the first box that reads it
            depth[box] = min(depth[b] for b in after[box]) - 1
    result: list[list[Box]] = [[] for _ in range(max(depth.values()) + 1)]
    for box in sorted(depth):
        result[depth[box]].append(box)
    return _untangled(result, before)


def _untangled(levels: list[list[Box]], before: Mapping[Box, Sequence[Box]]) -> list[list[Box]]:
    place: dict[Box, float] = {}
    for level in levels:
        above = {
            box: sum(place[s] for s in before[box]) / len(before[box]) if before[box] else 0.5
            for box in level
        }
        level.sort(key=lambda box: (above[box], box))
        place |= {box: (i + 0.5) / len(level) for i, box in enumerate(level)}
    return levels


def svg(picture: Drawing, title: str) -> str:
    """Draw it."""
    levels = rows(picture)
    width = max(map(len, levels)) * (BOX_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(levels) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    corners = dict(_corners(levels, width))
    lines = [_edge(corners[s], corners[b]) for s, b in sorted(picture.edges)]
    boxes = [_drawn(box, count, corners[box]) for box, count in sorted(picture.counts.items())]
    return "\n".join(
        [
            f'<svg class="pipeline" role="img" viewBox="0 0 {width} {height}" '
            f'style="max-width: {width}px; width: 100%; margin-bottom: 1.5em" xmlns="http://www.w3.org/2000/svg">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
            *lines,
            *boxes,
            "</svg>",
        ]
    )


def _corners(
    levels: Sequence[Sequence[Box]], width: int
) -> Iterator[tuple[Box, tuple[float, int]]]:
    for number, level in enumerate(levels):
        used = len(level) * (BOX_WIDTH + GAP_X) - GAP_X
        for column, box in enumerate(level):
            x = (width - used) / 2 + column * (BOX_WIDTH + GAP_X)
            yield box, (x, MARGIN + number * (BOX_HEIGHT + GAP_Y))


def _edge(source: tuple[float, int], target: tuple[float, int]) -> str:
    x1, y1 = source[0] + BOX_WIDTH / 2, source[1] + BOX_HEIGHT
    x2, y2 = target[0] + BOX_WIDTH / 2, target[1] - 1
    bend = (y2 - y1) / 2
    curve = f"M{x1:g},{y1} C{x1:g},{y1 + bend:g} {x2:g},{y2 - bend:g} {x2:g},{y2}"
    return f'<path d="{curve}" marker-end="url(#tip)"/>'


def _drawn(box: Box, count: int, corner: tuple[float, int]) -> str:
    x, y = corner
    unit = "directory" if box.outside else "step"
    many = "directories" if box.outside else "steps"
    told = [box.kind, f"{count} {unit if count == 1 else many}"]
    middle = x + BOX_WIDTH / 2
    lines = [
        f'<text class="what" x="{middle:g}" y="{y + 36 + 15 * number}">{escape(line)}</text>'
        for number, line in enumerate(filter(None, told))
    ]
    return (
        f'<g class="{"outside" if box.outside else "made"}">'
        f'<rect x="{x:g}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
        f'<text class="stage" x="{middle:g}" y="{y + 19}">{escape(box.stage)}</text>'
        f"{''.join(lines)}</g>"
    )


class PipelineGraph(SphinxDirective):
    """The graph of a config class, with its arguments as ``name=value name=value``."""

    required_arguments = 1
    option_spec = {"arguments": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Ask the class, and draw what it says."""
        words = self.options.get("arguments", "").split()
        given = dict(word.split("=", 1) for word in words)
        name = self.arguments[0]
        arguments = {"prod_id": "PROD_ID", "nodes": "catalogue", **given}
        config = create(name, arguments)
        picture = drawing(read_back(config, config.text(config.content())))
        return [nodes.container("", nodes.raw("", svg(picture, name), format="html"))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("pipeline-graph", PipelineGraph)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
