"""Kinds of files, told by their beginning, for messages."""

from __future__ import annotations

import gzip
import zlib

from .base import Json, Unsound
from .hdf5 import HDF5_KEYS, open_hdf5

SIMTEL, FITS, MODEL, TEXT, HDF5 = "a simtel file", "a FITS file", "a model", "text", "HDF5"
MAGIC = {
    b"\x37\x8a\x1f\xd4": SIMTEL,
    b"\xd4\x1f\x8a\x37": SIMTEL,
    b"SIMPLE  =": FITS,
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\x80": MODEL,  # a pickle
}
LEVELS = ("DL2", "DL1")  # DL2 may hold tables of DL1
WANTED = {"simtel": SIMTEL, "true_images": SIMTEL, "fits": FITS, "joblib": MODEL, "json": "JSON"}
# Who writes HDF5: an attribute of its files, and what a check asks for that only they have.
MAKERS = {"lstchain": "LSTCHAIN_VERSION", "ctapipe": "CTA PRODUCT ID"}
OF_LSTCHAIN = "/LST_LSTCam"
PEEK = 512


def kind_of(path: str) -> str | None:
    """Say what kind of file this is, as far as its beginning tells."""
    try:
        with open(path, "rb") as file:
            start = file.read(PEEK)
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unzipped:
                return by_magic(unzipped.read(PEEK))
    except (OSError, EOFError, zlib.error):
        return None
    kind = by_magic(start)
    if kind == HDF5:
        return level_of(path)
    return TEXT if kind is None and is_text(start) else kind


def by_magic(start: bytes) -> str | None:
    """Tell a kind by the first bytes."""
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)


def is_text(start: bytes) -> bool:
    """Say whether the first bytes are printable text of any encoding with ASCII in it."""
    return bool(start) and not any(byte < 32 and byte not in b"\t\n\r\f" for byte in start)


def level_of(path: str) -> str | None:
    """Say of which level the events of an HDF5 file are; nothing of a damaged one."""
    try:
        with open_hdf5(path) as h5:
            there = (level for level in LEVELS if f"/{level.lower()}/event" in h5)
            return next(there, HDF5)
    except (Unsound, ImportError):
        return None


def nodes_of(check: Json) -> list[str]:
    """Return what a check looks for in an HDF5 file."""
    lists = (check.get(key, []) for key in ("hdf5", "of_events", "nonempty"))
    return [*(node for nodes in lists for node in nodes), *filter(None, [check.get("events")])]


def wanted_kind(check: Json) -> str | None:
    """Say what kind of file a check is for."""
    if any(key in check for key in HDF5_KEYS):
        nodes = nodes_of(check)
        found = (x for x in LEVELS if any(node.startswith(f"/{x.lower()}/") for node in nodes))
        return next(found, HDF5)
    return next((kind for key, kind in WANTED.items() if key in check), None)


def another_kind(path: str, check: Json) -> str | None:
    """Say so where an input is not of the kind that a check is for."""
    found, wanted = kind_of(path), wanted_kind(check)
    # JSON is text, and HDF5 without events may be what a command left of DL1
    if found == wanted and found in LEVELS:
        return another_maker(path, check, found)
    alike = found == wanted or (found, wanted) == (TEXT, "JSON")
    if None in (found, wanted) or alike or (found == HDF5 and wanted in LEVELS):
        return None
    return f"input {path} is {found}, and {wanted} is wanted"


def another_maker(path: str, check: Json, level: str) -> str | None:
    """Say so where events of the right level are in another program's format."""
    ours = any(node.endswith(OF_LSTCHAIN) for node in nodes_of(check))
    wanted = "ctapipe" if MAKERS["ctapipe"] in check.get("attributes", []) else "lstchain" * ours
    try:
        with open_hdf5(path) as h5:
            there = (maker for maker, name in MAKERS.items() if name in h5.root._v_attrs)
            found = next(there, "")
    except Unsound:
        return None
    if "" in (found, wanted) or found == wanted:
        return None
    return f"input {path} is {level} of {found}, and that of {wanted} is wanted"
