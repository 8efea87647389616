"""Ways from step to step that lead nowhere: made and not read, or read as what it is not."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import permutations

from lstluigi.errors import shown
from lstluigi.layouts.nodes import Node, sample, separation
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep
from lstluigi.stages.base import Made, Reading
from lstluigi.stages.merge_dl1 import stays_below
from lstluigi.validation.findings import Finding, error, warning
from lstluigi.validation.preflight import key_of

#: How the names of DL1 files end, whichever step makes them.
DL1 = ".h5"
#: Stages whose products are pieces, of which nobody has a use before they are put together.
PIECES = ("r0_to_dl1", "dl1ab", "train_test_split")
#: Directories of one pointing differ between particles in the last digits (degrees).
SAME = 0.1


class Routes:
    """Looks for steps that do not find each other.

    Parameters
    ----------
    plan
        The production.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._made = {made.path: (made, node) for node in plan.steps for made in node.makes}
        #: What is read, one by one, and no step makes, by directory.
        self._lacking: dict[str, list[tuple[PlannedStep, str]]] = defaultdict(list)
        for node in plan.steps:
            for reading in plan.external(node):
                if reading.pattern is None:
                    self._lacking[os.path.dirname(reading.path)].append((node, reading.path))
        consumers = plan.graph.consumers
        #: Stages of which at least one product is read.
        self._read = {node.step.stage for node in plan.steps if consumers[node.index]}

    def findings(self) -> Iterator[Finding]:
        """Everything at once."""
        for node in self._plan.steps:
            for reading in self._plan.external(node):
                yield from self._outside(node, reading)
            yield from self._suffix(node)
        unread = [finding for node in self._plan.steps for finding in self._unread(node)]
        yield from unread
        if not unread:  # what nobody reads is what a particle lacks
            for node in self._plan.steps:
                yield from self._one_sided(node)

    def _outside(self, node: PlannedStep, reading: Reading) -> Iterator[Finding]:
        """A file where a directory is expected, and a pattern that fits nothing in one."""
        if reading.pattern is None or not stays_below(reading.pattern):  # which is told
            return
        key = key_of(node, reading.path)
        where = f"{node.step.where(key)} ({reading.path})"
        made, maker = self._made.get(reading.path, (None, None))
        if made is not None and not made.directory:
            what = f"a directory is expected, and {maker} makes a file there"
            swapped = next((k for k in self._directories(node) if k != key), None)
            mend = "name the directory" if swapped is None else f"{key} and {swapped} seem swapped"
            yield error(where, what, mend)
        elif below := self._below(node, reading.path):
            name = os.path.relpath(below.path, reading.path)
            what = (
                f"the pattern {shown(reading.pattern)} matches nothing of what steps make there, "
                f"such as {name}{'/' if below.directory else ''}"
            )
            mend = f"let {key} be the directory that holds the files"
            if node.step.stage == "merge_dl1":
                mend = "give one that does, such as --pattern '**/*.h5'"
            yield error(where, what, mend)

    def _directories(self, node: PlannedStep) -> Iterator[str]:
        """Keys that name a directory made by a step where a file is expected."""
        for reading in node.readings:
            made, _ = self._made.get(reading.path, (None, None))
            if reading.pattern is None and made is not None and made.directory:
                yield key_of(node, reading.path)

    def _below(self, node: PlannedStep, directory: str) -> Made | None:
        """The first of what other steps make below a directory."""
        root = f"{directory.rstrip('/')}/"
        return next(
            (
                made
                for path, (made, maker) in self._made.items()
                if path.startswith(root) and maker is not node
            ),
            None,
        )

    def _suffix(self, node: PlannedStep) -> Iterator[Finding]:
        """A pattern that no name of a DL1 file fits; the graph knows no names in directories."""
        for reading in node.readings if node.step.stage == "merge_dl1" else ():
            end = (reading.pattern or "").rpartition("/")[2].rpartition("*")[2]
            served = self._plan.graph.producers[node.index]
            if served and not any(c in end for c in "?[]") and not _ends_alike(end):
                what = f"the pattern {shown(reading.pattern)} matches no DL1 file: they are *{DL1}"
                yield error(node.step.where("options"), what, f"let it end in {DL1}")

    def _unread(self, node: PlannedStep) -> Iterator[Finding]:
        """A product that nobody reads, though others of its stage are read, or one is missing."""
        if self._plan.graph.consumers[node.index]:
            return
        missed = [
            entry
            for made in node.makes
            for entry in self._lacking.get(os.path.dirname(made.path), ())
            if entry[0].stage is not node.stage
        ]
        where = f"{node.step.where('output')} ({node.output})"
        if missed:
            reader, path = missed[0]
            what = f"no step reads it, and no step makes {path}, which {reader} reads"
            yield warning(where, what, "let both be of one name")
        elif node.step.stage in PIECES and node.step.stage in self._read:
            what = f"no step reads it, as others read what {node.step.stage} makes"
            yield warning(where, what, "correct the path, or take the step out")

    def _one_sided(self, node: PlannedStep) -> Iterator[Finding]:
        """Pointings that only one of the particles of a training has."""
        if node.step.stage != "train_pipe" or not isinstance(node.step.input, Mapping):
            return
        pointings = {name: self._pointings(path) for name, path in node.step.input.items()}
        for name, other in permutations(pointings, 2):
            its = pointings[other]
            alone = [one for one in pointings[name] if all(separation(one, o) > SAME for o in its)]
            if its and alone:
                what = (
                    f"{name} has {len(alone)} pointing(s) that {other} has not, such as zenith "
                    f"{alone[0].zenith:g} deg, azimuth {alone[0].azimuth:g} deg"
                )
                mend = "add the steps that are missing, or take these out"
                yield warning(node.step.where("input"), what, mend)

    def _pointings(self, path: str) -> list[Node]:
        """Pointings of the simulations that a file is made of."""
        if path not in self._made:
            return []
        index = self._made[path][1].index
        above = {index, *self._plan.graph.ancestors(index)}
        paths = (reading.path for i in above for reading in self._plan.steps[i].readings)
        nodes = {(n.zenith, n.azimuth): n for n in (sample(one).node for one in paths) if n}
        return [nodes[pointing] for pointing in sorted(nodes)]


def _ends_alike(end: str) -> bool:
    """May a name that ends so be one of a DL1 file?"""
    return end.endswith(DL1) or DL1.endswith(end)
