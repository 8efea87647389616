"""`lstluigi status`: once, again and again, or for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live

from lstluigi.display import terminal
from lstluigi.jobs.ledger import STAMP
from lstluigi.production.cost import accounts, cost_of, described
from lstluigi.production.load import stages_of
from lstluigi.production.plan import Plan
from lstluigi.production.status.model import ProductionState
from lstluigi.report.data import as_data
from lstluigi.report.show import screen, status
from lstluigi.report.show_cost import cost_lines
from lstluigi.report.tree import tree
from lstluigi.validation.examine import production_state, state_of

__all__ = ["Wanted", "print_json", "print_once", "watch_on"]

#: A look may take such a part of the time.
SHARE = 0.2


@dataclass(frozen=True)
class Wanted:
    """What is shown beside the stages."""

    tree: bool = False
    cost: bool = False


def print_once(config: str, tools: Mapping[str, Any], wanted: Wanted) -> None:
    """Print a production's state."""
    state = production_state(config, **tools)
    terminal().print(_whole(state, wanted), soft_wrap=True)  # paths stay whole, to be copied


def print_json(config: str, tools: Mapping[str, Any]) -> None:
    """Print it as JSON."""
    state = production_state(config, **tools)
    costs = cost_of(state.plan, accounts(state.prod_id), lambda n: state.steps[n.index].ledger)
    stamp = time.strftime(STAMP, time.gmtime(state.time))
    cost = described(state.prod_id, costs, stamp)
    print(json.dumps({**as_data(state, steps=True), "cost": cost}, indent=1))


def watch_on(config: str, tools: Mapping[str, Any], wanted: Wanted, interval: float) -> None:
    """Show it again and again, until nothing is under way."""
    begun = time.monotonic()
    state = production_state(config, **tools)
    with Live(_now(state, wanted), console=terminal(), auto_refresh=False) as live:
        live.refresh()
        while state.runs or any(step.status.under_way for step in state.steps):
            took = time.monotonic() - begun
            time.sleep(max(interval, took / SHARE))
            begun = time.monotonic()
            known = state.plan  # configs do not change under a run
            state = state_of(Plan(known.config, stages_of(known.config), known.configs))
            live.update(_now(state, wanted), refresh=True)
        live.transient = True
    terminal().print(_whole(state, wanted), soft_wrap=True)


def _now(state: ProductionState, wanted: Wanted) -> RenderableType:
    return screen(state, _beside(state, wanted))


def _whole(state: ProductionState, wanted: Wanted) -> RenderableType:
    return Group(status(state), *_beside(state, wanted))


def _beside(state: ProductionState, wanted: Wanted) -> Iterator[RenderableType]:
    if wanted.tree:
        yield tree(state)
    if wanted.cost:
        ledgers = [step.ledger for step in state.steps]
        costs = cost_of(state.plan, accounts(state.prod_id), lambda node: ledgers[node.index])
        yield from cost_lines(costs)
