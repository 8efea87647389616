"""Files that are written together or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import nearest_existing, write_text

__all__ = ["publish", "refuse"]


def refuse(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Look beforehand whether these files may be written.

    Raises
    ------
    LstluigiError
        With the first thing that is in the way.
    """
    there = [path for path in paths if os.path.lexists(path)]
    if there and not overwrite:
        names = ", ".join(shown(str(path)) for path in there)
        verb = "exists" if len(there) == 1 else "exist"
        raise LstluigiError(f"{names} {verb} already; choose other names, or --overwrite")
    for path in paths:
        root = nearest_existing(os.path.abspath(path.parent))
        if path.is_dir():
            raise LstluigiError(f"{shown(str(path))} is a directory, not a file to write to")
        if not os.path.isdir(root) or not os.access(root, os.W_OK | os.X_OK):
            raise LstluigiError(f"nothing can be written below {shown(root)}; choose another place")


def publish(texts: Mapping[Path, str], *, overwrite: bool = False) -> None:
    """Write text files, all of them or none; directories are made where they are missing.

    All are first written whole beside their places. When one cannot get to its place, those
    before it are taken back, and what they have replaced is there again.

    Parameters
    ----------
    texts : mapping of Path to str
        The files.
    overwrite : bool
        Replace files that exist.

    Raises
    ------
    LstluigiError
        A file exists, or cannot be written.
    """
    refuse(texts, overwrite=overwrite)
    # left in the opposite order: what was moved goes back before the scratch directories go
    with ExitStack() as made, ExitStack() as scratch, ExitStack() as moved:
        try:
            spare = {parent: _spare(parent, made, scratch) for parent in _parents(texts)}
            for path, text in texts.items():
                write_text(str(spare[path.parent] / path.name), text)
            for path in texts:
                _put(path, spare[path.parent] / path.name, moved)
        except OSError as error:
            place = error.filename or "a file"
            raise LstluigiError(f"{place} cannot be written ({error.strerror})") from None
        moved.pop_all()
        made.pop_all()


def _parents(texts: Iterable[Path]) -> list[Path]:
    return list(dict.fromkeys(path.parent for path in texts))


def _spare(directory: Path, made: ExitStack, scratch: ExitStack) -> Path:
    """Make a directory if need be, and one within it for what is not yet, or no longer, there."""
    for place in reversed([directory, *directory.parents]):
        if not place.exists():
            place.mkdir()
            made.callback(_remove_empty, place)
    temporary = TemporaryDirectory(dir=directory, prefix=".lstluigi-")
    return Path(scratch.enter_context(temporary))


def _put(path: Path, whole: Path, moved: ExitStack) -> None:
    if path.exists():
        earlier = whole.with_name(f"{whole.name}.earlier")
        os.replace(path, earlier)
        moved.callback(os.replace, earlier, path)
    else:
        moved.callback(path.unlink, missing_ok=True)
    os.replace(whole, path)


def _remove_empty(directory: Path) -> None:
    """Take back a directory that was made, unless somebody else has put something there."""
    with suppress(OSError):
        directory.rmdir()
