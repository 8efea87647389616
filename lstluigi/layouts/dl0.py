"""Which pointing nodes have DL0: as the disk has them, or as the catalogue does.

The particles of a training line need the same pointings. Their directories may have other names,
so they are matched by angle.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal, TypeAlias

from lstluigi.config.section import meant
from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.nodes import (
    ALONE,
    Node,
    catalogue,
    declination,
    declinations,
    scan,
    separation,
)

__all__ = ["DL0", "TOLERANCE", "NodeSource", "Pointing", "paired", "some"]

NodeSource: TypeAlias = Literal["auto", "scan", "catalogue"]
#: The node of each particle at one pointing.
Pointing: TypeAlias = Mapping[str, Node]

#: Names give angles to 0.001 deg, so two names of one pointing differ by at most 0.0015 deg. The
#: nearest two nodes of a line are 0.07 deg apart (dec_6166_high_density).
TOLERANCE = 0.01

#: Of more names than these, so many are told.
MANY, EXAMPLES = 6, 3

TREE = "mc/DL0/LSTProd2"
#: Ends of the names of the files that r0_to_dl1 reads.
SIMTEL = (".simtel.gz", ".simtel.zst")
DATASETS = {"TrainingDataset": "training", "TestDataset": "test"}


class DL0:
    """The LSTProd2 simulations, each directory listed once, and what was noticed there.

    Parameters
    ----------
    root : str
        Absolute path of the directory that holds ``mc`` and ``models``.
    nodes : {"auto", "scan", "catalogue"}
        Where the nodes are looked up; "auto" is "scan" where the tree exists, else "catalogue".
    """

    def __init__(self, root: str, nodes: NodeSource = "auto") -> None:
        self.root = root
        self.tree = f"{root}/{TREE}"
        #: Sentences for the user, each once.
        self.notices: list[str] = []
        self._source = nodes
        self._found: dict[str, tuple[Node, ...]] = {}
        self._holds: dict[tuple[str, tuple[str, ...]], bool] = {}

    @cached_property
    def _there(self) -> bool:
        return os.path.isdir(self.tree)

    @cached_property
    def scanned(self) -> bool:
        """Whether the nodes are those on disk.

        Raises
        ------
        LstluigiError
            They are to be, and there is no tree.
        """
        if self._source == "scan" and not self._there:
            raise LstluigiError(
                f"there is no DL0 to scan at {shown(self.tree)}; name the right root, or take the "
                "nodes from the catalogue"
            )
        return self._there and self._source != "catalogue"

    def note(self, sentence: str) -> None:
        """Tell the user something, once."""
        if sentence not in self.notices:
            self.notices.append(sentence)

    def holds(self, directory: str, *endings: str) -> bool:
        """Whether a directory has a file whose name ends like one of these."""
        key = directory, endings
        if key not in self._holds:
            try:
                with os.scandir(directory) as entries:
                    self._holds[key] = any(entry.name.endswith(endings) for entry in entries)
            except (FileNotFoundError, NotADirectoryError):
                self._holds[key] = False
            except OSError as error:
                raise LstluigiError(
                    f"{shown(directory)} cannot be listed ({error.strerror})"
                ) from None
        return self._holds[key]

    def nodes(self, dataset: str, particle: str, line: str, place: str) -> tuple[Node, ...]:
        """Nodes with DL0.

        Parameters
        ----------
        dataset : {"TrainingDataset", "TestDataset"}
            Name in the DL0 tree.
        particle : str
            Name in the DL0 tree, such as ``GammaDiffuse``; ``Gamma`` for test nodes.
        line : str
            Training declination line; empty for test nodes.
        place : str
            Where the simtel files of a node lie, with ``{pointing}`` for the node's name.
        """
        if not self.scanned:
            asked = self._source == "catalogue"
            why = "as asked for" if asked else f"{self.tree} does not exist here"
            self.note(f"The nodes are those of the catalogue in lstluigi ({why}).")
            return catalogue(dataset, particle, line)
        self.note(f"The nodes are those with simtel files below {self.tree}.")
        if place not in self._found:
            self._found[place] = self._scan(place)
            self._compare(dataset, particle, line, self._found[place])
        return self._found[place]

    def _scan(self, place: str) -> tuple[Node, ...]:
        directory = place.partition("{pointing}")[0].rstrip("/")
        try:
            found = scan(directory)
        except OSError as error:
            raise LstluigiError(f"{shown(directory)} cannot be listed ({error.strerror})") from None
        places = {n.name: place.replace("{pointing}", n.name) for n in found}
        empty = [name for name, inner in places.items() if not self.holds(inner, *SIMTEL)]
        if empty:
            what = f"{_counted(empty, 'node')} without simtel files"
            self.note(f"{what} {_is(empty)} left out{some(empty)} in {directory}.")
        return tuple(n for n in found if n.name not in empty)

    def _compare(self, dataset: str, particle: str, line: str, found: Sequence[Node]) -> None:
        """Tell the nodes that the disk and the catalogue do not share."""
        known = catalogue(dataset, particle, line)
        kind, of = f"{particle} {DATASETS[dataset]} node", f" of {line}" if line else ""
        if found and not known:
            self.note(f"The catalogue has no {kind}s{of}; those on disk are taken.")
            return
        for there, here, where, done in (
            (found, known, "on disk and not in the catalogue", "taken"),
            (known, found, "in the catalogue and not on disk", "left out"),
        ):
            if other := without(there, here):
                what = f"{_counted(other, kind)}{of} {_is(other)} {where}"
                self.note(f"{what}, and {_is(other)} {done}{some([n.name for n in other])}.")

    def lines(self, particles: Sequence[str]) -> tuple[str, ...]:
        """Training lines that have nodes for all particles; tell those of some only."""
        if not self.scanned:
            return declinations()
        have = {particle: self._directories(particle) for particle in particles}
        every = dict.fromkeys(line for lines in have.values() for line in lines)
        for line in every:
            some = [particle for particle in particles if line in have[particle]]
            if len(some) < len(particles):
                self.note(
                    f"The line {line} has {' and '.join(some)} only on disk; no models can be "
                    "trained with it."
                )
        shared = [line for line in every if all(line in lines for lines in have.values())]
        return tuple(sorted(shared, key=lambda line: (declination(line) or 0.0, line)))

    def _directories(self, particle: str) -> list[str]:
        try:
            with os.scandir(f"{self.tree}/TrainingDataset/{particle}") as entries:
                return [e.name for e in entries if declination(e.name) is not None and e.is_dir()]
        except OSError:
            return []

    def training(self, line: str, places: Mapping[str, str]) -> list[Pointing]:
        """Pointings of a training line that all particles have.

        Parameters
        ----------
        line : str
            The declination line.
        places : mapping of str to str
            For each particle, where the simtel files of a node lie, with ``{pointing}``.

        Raises
        ------
        LstluigiError
            There is none.
        """
        lists = {
            particle: self.nodes("TrainingDataset", particle, line, place)
            for particle, place in places.items()
        }
        lines = self.lines(tuple(places))
        have = [particle for particle, nodes in lists.items() if nodes]
        if len(have) < len(lists):
            only = f" but for {' and '.join(have)}" if have else ""
            if not have and line in ALONE:
                only = f" (it was simulated for {ALONE[line]} only)"
            raise LstluigiError(
                f"the declination {shown(line)} has no training nodes {self._where()}{only}; "
                f"{_lines_there(line, lines)}"
            )
        pointings, alone = paired(lists)
        for particle in lists:
            if only_its := [node.name for kind, node in alone if kind == particle]:
                self.note(
                    f"{_counted(only_its, 'node')} of {line} {_is(only_its)} left out, as "
                    f"{particle} alone has {_it(only_its)} within {TOLERANCE} deg"
                    f"{some(only_its)}."
                )
        if not pointings:
            raise LstluigiError(
                f"no training node of {shown(line)} is there for all of {', '.join(lists)} "
                f"{self._where()}; choose another declination"
            )
        return pointings

    def test(self, particle: str, place: str) -> list[Pointing]:
        """Pointings for tests.

        Raises
        ------
        LstluigiError
            There is none.
        """
        pointings, _ = paired({particle: self.nodes("TestDataset", particle, "", place)})
        if not pointings:
            raise LstluigiError(
                f"no test node of {particle} has simtel files in "
                f"{shown(place.partition('{pointing}')[0])}; name the right root, or take the "
                "nodes from the catalogue"
            )
        return pointings

    def _where(self) -> str:
        return f"below {self.tree}" if self.scanned else "in the catalogue"


def _counted(nodes: Sequence[object], noun: str) -> str:
    return f"{len(nodes)} {noun}{'' if len(nodes) == 1 else 's'}"


def some(names: Sequence[str]) -> str:
    """Go on after what is said of names: with all of a few, or with examples."""
    if len(names) <= MANY:
        return f": {', '.join(names)}"
    return f", such as {', '.join(names[: EXAMPLES - 1])} and {names[EXAMPLES - 1]}"


def _it(nodes: Sequence[object]) -> str:
    return "it" if len(nodes) == 1 else "them"


def _is(nodes: Sequence[object]) -> str:
    return "is" if len(nodes) == 1 else "are"


def _lines_there(line: str, lines: Sequence[str]) -> str:
    """Say which lines there are, the nearest in declination first."""
    if not lines:
        return "there are no lines at all"
    degrees = declination(line)
    if degrees is None:
        # what all names begin with makes none of them alike
        short = {other.removeprefix("dec_"): other for other in lines}
        near = meant(line.removeprefix("dec_"), tuple(short))
        return f"write {short[near]!r}" if near else f"known here: {', '.join(lines)}"
    by_distance = sorted(lines, key=lambda other: abs((declination(other) or 0.0) - degrees))
    return f"there are, nearest first, {', '.join(by_distance)}"


def without(nodes: Sequence[Node], others: Sequence[Node]) -> list[Node]:
    """Nodes with no other one at their pointing."""
    left = _ByZenith(others)
    return [node for node in nodes if left.near(node) is None]


def paired(
    lists: Mapping[str, Sequence[Node]],
) -> tuple[list[Pointing], list[tuple[str, Node]]]:
    """Match the nodes of several particles by angle.

    Parameters
    ----------
    lists : mapping of str to sequence of Node
        The nodes of each particle; at least one particle.

    Returns
    -------
    pointings : list of mapping of str to Node
        Those that all have, by falling zenith angle, then by azimuth.
    alone : list of (str, Node)
        The other nodes, each with its particle.
    """
    first = next(iter(lists))
    left = {particle: _ByZenith(nodes) for particle, nodes in lists.items()}
    pointings: list[Pointing] = []
    for node in sorted(lists[first], key=lambda n: (-n.zenith, n.azimuth % 360)):
        found = {particle: nodes.near(node) for particle, nodes in left.items()}
        pointing = {particle: match for particle, match in found.items() if match is not None}
        if len(pointing) == len(lists):
            pointing[first] = node
            pointings.append(pointing)
            for particle, match in pointing.items():
                left[particle].take(match)
    alone = [(particle, node) for particle, nodes in left.items() for node in nodes]
    return pointings, alone


class _ByZenith(list[Node]):
    """Nodes by zenith angle, which differs by no more than the pointings do."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        super().__init__(sorted(nodes, key=lambda node: node.zenith))

    def near(self, node: Node) -> Node | None:
        """The nearest one within the tolerance."""
        start = bisect_left(self, node.zenith - TOLERANCE, key=lambda other: other.zenith)
        best: tuple[float, Node] | None = None
        for other in self[start:]:
            if other.zenith > node.zenith + TOLERANCE:
                break
            angle = separation(node, other)
            if angle <= TOLERANCE and (best is None or angle < best[0]):
                best = angle, other
        return best[1] if best else None

    def take(self, node: Node) -> None:
        """Take a node out."""
        self.remove(node)
