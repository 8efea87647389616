"""Which training line and which test nodes serve a source."""

from __future__ import annotations

from lstluigi.suggest.choice import Line, NodeOnPath, Suggestion, suggest
from lstluigi.suggest.night import read_date
from lstluigi.suggest.source import Source, named, read_coordinates

__all__ = [
    "Line",
    "NodeOnPath",
    "Source",
    "Suggestion",
    "named",
    "read_coordinates",
    "read_date",
    "suggest",
]
