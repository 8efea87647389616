"""What the pinned lstchain accepts, as `tools/lstchain_catalogue.py` has written it down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

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
        `takes` as argparse's nargs, and where it takes something `kind`, `choices`, `min`, `max`).
    config
        Tree: a section has `keys`, a value `kind` (flag, integer, number, text, list, any) and
        perhaps `choices`, `min`, `max`; a section with `columns` has names of `columns` as keys.
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


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return Catalogue(**{**content, "columns": tuple(content["columns"])})
