"""What the pinned lstchain accepts, as `tools/lstchain_catalogue.py` has written it down."""

from __future__ import annotations

import copy
import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lstluigi.errors import shown

KINDS = {
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "finite": "a finite number",
    "decimal": "a number with a decimal point",
    "text": "a text",
    "list": "a list",
    "range": "two numbers in ascending order, as [0, 1]",
}
Leaf = Mapping[str, Any]
FILE = Path(__file__).with_name("lstchain_catalogue.json")


@dataclass(frozen=True)
class Catalogue:
    """Options of commands and keys of configs.

    Attributes
    ----------
    lstchain
        The version they are of.
    commands
        By name: `words` (how many it takes that belong to no option), `options` (each with `names`,
        `takes` as argparse's nargs, and a leaf where it takes something).
    config
        Tree: a section has `keys`, a value is a leaf; the keys of a section with `columns` are of
        these columns, and each of its values is a leaf `of`. A leaf has a `kind` (one of `KINDS`,
        or any) and perhaps `choices` (`caseless` or not), bounds (`min`, `max`; `above`, `below`
        without the number itself), numbers that it may `not` be, and for a list `of`, the leaf of
        its entries, `columns` that they are of, and `least`, how many it has at least. It is
        `needed` where lstchain takes no null. In place of all that a leaf may have `one_of`:
        several leaves.
    columns
        What features and filters can name: of `dl1`, and of `dl2` as the IRFs are made of.
    standard
        What lstchain takes where a section is missing.
    """

    lstchain: str
    commands: Mapping[str, Mapping[str, Any]]
    config: Mapping[str, Any]
    columns: Mapping[str, tuple[str, ...]]
    standard: Mapping[str, Any]


def for_monte_carlo(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with the integration correction on, as ``lstchain_dump_config --mc`` does.

    Simulated charges miss what lies outside the integration window; those of data are calibrated
    for it. A config that was made for data has it off.
    """
    result = copy.deepcopy(dict(settings))
    for key in ("image_extractor", "image_extractor_for_muons"):
        section = result.get(str(result.get(key)))
        if isinstance(section, dict) and "apply_integration_correction" in section:
            section["apply_integration_correction"] = True
    return result


def amiss(leaf: Leaf, value: object) -> str:
    """Why a value does not fit a leaf; empty if it does.

    Parameters
    ----------
    leaf
        Of the catalogue.
    value
        As Python has it: a number is no text.
    """
    if "one_of" in leaf:
        if any(not amiss(one, value) for one in leaf["one_of"]):
            return ""
        return f"{shown(value)} is not {' or '.join(map(_wanted, leaf['one_of']))}"
    fits = _FITS.get(leaf["kind"])
    if fits is not None and not fits(value):
        return f"{shown(value)} is not {KINDS[leaf['kind']]}"
    if isinstance(value, str):
        return _amiss_text(leaf, value)
    if isinstance(value, list):
        return _amiss_list(leaf, value)
    return _amiss_number(leaf, value) if _is_number(value) else ""


def _amiss_text(leaf: Leaf, value: str) -> str:
    choices = leaf.get("choices")
    if not choices or _is_among(value, choices, "caseless" in leaf):
        return ""
    return f"{shown(value)} is none of {', '.join(choices)}"


def _amiss_list(leaf: Leaf, value: list[Any]) -> str:
    if len(value) < leaf.get("least", 0):
        return "it is empty"
    inside = leaf.get("of", {"kind": "any"})
    return next(filter(None, (amiss(inside, entry) for entry in value)), "")


def _amiss_number(leaf: Leaf, value: Any) -> str:
    if value != value:  # whole numbers may be too large for isnan
        return f"{shown(value)} is not a number"
    if value in leaf.get("not", ()):
        return f"{shown(value)} has no meaning here"
    for bound, (beyond, word) in _BOUNDS.items():
        if bound in leaf and beyond(value, leaf[bound]):
            return f"{shown(value)} is {word} {leaf[bound]}"
    return ""


def _wanted(leaf: Leaf) -> str:
    """What fits a leaf, in words."""
    if leaf["kind"] == "text" and "choices" in leaf:
        return " or ".join(map(shown, leaf["choices"]))
    words = {"min": "from", "above": "above", "max": "to", "below": "below"}
    limits = [f"{word} {leaf[bound]:g}" for bound, word in words.items() if bound in leaf]
    return " ".join([KINDS[leaf["kind"]], *limits])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_range(value: object) -> bool:
    """Two numbers, the second not the smaller one."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(map(_is_number, value))
        and value[0] <= value[1]  # so neither is nan
    )


_INFINITE = (math.inf, -math.inf)
_FITS: Mapping[str, Callable[[object], bool]] = {
    "flag": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "number": _is_number,
    "finite": lambda value: _is_number(value) and value not in _INFINITE,
    "decimal": lambda value: isinstance(value, float) and value not in _INFINITE,
    "text": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "range": _is_range,
}
#: What lies beyond a bound, and how that is said.
_BOUNDS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "min": (operator.lt, "less than"),
    "max": (operator.gt, "more than"),
    "above": (operator.le, "not more than"),
    "below": (operator.ge, "not less than"),
}


def _is_among(value: str, choices: Sequence[str], caseless: bool) -> bool:
    return value.casefold() in map(str.casefold, choices) if caseless else value in choices


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    columns = {level: tuple(names) for level, names in content["columns"].items()}
    return Catalogue(**{**content, "columns": columns})
