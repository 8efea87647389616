"""Files of figures: refused before there is work in them, written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import written

__all__ = ["IMAGES", "free_to_write", "images_for", "save"]

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
    with written(path) as place:
        drawing.savefig(place, dpi=150)


def images_for(files: Sequence[str], labels: Sequence[str], output: str | None) -> list[str]:
    """Name an image for each file.

    Parameters
    ----------
    files : sequence of str
        Files that are drawn.
    labels : sequence of str
        What tells them apart, for images of files of the same name.
    output : str, optional
        The image of a single file, or the directory of the images; here by default.

    Raises
    ------
    LstluigiError
        One image is named for several files, or a file is named twice.
    """
    is_image = output is not None and output.lower().endswith(IMAGES)
    if output is not None and is_image and len(files) > 1:
        raise LstluigiError(
            f"{shown(output)} is one image for {len(files)} files; name a directory, or draw them "
            "into one figure with compare-irfs"
        )
    if output is not None and (is_image or (os.path.splitext(output)[1] and len(files) == 1)):
        return [output]
    stems = [re.sub(r"\.fits(\.gz)?$", "", os.path.basename(file)) for file in files]
    if len(set(stems)) < len(stems):
        stems = [re.sub(r"[^\w.-]+", "_", label) for label in labels]
    if len(set(stems)) < len(stems):
        raise LstluigiError("a file is named twice; name each once")
    return [os.path.join(output or "", f"{stem}.png") for stem in stems]
