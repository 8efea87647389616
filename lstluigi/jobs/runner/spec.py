"""The spec: what a chunk's file may say. Everything is looked at before anything runs."""

from __future__ import annotations

import json
import os

from .base import BadSpec, Json
from .checks import CHECKS
from .hdf5 import HDF5_KEYS

FORMAT = 1


def need(condition: bool, sentence: str) -> None:
    """Raise BadSpec unless the condition holds."""
    if not condition:
        raise BadSpec(sentence)


def load_chunk(path: str, index: int) -> Json:
    """Read one chunk of a spec and look at everything in it before anything runs."""
    try:
        with open(path, encoding="utf-8") as file:
            spec = json.load(file)
    except (OSError, ValueError) as error:
        raise BadSpec(f"cannot be read: {error}") from None
    try:
        need(spec["format"] == FORMAT, f"is not of format {FORMAT}")
        chunks: list[Json] = spec["chunks"]
        need(0 <= index < len(chunks), f"has {len(chunks)} chunks, so there is no chunk {index}")
        validate_chunk(chunks[index], f"chunk {index}")
        return chunks[index]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadSpec(f"is not of the form of a spec ({error!r})") from None


def validate_chunk(chunk: Json, where: str) -> None:
    """Raise BadSpec where a chunk cannot be understood."""
    need(is_absolute(chunk["result"]), f"{where}: 'result' is not an absolute path")
    cpus = chunk["cpus"]
    need(isinstance(cpus, int) and cpus > 0, f"{where}: 'cpus' is not a positive number")
    for number, item in enumerate(chunk["items"]):
        validate_item(item, f"{where}, item {number} ({item['id']})")
    ids = {item["id"] for item in chunk["items"]}
    need(len(ids) == len(chunk["items"]), f"{where}: the id of an item is used twice")


def is_absolute(path: object) -> bool:
    """Say whether this is an absolute path."""
    return isinstance(path, str) and os.path.isabs(path)


def is_inside(path: object) -> bool:
    """Say whether this is a relative path that stays below where it starts."""
    return isinstance(path, str) and not os.path.isabs(path) and ".." not in path.split(os.sep)


def validate_item(item: Json, where: str) -> None:
    """Raise BadSpec where an item cannot be understood."""
    need(isinstance(item["id"], str), f"{where}: 'id' is not a string")
    for key in ("scratch", "log"):
        need(is_absolute(item[key]), f"{where}: '{key}' is not an absolute path")
    for command in [
        *item["commands"],
        *item.get("without_events", []),
        *item.get("explain", []),
    ]:
        good = isinstance(command, list) and command and all(isinstance(x, str) for x in command)
        need(bool(good), f"{where}: a command is not a list of strings: {command!r}")
    for source, link in item.get("links", []):
        need(is_absolute(source) and is_inside(link), f"{where}: bad link {link!r} to {source!r}")
    for path, check in item.get("verify", []):
        need(is_absolute(path), f"{where}: bad input to verify {path!r}")
        validate_check(check, where)
    first = item.get("first")
    known = not first or (isinstance(first["table"], str) and isinstance(first["rows"], bool))
    need(known, f"{where}: bad 'first' {first!r}")
    validate_meeting(item.get("meeting"), where)
    for path in item.get("loads", []):
        need(is_absolute(path), f"{where}: bad file to load {path!r}")
    scratch = os.path.normpath(item["scratch"]) + os.sep
    for product in item["products"]:
        made, final = product["made"], product["final"]
        need(is_inside(made), f"{where}: bad 'made' {made!r}")
        need(is_absolute(final), f"{where}: bad 'final' {final!r}")
        # The scratch directory is emptied: nothing that lasts may be inside.
        need(not final.startswith(scratch), f"{where}: {final} is inside the scratch directory")
        validate_check(product["check"], where)


def validate_meeting(meeting: Json | None, where: str) -> None:
    """Raise BadSpec where it is not clear how inputs are compared."""
    if meeting is None:
        return
    files = all(is_absolute(path) and isinstance(wanted, str) for path, wanted in meeting["files"])
    known = meeting["pointing"] in ("", "one", "same", "each")
    known = known and all(map(is_absolute, meeting.get("models", {})))
    need(files and known, f"{where}: bad 'meeting'")


def validate_check(check: Json, where: str) -> None:
    """Raise BadSpec for a check nobody knows."""
    for key in dict(check):
        need(key in CHECKS or key in HDF5_KEYS, f"{where}: unknown check {key!r}")
