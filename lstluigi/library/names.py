"""What names say: dates, versions of lstchain, levels of the night-sky background."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

__all__ = ["date_in", "levels_in", "version_in", "version_parts"]

_DATE = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")
_VERSION = re.compile(r"(?<![\d.])v?(\d+\.\d+\.\d+(?:\.?(?:dev|rc|post)\d+)?)(?![\d.]*\d)")
#: ``NSB-0.07``, ``nsb_tuning_0.07``, ``nsb0.07``.
_LEVEL = re.compile(r"nsb(?:[-_]?tuning)?[-_]?(\d+\.\d+)(?!\.?\d)", re.IGNORECASE)


def date_in(names: Iterable[str]) -> str | None:
    """Return the first date of the calendar that one of the names holds, as YYYY-MM-DD."""
    for name in names:
        for found in _DATE.finditer(name):
            try:
                return datetime.date(*map(int, found.groups())).isoformat()
            except ValueError:  # 20240235
                continue
    return None


def version_in(names: Iterable[str]) -> str | None:
    """Return the first version with three numbers that one of the names holds."""
    for name in names:
        if found := _VERSION.search(name):
            return found[1]
    return None


def version_parts(version: str) -> list[str]:
    """Return the parts of a version by which a shorter one can be its beginning."""
    return version.lower().removeprefix("lstchain-").removeprefix("v").split(".")


def levels_in(names: Iterable[str]) -> list[float]:
    """Return the NSB levels that the names hold, each once."""
    return list(dict.fromkeys(float(level) for name in names for level in _LEVEL.findall(name)))
