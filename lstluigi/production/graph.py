"""Edges between steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lstluigi.production.paths import Read, parent, reaches
from lstluigi.stages.base import Made

__all__ = ["Graph", "GraphProblem", "LeftOut"]


@dataclass(frozen=True)
class GraphProblem:
    """Why a production cannot run.

    Parameters
    ----------
    kind : "same output" or "cycle"
        One path is made more than once, or steps wait for each other in a circle.
    nodes : tuple of int
        The steps; in a cycle each reads what the one before makes, the first what the last makes.
    paths : tuple of str
        The path made by all; in a cycle, for each step, what of it the next one reads.
    """

    kind: Literal["same output", "cycle"]
    nodes: tuple[int, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """What matches a pattern that a step reads, and is left out.

    Parameters
    ----------
    node : int
        The step that reads.
    path : str
        The step's own product, a file or a directory below the one that it reads; or a file that is
        put into a directory that another step makes, and so is no part of that product.
    """

    node: int
    path: str


@dataclass(frozen=True)
class Graph:
    """The steps of a production and what they need from each other.

    Built by `Graph.build`; a step is known by its position in the argument.

    Attributes
    ----------
    producers, consumers : tuple of tuple of int
        For each step, those whose products it reads, and those that read its products; ascending.
    external : tuple of tuple of Read
        For each step, what it reads and no other step makes.
    order : tuple of int
        The steps, producers first; without those in or behind a cycle.
    problems : tuple of GraphProblem
        Empty for a production that can run.
    notices : tuple of LeftOut
        Files left out.
    """

    producers: tuple[tuple[int, ...], ...]
    consumers: tuple[tuple[int, ...], ...]
    external: tuple[tuple[Read, ...], ...]
    order: tuple[int, ...]
    problems: tuple[GraphProblem, ...]
    notices: tuple[LeftOut, ...]

    @classmethod
    def build(cls, nodes: Sequence[tuple[Sequence[Made], Sequence[Read]]]) -> Graph:
        """Find the edges between steps.

        Parameters
        ----------
        nodes : sequence of (sequence of Made, sequence of Read)
            What each step makes and reads.
        """
        index = _Index(nodes)
        links: list[dict[int, str]] = []
        external: list[tuple[Read, ...]] = []
        notices: list[LeftOut] = []
        for node, (_, reads) in enumerate(nodes):
            found = [index.find(read, node, notices) for read in reads]
            external.append(
                tuple(read for read, makers in zip(reads, found, strict=True) if not makers)
            )
            links.append({maker: path for makers in found for maker, path in makers.items()})
        producers = tuple(tuple(sorted(link.keys() - {node})) for node, link in enumerate(links))
        consumers = _turned(producers)
        order = _order(producers, consumers)
        problems = (*index.clashes(), *_cycles(links, producers, order))
        return cls(producers, consumers, tuple(external), order, problems, tuple(notices))

    def ancestors(self, node: int) -> frozenset[int]:
        """Return the steps that a step needs, directly or not."""
        return _reached(node, self.producers)

    def descendants(self, node: int) -> frozenset[int]:
        """Return the steps that need a step, directly or not."""
        return _reached(node, self.consumers)


class _Index:
    """What all steps make, by path and by the directories that are read."""

    def __init__(self, nodes: Sequence[tuple[Sequence[Made], Sequence[Read]]]) -> None:
        #: Makers of each path.
        self._made: dict[str, list[tuple[int, Made]]] = defaultdict(list)
        #: Files made right in each directory.
        self._inside: dict[str, list[tuple[int, Made]]] = defaultdict(list)
        #: Whatever is made at or below each directory that is read with a pattern.
        self._below: dict[str, list[tuple[int, Made]]] = {
            read.path.rstrip("/"): []
            for _, reads in nodes
            for read in reads
            if read.pattern is not None
        }
        self._found: dict[Read, list[tuple[int, Made]]] = {}
        self._own = [makes for makes, _ in nodes]
        for node, (makes, _) in enumerate(nodes):
            for made in makes:
                self._add(node, made)

    def _add(self, node: int, made: Made) -> None:
        self._made[made.path].append((node, made))
        if not made.directory:
            self._inside[parent(made.path)].append((node, made))
        for directory in _upwards(made.path):
            if directory in self._below:
                self._below[directory].append((node, made))

    def find(self, read: Read, node: int, notices: list[LeftOut]) -> dict[int, str]:
        """Return the makers of what a step reads, each with a path; note what is left out."""
        makers: dict[int, str] = {}
        for maker, made in self._candidates(read):
            if read.pattern is not None and self._foreign(read, made, maker, node):
                notices.append(LeftOut(node, made.path))
            else:
                makers[maker] = made.path
        if read.pattern is not None and (own := self._around(read, node, bool(makers))):
            makers[node] = own
        return makers

    def _around(self, read: Read, node: int, served: bool) -> str | None:
        """The directory that a step makes where it reads, or around files that no step makes.

        What lies there is taken for its product: what it reads could not be told from that.
        """
        root = read.path.rstrip("/")
        for made in self._own[node]:
            inside = root == made.path or (not served and root.startswith(f"{made.path}/"))
            if made.directory and inside:
                return made.path
        return None

    def _foreign(self, read: Read, made: Made, maker: int, reader: int) -> bool:
        """Whether something matches a pattern by its place only: see `LeftOut`."""
        if maker == reader:
            return not (made.directory and made.path == read.path.rstrip("/"))
        around = self._made.get(parent(made.path), ())
        return not made.directory and any(o.directory and owner != maker for owner, o in around)

    def _candidates(self, read: Read) -> list[tuple[int, Made]]:
        if read not in self._found:
            self._found[read] = (
                self._by_path(read.path) if read.pattern is None else self._by_pattern(read)
            )
        return self._found[read]

    def _by_path(self, path: str) -> list[tuple[int, Made]]:
        """Makers of a path, else of the directory around it, else of files right in it."""
        exact = self._made.get(path)
        around = [entry for entry in self._made.get(parent(path), ()) if entry[1].directory]
        return exact or around or self._inside.get(path, [])

    def _by_pattern(self, read: Read) -> list[tuple[int, Made]]:
        return [entry for entry in self._below[read.path.rstrip("/")] if reaches(read, entry[1])]

    def clashes(self) -> Iterator[GraphProblem]:
        """Yield the paths that are made more than once."""
        for path, makers in self._made.items():
            if len(makers) > 1:
                nodes = tuple(sorted({node for node, _ in makers}))
                yield GraphProblem("same output", nodes, (path,))


def _upwards(path: str) -> Iterator[str]:
    """Yield a path and every directory around it; the root is the empty text."""
    yield path
    while path:
        path = parent(path)
        yield path


def _turned(producers: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    consumers: list[list[int]] = [[] for _ in producers]
    for node, makers in enumerate(producers):
        for maker in makers:
            consumers[maker].append(node)
    return tuple(map(tuple, consumers))


def _reached(start: int, edges: Sequence[Sequence[int]]) -> frozenset[int]:
    found: set[int] = set()
    todo = list(edges[start])
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += edges[node]
    return frozenset(found)


def _order(
    producers: Sequence[Sequence[int]], consumers: Sequence[Sequence[int]]
) -> tuple[int, ...]:
    waits_for = [len(makers) for makers in producers]
    order = [node for node, count in enumerate(waits_for) if not count]
    for node in order:  # grows while it is walked
        for consumer in consumers[node]:
            waits_for[consumer] -= 1
            if not waits_for[consumer]:
                order.append(consumer)
    return tuple(order)


def _cycles(
    links: Sequence[dict[int, str]], producers: Sequence[Sequence[int]], order: Sequence[int]
) -> Iterator[GraphProblem]:
    """Yield the steps that need their own product, and a cycle of each knot of steps."""
    for node, makers in enumerate(links):
        if node in makers:
            yield GraphProblem("cycle", (node,), (makers[node],))
    ordered = frozenset(order)
    walked = set(order)
    for start in range(len(links)):
        # A step that is not ordered has a producer that is not: the walk ends on itself, or on
        # an earlier walk.
        walk: list[int] = []
        node = start
        while node not in walked:
            walked.add(node)
            walk.append(node)
            node = next(maker for maker in producers[node] if maker not in ordered)
        if node in walk:
            circle = walk[walk.index(node) :][::-1]
            readers = [*circle[1:], circle[0]]
            paths = [links[reader][maker] for maker, reader in zip(circle, readers, strict=True)]
            yield GraphProblem("cycle", tuple(circle), tuple(paths))
