"""Steps by name: patterns that users give."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import as_seen
from lstluigi.production.step import PlannedStep


def named(steps: Iterable[PlannedStep], pattern: str, config: Path) -> list[PlannedStep]:
    """Steps that a user's pattern names: of outputs, or a stage, or `stage:number`.

    Parameters
    ----------
    steps
        To choose from.
    pattern
        An output is its whole path, from the root or from the config; wildcards are allowed.
    config
        The production config.

    Raises
    ------
    LstluigiError
        When it names none.
    """
    home = os.path.realpath(config.parent)
    patterns = {pattern, as_seen(pattern)} if pattern.startswith("/") else {pattern}
    found = [node for node in steps if any(_is_named(node, one, home) for one in patterns)]
    if not found:
        raise LstluigiError(
            f"{shown(pattern)} matches no output, no stage and no STAGE:NUMBER of {config}"
        )
    return found


def _is_named(node: PlannedStep, pattern: str, home: str) -> bool:
    stage, number = node.step.stage, node.step.number
    paths = (node.output, os.path.relpath(node.output, home))
    names = (stage, f"{stage}:{number}", *paths)
    return pattern in names or any(fnmatchcase(path, pattern) for path in paths)


def split(text: str) -> tuple[str, ...]:
    """Read a list as one line of CSV; empty items are left out.

    Raises
    ------
    ValueError
        It is not one line.
    """
    try:
        return tuple(filter(None, next(csv.reader([text]), ())))
    except csv.Error as error:
        raise ValueError(f"{text!r} is no list separated by commas ({error})") from None


def joined(items: Iterable[str]) -> str:
    """Write a list as `split` reads it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(items)
    return line.getvalue()
