"""The graph of a production as boxes: steps joined by stage and kind of data, or each by itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.nodes import sample
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.production.step import PlannedStep

__all__ = ["NAMES", "Box", "Drawing", "drawing", "kind", "state_of"]

#: What words of paths say data are of, in whatever letters they are.
PARTICLES = {
    "gammadiffuse": "diffuse gammas",
    "gamma": "gammas",
    "gammas": "gammas",
    "proton": "protons",
    "protons": "protons",
    "electron": "electrons",
    "electrons": "electrons",
}
HALVES = {
    "trainingdataset": "training",
    "testdataset": "test",
    "testingdataset": "test",
    "train": "training",
    "test": "test",
}
LEVELS = ("DL0", "DL1", "DL2", "models")


def state_of(status: State) -> str:
    """Name the state of a box whose steps stand so, in one word."""
    return status.name.lower()


#: States of boxes in the order of a legend, with their names there.
NAMES = {
    state_of(State.COMPLETE): State.COMPLETE.value,
    "partly": "partly complete",
    **{state_of(status): status.value for status in State if not status.satisfied},
    "outside": "from outside",
}
#: A box is shown as the first of these that one of its steps is in.
_BY_WEIGHT = (
    *(State.FAILED, State.OUTDATED, State.RUNNING),
    *(State.QUEUED, State.UNKNOWN, State.BLOCKED),
)
#: So many characters have room in a line of a box.
LINE = 27


@dataclass(frozen=True, order=True)
class Box:
    """Steps of one stage for one kind of data, one step, or what comes from outside.

    Parameters
    ----------
    stage : str
        Name of the stage; of the data level for what comes from outside.
    kind : str
        Which data, in words; may be empty.
    outside : bool
        Whether no step makes it.
    number : int
        Of the step in its stage; 0 where steps are joined.
    where : str
        The pointing of a single step, as far as its path tells.
    """

    stage: str
    kind: str = ""
    outside: bool = False
    number: int = 0
    where: str = ""


@dataclass(frozen=True)
class Drawing:
    """What is drawn.

    Parameters
    ----------
    counts : mapping of Box to int
        Every box with its number of steps, or of directories from outside.
    edges : frozenset of (Box, Box)
        What is read, and what reads it.
    statuses : mapping of Box to Counter of State
        Where the steps of each box stand; empty if that is not shown.
    """

    counts: Mapping[Box, int]
    edges: frozenset[tuple[Box, Box]]
    statuses: Mapping[Box, Counter[State]] = field(default_factory=dict)

    def state(self, box: Box) -> str:
        """Say how far a box is: one of `NAMES`, or `made` if that is not shown."""
        if box.outside:
            return "outside"
        if box not in self.statuses:
            return "made"
        found = self.statuses[box]
        for status in _BY_WEIGHT:
            if found[status]:
                return state_of(status)
        if found[State.MISSING]:
            return "partly" if _done(found) else state_of(State.MISSING)
        return state_of(State.COMPLETE)

    def legend(self) -> list[str]:
        """States of boxes that are there, as far as they are shown."""
        there = {self.state(box) for box in self.counts} if self.statuses else set()
        return [state for state in NAMES if state in there]

    def lines(self, box: Box) -> list[str]:
        """Tell what a box stands for, below the name of its stage."""
        count = self.counts[box]
        if box.outside:
            told = [f"{count} {'directory' if count == 1 else 'directories'}"]
        elif box in self.statuses:
            told = self._progress(box)
        else:
            told = [f"{count} {'step' if count == 1 else 'steps'}"]
        return list(filter(None, (box.kind, box.where, *told)))

    def _progress(self, box: Box) -> list[str]:
        count, found = self.counts[box], self.statuses[box]
        if count == 1:
            return [next((one.value for one in found if not one.satisfied), State.COMPLETE.value)]
        done = _done(found)
        words = [f"{done} of {count} complete"] if done else []
        words += [f"{found[one]} {one.value}" for one in State if found[one] and not one.satisfied]
        return _wrapped(words)


def _wrapped(words: Sequence[str]) -> list[str]:
    """Lines with as many of these as there is room for, none of them broken."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}, {word}" if lines else word
        lines[-1:] = [longer] if len(longer) <= LINE else [*lines[-1:], word]
    return lines


def _done(found: Counter[State]) -> int:
    return sum(count for status, count in found.items() if status.satisfied)


def kind(path: str) -> str:
    """Say what the data at a path are of, as far as it tells."""
    names = (name.lower() for name in path.split("/"))
    pieces = (piece for name in names for piece in (name, *re.split(r"[_.]", name)))
    parts = [piece.replace("-", "").replace("_", "") for piece in pieces]
    words = (next((names[p] for p in parts if p in names), "") for names in (PARTICLES, HALVES))
    return ", ".join(filter(None, words))


def drawing(plan: Plan, *, line: str = "", statuses: Sequence[State] = ()) -> Drawing:
    """Put the steps of a plan into boxes.

    Parameters
    ----------
    plan : Plan
        The production.
    line : str
        Training declination line, such as ``dec_2276``: each of its steps, and of those that they
        need, gets a box of its own. Without it, steps that do the same for the same kind of data
        are joined.
    statuses : sequence of State
        Where each step stands, by index; not shown if there are none.

    Raises
    ------
    LstluigiError
        No step is of this line.
    """
    steps = _of_line(plan, line) if line else plan.steps
    boxes = {node.index: _single(node) if line else _joined(node) for node in steps}
    counts = Counter(boxes.values())
    edges = set()
    outside: dict[Box, set[str]] = {}
    for node in steps:
        box = boxes[node.index]
        edges |= {(boxes[i], box) for i in plan.graph.producers[node.index]}
        for reading in plan.external(node):
            level = next((name for name in LEVELS if f"/{name}/" in reading.path), "files")
            source = Box(level, kind(reading.path) if level != "models" else "", outside=True)
            outside.setdefault(source, set()).add(reading.path)
            edges.add((source, box))
    found: dict[Box, Counter[State]] = {}
    if statuses:
        for index, box in boxes.items():
            found.setdefault(box, Counter())[statuses[index]] += 1
    return Drawing({**counts, **{b: len(p) for b, p in outside.items()}}, frozenset(edges), found)


def _of_line(plan: Plan, line: str) -> Sequence[PlannedStep]:
    """Steps whose paths name a line, and all that these need."""
    lines = [{sample(made.path).line for made in node.makes} for node in plan.steps]
    mine = {node.index for node in plan.steps if line in lines[node.index]}
    if not mine:
        there = sorted(name for name in set().union(*lines) if name)
        known = f"there are {', '.join(there)}" if there else "no path names a line"
        raise LstluigiError(f"no step is of the line {shown(line)}: {known}")
    mine |= {above for index in mine for above in plan.graph.ancestors(index)}
    return [node for node in plan.steps if node.index in mine]


def _joined(node: PlannedStep) -> Box:
    return Box(node.step.stage, _kind(node))


def _single(node: PlannedStep) -> Box:
    pointing = sample(node.output).node
    where = f"zenith {pointing.zenith:g}°, az {pointing.azimuth:g}°" if pointing else ""
    return Box(node.step.stage, _kind(node), number=node.step.number, where=where)


def _kind(node: PlannedStep) -> str:
    """Say what a step is about: a split about both halves of its particle, training about all."""
    if node.step.stage == "train_pipe":
        return ""
    kinds = [kind(made.path) for made in node.makes]
    return kinds[0] if len(set(kinds)) == 1 else kinds[0].split(",")[0]
