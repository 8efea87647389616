"""Lists in one argument of a command line: separated by commas, in double quotes where needed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

__all__ = ["joined", "split"]


def split(text: str) -> tuple[str, ...]:
    """Read a list as one line of CSV; empty items are left out.

    Raises
    ------
    ValueError
        It is not one line.
    """
    try:
        return tuple(filter(None, next(csv.reader([text]), ())))
    except csv.Error as error:
        raise ValueError(f"{text!r} is no list separated by commas ({error})") from None


def joined(items: Iterable[str]) -> str:
    """Write a list as `split` reads it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(items)
    return line.getvalue()
