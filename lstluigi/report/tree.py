"""A production by declination line and node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.text import Text
from rich.tree import Tree

from lstluigi.display import plain
from lstluigi.production.states import State
from lstluigi.production.status.model import ProductionState, StepState
from lstluigi.report.show import words

__all__ = ["place", "tree"]

_DATASETS = {"training": "training", "test": "test nodes"}


def place(step: StepState) -> tuple[str, str]:
    """Declination line and node of a step; what is common to all has a name in their place."""
    about = step.about
    line = about.line or _DATASETS.get(about.dataset or "", "all declinations")
    return line, about.node.name.rstrip("_") if about.node else "all nodes"


def tree(state: ProductionState) -> Tree:
    """Steps by line and node; nodes on which nothing is to be done any more are one branch."""
    lines: dict[str, dict[str, list[StepState]]] = {}
    for step in state.steps:
        line, node = place(step)
        lines.setdefault(line, {}).setdefault(node, []).append(step)
    root = Tree(Text(plain(state.prod_id), style="bold"))
    for line, nodes in lines.items():
        branch = root.add(_told(line, [step for steps in nodes.values() for step in steps]))
        over = [n for n, steps in nodes.items() if all(s.status.satisfied for s in steps)]
        for node, steps in nodes.items():
            if node not in over:
                _add(branch.add(_told(node, steps)), steps)
        if over:
            branch.add(_told(f"{len(over)} node(s)", [s for n in over for s in nodes[n]]))
    return root


def _add(branch: Tree, steps: Sequence[StepState]) -> None:
    for stage in dict.fromkeys(step.stage for step in steps):
        mine = [step for step in steps if step.stage == stage]
        if not all(step.status.satisfied for step in mine):
            branch.add(_told(stage, mine))


def _told(name: str, steps: Iterable[StepState]) -> Text:
    counts = Counter(step.status for step in steps)
    head = Text(f"{plain(name)}  ")
    return head.append_text(words((s, counts[s]) for s in State))
