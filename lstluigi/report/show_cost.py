"""What a production has cost, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lstluigi.cost import StageCost, yaml_lines
from lstluigi.report.show import duration

__all__ = ["cost_lines", "hours", "remarks"]

_NONE = "-"


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


def _table(costs: Mapping[str, StageCost]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("stage", no_wrap=True)
    for name in ("tries", "bad", "wall h", "CPU h", "use", "MB", "asked", "queued", "longest"):
        table.add_column(name, justify="right", no_wrap=True)
    for stage, cost in costs.items():
        queue = cost.mean_queue_s
        use = cost.efficiency
        table.add_row(
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
        )
    table.add_row(
        "all",
        str(sum(cost.attempts for cost in costs.values())),
        str(sum(cost.failed for cost in costs.values())),
        hours(sum(cost.wall_s for cost in costs.values())),
        hours(sum(cost.cpu_s for cost in costs.values())),
    )
    return table


def hours(seconds: float) -> str:
    """Hours, with two digits also where there are only seconds."""
    value = seconds / 3600
    if value >= 100:
        return f"{value:,.0f}"
    if 0 < value < 0.001:
        return "< 0.001"
    return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.2g}"


def _mb(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"
