"""The training line nearest to a source, and the test nodes along its path over the sky."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from lstluigi.layouts import sky
from lstluigi.layouts.nodes import ALONE, Node, catalogue, declination, declinations
from lstluigi.layouts.sky import Track
from lstluigi.request.suggest.night import Night, night
from lstluigi.request.suggest.source import Source

__all__ = ["Line", "NodeOnPath", "Suggestion", "lines_by_distance", "nodes_along", "suggest"]

#: Training needs both.
PARTICLES = ("GammaDiffuse", "Protons")
#: Turned by the sky in an hour, in degrees.
SIDEREAL_RATE = 15.041067


@dataclass(frozen=True)
class Line:
    """A training line.

    Parameters
    ----------
    name : str
        Such as ``dec_2276``.
    declination : float
        Its declination in degrees.
    distance : float
        From the source, in declination, in degrees.
    """

    name: str
    declination: float
    distance: float


@dataclass(frozen=True)
class NodeOnPath:
    """A test node that serves a source.

    Parameters
    ----------
    node : Node
        The pointing.
    separation : float
        Angle to the nearest point of the path, in degrees.
    hour_angle : float
        Hour angle of the source there, in degrees.
    utc : str
        The time when it is there, as ``HH:MM``; empty for no particular night.
    """

    node: Node
    separation: float
    hour_angle: float
    utc: str = ""


@dataclass(frozen=True)
class Suggestion:
    """What serves a source.

    Parameters
    ----------
    source : Source
        The source.
    max_zenith : float
        Observations end there, in degrees.
    lines : tuple of Line
        All training lines, the nearest first.
    tracks : tuple of Track
        Path of the source within that limit, and within the dark hours if a night was given.
    night : Night, optional
        That night.
    nodes : tuple of NodeOnPath
        Test nodes along the path, in order of time.
    warnings : tuple of str
        What speaks against it.
    """

    source: Source
    max_zenith: float
    lines: tuple[Line, ...]
    tracks: tuple[Track, ...]
    night: Night | None
    nodes: tuple[NodeOnPath, ...]
    warnings: tuple[str, ...]

    @property
    def line(self) -> Line:
        """The nearest training line."""
        return self.lines[0]

    @property
    def hours(self) -> float:
        """How long the path takes."""
        turned = sum(float(t.hour_angle[-1] - t.hour_angle[0]) for t in self.tracks)
        return turned / SIDEREAL_RATE


def suggest(
    source: Source,
    evening: date | None = None,
    max_zenith: float = 70.0,
    within: float | None = None,
) -> Suggestion:
    """Find what serves a source.

    Parameters
    ----------
    source : Source
        The source.
    evening : date, optional
        Only the dark hours of the night that begins on it count.
    max_zenith : float
        Observations end there, in degrees.
    within : float, optional
        As for `nodes_along`.
    """
    dark = night(source, evening, max_zenith) if evening else None
    whole = sky.track(source.dec, max_zenith, source.name)
    tracks = dark.tracks if dark else (whole,) if whole.zenith.size else ()
    lines, nodes = lines_by_distance(source.dec), catalogue("TestDataset", "Gamma")
    return Suggestion(
        source,
        max_zenith,
        lines,
        tracks,
        dark,
        nodes_along(tracks, nodes, within, dark.times if dark else ()),
        (*_warnings(source, lines, max_zenith, dark), *_far_nodes(tracks, nodes)),
    )


def lines_by_distance(dec: float) -> tuple[Line, ...]:
    """Training lines of the catalogue that have all particles, the nearest first.

    Of lines with the same declination the usual one comes before that with more nodes.
    """
    lines = [
        Line(name, value, abs(value - dec))
        for name in declinations()
        if (value := declination(name)) is not None
        and all(catalogue("TrainingDataset", particle, name) for particle in PARTICLES)
    ]
    return tuple(sorted(lines, key=lambda line: (line.distance, len(line.name), line.name)))


def nodes_along(
    tracks: Sequence[Track],
    nodes: Sequence[Node],
    within: float | None = None,
    times: Sequence[str] = (),
) -> tuple[NodeOnPath, ...]:
    """Find the nodes along a path.

    Parameters
    ----------
    tracks : sequence of Track
        Pieces of the path.
    nodes : sequence of Node
        The grid of nodes.
    within : float, optional
        All nodes that are at most so far from the path, in degrees. By default those which are,
        for some part of the path, the nearest of all: how far that is is up to the grid.
    times : sequence of str
        Time of each point of the path, all pieces in a row.

    Returns
    -------
    tuple of NodeOnPath
        In the order in which the source comes by.
    """
    if not tracks or not nodes:
        return ()
    hours = np.concatenate([track.hour_angle for track in tracks])
    angles = _angles(tracks, nodes)
    nearest = angles.argmin(axis=1)
    smallest = angles.min(axis=1)
    chosen = (
        np.unique(angles.argmin(axis=0)) if within is None else np.flatnonzero(smallest <= within)
    )
    return tuple(
        NodeOnPath(
            nodes[i],
            float(smallest[i]),
            float(hours[nearest[i]]),
            times[nearest[i]] if times else "",
        )
        for i in sorted(chosen, key=lambda i: (nearest[i], nodes[i].azimuth))
    )


def _angles(tracks: Sequence[Track], nodes: Sequence[Node]) -> sky.Floats:
    """Angles in degrees between nodes (rows) and the points of a path (columns)."""
    azimuth, zenith = (
        np.concatenate([getattr(track, name) for track in tracks]) for name in ("azimuth", "zenith")
    )
    return _separations(nodes, azimuth, zenith)


def _separations(nodes: Sequence[Node], azimuth: sky.Floats, zenith: sky.Floats) -> sky.Floats:
    from astropy.coordinates import angular_separation

    grid = np.radians([(node.azimuth, 90 - node.zenith) for node in nodes])
    angles = angular_separation(
        grid[:, :1], grid[:, 1:], np.radians(azimuth), np.radians(90 - zenith)
    )
    return np.asarray(np.degrees(angles), dtype=np.float64)


def _far_nodes(tracks: Sequence[Track], nodes: Sequence[Node]) -> Iterator[str]:
    """Warn where no node is near most of a path: farther than any is from between two neighbours.

    Parameters
    ----------
    tracks : sequence of Track
        Pieces of the path; none if there is nothing to be far from.
    nodes : sequence of Node
        The grid of nodes.
    """
    if not tracks:
        return
    azimuth, zenith = (np.array([getattr(n, a) for n in nodes]) for a in ("azimuth", "zenith"))
    apart = _separations(nodes, azimuth, zenith)
    np.fill_diagonal(apart, np.inf)
    reach = float(apart.min(axis=0).max()) / 2
    distance = _angles(tracks, nodes).min(axis=0)
    if (half := float(np.median(distance))) > reach:
        yield (
            f"the test nodes are far from its path: for half of it the nearest one is {half:.1f}° "
            f"away or more, up to {distance.max():.1f}° (halfway between two neighbours it is "
            f"{reach:.1f}° at most): IRFs are those of other pointings"
        )


def _warnings(
    source: Source, lines: Sequence[Line], max_zenith: float, dark: Night | None
) -> list[str]:
    highest = sky.culmination(source.dec)
    if highest >= 90:
        return [f"it never rises at La Palma (declination {source.dec:+.2f}°)"]
    found = []
    if highest > max_zenith:
        found.append(
            f"it culminates at zenith distance {highest:.1f}°, which is more than the largest "
            f"one wanted, {max_zenith:g}° (--max-zenith)"
        )
    elif dark is not None and not dark.tracks:
        found.append(
            f"in the dark hours of the night of {dark.date} it does not come within "
            f"{max_zenith:g}° of the zenith"
        )
    for name, particle in ALONE.items():
        place = declination(name)
        if place is not None and abs(place - source.dec) < lines[0].distance:
            found.append(
                f"{name} is nearer ({abs(place - source.dec):.2f}°) and was simulated for "
                f"{particle} only: no models can be trained with it"
            )
    places = sorted({line.declination for line in lines})
    reach = max(high - low for low, high in pairwise(places)) / 2
    if lines[0].distance > reach:
        found.append(
            f"{lines[0].name} is {lines[0].distance:.1f}° away, farther than any source between "
            f"two lines is from the nearer one ({reach:.1f}°): models are not trained for its path"
        )
    return found
