"""Readers of single values (paths, options, Slurm options): the value, or Unfit raised."""

from __future__ import annotations

import os
import re
import shlex
from functools import lru_cache

from lstluigi.config.model import Unfit
from lstluigi.config.yaml12 import Value, YamlList, YamlMapping, kind
from lstluigi.errors import shown

__all__ = [
    "arguments",
    "count",
    "file_name",
    "path",
    "seconds",
    "share",
    "split",
    "text",
    "word",
    "word_list",
]

#: Control characters, line and paragraph separators, text direction, half surrogates: none may
#: reach a file name, a log or a terminal.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

#: What a shell would put a value in place of.
VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|\{\w+\})")

#: What word processors make of two dashes.
LONG_DASHES = ("\u2013", "\u2014", "\u2212")

#: Longest file name and path on Linux, in bytes (NAME_MAX, PATH_MAX less its final NUL).
NAME_MAX, PATH_MAX = 255, 4095

#: A prod_id becomes part of file names: room for what stands around it.
ID_MAX = 150

#: Names that Slurm gives to accounts, partitions and qualities of service, one or several.
SLURM_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@,-]{0,254}")


def text(value: Value) -> str:
    """Read one line of text."""
    if not isinstance(value, str):
        raise Unfit(f"expected a string, got {kind(value)}", "write one value")
    # nearly all are plain ASCII, which is told at once
    if not (value.isascii() and value.isprintable()) and CONTROL.search(value):
        raise Unfit(f"{shown(value)} holds a control character", "remove it")
    return value


def word(value: Value) -> str:
    """Read the name of an account, a partition or a quality of service."""
    given = text(value)
    if not SLURM_WORD.fullmatch(given):
        raise Unfit(
            f"{shown(given)} is no name to Slurm", "write letters, digits and any of _ . - @ , only"
        )
    return given


def one_of(value: Value, choices: tuple[str, ...]) -> str:
    """Read one of some words."""
    given = text(value)
    if given not in choices:
        raise Unfit(f"expected {' or '.join(choices)}, got {shown(given)}", "write one of them")
    return given


def count(value: Value, least: int) -> int:
    """Read a whole number."""
    given = text(value)
    if not re.fullmatch(r"[0-9]{1,9}", given) or int(given) < least:
        raise Unfit(f"{shown(given)} is not a whole number from {least}", "write digits only")
    return int(given)


def seconds(value: Value, least: float) -> float:
    """Read a time in seconds, at most a day."""
    given = text(value)
    try:
        number = float(given)
    except ValueError:
        number = float("nan")
    if not least <= number <= 86400:
        raise Unfit(
            f"{shown(given)} is not a number of seconds from {least:g} to 86400",
            "write a number such as 30",
        )
    return number


def word_list(value: Value) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, YamlList):
        raise Unfit(f"expected a list, got {kind(value)}", "write one '- name' per line")
    return tuple(text(item) for item in value if item is not None)


def file_name(value: Value) -> str:
    """Read a text that becomes part of file names (prod_id)."""
    name = text(value)
    if "/" in name or name in ("", ".", ".."):
        raise Unfit(
            f"{shown(name)} cannot be part of a file name",
            "write a name without '/', with date and version, such as 20240101_v0.10.4_crab",
        )
    if len(name.encode()) > ID_MAX:
        raise Unfit(f"it is longer than {ID_MAX} bytes", "write a shorter one")
    return name


def path(value: Value, base: str, output: bool = False) -> str:
    """Read a path; nothing in it is expanded.

    Parameters
    ----------
    value : Value
        A relative path is relative to `base`.
    base : str
        Absolute directory of the config.
    output : bool
        Whether something is made there: it may then neither hold ``..`` nor be `base` or the root.

    Returns
    -------
    str
        Absolute, without empty components, ``.`` and ``..`` (taken away as text, so that one path
        is spelt one way; symbolic links are not followed).
    """
    given = text(value)
    if not given:
        raise Unfit("it is empty", "name a path")
    if given.startswith("~"):
        raise Unfit("it starts with '~', which is not expanded", "write the path in full")
    if "$" in given and (variable := VARIABLE.search(given)):
        raise Unfit(f"it holds {variable[0]}, which is not expanded", "write the path in full")
    full = given if given.startswith("/") else f"{base}/{given}"
    parts = full.split("/")
    if "" in parts[1:] or "." in parts or ".." in parts:
        full = "/" + os.path.normpath(full).lstrip("/")
    if output and (".." in given.split("/") or full in ("/", base)):
        raise Unfit(
            f"{shown(given)} is an invalid output path",
            "write a path without '..' that is neither the root nor the config's own directory",
        )
    _check_length(full)
    return text(full)


def _check_length(full: str) -> None:
    if len(full) <= NAME_MAX and full.isascii():
        return
    raw = os.fsencode(full)
    if len(raw) <= NAME_MAX:
        return
    if len(raw) > PATH_MAX or max(map(len, raw.split(b"/"))) > NAME_MAX:
        raise Unfit(
            f"{shown(full, 60)} is longer than a path ({PATH_MAX} bytes) or a name in it "
            f"({NAME_MAX}) may be",
            "shorten it",
        )


def share(value: Value) -> float:
    """Read a share between 0 and 1, both included."""
    given = text(value)
    try:
        number = float(given)
    except ValueError:
        number = float("nan")
    if not 0 <= number <= 1:
        raise Unfit(f"{shown(given)} is not a share from 0 to 1", "give a number such as 0.02")
    return number


def arguments(value: Value) -> tuple[str, ...]:
    """Read options of a command line: one text, split at its blanks, or a list of arguments."""
    if isinstance(value, YamlMapping):
        raise Unfit(
            "expected options of a command line, got a mapping",
            "write them on one line, such as --no-image",
        )
    words = word_list(value) if isinstance(value, YamlList) else split(value or "")
    for word in words:
        if word.startswith(LONG_DASHES):
            plain = f"--{word.lstrip(''.join(LONG_DASHES) + '-')}"
            raise Unfit(f"{shown(word)} begins with a long dash", f"write {shown(plain)}")
    return words


@lru_cache(maxsize=4096)
def split(line: str) -> tuple[str, ...]:
    """Split as a shell would, expanding nothing."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Unfit(
            f"{shown(line)} has a quote or a backslash left open", "close or double it"
        ) from error
    return tuple(text(word) for word in words)
