"""Where the boxes of a graph are: level below level, with room for edges that pass one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lstluigi.report.graph.boxes import Box, Drawing

__all__ = ["Bend", "Layout", "full_height", "layout", "legend", "rows"]

BOX_WIDTH, LINE_HEIGHT, GAP, FAR, MARGIN = 164, 15, 14, 38, 8
#: Width and height of a box of the legend, and from one of its words to the next
SWATCH_WIDTH, SWATCH_HEIGHT, ENTRY = 20, 12, 110

Point = tuple[float, float]


@dataclass(frozen=True, order=True)
class Bend:
    """Where what is read passes a level on its way to a later one.

    Parameters
    ----------
    source : Box
        What is read.
    level : int
        Which one it passes.
    """

    source: Box
    level: int


@dataclass(frozen=True)
class Layout:
    """Where boxes are.

    Parameters
    ----------
    corners : mapping of Box or Bend to (float, float)
        Upper left corner of each; of a bend, the middle of where edges enter its level.
    levels : mapping of Box to int
        Number of the level of each.
    width, height : float
        Of the whole.
    box_height : float
        Of each box.
    across : bool
        Whether what is read stands on the left of what reads it, else above it.
    """

    corners: Mapping[Box | Bend, Point]
    levels: Mapping[Box, int]
    width: float
    height: float
    box_height: float
    across: bool

    def edge(self, source: Box, target: Box) -> list[Point]:
        """Points of the cubic curves from a box to another, round those in between."""
        long, wide = (BOX_WIDTH, self.box_height) if self.across else (self.box_height, BOX_WIDTH)
        ahead, aside = self._turned(self.corners[source])
        points = [(ahead + long, aside + wide / 2)]
        for level in range(self.levels[source] + 1, self.levels[target]):
            ahead, aside = self._turned(self.corners[Bend(source, level)])
            points += _curve(points[-1], (ahead, aside))
            points += _curve(points[-1], (ahead + long, aside))
        ahead, aside = self._turned(self.corners[target])
        points += _curve(points[-1], (ahead - 1, aside + wide / 2))
        return [self._turned(point) for point in points]

    def _turned(self, point: Point) -> Point:
        """Between x and y, and the distance ahead and aside of the way that edges go."""
        return point if self.across else point[::-1]


def _curve(start: Point, end: Point) -> list[Point]:
    """Leave and arrive straight ahead."""
    bend = (end[0] - start[0]) / 2
    return [(start[0] + bend, start[1]), (end[0] - bend, end[1]), end]


def rows(picture: Drawing) -> list[list[Box | Bend]]:
    """Put each box below all that it reads from, near the middle of them.

    Returns
    -------
    list of list of (Box or Bend)
        Levels, each in order; with a bend where an edge passes a level.
    """
    depth = _depths(picture)
    before: dict[Box | Bend, list[Box | Bend]] = {box: [] for box in picture.counts}
    for source, box in picture.edges:
        way: list[Box | Bend] = [source, *_bends(source, depth[source], depth[box])]
        before[box].append(way[-1])
        for last, bend in itertools.pairwise(way):
            before[bend] = [last]
    result: list[list[Box | Bend]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for item in before:
        result[item.level if isinstance(item, Bend) else depth[item]].append(item)
    return _untangled(result, before)


def _bends(source: Box, start: int, end: int) -> list[Bend]:
    return [Bend(source, level) for level in range(start + 1, end)]


def _depths(picture: Drawing) -> dict[Box, int]:
    """Find the level of each box."""
    before: dict[Box, list[Box]] = {box: [] for box in picture.counts}
    after: dict[Box, list[Box]] = {box: [] for box in picture.counts}
    for source, box in picture.edges:
        before[box].append(source)
        after[source].append(box)
    depth: dict[Box, int] = {}

    def below(box: Box) -> int:
        if box not in depth:
            depth[box] = 1 + max((below(source) for source in before[box]), default=-1)
        return depth[box]

    for box in picture.counts:
        below(box)
    for box in picture.counts:
        if box.outside:  # right above the first box that reads it
            depth[box] = min(depth[b] for b in after[box]) - 1
    return depth


def _untangled(
    levels: list[list[Box | Bend]], before: Mapping[Box | Bend, Sequence[Box | Bend]]
) -> list[list[Box | Bend]]:
    place: dict[Box | Bend, float] = {}
    for level in levels:
        above = {
            item: sum(place[s] for s in before[item]) / len(before[item]) if before[item] else 0.5
            for item in level
        }
        level.sort(key=lambda item: (above[item], isinstance(item, Bend), item))
        place |= {item: (i + 0.5) / len(level) for i, item in enumerate(level)}
    return levels


def layout(picture: Drawing) -> Layout:
    """Find a place for each box: level below level, or side by side where levels are long."""
    levels = rows(picture)
    box_height = 30 + LINE_HEIGHT * max((len(picture.lines(b)) for b in picture.counts), default=1)
    boxes = [sum(isinstance(item, Box) for item in level) for level in levels]
    across = max(boxes, default=1) > 2 * len(levels)
    side, ahead = (box_height, BOX_WIDTH + 2 * FAR) if across else (BOX_WIDTH, box_height + FAR)
    # bends of long levels stay beside where their edges come from
    room = {Box: side + GAP, Bend: side + GAP if across else 2 * GAP}
    breadths = [sum(room[type(item)] for item in level) for level in levels]
    breadth = max(breadths, default=0)
    corners: dict[Box | Bend, Point] = {}
    for number, level in enumerate(levels):
        aside = (breadth - breadths[number]) / 2 + MARGIN
        for item in level:
            middle = aside + (room[Bend] - GAP) / 2
            at = (MARGIN + number * ahead, middle if isinstance(item, Bend) else aside)
            corners[item] = at if across else at[::-1]
            aside += room[type(item)]
    length = len(levels) * ahead - (2 * FAR if across else FAR)
    breadth -= GAP
    width, height = (length, breadth) if across else (breadth, length)
    found = {item: n for n, level in enumerate(levels) for item in level if isinstance(item, Box)}
    return Layout(corners, found, width + 2 * MARGIN, height + 2 * MARGIN, box_height, across)


def legend(picture: Drawing, place: Layout) -> list[tuple[str, float, float]]:
    """States of boxes with the upper left corners of their boxes in a legend, below the rest."""
    states = picture.legend()
    columns = max(1, int((place.width - 2 * MARGIN) // ENTRY))
    top = place.height + GAP
    return [
        (state, MARGIN + ENTRY * (number % columns), top + 20 * (number // columns))
        for number, state in enumerate(states)
    ]


def full_height(place: Layout, entries: Sequence[tuple[str, float, float]]) -> float:
    """Of boxes and legend."""
    return entries[-1][2] + SWATCH_HEIGHT + MARGIN if entries else place.height
