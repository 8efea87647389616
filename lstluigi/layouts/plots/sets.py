"""What a figure of pointings shows, whatever draws it: sets of nodes, their looks, the tracks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from lstluigi.config.yaml12 import read_yaml
from lstluigi.errors import shown
from lstluigi.layouts import sky
from lstluigi.layouts.nodes import Node, Sample, declination, sample
from lstluigi.layouts.sky import Track

__all__ = [
    "COMPASS",
    "PointingSet",
    "Style",
    "coloured_tracks",
    "kind_of",
    "pointing_sets",
    "pointing_sets_of_config",
    "styles",
    "texts",
    "zenith_limit",
]

Kind: TypeAlias = Literal["training", "test"]

#: Azimuths by the names of directions.
COMPASS = {0: "N", 45: "NE", 90: "E", 135: "SE", 180: "S", 225: "SW", 270: "W", 315: "NW"}
#: Colours that colour-blind readers can tell apart (Okabe and Ito); training sets differ by
#: their markers, too. Black belongs to test nodes and to tracks that stand out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
TRAINING_MARKERS = ("o", "^", "D", "v", "P")
TEST_MARKERS = ("s", "h", "8")
OTHER_LINE = "#777777"


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


def pointing_sets(
    paths: Iterable[str], label: str = "", kind: Kind | None = None
) -> tuple[PointingSet, ...]:
    """Sort the nodes named in paths of a production.

    Parameters
    ----------
    paths : iterable of str
        Any paths; those without a node above the horizon are passed over.
    label : str
        What the labels start with, such as the name of the production.
    kind : {"training", "test"}, optional
        What all of them are for; by default what each path says.

    Returns
    -------
    tuple of PointingSet
        Training nodes by line, then all test nodes. Each pointing is there once: particles may
        name it differently. What is split off training nodes for tests counts as both.
    """
    found: dict[tuple[Kind, str], dict[tuple[float, float], Node]] = {}
    for path in sorted(set(paths)):
        what = sample(path)
        if what.node is None or not _in_the_sky(what.node):
            continue
        what_for = kind or _called(what)
        key = what_for, what.line or "" if what_for == "training" else ""
        pointing = what.node.zenith, what.node.azimuth % 360
        found.setdefault(key, {}).setdefault(pointing, what.node)
    order = sorted(found, key=lambda key: (key[0] == "test", declination(key[1]) or 0.0, key[1]))
    return tuple(
        PointingSet(
            " ".join(filter(None, [label, what_for, line])),
            what_for,
            tuple(node for _, node in sorted(found[what_for, line].items())),
            line,
        )
        for what_for, line in order
    )


def kind_of(path: str) -> Kind:
    """What data at a path are for, by what it says."""
    return _called(sample(path))


def _called(what: Sample) -> Kind:
    training = what.dataset == "training" or (what.dataset is None and what.line is not None)
    return "training" if training else "test"


def _in_the_sky(node: Node) -> bool:
    return 0 <= node.zenith <= 90 and math.isfinite(node.azimuth)


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
    return pointing_sets(texts(value), label)


def texts(value: Any) -> Iterator[str]:
    """All texts in a document of mappings and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts(list(value.values()))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


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
            given.append(
                Style(
                    "#000000", TEST_MARKERS[number % 3], False, 7.5 if len(one.nodes) < 300 else 5.5
                )
            )
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
