"""A production's state on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lstluigi.errors import shown
from lstluigi.report.model import FailureGroup, ProductionState, StageState, Status

__all__ = ["duration", "failures", "plain", "status"]

#: So many groups of failures, and lines of a log, are shown.
GROUPS, LINES = 10, 6
COLOURS = {
    Status.DONE: "green",
    Status.PASSED: "green",
    Status.RUNNING: "cyan",
    Status.QUEUED: "blue",
    Status.UNKNOWN: "magenta",
    Status.FAILED: "bold red",
    Status.CHANGED: "yellow",
    Status.BLOCKED: "yellow",
    Status.TO_DO: "",
}
#: Columns that are there even if they hold nothing.
ALWAYS = (Status.DONE, Status.RUNNING, Status.QUEUED, Status.FAILED, Status.BLOCKED)


def plain(text: str) -> str:
    """A text from a file as one line that cannot break a terminal."""
    return text if text.isprintable() else shown(text, 4096)


def duration(seconds: float) -> str:
    """A time in two units at most."""
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{round(seconds / 60)} min" if whole >= 60 else f"{whole} s"


def status(state: ProductionState) -> RenderableType:
    """The whole: who runs it, stages, failures, and what is odd."""
    return Group(
        *head(state),
        stage_table(state),
        *map(Text, _left(state)),
        *failures(state),
        *(Text(f"note: {plain(warning)}", style="yellow") for warning in state.warnings),
    )


def head(state: ProductionState) -> Iterator[Text]:
    """Which production, at what time, and who runs it."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state.time))
    yield Text.assemble((plain(state.prod_id), "bold"), f"  {stamp}")
    yield Text("; ".join(map(plain, state.runs)) if state.runs else "no run is going on")


def stage_table(state: ProductionState) -> Table:
    """Steps and files by stage, a column for each status that there is."""
    parts = [*state.stages.values(), state.whole]
    columns = [
        s
        for s in Status
        if s in ALWAYS or any(part.steps.get(s) or part.files.get(s) for part in parts)
    ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage", no_wrap=True, overflow="ellipsis")
    table.add_column("")
    for column in columns:
        table.add_column(column.value, justify="right", no_wrap=True)
    table.add_column("of", justify="right", no_wrap=True)
    left = bool(state.estimate.stages)
    if left:
        table.add_column("left", justify="right", no_wrap=True)
    for part in parts:
        if part is state.whole:
            table.add_section()
        share = state.estimate.stages.get(part.name)
        words = [duration(share) if share else ""] * left
        table.add_row(part.name, "steps", *_cells(part, columns, "steps"), *words)
        table.add_row("", "files", *_cells(part, columns, "files"), *[""] * left)
    return table


def _cells(part: StageState, columns: Sequence[Status], kind: str) -> list[Text]:
    counts = part.steps if kind == "steps" else part.files
    cells = [
        Text(str(counts[column]), style=COLOURS[column]) if counts.get(column) else Text("-")
        for column in columns
    ]
    total = str(sum(counts.values()))
    if kind == "files" and part.unknown:
        total = f"{total}+?" if sum(counts.values()) else "?"
    return [*cells, Text(total)]


def _left(state: ProductionState) -> Iterator[str]:
    left = state.estimate
    if all(step.status.satisfied for step in state.steps):
        yield "everything is there"
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


def _group(state: ProductionState, group: FailureGroup) -> Iterator[Text]:
    first = group.failures[0]
    step = state.steps[first.step]
    stages = dict.fromkeys(state.steps[index].stage for index in group.steps)
    what = f"{len(group.failures)} failed in {len(group.steps)} step(s) of {', '.join(stages)}"
    why = ", ".join(filter(None, [group.cause, group.ending]))
    yield Text("")
    yield Text.assemble((what, "bold red"), f" ({why}): {plain(group.line)}")
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


def words(parts: Iterable[tuple[Status, int]]) -> Text:
    """Counts in a line: `3 done, 1 failed`."""
    found = Text()
    for status_, count in parts:
        if count:
            found.append(", " if found else "").append(f"{count} {status_.value}", COLOURS[status_])
    return found
