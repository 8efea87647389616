"""Productions of the library that serve a training line already."""

from __future__ import annotations

from collections.abc import Sequence

from lstluigi.errors import LstluigiError
from lstluigi.library import index
from lstluigi.library.model import Production
from lstluigi.library.search import Filters, select

__all__ = ["earlier"]


def earlier(line: str, places: Sequence[str] = ()) -> tuple[Production, ...]:
    """Find the productions with this line, the latest first; behind them the examples.

    Parameters
    ----------
    line : str
        Such as ``dec_2276``.
    places : sequence of str
        Directories of libraries; those which `productions` searches where there are none.

    Raises
    ------
    LstluigiError
        A library that is named cannot be read.
    """
    if not places:
        try:
            places = index.default_places()
        except LstluigiError:  # there is no library, and none was asked for
            return ()
    every = {
        (production.directory, tuple(production.configs)): production
        for place in places
        for production in index.productions(place)
    }
    found = select(every.values(), Filters(dec=(line,)))
    return tuple(sorted(found, key=_standing, reverse=True))


def _standing(production: Production) -> tuple[bool, str, str]:
    return not production.example, production.date or "", production.name
