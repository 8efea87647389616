"""A few steps of a production that stand for all: one of each kind, with what they read.

Two steps are of one kind if they are of one stage, with the same options, about the same particle,
and if the same stages make something of their products, near or far: the training protons of all
nodes of all declination lines are one kind, those of the test nodes another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep
from lstluigi.toy.smoke.particles import particle_of

#: Stages that make something of a step's product, near or far, and the inputs under which they do.
_Uses = frozenset[tuple[str, str]]


def kinds(plan: Plan) -> Mapping[int, int]:
    """The kind of each step, by its index."""
    numbers: dict[object, int] = {}
    found: dict[int, int] = {}
    uses: dict[int, _Uses] = {}
    for index in reversed(plan.graph.order):
        node = plan.steps[index]
        consumers = plan.consumers(node)
        near = {(consumer.step.stage, _input_name(node, consumer)) for consumer in consumers}
        uses[index] = frozenset(near).union(*(uses[consumer.index] for consumer in consumers))
        settings = tuple(sorted((name, str(value)) for name, value in node.step.settings.items()))
        particle = particle_of(node.output, plan.config.prod_id)
        key = (node.step.stage, node.step.arguments, settings, particle, uses[index])
        found[index] = numbers.setdefault(key, len(numbers))
    return found


def _input_name(node: PlannedStep, consumer: PlannedStep) -> str:
    made = {product.path for product in node.makes}
    return next((name for name, path in consumer.step.inputs.items() if path in made), "")


def representatives(plan: Plan) -> list[int]:
    """Steps, by index and in order, that hold one step of each kind and what it reads.

    Of the many steps that one step reads (the nodes of a line that are merged), one of each kind
    is taken.
    """
    kind = kinds(plan)
    members: dict[int, list[int]] = defaultdict(list)
    # what nothing reads comes first, so that each step taken brings those that it reads along
    for index in reversed(plan.graph.order):
        members[kind[index]].append(index)
    chosen: set[int] = set()
    for number, steps in members.items():
        if not any(kind[index] == number for index in chosen):
            added = (_with_inputs(plan, index, kind, chosen) for index in sorted(steps))
            chosen |= min(added, key=len)
    return sorted(chosen)


def _with_inputs(plan: Plan, index: int, kind: Mapping[int, int], chosen: set[int]) -> set[int]:
    """A step, and of what it needs that is not chosen yet, one step of each kind."""
    todo = [index]
    seen: set[int] = set()
    while todo:
        current = todo.pop()
        if current in seen or current in chosen:
            continue
        seen.add(current)
        todo += _one_of_each(plan.graph.producers[current], kind, chosen | seen)
    return seen


def _one_of_each(steps: Sequence[int], kind: Mapping[int, int], chosen: set[int]) -> list[int]:
    """One step of each kind among these; the one chosen already, if there is one."""
    picked: dict[int, int] = {}
    for index in sorted(steps, key=lambda step: (step not in chosen, step)):
        picked.setdefault(kind[index], index)
    return list(picked.values())
