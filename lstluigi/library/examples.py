"""Which directories of a library are worked examples, templates or toys, which nobody has made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

__all__ = ["MARK", "Examples"]

#: Names them, in the directory that holds them: one a line, with wildcards.
MARK = "EXAMPLES"
#: What a directory without that file has for one: lstmcpipe's library calls its template so.
_USUAL = ("template_prod",)
_MAX_CHARACTERS = 100_000


class Examples:
    """The examples of a library.

    Parameters
    ----------
    root : str
        Real path of its directory.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._patterns: dict[str, Sequence[str]] = {}

    def has(self, directory: str) -> bool:
        """Whether a directory, or one that it lies in, is named an example.

        What names it may lie anywhere between it and the library, and beside the library where
        that is a single production.
        """
        return any(
            fnmatchcase(name, pattern)
            for above, name in self._names(directory)
            for pattern in self._patterns_of(above)
        )

    def _names(self, directory: str) -> Iterator[tuple[str, str]]:
        """Yield a directory and those it lies in, as far as the library's own."""
        while directory.startswith(self._root):
            above, name = os.path.split(directory)
            if not name:
                return
            yield above, name
            directory = above

    def _patterns_of(self, directory: str) -> Sequence[str]:
        if directory not in self._patterns:
            self._patterns[directory] = _read(os.path.join(directory, MARK))
        return self._patterns[directory]


def _read(path: str) -> Sequence[str]:
    if not os.path.isfile(path):  # a pipe would wait for ever
        return _USUAL
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = map(str.strip, file.read(_MAX_CHARACTERS).splitlines())
    except OSError:
        return _USUAL
    return [line.rstrip("/") for line in lines if line and not line.startswith("#")]
