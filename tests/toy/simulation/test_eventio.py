"""EventIO coding, against the definition of the format and against pyeventio as a reader."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from lstluigi.errors import LstluigiError
from lstluigi.toy.simulation import eventio as ours


@pytest.mark.parametrize(
    ("value", "coded"),
    [
        (0, "00"),
        (0x7F, "7f"),
        (0x80, "8080"),
        (0x3FFF, "bfff"),
        (0x4000, "c04000"),
        (0x1FFFFF, "dfffff"),
    ],
)
def test_unsigned_varint(value: int, coded: str) -> None:
    assert ours.unsigned_varint(value) == bytes.fromhex(coded)


@pytest.mark.parametrize("value", [-1, 0x200000])
def test_unsigned_varint_refuses_what_does_not_fit(value: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        ours.unsigned_varint(value)


@pytest.mark.parametrize(("value", "coded"), [(0, 0), (-1, 1), (1, 2), (-2, 3), (2, 4), (-64, 127)])
def test_signed_varint_alternates_signs(value: int, coded: int) -> None:
    assert ours.signed_varint(value) == bytes([coded])


def test_differential_is_read_back() -> None:
    var_int = pytest.importorskip("eventio.var_int")
    rng = np.random.default_rng(1)
    flat = np.full((3, 40), 400)
    walk = 400 + rng.integers(-60, 60, (3, 40))
    jumps = rng.choice([0, 63, 64, 8191, 8192, 65535], (20, 40))
    samples = np.concatenate([flat, walk, jumps]).astype(np.uint16)

    coded = ours.differential(samples)
    read, n_bytes = var_int.unsigned_varint_arrays_differential(coded, len(samples), 40)

    assert n_bytes == len(coded)
    assert np.array_equal(read, samples)


def test_flat_trace_takes_one_byte_per_repeated_sample() -> None:
    # 400 is coded as the difference +400, that is 800, in two bytes; 39 zeros follow
    assert ours.differential(np.full((1, 40), 400, np.uint16)) == b"\x83\x20" + bytes(39)


def test_object_header() -> None:
    payload = b"12345"
    words = struct.unpack("<IiI", ours.data(2020, 3, -7, payload)[:12])
    assert words == (2020 | 3 << 20, -7, 8)  # padded to four bytes
    outer = ours.container(2010, 0, 5, ours.data(2009, 0, 5, payload))
    assert struct.unpack("<I", outer[8:12])[0] == (12 + 8) | 1 << 30


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_objects_are_found_in_the_file(tmp_path: Path, suffix: str) -> None:
    eventio = pytest.importorskip("eventio")
    path = tmp_path / "deep" / f"x.simtel.{suffix}"
    ours.write_file(path, [ours.data(9001, 1, 1, b"abcd"), ours.data(9002, 2, -1, b"ef")])
    with eventio.EventIOFile(str(path)) as stream:
        found = [(o.header.type, o.header.version, o.header.id, o.read()) for o in stream]
    assert found == [(9001, 1, 1, b"abcd"), (9002, 2, -1, b"ef\0\0")]


def test_gzip_header_has_no_name_and_no_time(tmp_path: Path) -> None:
    path = tmp_path / "x.simtel.gz"
    ours.write_file(path, [ours.data(9001, 0, 0, b"abcd")])
    header = path.read_bytes()[:8]
    assert header[:4] == b"\x1f\x8b\x08\x00"
    assert header[4:] == bytes(4)


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    def objects():  # type: ignore[no-untyped-def]
        yield ours.data(9001, 0, 0, b"abcd")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        ours.write_file(tmp_path / "x.simtel.gz", objects())
    assert list(tmp_path.iterdir()) == []


def test_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LstluigiError, match=r"x\.simtel: .*simtel\.gz"):
        ours.write_file(tmp_path / "x.simtel", [])
