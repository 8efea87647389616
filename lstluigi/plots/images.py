"""Files of figures: refused before there is work in them, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError, shown

__all__ = ["IMAGES", "free_to_write", "save"]

#: Endings of images
IMAGES = (".png", ".pdf", ".svg")


def free_to_write(
    path: Path | str, overwrite: bool = False, formats: Sequence[str] = IMAGES
) -> None:
    """Refuse what cannot be written, before there is work in it.

    Parameters
    ----------
    path : Path or str
        The file.
    overwrite : bool
        Whether it may be there already.
    formats : sequence of str
        Endings that are known.

    Raises
    ------
    LstluigiError
        The ending says no known format, or the file exists and may not be replaced.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in formats:
        raise LstluigiError(f"{shown(str(path))} has to end in one of {', '.join(formats)}")
    if os.path.lexists(path) and not overwrite:
        raise LstluigiError(f"{shown(str(path))} exists; name another file or give --overwrite")


def save(drawing: Any, path: Path | str) -> None:
    """Write a figure as PNG, PDF or SVG, whole or not at all.

    Parameters
    ----------
    drawing : matplotlib.figure.Figure
        The figure.
    path : Path or str
        Its ending says the format; its directory is made where it is missing.
    """
    path = str(path)
    directory = os.path.dirname(path) or "."
    os.makedirs(directory, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".lstluigi-") as scratch:
        whole = os.path.join(scratch, os.path.basename(path))
        drawing.savefig(whole, dpi=150)
        os.replace(whole, path)
