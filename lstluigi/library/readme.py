"""Readmes of productions."""

from __future__ import annotations

import re

__all__ = ["read_readme", "title_of"]

#: Longer ones are cut.
_MAX_CHARACTERS = 100_000
_RULE = re.compile(r"[\s=\-*_#`]*")
#: Headings of the form that is filled in, which say nothing of the production.
_FORM = re.compile(r"#*\s*(new prod(uction)? config|prod[_ ]?id|(short )?description.*)\s*", re.I)


def read_readme(path: str) -> str:
    """Return a readme's text; empty if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_CHARACTERS)
    except OSError:
        return ""


def title_of(text: str) -> str:
    """Return the first line that says something, without the marks of a heading."""
    for line in text.splitlines():
        if not _RULE.fullmatch(line) and not _FORM.fullmatch(line):
            return line.strip().lstrip("#").strip()[:200]
    return ""
