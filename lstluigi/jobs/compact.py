"""What is known of many items, in little memory."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from lstluigi.jobs.spec import Item

#: zlib's quickest: the paths of a step's items differ in a few characters.
LEVEL = 1


class CompactItems(Sequence[Item]):
    """Items of a step, packed until they are looked at.

    A production has 50,000 items with four long paths each, which a run needs twice at most: to
    submit them, and where something is tried again.

    Parameters
    ----------
    items
        Copied.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._count = len(items)
        self._packed = zlib.compress(pickle.dumps(tuple(items)), LEVEL)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Item]:
        return iter(self._unpacked())

    def __getitem__(self, index: Any) -> Any:
        return self._unpacked()[index]

    def _unpacked(self) -> tuple[Item, ...]:
        items: tuple[Item, ...] = pickle.loads(zlib.decompress(self._packed))
        return items
