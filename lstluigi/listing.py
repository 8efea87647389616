"""The shared file system as it is seen: one listing per directory until it is forgotten."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping

from lstluigi.errors import LstluigiError


class Listing:
    """Names in directories, each directory listed once until it is forgotten.

    Asking for every file by itself dominates the start of a run on a network file system, and some
    show a new file only once its directory has been listed.
    """

    def __init__(self) -> None:
        self._names: dict[str, Mapping[str, bool] | None] = {}

    def entries(self, directory: str) -> Mapping[str, bool] | None:
        """Names in a directory, each with whether it is a directory; None where there is none."""
        try:
            return self._names[directory]
        except KeyError:
            pass
        try:
            with os.scandir(directory) as entries:
                found: Mapping[str, bool] | None = {
                    e.name: e.is_dir() for e in entries if _is_there(e)
                }
        except (FileNotFoundError, NotADirectoryError):
            found = None
        except OSError as error:
            raise LstluigiError(f"{directory} cannot be listed ({error.strerror})") from None
        self._names[directory] = found
        return found

    def exists(self, path: str) -> bool:
        """True where a file or directory is at this path."""
        directory, name = os.path.split(path)
        if not name:
            return self.entries(directory) is not None
        entries = self.entries(directory)
        return entries is not None and name in entries

    def is_file(self, path: str) -> bool:
        """True where a file, not a directory, is at this path."""
        directory, name = os.path.split(path)
        return (self.entries(directory) or {}).get(name) is False

    def glob(self, directory: str, pattern: str) -> Iterator[str]:
        """Files below a directory that match a pattern component by component, each once.

        As in the shell, a `*` does not match a leading dot; `**` stands for any directories.
        """
        for place, names in self.groups(directory, pattern):
            prefix = os.path.join(place, "")
            yield from (prefix + name for name in names)

    def groups(self, directory: str, pattern: str) -> Iterator[tuple[str, list[str]]]:
        """The same by directory: each that holds such files, with their names in order."""
        # several `**` may lead to one directory in several ways
        return iter(dict(self._groups(directory, pattern)).items())

    def _groups(self, directory: str, pattern: str) -> Iterator[tuple[str, list[str]]]:
        head, _, rest = pattern.partition("/")
        if head == "**":
            yield from self._groups(directory, rest or "*")
            for name in self._fitting(directory, "*", directories=True):
                yield from self._groups(os.path.join(directory, name), pattern)
        elif rest:
            for name in self._fitting(directory, head, directories=True):
                yield from self._groups(os.path.join(directory, name), rest)
        elif names := self._fitting(directory, head, directories=False):
            yield directory, names

    def _fitting(self, directory: str, part: str, *, directories: bool) -> list[str]:
        """Names in a directory, of files or of directories, that match one component."""
        entries = self.entries(directory) or {}
        names = [name for name, is_directory in entries.items() if is_directory is directories]
        dots = part.startswith(".")
        return sorted(n for n in fnmatch.filter(names, part) if dots or not n.startswith("."))

    def forget(self, directory: str) -> None:
        """List this directory anew when it is next asked for."""
        self._names.pop(directory, None)


def _is_there(entry: os.DirEntry[str]) -> bool:
    """Not so a link to what has been deleted."""
    return not entry.is_symlink() or os.path.exists(entry.path)
