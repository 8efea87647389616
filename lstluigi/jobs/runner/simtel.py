"""The runs in a file of sim_telarray (EventIO), found by skipping from object to object."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from typing import Any, BinaryIO, Iterator, List, Tuple

from .base import Unsound

SYNC = {b"\x37\x8a\x1f\xd4": "<", b"\xd4\x1f\x8a\x37": ">"}
RUN = 2001  # MCRunHeader
# Programs, their versions and times, the height of the observatory; then showers, and uses of each.
SHOWERS = struct.Struct("<6if2i")
LENGTH = 0x3FFFFFFF  # bits of the length; the two above are flags
EXTENDED = 1 << 17
BLOCK = 1 << 20


def thrown(path: str) -> List[Tuple[int, int]]:
    """Return number and thrown showers of each run in a simtel file.

    sim_telarray, and everybody who puts files behind each other, can write several runs into one
    file. lstchain and ctapipe read the events of all, and the showers of the first.

    Raises
    ------
    Unsound
        If the file does not consist of EventIO objects from its beginning to its end.
    """
    found = []
    try:
        with opened(path) as file:
            for kind, number, order, length in objects(file):
                if kind == RUN and length >= SHOWERS.size:
                    start = file.read(SHOWERS.size)
                    values = struct.unpack(order + SHOWERS.format[1:], start)
                    found.append((number, values[-2] * values[-1]))
                    length -= len(start)
                skip(file, length)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Unsound("is truncated or damaged") from None
    return found


def opened(path: str) -> Any:
    """Open a file for reading, compressed or not."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.open(path), BLOCK)
    if start == b"\x28\xb5\x2f\xfd":
        import zstandard

        return io.BufferedReader(zstandard.open(path), BLOCK)
    return open(path, "rb")


def objects(file: BinaryIO) -> Iterator[Tuple[int, int, str, int]]:
    """Yield kind, number, byte order and length of each object; the caller skips its content."""
    while True:
        sync = file.read(4)
        if not sync:
            return
        order = SYNC.get(sync)
        if order is None:
            raise Unsound("is truncated or damaged")
        kind, number, length = struct.unpack(f"{order}IiI", exactly(file, 12))
        size = length & LENGTH
        if kind & EXTENDED:
            (more,) = struct.unpack(f"{order}I", exactly(file, 4))
            size |= (more & 0xFFF) << 30
        yield kind & 0xFFFF, number, order, size


def exactly(file: BinaryIO, size: int) -> bytes:
    """Read so many bytes."""
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


def skip(file: BinaryIO, size: int) -> None:
    """Read on behind so many bytes."""
    while size > 0:
        block = len(file.read(min(size, BLOCK)))
        if not block:
            raise EOFError
        size -= block
