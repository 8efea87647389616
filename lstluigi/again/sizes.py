"""How much space files take, and how much is free once they are deleted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

__all__ = ["below", "freed", "size"]

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Bytes in words: 1000 to a kB, as df -H and disks count."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def freed(paths: Iterable[str]) -> int:
    """Space (bytes) that is free once these files are deleted.

    A file that has other names (training and test halves are hard links) takes its space until the
    last of them is deleted.
    """
    links: Counter[tuple[int, int]] = Counter()
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for path in paths:
        try:
            status = os.lstat(path)
        except OSError:
            continue
        key = status.st_dev, status.st_ino
        links[key] += 1
        sizes[key] = status.st_nlink, status.st_blocks * 512
    return sum(space for key, (names, space) in sizes.items() if links[key] >= names)


def below(directory: str) -> Iterator[str]:
    """Files below a directory; links to directories are not followed."""
    for place, _, names in os.walk(directory):
        yield from (os.path.join(place, name) for name in names)
