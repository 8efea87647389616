"""A table of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """A table: the first column names the row.

    Parameters
    ----------
    columns : sequence of str
        Their headings.
    rows : sequence of sequence of str
        An empty cell is one of which nothing is known.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def without_empty(self) -> Table:
        """Leave out columns of which nothing is known in any row."""
        kept = [i for i in range(len(self.columns)) if any(row[i] for row in self.rows)]
        return Table([self.columns[i] for i in kept], [[row[i] for i in kept] for row in self.rows])
