"""What the YAML parser says, said for people who do not know its words."""

from __future__ import annotations

from typing import NamedTuple

import yaml

__all__ = ["explained"]


class _Said(NamedTuple):
    """What a complaint of the parser means."""

    what: str
    mend: str
    #: Is it the place where the parser began that is wrong, not the one where it gave up?
    begins: bool = False


_TAB = _Said("a tab stands here, and YAML is indented with blanks", "put blanks in its place")
_MEND = "mend the indentation, colons and quotes here or on the line before"
#: By what the parser was doing, and what it says; both versions of it, in C and in Python.
_EXPLAINED: dict[tuple[str, str], _Said] = {
    ("", "that cannot start any token"): _Said(
        "no value begins with the character that stands here (@, ` or %)",
        "take it out, or put the value in quotes",
    ),
    ("quoted scalar", "unexpected end of stream"): _Said(
        "a quote is opened here and never closed", "close it, or double it within the text", True
    ),
    ("quoted scalar", ""): _Said(
        "a text in quotes that begins here is not right", "close the quote on its line", True
    ),
    ("simple key", "could not find expected ':'"): _Said(
        "here stands neither 'key: value' nor '- value'",
        "put a blank after the colon, or a colon after the key",
        True,
    ),
    ("", "mapping values are not allowed"): _Said(
        "a key is not allowed here",
        "end the line before with a colon if it is the key above, or put a value that holds ': ' "
        "in quotes",
    ),
    ("block mapping", "did not find expected key"): _Said(
        "the line is not indented like the other keys of its mapping, or a quote, '}' or ']' is "
        "too many",
        "begin it in the same column as they do",
    ),
    ("block mapping", "expected <block end>"): _Said(
        "the line is not indented like the other keys of its mapping, or a quote, '}' or ']' is "
        "too many",
        "begin it in the same column as they do",
    ),
    ("block collection", "did not find expected '-' indicator"): _Said(
        "a list ends here that has the same indentation",
        "begin each entry of it with '- ', in the same column",
    ),
    ("flow", ""): _Said(
        "a '[' or '{' is opened here and not closed as it should be",
        "close it, with commas between its entries",
        True,
    ),
}


def explained(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str, str]:
    """Say where a text is no YAML, what is wrong there and what to do.

    Parameters
    ----------
    error : yaml.MarkedYAMLError
        What the parser has raised.
    text : str
        What it has read.

    Returns
    -------
    tuple of int, str and str
        Line from 1, what, mend.
    """
    doing, says = error.context or "", error.problem or ""
    usual = _Said(says or doing, _MEND)
    found = (
        said
        for (context, problem), said in _EXPLAINED.items()
        if context in doing and problem in says
    )
    said = next(found, usual)
    if (mark := error.problem_mark) and _is_tab(text, mark.line):
        said = _TAB
    marks = (error.problem_mark, error.context_mark)
    mark = next(filter(None, reversed(marks) if said.begins else marks), None)
    return (mark.line + 1 if mark else 1), f"this is not YAML ({said.what})", said.mend


def _is_tab(text: str, line: int) -> bool:
    """Is a line, counted from 0, indented with a tab?"""
    lines = text.split("\n", line + 1)
    return line < len(lines) and lines[line].lstrip(" ").startswith("\t")
