"""The report of a production: one page of HTML that needs no other file, and its provenance."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstluigi.display import environment, refuse_another, template
from lstluigi.errors import LstluigiError, shown
from lstluigi.files import write_text
from lstluigi.layouts.plots.pointings import PointingSet, figure
from lstluigi.production.cost import MEMORY_MARGIN, TIME_MARGIN, accounts, cost_of, yaml_lines
from lstluigi.production.status.model import ProductionState
from lstluigi.report import figures, provenance, sanity, sections
from lstluigi.report.checksums import FileFacts, facts_of
from lstluigi.report.graph import boxes, graphs
from lstluigi.report.nodes import nodes
from lstluigi.report.show_cost import remarks
from lstluigi.report.software import CITED
from lstluigi.report.toy_data import toy_data
from lstluigi.validation.examine import production_state

__all__ = ["GENERATOR", "PAGE", "PROVENANCE", "Written", "write"]

GENERATOR = "lstluigi report"
PAGE, PROVENANCE = "index.html", "provenance.json"
_PACKAGES = ("lstluigi.report", "lstluigi.library")


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    page, provenance : str
        Paths of both files.
    missing : list of str
        Sentences about what the production lacks.
    unreadable : str
        A sentence about files that are there and cannot be read; empty if there are none.
    without_checksum : int
        Files that are there and were not read for a checksum.
    """

    page: str
    provenance: str
    missing: list[str]
    unreadable: str
    without_checksum: int


def write(
    config: str,
    output: str | None,
    tools: Mapping[str, Any],
    *,
    overwrite: bool = False,
    checksums: float = 10.0,
) -> Written:
    """Write the report of a production into a directory.

    Parameters
    ----------
    config : str
        Path of the production config.
    output : str, optional
        The directory, by default `report_<prod_id>` in the working directory; other files in it
        are left alone.
    tools : mapping of str to str
        Paths of the configs of tools, as for `production_state`.
    overwrite : bool
        Whether an earlier report may be replaced.
    checksums : float
        So much (GB) is read at most to compute checksums.

    Raises
    ------
    LstluigiError
        There is a report, or a page of somebody else; or the production cannot be read.
    """
    if output is not None:
        _refuse_to_replace(output, overwrite=overwrite)
    state = production_state(config, **tools)
    if output is None:
        output = f"report_{state.prod_id}"
        _refuse_to_replace(output, overwrite=overwrite)
    paths = [os.path.join(output, name) for name in (PAGE, PROVENANCE)]
    shown_configs = list(sections.configs(state))
    known = provenance.earlier(paths[1])
    facts = facts_of([*(one.path for one in shown_configs), *_files(state)], checksums * 1e9, known)
    texts = {one.path: one.text for one in shown_configs}
    told = provenance.serialized(provenance.document(state, facts, texts))
    values = _values(state, facts)
    page = _page({**values, "configs": shown_configs, "provenance_sha256": _sha256(told)})
    # all is known by now, so that only a full disk can come between the two
    write_text(paths[1], told)
    write_text(paths[0], page)
    said = (values[name] for name in ("missing", "unreadable", "without_checksum"))
    return Written(paths[0], paths[1], *said)


def _refuse_to_replace(output: str, *, overwrite: bool) -> None:
    """Refuse where there is a page of somebody else, or a report that is to be kept."""
    refuse_another(Path(output), GENERATOR)
    for name in (PAGE, PROVENANCE):
        path = os.path.join(output, name)
        if os.path.lexists(path) and not overwrite:
            raise LstluigiError(
                f"{shown(path, 4096)} exists; name another directory with -o or give --overwrite"
            )


def _files(state: ProductionState) -> Iterator[str]:
    """Files that steps read and make."""
    for step in state.steps:
        yield from state.plan.finals(step.node)
        for reading in range(len(step.node.readings)):
            yield from state.plan.files(step.node, reading)


def _values(state: ProductionState, facts: Mapping[str, FileFacts]) -> dict[str, Any]:
    """What the page shows."""
    problems = list(state.warnings)
    sets = nodes(state.plan)
    software = sections.software(state, problems)
    performance, importances = list(figures.performance(state)), figures.importances(state)
    at_a_glance = list(sanity.groups(state))
    drawn = [*performance, importances, *at_a_glance]
    costs = cost_of(state.plan, accounts(state.prod_id), lambda n: state.steps[n.index].ledger)
    return {
        "state": state,
        "stamp": sections.stamp(state),
        "missing": list(sections.missing(state)),
        "unreadable": sections.unreadable([one for group in drawn for one in group.unreadable]),
        "stages": sections.stages(state),
        "cost": sections.cost(costs),
        "cost_remarks": list(remarks(costs)),
        "suggested": "\n".join(yaml_lines(costs)),
        "failed": sections.failed(state),
        "found": sections.found(state),
        "software": software,
        "versions": {row[0]: row[1] or row[2] for row in software.rows},
        "margins": (MEMORY_MARGIN, TIME_MARGIN),
        "problems": problems,
        "graph": _graph(state),
        "pointings": _pointings(sets),
        "pointing_table": sections.pointings(sets),
        "performance": performance,
        "importances": importances,
        "nodes": at_a_glance,
        "toy": toy_data(state),
        "rows": sanity.ROWS,
        "cited": CITED,
        "count": len(facts),
        "without_checksum": sum(not one.sha256 for one in facts.values()),
    }


def _graph(state: ProductionState) -> figures.Figure:
    picture = boxes.drawing(state.plan, statuses=[step.status for step in state.steps])
    drawing = graphs.figure(picture, "")
    return figures.rendered(drawing, "Graph of the steps", wide=True, dense=True)


def _pointings(sets: Sequence[PointingSet]) -> figures.Figure | None:
    if not sets:
        return None
    kinds = " and ".join(dict.fromkeys(one.kind for one in sets))
    return figures.rendered(figure(sets, narrow=True), f"Pointing nodes: {kinds}", wide=True)


def _page(values: Mapping[str, Any]) -> str:
    style = "".join(template(name, *_PACKAGES) or "" for name in ("library.css", "report.css"))
    page = environment(GENERATOR, *_PACKAGES).get_template("report.html")
    # the policy allows for this style and for nothing else
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return page.render(values, style=style, allowed=allowed, written=values["stamp"])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
