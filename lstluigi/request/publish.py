"""Files that are written together or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import nearest_existing

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
        spare: dict[Path, Path] = {}
        for parent in dict.fromkeys(path.parent for path in texts):
            with _told(parent):
                spare[parent] = _spare(parent, made, scratch)
        for path, text in texts.items():
            with _told(path):
                (spare[path.parent] / path.name).write_text(text, encoding="utf-8")
        for path in texts:
            with _told(path):
                _put(path, spare[path.parent] / path.name, moved)
        moved.pop_all()
        made.pop_all()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Name what was asked for, not where it is made, if there is no room or no permission."""
    try:
        yield
    except OSError as error:
        raise LstluigiError(f"{path} cannot be written ({error.strerror})") from None


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
