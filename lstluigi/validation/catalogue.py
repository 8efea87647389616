"""What the pinned lstchain accepts, as `tools/lstchain_catalogue.py` has written it down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lstluigi.errors import shown

KINDS = {
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "text": "a text",
    "list": "a list",
}
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
        Tree: a section has `keys`, a value is a leaf; a section with `columns` has names of
        `columns` as keys. A leaf has a `kind` (flag, integer, number, text, list, any) and perhaps
        `choices` (`caseless` or not), `min`, `max`, and `of`, the kind of a list's entries.
    columns
        What features and filters can name.
    standard
        What lstchain takes where a section is missing.
    """

    lstchain: str
    commands: Mapping[str, Mapping[str, Any]]
    config: Mapping[str, Any]
    columns: tuple[str, ...]
    standard: Mapping[str, Any]


def amiss(leaf: Mapping[str, Any], value: object) -> str:
    """Why a value does not fit a leaf; empty if it does.

    Parameters
    ----------
    leaf
        Of the catalogue.
    value
        As Python has it: a number is no text.
    """
    kind = leaf["kind"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "flag": isinstance(value, bool),
        "integer": number and isinstance(value, int),
        "number": number,
        "text": isinstance(value, str),
        "list": isinstance(value, list),
    }
    if not fits.get(kind, True):
        return f"{shown(value)} is not {KINDS[kind]}"
    choices = leaf.get("choices", ())
    if choices and isinstance(value, str) and not _is_among(value, choices, "caseless" in leaf):
        return f"{shown(value)} is none of {', '.join(choices)}"
    if "of" in leaf and isinstance(value, list):
        return next(filter(None, (amiss({"kind": leaf["of"]}, entry) for entry in value)), "")
    if number and isinstance(value, int | float):
        low, high = leaf.get("min", value), leaf.get("max", value)
        if not low <= value <= high:
            return f"{shown(value)} is {f'less than {low}' if value < low else f'more than {high}'}"
    return ""


def _is_among(value: str, choices: Sequence[str], caseless: bool) -> bool:
    return value.casefold() in map(str.casefold, choices) if caseless else value in choices


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return Catalogue(**{**content, "columns": tuple(content["columns"])})
