"""Which pointing nodes a production trains with and which it tests with, by where data go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from lstluigi.layouts.nodes import sample
from lstluigi.layouts.plots.sets import PointingSet, kind_of, pointing_sets
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep
from lstluigi.stages.base import Reading

__all__ = ["nodes"]

TRAINING, TEST = "train_pipe", "dl1_to_dl2"


def nodes(plan: Plan) -> list[PointingSet]:
    """Nodes whose data models are trained with, by line, then those that they are applied to.

    What a step divides, such as diffuse gammas, is for tests as far as no training reads it. Data
    that neither reads are what their paths call them.
    """
    training, test = _Trace(plan), _Trace(plan)
    for node in plan.steps:
        if node.step.stage == TRAINING:
            training.follow(node, node.readings)
        elif node.step.stage == TEST:
            test.follow(node, [r for r in node.readings if r.path == node.step.path("input")])
            test.paths.update(made.path for made in node.makes)
    for node, left in list(training.divided()):
        test.paths |= left
        test.follow(node, node.readings)
    known = training.steps | test.steps
    others = [path for n in plan.steps if n.index not in known for path in _paths(n)]
    called = {kind: [p for p in others if kind_of(p) == kind] for kind in ("training", "test")}
    trained = pointing_sets(training.paths, kind="training")
    unused = pointing_sets(called["training"], kind="training")
    if trained:
        unused = tuple(replace(one, label=f"{one.label}, not trained with") for one in unused)
    return [*trained, *unused, *pointing_sets([*test.paths, *called["test"]], kind="test")]


def _paths(node: PlannedStep) -> Iterator[str]:
    yield from (made.path for made in node.makes)
    yield from (reading.path for reading in node.readings)


@dataclass
class _Trace:
    """Where data come from.

    Attributes
    ----------
    paths
        Every path on their way.
    steps
        Indices of the steps that they have gone through, and of those that read them at last.
    """

    plan: Plan
    paths: set[str] = field(default_factory=set)
    steps: set[int] = field(default_factory=set)

    def follow(self, node: PlannedStep, readings: Iterable[Reading]) -> None:
        """Go back from what a step reads; neither configs nor models are data."""
        self.steps.add(node.index)
        waiting = [(node, reading) for reading in readings]
        while waiting:
            reader, reading = waiting.pop()
            self.paths.update(self._from_outside(reader, reading))
            for producer, made in self.plan.data(reader, reading):
                self.paths.add(made.path)
                if producer.index not in self.steps:
                    self.steps.add(producer.index)
                    waiting += [(producer, r) for r in producer.readings if not r.aside]

    def _from_outside(self, reader: PlannedStep, reading: Reading) -> Iterator[str]:
        """The path, or the files below that no step makes where only they name their node."""
        yield reading.path
        if reading.pattern is not None and sample(reading.path).node is None:
            yield from self.plan.outside.files(reader, reading, self.plan.manifest(reader))

    def divided(self) -> Iterator[tuple[PlannedStep, set[str]]]:
        """Steps of which only a part is on the way, with the rest of what they make."""
        for index in self.steps:
            made = {made.path for made in self.plan.steps[index].makes}
            if made & self.paths and made - self.paths:
                yield self.plan.steps[index], made - self.paths
