"""What productions have cost, as their runs have written it down beside their products."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json
from lstluigi.library.model import Production
from lstluigi.production.places import cost_in

__all__ = ["Use", "costs"]


@dataclass(frozen=True)
class Use:
    """What a stage has used.

    Parameters
    ----------
    stage : str
        Its name.
    cpu_h, wall_h : float
        Hours of CPU and of wall clock.
    peak_mb : float, optional
        The most memory that a process used; None if nobody measured it.
    """

    stage: str
    cpu_h: float
    wall_h: float
    peak_mb: float | None

    @property
    def words(self) -> tuple[str, str, str]:
        """The three, as they are shown; the last may be empty."""
        peak = "" if self.peak_mb is None else f"{self.peak_mb:,.0f} MB"
        return f"{self.cpu_h:,.2f} h", f"{self.wall_h:,.2f} h", peak


def costs(production: Production, logs: Iterable[str]) -> list[Use]:
    """Read what a production has cost by stage; of each stage what was written last.

    Parameters
    ----------
    production : Production
        One of the library.
    logs : iterable of str
        Directories of logs beside its products; what is not there, or is damaged, is passed over.
    """
    records = sorted(_records(production.prod_id or "", logs), key=lambda record: record["time"])
    stages = {name: stage for record in records for name, stage in record["stages"].items()}
    # in the order of the config; what else the record names is none of this production's
    uses = ((name, _use(name, stages[name])) for name in production.stages if name in stages)
    return [use for _, use in uses if use is not None]


def _records(prod_id: str, logs: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for directory in logs:
        path = cost_in(directory, prod_id)
        try:
            content = read_json(path) if os.path.isfile(path) else None
        except (LstluigiError, RecursionError):
            continue
        if not isinstance(content, dict) or content.get("prod_id") != prod_id:
            continue
        if isinstance(content.get("time"), str) and isinstance(content.get("stages"), dict):
            yield content


def _use(name: str, stage: Any) -> Use | None:
    found = stage if isinstance(stage, dict) else {}
    cpu, wall = _number(found.get("cpu_s")), _number(found.get("wall_s"))
    if cpu is None or wall is None:
        return None
    return Use(name, cpu / 3600, wall / 3600, _number(found.get("peak_mb")))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if 0 <= value < math.inf else None
    except OverflowError:
        return None
