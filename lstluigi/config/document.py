"""What a YAML document consists of here: mappings, lists and strings, each with its line."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["NULLS", "Value", "YamlList", "YamlMapping", "forget_lines", "kind"]

#: Unquoted, these are no value at all (YAML 1.2, core schema).
NULLS = frozenset(("", "~", "null", "Null", "NULL"))


class YamlMapping(dict[str, "Value"]):
    """A mapping of the file.

    Attributes
    ----------
    line : int
        Line it starts at, from 1.
    lines : dict of str to int
        Line of each key.
    """

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class YamlList(list["Value"]):
    """A list of the file.

    Attributes
    ----------
    line : int
        Line it starts at, from 1.
    lines : list of int
        Line of each item.
    """

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


Value: TypeAlias = str | YamlMapping | YamlList | None


def kind(value: Value) -> str:
    """Say what a value is, for messages."""
    if isinstance(value, YamlMapping):
        return "a mapping"
    return "a list" if isinstance(value, YamlList) else "a string"


def forget_lines(value: Value) -> None:
    """Take away the lines of a document, where they are not those of the file that is told of."""
    if isinstance(value, YamlMapping):
        value.line, value.lines = 0, {}
        for inner in value.values():
            forget_lines(inner)
    elif isinstance(value, YamlList):
        value.line, value.lines = 0, [0] * len(value)
        for inner in value:
            forget_lines(inner)
