"""What the sections of a report say, in words and tables, as far as no figure is needed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lstluigi.config.tool_config import ToolConfig, differences
from lstluigi.display import duration, hours
from lstluigi.errors import LstluigiError, counted
from lstluigi.layouts.plots.sets import PointingSet
from lstluigi.production.cost import StageCost
from lstluigi.production.states import State
from lstluigi.production.status.model import Failure, ProductionState, StageState
from lstluigi.report.provenance import versions_of
from lstluigi.report.software import logged_versions
from lstluigi.report.table import Table
from lstluigi.validation.lstchain_catalogue import catalogue, for_monte_carlo

__all__ = [
    *("Config", "configs", "cost", "failed", "found", "missing", "pointings", "software"),
    *("stages", "stamp", "unreadable"),
]

#: So many files that failed are listed.
FAILED = 500
#: So many files that cannot be read are named in the head.
UNREADABLE = 3


@dataclass(frozen=True)
class Config:
    """A config as it is shown.

    Parameters
    ----------
    name : str
        What it is.
    path, text : str
        Where it lies, and what it says.
    standard : str
        What it was compared with; empty if there is no standard.
    changes : sequence of str
        In what it differs.
    """

    name: str
    path: str
    text: str
    standard: str = ""
    changes: Sequence[str] = ()


def configs(state: ProductionState) -> Iterator[Config]:
    """The production config, then those of the tools."""
    config = state.plan.config
    path = os.path.abspath(config.path)
    yield Config("production config", path, config.path.read_text(encoding="utf-8"))
    for tool, content in state.plan.configs.items():
        standard = (
            f"the standard of lstchain {catalogue().lstchain} for Monte Carlo"
            if tool == "lstchain"
            else ""
        )
        changes = _changes(content) if standard else []
        where = os.path.abspath(content.path)
        yield Config(f"{tool} config", where, content.text, standard, changes)


def _changes(config: ToolConfig) -> list[str]:
    """Differences from the standard; lstchain takes that for a section that is not there."""
    standard = for_monte_carlo(catalogue().standard)
    return list(differences(standard, {**standard, **config.content}))


def missing(state: ProductionState) -> Iterator[str]:
    """Sentences about what is not there, or is not what the config asks for."""
    if not state.begun:
        yield "This production has never been started: nothing of it has been made."
        return
    for name, stage in state.stages.items():
        total = sum(stage.steps.values())
        nodes = [s.node for s in state.steps if s.stage == name and s.status is State.OUTDATED]
        unknown = sum(any(state.plan.damage(node)) for node in nodes)
        left = {s: n for s, n in stage.steps.items() if n and not s.satisfied}
        left.pop(State.OUTDATED, None)
        if left:
            words = ", ".join(f"{count} {status.value}" for status, count in left.items())
            yield f"{name}: {sum(left.values())} of {total} steps not complete ({words})."
        if changed := len(nodes) - unknown:
            yield f"{name}: {changed} of {total} steps are outdated."
        if unknown:
            yield f"{name}: {unknown} of {total} steps made nobody knows how (notes below)."


def unreadable(files: Sequence[str]) -> str:
    """A sentence about files that are there and cannot be read; nothing if there are none."""
    if not files:
        return ""
    more = [f"and {len(files) - UNREADABLE} more"] * (len(files) > UNREADABLE)
    return (
        f"{counted(len(files), 'file')} cannot be read: {'; '.join([*files[:UNREADABLE], *more])}."
    )


def stages(state: ProductionState) -> Table:
    """Steps and files of each stage by where they stand."""
    parts = [*state.stages.values(), state.whole]
    used = [s for s in State if any(p.steps.get(s) or p.files.get(s) for p in parts)]
    rows = [
        [part.name, kind, *(str(counts.get(status) or "") for status in used), _total(part, kind)]
        for part in parts
        for kind, counts in (("steps", part.steps), ("files", part.files))
    ]
    return Table(["stage", "", *(status.value for status in used), "of"], rows)


def _total(part: StageState, kind: str) -> str:
    if kind == "steps":
        return str(sum(part.steps.values()))
    return f"{sum(part.files.values())}{'+?' if part.unknown else ''}"


def pointings(sets: Sequence[PointingSet]) -> Table:
    """Nodes of each set as numbers."""
    rows = [
        [
            one.label,
            str(len(one.nodes)),
            "; ".join(f"{node.zenith:g}°, {node.azimuth:g}°" for node in one.nodes),
        ]
        for one in sets
    ]
    return Table(["set", "nodes", "zenith distance, azimuth"], rows)


def cost(costs: Mapping[str, StageCost]) -> Table:
    """What each stage has used."""
    columns = ["stage", "tries", "bad", "wall [h]", "CPU [h]", "CPU use", "peak [MB]"]
    rows = [
        [
            name,
            str(one.attempts),
            str(one.failed or ""),
            hours(one.wall_s),
            hours(one.cpu_s),
            "" if one.efficiency is None else f"{one.efficiency:.0%}",
            "" if one.peak_mb is None else f"{one.peak_mb:.0f}",
            "" if one.asked_mb is None else str(one.asked_mb),
            "" if one.mean_queue_s is None else duration(one.mean_queue_s),
            duration(one.longest_s) if one.longest_s else "",
        ]
        for name, one in costs.items()
    ]
    if rows:
        sums = [sum(one.wall_s for one in costs.values()), sum(one.cpu_s for one in costs.values())]
        tries = [sum(one.attempts for one in costs.values()), sum(o.failed for o in costs.values())]
        rows.append(["all", str(tries[0]), str(tries[1] or ""), *map(hours, sums), *[""] * 5])
    return Table([*columns, "asked [MB]", "mean queue", "longest"], rows).without_empty()


def failed(state: ProductionState) -> Table:
    """Files and steps that failed, and input files that did and may be missing."""
    rows = [
        [state.steps[f.step].name, f.item or "the step", f.cause, _said(state, f), f.log]
        for group in state.groups
        for f in group.failures
    ]
    rows += [
        [step.name, os.path.basename(file), "left out", reason, ""]
        for step in state.steps
        for file, reason in step.dropped.items()
    ]
    more = len(rows) - FAILED
    if more > 0:
        rows = [*rows[:FAILED], [f"and {more} more (lstluigi status --json has all)", *[""] * 4]]
    return Table(["step", "file", "cause", "what was said", "log"], rows)


def _said(state: ProductionState, failure: Failure) -> str:
    """What was said of a failure, with what can be done about it."""
    return "; ".join(filter(None, (failure.line, state.mend(failure))))


def found(state: ProductionState) -> Table:
    """Numbers that steps have measured, such as the noise to add, and in which product they are."""
    rows = [
        [step.name, name, str(value), step.node.output]
        for step in state.steps
        for name, value in step.node.stage.found(step.node.step).items()
    ]
    return Table(["step", "what", "value", "file"], rows)


def software(state: ProductionState, problems: list[str]) -> Table:
    """Versions by program: of the last run, and of the jobs that made the products.

    Parameters
    ----------
    problems : list of str
        What cannot be read is added.
    """
    logged: Mapping[str, str] = {}
    try:
        logged = logged_versions(state.prod_id)
    except LstluigiError as error:
        problems.append(str(error))
    in_jobs: dict[str, set[str]] = {}
    for step in state.steps:
        for program, versions in versions_of(step).items():
            in_jobs.setdefault(program, set()).update(versions)
    rows = [
        [name, ", ".join(sorted(in_jobs.get(name, ()))), logged.get(name, "")]
        for name in dict.fromkeys([*in_jobs, *logged])
    ]
    return Table(["program", "in jobs", "where the run was started"], rows)


def stamp(state: ProductionState) -> str:
    """When the production was looked at."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(state.time))
