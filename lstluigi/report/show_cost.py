"""What a production has cost, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.text import Text

from lstluigi.display import Column, Columns, duration, hours
from lstluigi.production.cost import StageCost, yaml_lines

__all__ = ["cost_lines", "remarks"]

_NONE = "-"
#: Columns, and in which order they are left out where there is no room.
_HEADINGS = (
    *(("stage", 0), ("tries", 0), ("bad", 0), ("wall h", 0), ("CPU h", 2), ("use", 3)),
    *(("MB", 0), ("asked", 4), ("queued", 1), ("longest", 5)),
)


def cost_lines(costs: Mapping[str, StageCost]) -> Iterator[RenderableType]:
    """A table by stage, what was lost, and what to ask for in the next config."""
    if not costs:
        yield Text("cost: no job of this production has ended yet, so nothing is known")
        return
    yield _table(costs)
    yield from map(Text, remarks(costs))
    asked = list(yaml_lines(costs))
    if asked:
        yield Text("for the next config, by the most that was used and a margin:")
        yield from (Text(f"  {line}") for line in asked)


def remarks(costs: Mapping[str, StageCost]) -> Iterator[str]:
    """What the sums do not tell, in sentences."""
    lost = sum(cost.lost_s for cost in costs.values())
    if lost:
        yield f"{duration(lost)} of the wall time went into attempts that ended badly"
    unmeasured = sum(cost.unmeasured for cost in costs.values())
    if unmeasured:
        yield f"{unmeasured} attempt(s) ended without a measurement and are not in these sums"


def _table(costs: Mapping[str, StageCost]) -> Columns:
    rows = [_row(stage, cost) for stage, cost in costs.items()]
    total = (
        sum(cost.attempts for cost in costs.values()),
        sum(cost.failed for cost in costs.values()),
        sum(cost.wall_s for cost in costs.values()),
        sum(cost.cpu_s for cost in costs.values()),
    )
    tries, bad, wall, cpu = total
    rows.append(["all", str(tries), str(bad), hours(wall), hours(cpu), *[""] * 5])
    cells = [[Text(cell) for cell in column] for column in zip(*rows, strict=True)]
    return Columns(
        [
            Column(heading, column, gives_way)
            for (heading, gives_way), column in zip(_HEADINGS, cells, strict=True)
        ]
    )


def _row(stage: str, cost: StageCost) -> list[str]:
    queue, use = cost.mean_queue_s, cost.efficiency
    return [
        stage,
        str(cost.attempts),
        str(cost.failed) if cost.failed else _NONE,
        hours(cost.wall_s),
        hours(cost.cpu_s),
        _NONE if use is None else f"{use:.0%}",
        _mb(cost.peak_mb),
        _mb(cost.asked_mb),
        _NONE if queue is None else duration(queue),
        duration(cost.longest_s) if cost.longest_s else _NONE,
    ]


def _mb(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"
