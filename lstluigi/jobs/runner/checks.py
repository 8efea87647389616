"""Checks: is a file whole? Of DL0, HDF5, models, FITS, JSON and images, by their content."""

from __future__ import annotations

import gzip
import json
import os
import warnings
from typing import Any, Callable

from .base import Hollow, Json, Unreadable, Unsound
from .hdf5 import HDF5_KEYS, open_hdf5, rows
from .kinds import SIMTEL, kind_of


def check_file(path: str, check: Json) -> str | None:
    """Check one file by its content.

    Returns
    -------
    str or None
        Why the file counts as empty: whole, but without a single row where some are wanted.

    Raises
    ------
    Unsound
        If the file is missing, truncated, unreadable, or without something it should hold.
    """
    if not os.path.lexists(path):
        raise Unsound("is missing")
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                raise Unsound("has no content")
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    for key, function in CHECKS.items():
        if key in check:
            function(path, check[key])
    return check_hdf5(path, check) if any(key in check for key in HDF5_KEYS) else None


def check_png(path: str, wanted: object) -> None:
    """Look for the signature and the closing chunk of a PNG image."""
    with open(path, "rb") as file:
        start = file.read(8)
        file.seek(max(0, os.path.getsize(path) - 12))
        end = file.read()
    if start != b"\x89PNG\r\n\x1a\n" or end[4:8] != b"IEND":
        raise Unsound("is not a whole PNG image")


def check_joblib(path: str, wanted: object) -> None:
    """Look at both ends of a joblib file without loading it (models can be tens of GB).

    The magic numbers are those of pickle (protocol 2 and later), zlib, gzip, bz2, xz, lzma, lz4.
    """
    magics = (b"\x80", b"\x78", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"]\x00", b"\x04\x22\x4d\x18")
    with open(path, "rb") as file:
        start = file.read(8)
        file.seek(-1, os.SEEK_END)
        end = file.read()
    if not start.startswith(magics):
        raise Unsound("is no joblib file")
    if start.startswith(b"\x80") and end != b".":  # the STOP opcode of pickle
        raise Unsound("is a truncated joblib file")


def check_json(path: str, keys: list[str]) -> None:
    """Look for keys, `section.key`, of a JSON object (a bare Infinity is lstchain's)."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (ValueError, RecursionError):
        raise Unsound("is not JSON") from None
    if not isinstance(content, dict):
        raise Unsound("does not hold a JSON object")
    for key in keys:
        found: object = content
        for name in key.split("."):
            if not isinstance(found, dict) or name not in found:
                raise Unsound(f"lacks {key}")
            found = found[name]


def check_positive(path: str, keys: list[str]) -> None:
    """Look for a number above zero under keys, `section.key`, of a JSON object."""
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    if not any(content[section][name] > 0 for section, name in (key.split(".") for key in keys)):
        raise Unsound(f"has no number above zero in {', '.join(keys)}")


def check_simtel(path: str, wanted: object) -> None:
    """Look for a file of another kind; whether it is whole, the command that reads it tells."""
    if kind_of(path) not in (SIMTEL, None):
        raise Unsound("is no simtel file")


def check_true_images(path: str, wanted: object) -> None:
    """Look for photoelectrons beside the first event of DL0.

    What ends too early is told by the command that reads it to its end.
    """
    check_simtel(path, wanted)
    try:
        from eventio import EventIOFile
        from eventio.iact import PhotoElectrons, TelescopeData
        from eventio.simtel import ArrayEvent

        events = 0
        with EventIOFile(path) as file:
            for thing in file:
                inside = thing if isinstance(thing, TelescopeData) else ()
                if any(isinstance(inner, PhotoElectrons) for inner in inside):
                    return
                events += isinstance(thing, ArrayEvent)
                if events > 1:  # they stand before or behind the event that they belong to
                    break
    except Exception:
        return
    if not events:
        raise Unsound("has no event: nothing has triggered in it")
    raise Unsound("has no true images (the photoelectrons that sim_telarray may write)")


def check_fits(path: str, names: list[str]) -> None:
    """Look for HDUs by name, and for data that end where the headers say."""
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # truncation is measured below
            with fits.open(path) as hdus:
                infos = {hdu.name: hdu.fileinfo() for hdu in hdus}
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if zipped else open)(path, "rb") as file:
            size = sum(map(len, iter(lambda: file.read(1 << 20), b"")))
    except Exception as error:  # whatever astropy and zlib say about a damaged file
        raise Unsound(f"cannot be read as FITS ({type(error).__name__})") from None
    for name in names:
        if name.upper() not in infos:
            raise Unsound(f"has no HDU '{name}'")
    if size < max(info["datLoc"] + info["datSpan"] for info in infos.values()):
        raise Unsound("is a truncated FITS file")


def check_values(path: str, columns: Json) -> None:
    """Look for a number above zero in columns of a FITS file, by HDU.

    Responses that no event has passed into, or that nothing can be detected with, are no responses.
    """
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path) as hdus:
            for name, wanted in columns.items():
                for column in [wanted] if isinstance(wanted, str) else wanted:
                    check_column(hdus[name].data, name, column)


def check_column(data: Any, name: str, column: str) -> None:
    """Look for a number above zero in a column of an HDU."""
    import numpy

    names = () if data is None or data.dtype.names is None else data.dtype.names
    if column not in names:
        raise Unsound(f"has no column {column} in HDU '{name}'")
    values = numpy.asarray(data[column], dtype=float)
    if not (numpy.isfinite(values) & (values > 0)).any():
        raise Hollow(f"has no number above zero in {column} of HDU '{name}'")


CHECKS: dict[str, Callable[[str, Any], None]] = {
    "file": lambda path, wanted: None,  # some content is enough, and has been seen
    "link": lambda path, wanted: None,
    "png": check_png,
    "joblib": check_joblib,
    "fits": check_fits,
    "values": check_values,
    "json": check_json,
    "positive": check_positive,
    "simtel": check_simtel,
    "true_images": check_true_images,
}
SOURCES = "/source_filenames/filenames"  # lstchain lists here what it merged


def check_hdf5(path: str, check: Json) -> str | None:
    """Look for the nodes of an HDF5 file; see check_file."""
    with open_hdf5(path) as h5:
        empty = [table for table in check.get("nonempty", []) if not rows(h5, table)]
        events = check.get("events")
        without = [events] if events and not rows(h5, events) else []
        needed = [*check.get("hdf5", []), *([] if without else check.get("of_events", []))]
        for node in needed:
            if node not in h5:
                # lstchain writes nothing at the end of a file in which no event has triggered
                and_why = f", and has no rows in {empty[0]}" if empty and empty[0] != node else ""
                and_why = and_why or ", and has no events" * bool(without)
                raise Unsound(f"lacks {node}{and_why}")
        for node in check.get("absent", []):
            if node in h5:
                raise Unsound(f"still has {node}")
        for name in check.get("attributes", []):
            if name not in h5.root._v_attrs:
                raise Unsound(f"lacks the attribute {name!r}")
        for group, table in check.get("full", {}).items():
            check_full(h5, group, table)
    if "sum_of" in check:
        check_sum(path, **check["sum_of"])
    return f"has no rows in {empty[0]}" if empty else None


def check_full(h5: Any, group: str, table: str) -> None:
    """Look for tables below a group that are shorter than another one: they were not finished."""
    wanted = rows(h5, table)
    for found in h5.walk_nodes(group, "Table"):
        if found.nrows < wanted:
            path = found._v_pathname
            raise Unsound(f"has {found.nrows} rows in {path}, and {wanted} in {table}")


def check_sum(path: str, tables: list[str], inputs: list[str]) -> None:
    """Compare the rows of a merged file with those of what was to be merged.

    The merging command leaves out files it does not like and still succeeds.
    """
    expected = dict.fromkeys(tables, 0)
    for name in inputs:
        try:
            check_file(name, {"file": True})
            with open_hdf5(name) as h5:
                for node in tables:
                    expected[node] += rows(h5, node)
        except Unsound as error:
            raise Unsound(f"cannot be compared with its input {name}, which {error}") from None
    with open_hdf5(path) as h5:
        found = {node: rows(h5, node) for node in tables}
        merged = {os.fsdecode(name) for name in h5.get_node(SOURCES)} if SOURCES in h5 else None
    left_out = [] if merged is None else missing_files(inputs, merged)
    for node in tables:
        if found[node] != expected[node]:
            which = f"; left out: {', '.join(left_out[:5])}" if left_out else ""
            raise Unsound(f"has {found[node]} rows in {node}, its inputs {expected[node]}{which}")


def missing_files(wanted: list[str], names: set[str]) -> list[str]:
    """Return those files that none of the names leads to, by inode: names may be links."""

    def inode(path: str) -> tuple[int, int]:
        status = os.stat(path)
        return status.st_dev, status.st_ino

    there = {inode(name) for name in names if os.path.exists(name)}
    return [path for path in wanted if inode(path) not in there]
