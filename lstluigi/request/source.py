"""The layout of a source production, found out where nobody says which it is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from lstluigi.layouts.trees import LayoutName, layout_of
from lstluigi.library.names import date_in
from lstluigi.request.known import entries

__all__ = ["Guess", "guess_layout"]

#: The layout changed with the lstmcpipe of this month.
SINCE = "2024-09"


@dataclass(frozen=True)
class Guess:
    """The layout that a source production is taken to have.

    Parameters
    ----------
    layout : str
        Its name.
    why : str
        What speaks for it.
    """

    layout: LayoutName
    why: str

    def sentence(self, source_prod_id: str) -> str:
        """Tell it, and how to say otherwise."""
        return (
            f"The source production {source_prod_id} is taken to lie in the layout {self.layout}, "
            f"{self.why}; if it does not, give source_layout=... with --kwargs."
        )


def guess_layout(source_prod_id: str, root: str) -> Guess | None:
    """Find out the layout of a source production.

    What lies on the disk tells it, then what the library knows of the production, then the date
    in its name.

    Parameters
    ----------
    source_prod_id : str
        Its name.
    root : str
        Directory that holds ``mc``.

    Returns
    -------
    Guess, optional
        None if nothing tells.
    """
    return next(chain(_on_disk(source_prod_id, root), _known(source_prod_id)), None)


def _on_disk(source_prod_id: str, root: str) -> Iterator[Guess]:
    tree = os.path.join(root, "mc/DL1/AllSky", source_prod_id)
    for dataset in ("TrainingDataset", "TestingDataset"):
        place = f"{tree}/{dataset}"
        try:
            names = os.listdir(place)
        except OSError:  # not here, or not for everybody: then others tell
            continue
        yield from _seen((f"{place}/{name}" for name in names), f"as its directories in {place} do")


def _known(source_prod_id: str) -> Iterator[Guess]:
    for one in entries(source_prod_id):
        why = f"as its products in the library do ({one.name})"
        yield from _seen(chain.from_iterable(one.products.values()), why)
        yield from _dated(one.date, f"since the library dates it {one.date} ({one.name})")
    date = date_in([source_prod_id])
    yield from _dated(date, f"since its name says {date}")


def _seen(paths: Iterable[str], why: str) -> Iterator[Guess]:
    yield from (Guess(layout, why) for path in paths if (layout := layout_of(path)))


def _dated(date: str | None, why: str) -> Iterator[Guess]:
    if date is not None:
        yield Guess("current" if date >= SINCE else "until-2024-08", why)
