"""HDF5 files, as a check sees them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Any, Iterator

from .base import Unsound

# What a check may say that is looked for in such a file.
HDF5_KEYS = (
    *("hdf5", "absent", "attributes", "nonempty", "full", "sum_of", "sum_of_links"),
    *("events", "of_events"),
)


@contextmanager
def open_hdf5(path: str) -> Iterator[Any]:
    """Open an HDF5 file for reading; a handle that a command left open would forbid it."""
    import tables

    close_hdf5()
    try:
        h5 = tables.open_file(path, "r")
    except Exception as error:
        truncated = "truncated file" in str(error)
        raise Unsound("is truncated" if truncated else "is damaged or no HDF5 file") from None
    with h5:
        yield h5


def close_hdf5() -> None:
    """Close the files that a command left open in this process."""
    handles = getattr(sys.modules.get("tables.file"), "_open_files", None)
    if handles is not None:
        handles.close_all()


def rows(h5: Any, node: str) -> int:
    """Count the rows of a table; a table that is not there has none."""
    return int(h5.get_node(node).nrows) if node in h5 else 0
