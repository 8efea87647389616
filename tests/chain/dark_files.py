"""DL0 files by surgery on others: other numbers of thrown showers, and no events."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

#: Top-level objects of EventIO that belong to an event: shower, its use, photoelectrons, the event.
OF_EVENTS = (2020, 2021, 1204, 2010)
RUN_HEADER, MC_RUN_HEADER = 2000, 2001
HISTOGRAMS = 100
HEADER = 16
#: Where the number of showers is in the payload of a MC run header of version 4.
N_SHOWERS = 28


def objects(content: bytes) -> Iterator[tuple[int, bytearray]]:
    """Top-level objects of a simtel file with their types."""
    place = 0
    while place < len(content):
        sync, kind, _, length = struct.unpack_from("<IIiI", content, place)
        assert sync == 0xD41F8A37
        end = place + HEADER + (length & (2**30 - 1))
        yield kind & 0xFFFF, bytearray(content[place:end])
        place = end


def _entries(made: bytearray) -> int:
    """Where the number of entries of the first histogram is: behind its title and its bins."""
    (length,) = struct.unpack_from("<h", made, HEADER + 3)
    return HEADER + 5 + length + (1 - length % 2) + 8


def rewritten(source: Path, target: Path, showers: int, run: int, *, events: bool) -> None:
    """Write a copy of a file for which so many showers were thrown."""
    kept = []
    for kind, made in objects(gzip.decompress(source.read_bytes())):
        if kind in (RUN_HEADER, MC_RUN_HEADER):
            struct.pack_into("<i", made, 8, run)
        if kind == RUN_HEADER:
            struct.pack_into("<i", made, HEADER, run)
        if kind == MC_RUN_HEADER:
            struct.pack_into("<i", made, HEADER + N_SHOWERS, showers)
        if kind == HISTOGRAMS:
            struct.pack_into("<i", made, _entries(made), showers)
        if events or kind not in OF_EVENTS:
            kept.append(made)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(b"".join(kept), compresslevel=1))
