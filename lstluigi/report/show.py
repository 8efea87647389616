"""A production's state on a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from lstluigi.display import Column, Columns, Screen, duration, plain
from lstluigi.production.states import State
from lstluigi.production.status.failures import folded
from lstluigi.production.status.model import FailureGroup, ProductionState, StageState

__all__ = ["failures", "screen", "status"]

#: So many groups of failures, and lines of a log, are shown.
GROUPS, LINES = 10, 6
COLOURS = {
    State.COMPLETE: "green",
    State.NOT_NEEDED: "green",
    State.GONE: "yellow",
    State.RUNNING: "cyan",
    State.QUEUED: "blue",
    State.UNKNOWN: "magenta",
    State.FAILED: "bold red",
    State.OUTDATED: "yellow",
    State.BLOCKED: "yellow",
    State.MISSING: "",
}
#: Columns that are there even if they hold nothing.
ALWAYS = (State.COMPLETE, State.RUNNING, State.QUEUED, State.FAILED, State.BLOCKED)

#: What is counted of each stage, in rows of their own.
KINDS = ("steps", "files")


def status(state: ProductionState) -> RenderableType:
    """The whole: who runs it, stages, failures, and what is odd."""
    return Group(*_stages(state), *failures(state), *_notes(state))


def screen(state: ProductionState, beside: Iterable[RenderableType]) -> Screen:
    """As much of it as fits a terminal, and of what is shown beside it: a line for each cause."""
    parts: list[tuple[str, RenderableType]] = []
    parts += [("cause", _cause(state, group)) for group in state.groups]
    parts += [("note", note) for note in _notes(state)]
    parts += [("line", part) for part in beside]
    heads = [Group(*_stages(state, kinds)) for kinds in (KINDS, KINDS[1:])]
    versions = [[("line", head), *parts] for head in heads]
    return Screen(versions, "`lstluigi status` without --watch shows all")


def _stages(state: ProductionState, kinds: Sequence[str] = KINDS) -> Iterator[RenderableType]:
    yield from head(state)
    yield stage_table(state, kinds)
    yield from map(Text, _left(state))


def _notes(state: ProductionState) -> Iterator[Text]:
    for warning in state.warnings:
        yield Text(f"note: {plain(warning)}", style="yellow")


def head(state: ProductionState) -> Iterator[Text]:
    """Which production, at what time, and who runs it."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state.time))
    yield Text.assemble((plain(state.prod_id), "bold"), f"  {stamp}")
    yield Text("; ".join(map(plain, state.runs)) if state.runs else "no run is going on")


def stage_table(state: ProductionState, kinds: Sequence[str] = KINDS) -> Columns:
    """Steps and files by stage, a column for each status that there is."""
    parts = [*state.stages.values(), state.whole]
    rows = [(part, kind) for part in parts for kind in kinds]
    columns = [
        Column("stage", [Text(plain(part.name) * (kind == kinds[0])) for part, kind in rows]),
        Column("", [Text(kind) for _, kind in rows]),
    ]
    for status_ in State:
        cells = [_cell(_counts(part, kind).get(status_, 0), status_) for part, kind in rows]
        empty = all(cell.plain == "-" for cell in cells)
        if not empty or status_ in ALWAYS:
            columns.append(Column(status_.value, cells, gives_way=3 * empty))
    columns.append(Column("of", [_total(part, kind) for part, kind in rows]))
    if any(part.events is not None for part in parts):
        events = (part.events if kind == "files" else None for part, kind in rows)
        cells = [Text("" if number is None else str(number)) for number in events]
        columns.append(Column("events", cells, gives_way=1))
    if state.estimate.stages:
        shares = (state.estimate.stages.get(p.name) if k == kinds[0] else None for p, k in rows)
        cells = [Text(duration(share) if share else "") for share in shares]
        columns.append(Column("left", cells, gives_way=2))
    return Columns(columns)


def _counts(part: StageState, kind: str) -> Mapping[State, int]:
    return part.steps if kind == "steps" else part.files


def _cell(count: int, status_: State) -> Text:
    return Text(str(count), style=COLOURS[status_]) if count else Text("-")


def _total(part: StageState, kind: str) -> Text:
    total = sum(_counts(part, kind).values())
    if kind == "files" and part.unknown:
        return Text(f"{total}+?" if total else "?")
    return Text(str(total))


def _left(state: ProductionState) -> Iterator[str]:
    left = state.estimate
    if all(step.status.satisfied for step in state.steps):
        gone = sum(step.status is State.GONE for step in state.steps)
        yield "everything is there" + f", except {gone} lost product(s)" * bool(gone)
    elif left.seconds is None:
        yield f"time left: not told ({left.why})"
    elif left.seconds > 0:
        yield f"time left: {duration(left.seconds)} ({left.why})"


def failures(state: ProductionState) -> Iterator[Text]:
    """Failures by cause, each with an example."""
    for group in state.groups[:GROUPS]:
        yield from _group(state, group)
    if len(state.groups) > GROUPS:
        yield Text(f"and {len(state.groups) - GROUPS} more kinds of failures (--json has all)")


def _cause(state: ProductionState, group: FailureGroup) -> Text:
    stages = ", ".join(dict.fromkeys(state.steps[index].stage for index in group.steps))
    what, why = f"{len(group.failures)} failed", _why(group)
    log = group.failures[0].log.removeprefix(os.path.join(os.getcwd(), ""))
    end = f" of {stages} ({why}): {plain(folded(group.line))}; log {plain(log)}"
    return Text.assemble((what, "bold red"), end)


def _why(group: FailureGroup) -> str:
    return ", ".join(filter(None, [group.cause, group.ending]))


def _group(state: ProductionState, group: FailureGroup) -> Iterator[Text]:
    first = group.failures[0]
    step = state.steps[first.step]
    stages = dict.fromkeys(state.steps[index].stage for index in group.steps)
    what = f"{len(group.failures)} failed in {len(group.steps)} step(s) of {', '.join(stages)}"
    yield Text("")
    yield Text.assemble((what, "bold red"), f" ({_why(group)}): {plain(group.line)}")
    if mend := state.mend(first):
        yield Text(f"  {mend}")
    if group.blocked:
        yield Text(f"  {_blocked(state, group)}", style="yellow")
    yield Text(f"  e.g. {step.name} {plain(first.item)}")
    if first.line not in (group.line, *(line.strip() for line in first.tail[-1:])):
        yield Text(f"    {plain(first.line)}")
    yield Text(f"  log {plain(first.log)}")
    for line in first.tail[-LINES:] or [first.reason]:
        yield Text(f"    | {plain(line)}", style="dim")


def _blocked(state: ProductionState, group: FailureGroup) -> str:
    counts: dict[str, int] = {}
    for index in group.blocked:
        stage = state.steps[index].stage
        counts[stage] = counts.get(stage, 0) + 1
    parts = ", ".join(f"{count} of {stage}" for stage, count in counts.items())
    return f"blocks {len(group.blocked)} step(s): {parts}"


def words(parts: Iterable[tuple[State, int]]) -> Text:
    """Counts in a line: `3 complete, 1 failed`."""
    found = Text()
    for status_, count in parts:
        if count:
            found.append(", " if found else "").append(f"{count} {status_.value}", COLOURS[status_])
    return found
