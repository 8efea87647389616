"""Pointing nodes of the LSTProd2 simulations: as a directory holds them, or as the catalogue does.

The catalogue (``lstprod2_nodes.csv``) has been compiled from the published production configs of
2022 to 2024.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = [
    "ALONE",
    "Node",
    "Sample",
    "catalogue",
    "declination",
    "declinations",
    "node",
    "sample",
    "scan",
    "separation",
]

#: ``node_theta_T_az_A_`` or ``node_corsika_theta_T_az_A_``.
_NODE = re.compile(r"node_(?:corsika_)?theta_(-?\d+(?:\.\d+)?)_az_(-?\d+(?:\.\d+)?)_?")
#: ``dec_2276`` is 22.76 deg, ``dec_min_413`` is -4.13 deg.
_LINE = re.compile(r"dec_(min_)?(\d{3,4})(?:_high_density)?")
#: Lines that were simulated for one particle only: no models can be trained with them, so no
#: production names their nodes, and the catalogue does not have them.
ALONE: Mapping[str, str] = {"dec_5573": "GammaDiffuse"}
_DATASETS = {"TrainingDataset": "training", "TestDataset": "test", "TestingDataset": "test"}


@dataclass(frozen=True)
class Node:
    """A telescope pointing for which showers have been simulated.

    Parameters
    ----------
    name : str
        The directory's name, such as ``node_theta_10.0_az_102.199_``.
    zenith, azimuth : float
        In degrees; the azimuth from north through east.
    """

    name: str
    zenith: float
    azimuth: float


@dataclass(frozen=True)
class Sample:
    """What a path of a production is about, as far as it says.

    Parameters
    ----------
    node : Node, optional
        The pointing.
    line : str, optional
        Training declination line, such as ``dec_2276``.
    dataset : {"training", "test"}, optional
        Which half of the simulations.
    """

    node: Node | None = None
    line: str | None = None
    dataset: str | None = None


def node(name: str) -> Node | None:
    """Read the pointing from a directory's name; None if it is not a node's."""
    found = _NODE.fullmatch(name)
    return Node(name, float(found[1]), float(found[2])) if found else None


def sample(path: str) -> Sample:
    """Read pointing, declination line and data set from a path of an all-sky production.

    A prod_id may hold the name of a line, so only whole names of directories count as one.
    """
    parts = path.split("/")
    found = _NODE.search(path)
    lines = [part for part in parts if _LINE.fullmatch(part)]
    datasets = [_DATASETS[part] for part in parts if part in _DATASETS]
    return Sample(
        node(found[0]) if found else None,
        lines[-1] if lines else None,
        datasets[-1] if datasets else None,
    )


def scan(directory: str) -> tuple[Node, ...]:
    """Nodes that have a directory in this one, by name; none if it does not exist."""
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    except FileNotFoundError:
        return ()
    return tuple(found for name in names if (found := node(name)) is not None)


def separation(one: Node, other: Node) -> float:
    """Angle between two pointings in degrees (haversine, exact for small angles, too)."""
    zenith1, zenith2 = math.radians(one.zenith), math.radians(other.zenith)
    azimuth = math.radians(one.azimuth - other.azimuth)
    half = (
        math.sin((zenith1 - zenith2) / 2) ** 2
        + math.sin(zenith1) * math.sin(zenith2) * math.sin(azimuth / 2) ** 2
    )
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half))))


def declination(line: str) -> float | None:
    """Declination in degrees of a training line by its name; None if it has another form."""
    found = _LINE.fullmatch(line)
    return (-1 if found[1] else 1) * int(found[2]) / 100 if found else None


@cache
def _table() -> dict[tuple[str, str, str], tuple[Node, ...]]:
    rows: dict[tuple[str, str, str], list[Node]] = {}
    with files(__package__).joinpath("lstprod2_nodes.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["dataset"], row["dec"], row["particle"]
            pointing = Node(row["dirname"], float(row["zenith_deg"]), float(row["azimuth_deg"]))
            rows.setdefault(key, []).append(pointing)
    return {key: tuple(nodes) for key, nodes in rows.items()}


def catalogue(dataset: str, particle: str, line: str = "") -> tuple[Node, ...]:
    """Nodes of the catalogue.

    Parameters
    ----------
    dataset : {"TrainingDataset", "TestDataset"}
        Name in the DL0 tree.
    particle : {"GammaDiffuse", "Protons", "Gamma"}
        Gamma has test nodes, the others have training nodes.
    line : str
        Training declination line, such as ``dec_2276``; test nodes belong to none.

    Returns
    -------
    tuple of Node
        Empty if there are none.
    """
    return _table().get((dataset, line, particle), ())


def declinations() -> tuple[str, ...]:
    """Training lines of the catalogue, by declination."""
    lines = {line for _, line, _ in _table() if line}
    return tuple(sorted(lines, key=lambda line: (declination(line) or 0.0, line)))
