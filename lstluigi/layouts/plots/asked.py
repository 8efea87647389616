"""What a user asks to see: a production config, a config class, or lines of the catalogue."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Collection, Sequence
from pathlib import Path

from lstluigi.config import Unfit
from lstluigi.config.values import file_name
from lstluigi.config.yaml12 import YamlMapping, read_yaml
from lstluigi.errors import ConfigError, LstluigiError, shown
from lstluigi.files import YAML
from lstluigi.layouts import registry
from lstluigi.layouts.nodes import catalogue, declination, declinations
from lstluigi.layouts.plots.sets import PointingSet, pointing_sets, pointing_sets_of_config, texts

__all__ = ["asked", "is_line", "name_for_files", "names_of", "title_of"]

#: Arguments of config classes that say nothing about nodes.
STAND_INS = {
    "prod_id": "pointings",
    "source_prod_id": "source",
    "run_checker": False,
    "nodes": "catalogue",
}


def is_line(word: str) -> bool:
    """True for the name of a declination line, such as ``dec_2276``."""
    return declination(word) is not None


def asked(
    words: Sequence[str], lines: Sequence[str], names: Sequence[str]
) -> tuple[PointingSet, ...]:
    """Return the nodes of what is asked for.

    Parameters
    ----------
    words : sequence of str
        Paths of production configs, and names of config classes.
    lines : sequence of str
        Only training nodes of these lines; all if there are none. Without words those of the
        catalogue.
    names : sequence of str
        What the words are called where there are several, as `names_of` has it.

    Raises
    ------
    LstluigiError
        There are no nodes, or none of a line.
    """
    if not words:
        return _of_catalogue(lines)
    sets = [
        one
        for word, name in zip(words, names, strict=True)
        for one in _of(word, lines, name if len(words) > 1 else "")
    ]
    there = {one.line for one in sets if one.line}
    _refuse_unknown(lines, there)
    return tuple(one for one in sets if not lines or not one.line or one.line in lines)


def _short(word: str) -> str:
    return Path(word.rpartition(":")[2]).stem


def names_of(words: Sequence[str]) -> list[str]:
    """Return what is asked for by prod_ids, else by short names, if those tell them apart."""
    for names in ([_prod_id(word) or _short(word) for word in words], list(map(_short, words))):
        if len(set(names)) == len(names):
            return names
    return list(words)


def _prod_id(word: str) -> str | None:
    """Return that of a config; None if it has none that can be part of a file's name."""
    if not _is_config(word):
        return None
    try:
        value, _, _ = read_yaml(Path(word), word)
        return file_name(value["prod_id"]) if isinstance(value, YamlMapping) else None
    except (ConfigError, Unfit, KeyError):  # what cannot be read is told where it is drawn
        return None


def _is_config(word: str) -> bool:
    return word.endswith(YAML) or os.path.lexists(word)


def _of(word: str, lines: Sequence[str], label: str) -> tuple[PointingSet, ...]:
    sets = _of_config(word, label) if _is_config(word) else _of_class(word, lines, label)
    if not sets:
        raise LstluigiError(
            f"no path of {shown(word, 4096)} names a pointing node, so there is nothing to draw; "
            "name a production config, a class of an all-sky production, or lines such as dec_2276"
        )
    return sets


def _of_config(path: str, label: str) -> tuple[PointingSet, ...]:
    try:
        return pointing_sets_of_config(path, label)
    except ConfigError as error:
        raise LstluigiError("\n".join(map(str, error.problems))) from None


def _of_class(name: str, lines: Sequence[str], label: str) -> tuple[PointingSet, ...]:
    """Nodes of the config that a class would make, by the catalogue."""
    kind = registry.find(name)
    known = registry.arguments(kind)
    given = {key: value for key, value in STAND_INS.items() if key in known}
    chosen = list(lines or declinations())
    if "dec_list" in known:
        configs = [registry.create(kind, {**given, "dec_list": chosen})]
    elif "dec" in known:
        configs = [registry.create(kind, {**given, "dec": line}) for line in chosen]
    else:
        configs = [registry.create(kind, given)]
    return pointing_sets((text for one in configs for text in texts(one.content())), label)


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


def name_for_files(names: Sequence[str]) -> str:
    """Start of the names of files about what is asked for."""
    return f"{names[0]}_pointings" if len(names) == 1 else "pointings"


def title_of(names: Sequence[str]) -> str:
    """Return a title, on one line, for what is asked for."""
    return textwrap.shorten(", ".join(names), 80, placeholder=" ...")
