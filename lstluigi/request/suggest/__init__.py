"""Which training line and which test nodes serve a source."""

from __future__ import annotations

from lstluigi.request.suggest.choice import Line, NodeOnPath, Suggestion, suggest
from lstluigi.request.suggest.night import read_date
from lstluigi.request.suggest.source import Source, named, read_coordinates

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
