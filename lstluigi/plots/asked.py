"""What a user asks to see: a production config, or lines of the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from lstluigi.errors import ConfigError, LstluigiError, shown
from lstluigi.layouts.nodes import catalogue, declination, declinations
from lstluigi.plots.sets import PointingSet, pointing_sets_of_config

__all__ = ["asked", "is_line", "name_for_files"]


def is_line(word: str) -> bool:
    """True for the name of a declination line, such as ``dec_2276``."""
    return declination(word) is not None


def asked(words: Sequence[str], lines: Sequence[str]) -> tuple[PointingSet, ...]:
    """Return the nodes of what is asked for.

    Parameters
    ----------
    words : sequence of str
        Paths of production configs.
    lines : sequence of str
        Only training nodes of these lines; without words those of the catalogue.

    Raises
    ------
    LstluigiError
        There are no nodes, or none of a line.
    """
    if not words:
        return _of_catalogue(lines)
    names = _names(words)
    sets = [
        one
        for word, name in zip(words, names, strict=True)
        for one in _of_config(word, name if len(words) > 1 else "")
    ]
    there = {one.line for one in sets if one.line}
    _refuse_unknown(lines, there)
    return tuple(one for one in sets if not lines or not one.line or one.line in lines)


def _names(words: Sequence[str]) -> list[str]:
    """Short names, if they tell them apart."""
    short = [Path(word).stem for word in words]
    return short if len(set(short)) == len(short) else list(words)


def _of_config(path: str, label: str) -> tuple[PointingSet, ...]:
    try:
        sets = pointing_sets_of_config(path, label)
    except ConfigError as error:
        raise LstluigiError("\n".join(map(str, error.problems))) from None
    if not sets:
        raise LstluigiError(
            f"no path in {shown(path, 4096)} names a pointing node: there is nothing to draw"
        )
    return sets


def _of_catalogue(lines: Sequence[str]) -> tuple[PointingSet, ...]:
    _refuse_unknown(lines, declinations())
    training = [
        PointingSet(
            f"training {line}", "training", catalogue("TrainingDataset", "GammaDiffuse", line), line
        )
        for line in lines
    ]
    return (*training, PointingSet("test", "test", catalogue("TestDataset", "Gamma")))


def _refuse_unknown(lines: Sequence[str], there: Collection[str]) -> None:
    for line in lines:
        if line not in there:
            known = ", ".join(sorted(there)) or "none"
            raise LstluigiError(f"there are no training nodes of {shown(line)}; of these: {known}")


def name_for_files(words: Sequence[str]) -> str:
    """Start of the names of files about what is asked for."""
    return f"{Path(words[0]).stem}_pointings" if len(words) == 1 else "pointings"
