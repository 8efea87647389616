"""Paths that look misspelt: close to what the production makes, or of another line than it."""

from __future__ import annotations

import difflib
import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from lstluigi.errors import shown
from lstluigi.layouts.nodes import Sample, sample
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep
from lstluigi.validation.findings import Finding, warning
from lstluigi.validation.preflight import key_of

#: How much alike a name and the one that is meant are, as difflib counts.
ALIKE = 0.75
#: The same for names of productions: those of two productions are alike, too.
SAME = 0.85
#: Names of a path but one, and the place of that one.
_AllButOne = tuple[int | str, ...]


class _Near(NamedTuple):
    """A product that a path is close to: the stage that makes it, and the names that differ."""

    alike: float
    stage: str
    given: str
    meant: str


class Nearby:
    """Looks for misspelt paths among those that steps read.

    Parameters
    ----------
    plan
        The production.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self._prod_id = plan, plan.config.prod_id
        self._makers = {made.path: node for node in plan.steps for made in node.makes}

    def findings(self, node: PlannedStep) -> Iterator[Finding]:
        """What is odd about the paths that a step reads."""
        misspelt: set[str] = set()
        outside = dict.fromkeys(reading.path for reading in self._plan.external(node))
        for path in (path for path in outside if path not in self._makers):
            where = f"{node.step.where(key_of(node, path))} ({path})"  # so that equal ones fold
            if (near := self._near(node, path)) is not None:
                what = (
                    f"no step makes it; the nearest that {near.stage} makes has "
                    f"{shown(near.meant)} in place of {shown(near.given)}"
                )
                misspelt.add(path)
                yield warning(where, what, "correct the path, unless an earlier run has made it")
            elif (maker := self._above(path)) is not None and maker.stage is not node.stage:
                what = f"no step makes it, and it lies inside what {maker.stage.name} makes"
                yield warning(where, what, f"read {maker.output}, or a file in it")
        yield from _another(node, misspelt)

    def _near(self, node: PlannedStep, path: str) -> _Near | None:
        """What another stage makes that differs from a path, or its directory, in one name."""
        for names in (path.split("/"), path.split("/")[:-1]):
            near = [
                _Near(alike, stage, given, meant)
                for at, given in enumerate(names)
                for meant, alike in self._meant(names, at)
                for stage in self._stages.get("/".join([*names[:at], meant, *names[at + 1 :]]), ())
                if stage != node.stage.name
            ]
            if near:
                return max(near)
        return None

    def _meant(self, names: Sequence[str], at: int) -> Iterator[tuple[str, float]]:
        """What may stand in place of one name of a path, and how much alike it is."""
        if self._prod_id in names:
            others, least = self._known.get((at, *names[:at], *names[at + 1 :]), set()), ALIKE
        else:  # of another production, or its own is misspelt
            others, least = {self._prod_id}, SAME
        for other in others:
            alike = difflib.SequenceMatcher(None, names[at], other).ratio()
            if least <= alike and other != names[at]:
                yield other, alike

    @cached_property
    def _stages(self) -> dict[str, set[str]]:
        """Stages that make a path, or something below it in the production's own tree."""
        stages: dict[str, set[str]] = defaultdict(set)
        for path, node in self._makers.items():
            stages[path].add(node.stage.name)
            while f"/{self._prod_id}/" in (path := os.path.dirname(path)):
                stages[path].add(node.stage.name)
        return dict(stages)

    @cached_property
    def _known(self) -> dict[_AllButOne, set[str]]:
        """What stands in these paths where one name is left out."""
        known: dict[_AllButOne, set[str]] = defaultdict(set)
        for path in self._stages:
            names = path.split("/")
            for at, name in enumerate(names):
                known[at, *names[:at], *names[at + 1 :]].add(name)
        return dict(known)

    def _above(self, path: str) -> PlannedStep | None:
        """The step that makes a directory above a path."""
        while (above := os.path.dirname(path)) != path:
            if above in self._makers:
                return self._makers[above]
            path = above
        return None


def _another(node: PlannedStep, misspelt: Collection[str]) -> Iterator[Finding]:
    """Paths of another declination line or pointing than what is made of them."""
    made = sample(node.output)
    for path in dict.fromkeys(r.path for r in node.readings if r.path not in misspelt):
        read, key = sample(path), key_of(node, path)
        for given, wanted in ((read.line, made.line), (_pointing(read), _pointing(made))):
            if given is not None and wanted is not None and given != wanted:
                what = f"{key} is of {given}, and the output of {wanted}"
                where = f"{node.step.where(key)} ({path})"
                yield warning(where, what, "check which of them is meant")


def _pointing(told: Sample) -> str | None:
    """A node in words; its name may differ between what is read and made."""
    node = told.node
    return None if node is None else f"zenith {node.zenith:g} deg, azimuth {node.azimuth:g} deg"
