"""Writing EventIO: object headers, numbers, strings and ADC samples as sim_telarray codes them.

The format is that of K. Bernloehr's hessio library; only what the toy simulation needs is here.
Everything is little-endian.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from lstluigi.errors import LstluigiError
from lstluigi.files import written

SYNC_MARKER = bytes.fromhex("378A1FD4")
#: Bit of the length field: the object holds nothing but other objects.
ONLY_SUBOBJECTS = 1 << 30
#: Largest value of the three-byte variable-length integer.
MAX_VARINT = 0x1FFFFF
#: File formats, by the last suffix of the file name.
FORMATS = ("gz", "zst")


def sub_object(type_: int, version: int, ident: int, payload: bytes, *, container: bool) -> bytes:
    """Return an object as it stands inside another one (no synchronisation marker)."""
    padded = payload + bytes(-len(payload) % 4)
    length = len(padded) | (ONLY_SUBOBJECTS if container else 0)
    return struct.pack("<IiI", type_ | version << 20, ident, length) + padded


def data(type_: int, version: int, ident: int, *fields: bytes) -> bytes:
    """Return an object made of data."""
    return sub_object(type_, version, ident, b"".join(fields), container=False)


def container(type_: int, version: int, ident: int, *objects: bytes) -> bytes:
    """Return an object that holds only other objects."""
    return sub_object(type_, version, ident, b"".join(objects), container=True)


def i16(*values: int) -> bytes:
    """Signed 2-byte integers."""
    return struct.pack(f"<{len(values)}h", *values)


def i32(*values: int) -> bytes:
    """Signed 4-byte integers."""
    return struct.pack(f"<{len(values)}i", *values)


def f32(*values: float) -> bytes:
    """4-byte floating-point numbers."""
    return struct.pack(f"<{len(values)}f", *values)


def array(values: npt.ArrayLike, dtype: str) -> bytes:
    """An array, in C order, in the given numpy type."""
    return np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()


def string(text: str) -> bytes:
    """A string after its length as a 2-byte integer."""
    raw = text.encode()
    return i16(len(raw)) + raw


def unsigned_varint(value: int) -> bytes:
    """An unsigned integer in 1 to 3 bytes; the leading one bits of the first byte count the rest.

    Raises
    ------
    ValueError
        If the value is negative or needs more than three bytes.
    """
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"{value} does not fit a variable-length integer of three bytes")
    if value < 0x80:
        return bytes([value])
    if value < 0x4000:
        return bytes([0x80 | value >> 8, value & 0xFF])
    return bytes([0xC0 | value >> 16, value >> 8 & 0xFF, value & 0xFF])


def signed_varint(value: int) -> bytes:
    """A signed integer: 0, -1, 1, -2, ... are stored as the unsigned 0, 1, 2, 3, ..."""
    return unsigned_varint(2 * value if value >= 0 else -2 * value - 1)


def var_string(text: str) -> bytes:
    """A string after its length as a variable-length integer."""
    raw = text.encode()
    return unsigned_varint(len(raw)) + raw


def differential(samples: npt.NDArray[np.uint16]) -> bytes:
    """Code ADC samples as variable-length differences, restarting at 0 in each row.

    Parameters
    ----------
    samples : ndarray of uint16, shape (n_rows, n_samples)
        The traces, one pixel of one gain per row.
    """
    steps = np.diff(samples.astype(np.int32), axis=1, prepend=np.int32(0)).ravel()
    coded = (steps << 1) ^ (steps >> 31)
    # most differences need one byte: treat the few others apart
    long = np.flatnonzero(coded >= 0x80)
    longer = np.flatnonzero(coded >= 0x4000)
    n_bytes = np.ones(coded.size, dtype=np.int64)
    n_bytes[long] += 1
    n_bytes[longer] += 1
    last = np.cumsum(n_bytes) - 1
    out = np.empty(int(last[-1]) + 1, dtype=np.uint8)
    out[last] = coded & 0xFF
    out[last[long] - 1] = coded[long] >> 8 & 0xFF | 0x80
    out[last[longer] - 1] = coded[longer] >> 8 & 0xFF
    out[last[longer] - 2] = coded[longer] >> 16 | 0xC0
    return out.tobytes()


@contextmanager
def _compressor(raw: IO[bytes], format_: str) -> Iterator[IO[bytes]]:
    if format_ == "gz":
        # no name and no time in the header: the same events give the same bytes
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as out:
            yield cast(IO[bytes], out)
        return
    import zstandard

    with zstandard.ZstdCompressor(level=9).stream_writer(raw, closefd=False) as writer:
        yield writer


def write_file(path: Path, objects: Iterable[bytes]) -> None:
    """Write objects one after the other into a compressed EventIO file.

    The file appears under its name only once it is whole.

    Parameters
    ----------
    path : Path
        Ends in ``.gz`` or ``.zst``, which decides the compression.
    objects : iterable of bytes
        What `data` and `container` return.

    Raises
    ------
    LstluigiError
        If the name has another ending.
    """
    format_ = path.suffix.removeprefix(".")
    if format_ not in FORMATS:
        raise LstluigiError(f"{path}: a toy DL0 file is named *.simtel.gz or *.simtel.zst.")
    with written(path) as place, place.open("wb") as raw, _compressor(raw, format_) as out:
        for obj in objects:
            out.write(SYNC_MARKER + obj)
