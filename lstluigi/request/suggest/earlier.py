"""Productions of the library that serve a training line already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lstluigi.errors import LstluigiError
from lstluigi.library import index
from lstluigi.library.model import Production
from lstluigi.library.search import Filters, select

__all__ = ["Earlier", "earlier"]


class Earlier(NamedTuple):
    """Productions with a line, and a sentence where there is no library to look them up in."""

    productions: tuple[Production, ...] = ()
    unnamed: str | None = None


def earlier(line: str, places: Sequence[str] = ()) -> Earlier:
    """Find the productions with this line, the latest first; examples are none.

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
            return Earlier((), index.unnamed(()))
    every = index.every_production(places)
    found = select((one for one in every if not one.example), Filters(dec=(line,)))
    latest = sorted(found, key=lambda one: (one.date or "", one.name), reverse=True)
    return Earlier(tuple(latest), index.unnamed(every))
