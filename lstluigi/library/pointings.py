"""Pointings of the productions of the library, as its page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lstluigi.display import save
from lstluigi.layouts.nodes import Node, node
from lstluigi.layouts.plots.pointings import figure
from lstluigi.layouts.plots.sets import PointingSet
from lstluigi.library.model import Production
from lstluigi.library.steps import TEST

__all__ = ["draw_production", "sets_of"]


def sets_of(production: Production) -> tuple[PointingSet, ...]:
    """Return the training nodes of each line, then the test nodes, as far as they can be seen."""
    groups = sorted(production.nodes.items(), key=lambda item: (item[0] == TEST, item[0]))
    sets = (
        PointingSet("test", "test", _pointings(names))
        if group == TEST
        else PointingSet(f"training {group}", "training", _pointings(names), group)
        for group, names in groups
    )
    return tuple(one for one in sets if one.nodes)


def _pointings(names: Iterable[str]) -> tuple[Node, ...]:
    """Return the pointings above the horizon, each once: particles may name it differently."""
    nodes = filter(None, map(node, names))
    above = (found for found in nodes if 0 <= found.zenith < 90)
    return tuple({(found.zenith, found.azimuth): found for found in above}.values())


def draw_production(production: Production, path: Path) -> bool:
    """Draw the pointings of a production; False where it has none.

    Parameters
    ----------
    production : Production
        One of the library.
    path : Path
        The image.
    """
    sets = sets_of(production)
    if sets:
        save(figure(sets), path)
    return bool(sets)
