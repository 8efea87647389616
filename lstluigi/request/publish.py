"""Files that are written together or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import nearest_existing, write_text, written_together

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
    with written_together() as beside:
        for path, text in texts.items():
            write_text(str(beside(path.parent) / path.name), text)
