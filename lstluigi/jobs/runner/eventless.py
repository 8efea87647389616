"""Files without events: nothing in them has triggered, and their showers count all the same."""

from __future__ import annotations

import os
from contextlib import suppress

from .base import Json, Unsound
from .hdf5 import open_hdf5, rows


def put_first(item: Json) -> None:
    """Exchange the names of two links, so that the right kind of file comes first by name.

    lstchain merges the tables that the first file has, so that one with events must come first.
    ctapipe refuses a file that lacks a table of the first one, so that one without must.
    """
    wanted = item.get("first")
    if not wanted or not item.get("links"):
        return
    links: list[str] = sorted(link for _, link in item.get("links", []))
    right = (link for link in links if has_rows(link, wanted["table"]) == wanted["rows"])
    first, chosen = links[0], next(right, links[0])
    if chosen == first:
        return
    aside = os.path.join(os.path.dirname(first), ".aside")
    for before, after in ((first, aside), (chosen, first), (aside, chosen)):
        os.rename(before, after)
    print(f"# {first} and {chosen} have changed names: the order of merging matters", flush=True)


def has_rows(path: str, table: str) -> bool | None:
    """Say whether a file has events; None of one that cannot be read."""
    with suppress(Unsound), open_hdf5(path) as h5:
        return rows(h5, table) > 0
    return None


def reads_no_events(item: Json) -> bool:
    """Say whether an input is known to have no event."""
    inputs = ((path, check.get("events")) for path, check in item.get("verify", []))
    return any(table and has_rows(path, table) is False for path, table in inputs)


def remove_made(item: Json) -> None:
    """Remove what commands have left of the products of an item."""
    for product in item["products"]:
        with suppress(FileNotFoundError):
            os.remove(product["made"])
