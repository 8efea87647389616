"""IRFs and sensitivities whose files are all right, and whose numbers would be wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lstluigi.errors import Problem
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep

__all__ = ["event_problems"]

#: Stages that make files of the events that they read, all of them.
_SAME_EVENTS = ("r0_to_dl1", "dl1ab", "merge_dl1")
_FROM_DL2 = ("dl2_to_irfs", "dl2_to_sensitivity")


def event_problems(plan: Plan) -> Iterator[Problem]:
    """Yield steps from DL2 on that would mix models, or count events that models were trained on.

    Parameters
    ----------
    plan
        The production. Only what its own steps reconstruct is known.
    """
    sources = _Sources(plan)
    for node in plan.steps:
        if node.step.stage in _FROM_DL2:
            makers = [maker for maker in plan.producers(node) if maker.step.path_model]
            yield from _other_models(node, makers)
            for maker in makers:
                yield from _trained_on(plan, node, maker, sources)


def _other_models(node: PlannedStep, makers: list[PlannedStep]) -> Iterator[Problem]:
    """A cut in gammaness means something for the events of one set of models."""
    models = {os.path.realpath(str(maker.step.path_model)): maker for maker in makers}
    if len(models) > 1:
        first, second = list(models.values())[:2]
        what = (
            f"its inputs are reconstructed with different models, {first.step.path_model} by "
            f"{first} and {second.step.path_model} by {second}"
        )
        yield Problem(node.step.where("input"), what, "give both steps the same path_model")


def _trained_on(
    plan: Plan, node: PlannedStep, maker: PlannedStep, sources: _Sources
) -> Iterator[Problem]:
    """Models know the events that they were trained on, and reconstruct them too well."""
    models = os.path.normpath(str(maker.step.path_model))
    trainers = (
        one
        for one in plan.producers(maker)
        if any(os.path.normpath(made.path) == models for made in one.makes)
    )
    for trainer in trainers:
        if shared := sources.of(maker) & sources.of(trainer):
            path, _ = min(shared)
            what = (
                f"{maker} reconstructs events of {path}, on which {trainer} trains its models, so "
                "that the performance would look too good"
            )
            yield Problem(node.step.where("input"), what, "split the events, or use other ones")


class _Sources:
    """Where the events of steps come from: paths from outside, and the halves of a split."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[int, frozenset[tuple[str, str]]] = {}

    def of(self, node: PlannedStep) -> frozenset[tuple[str, str]]:
        """Return paths, each with the pattern by which it is read."""
        if node.index not in self._known:
            self._known[node.index] = frozenset()  # in a cycle, which is refused elsewhere
            self._known[node.index] = frozenset(self._read(node))
        return self._known[node.index]

    def _read(self, node: PlannedStep) -> Iterator[tuple[str, str]]:
        for reading in node.readings:
            if reading.aside:
                continue
            made_here = False
            for producer, made in self._plan.data(node, reading):
                made_here = True
                if producer.step.stage in _SAME_EVENTS:
                    yield from self.of(producer)
                else:
                    yield os.path.normpath(made.path), ""
            if not made_here:
                yield os.path.normpath(reading.path), reading.pattern or ""
