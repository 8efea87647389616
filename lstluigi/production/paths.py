"""Paths that steps make and read, and when the one is among the other; no file is looked at."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import lru_cache

from lstluigi.stages.base import Made

__all__ = ["Read", "matches", "parent", "reaches"]


@dataclass(frozen=True, slots=True)
class Read:
    """What a step reads.

    Parameters
    ----------
    path : str
        Absolute, normalised path of a file or a directory.
    pattern : str, optional
        The files below the directory that match it, component by component, as in glob: ``*``
        matches no leading dot, ``**`` any number of directories.
    """

    path: str
    pattern: str | None = None


def matches(read: Read, path: str) -> bool:
    """Tell whether a file is among what is read.

    Parameters
    ----------
    read : Read
        A file or directory, or a pattern below a directory.
    path : str
        Absolute, normalised path of a file.
    """
    if read.pattern is None:
        return path == read.path or parent(path) == read.path
    names = _names_below(read.path, path)
    return names is not None and _fits(_parts(read.pattern), names)


def reaches(read: Read, made: Made) -> bool:
    """Tell whether a pattern reaches a file, or files of whatever name in a directory."""
    names = _names_below(read.path, made.path)
    if names is None or read.pattern is None:
        return False
    return _fits(_parts(read.pattern), (*names, None) if made.directory else names)


def parent(path: str) -> str:
    """Return the directory around a path; empty for the root's own entries."""
    return path.rpartition("/")[0]


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[str, ...]:
    """Split a pattern; an absolute one keeps its empty beginning, which fits nothing."""
    first, *others = pattern.split("/")
    return tuple(part for part in (first, *filter(None, others)) if part != ".")


def _names_below(directory: str, path: str) -> tuple[str | None, ...] | None:
    """Return the components of a path below a directory; None if it is not at or below it."""
    if path == directory:
        return ()
    root = directory.rstrip("/") + "/"
    return tuple(path[len(root) :].split("/")) if path.startswith(root) else None


def _fits(parts: tuple[str, ...], names: tuple[str | None, ...]) -> bool:
    """Match components; a name that is None is unknown and fits everything."""
    reached = _past_stars(parts, {0})
    for name in names:
        following = set()
        for at in reached:
            if at < len(parts) and _fits_one(parts[at], name):
                following.add(at if parts[at] == "**" else at + 1)
        reached = _past_stars(parts, following)
    return len(parts) in reached


def _past_stars(parts: tuple[str, ...], reached: set[int]) -> set[int]:
    """Add the positions behind each ``**`` that stands for no directory at all."""
    past = set(reached)
    for at in sorted(reached):
        while at < len(parts) and parts[at] == "**":
            at += 1
            past.add(at)
    return past


def _fits_one(part: str, name: str | None) -> bool:
    if name is None:
        return True
    if name.startswith(".") and not part.startswith("."):
        return False
    return _compiled(part).match(name) is not None


@lru_cache(maxsize=4096)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
