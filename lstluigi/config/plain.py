"""YAML as programs write configs, read line by line in a third of the time.

Lines of ``key: value``, ``key:``, ``- key: value`` and ``- value``, also with the value on the line
below; values plain or simply quoted, on one line; comments and empty lines. Whatever else there is
in a text, right or wrong, is for the full reader: `read_plain` then says nothing. What it does say
is what the full reader says.
"""

from __future__ import annotations

import re

from lstluigi.config.document import NULLS, YamlList, YamlMapping

__all__ = ["read_plain"]

#: Characters that never mean anything within a plain value; a colon does before a blank.
#: Nothing here is possessive or atomic: Python 3.11.0 to 3.11.4 lose the groups of such patterns
#: (CPython issue 101955). A line has one reading only, and each run of blanks ends where another
#: character follows, so that a line that does not match is given up in linear time all the same.
_WITHIN = r"[A-Za-z0-9/_.+=*%@~'\"-]"
_REST = rf"{_WITHIN}*(?::(?! |$){_WITHIN}*)*"
_PLAIN = rf"(?:[A-Za-z0-9/_.]|--?[A-Za-z]){_REST}(?: +{_WITHIN}{_REST})*"
_LINE = re.compile(
    r"( *)(?! )(- )?(?:([A-Za-z_][A-Za-z0-9_-]{0,99}):(?= |$))?"
    rf"(?: *(?! )(?:({_PLAIN})|'([^']*)'|\"([^\"\\]*)\"))?(?: *| +#[ -~]*)"
)
_NOTHING = re.compile(r" *(?:#[ -~]*)?")
#: Groups of `_LINE`; the last one that matched tells what the line ends with.
_INDENT, _DASH, _KEY = 1, 2, 3
#: As deep as configs are, and some more.
_MAX_DEPTH = 20
#: Keys and values on a line: an item that is a mapping, its key, the value, a container below.
_PER_LINE = 4


def read_plain(text: str, max_values: int) -> YamlMapping | None:
    """Read a document that is a mapping.

    Parameters
    ----------
    text : str
        The document.
    max_values : int
        How many keys and values it may have.

    Returns
    -------
    YamlMapping or None
        None if the full reader is to read it.
    """
    lines = text.split("\n")
    if len(lines) * _PER_LINE > max_values:
        return None
    document = _Document()
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None or found.lastindex == _INDENT:
            if not _NOTHING.fullmatch(line):
                return None
        elif not document.add(found, number):
            return None
    return document.root


class _Document:
    """What has been read so far."""

    def __init__(self) -> None:
        self.root: YamlMapping | None = None
        #: Open containers with their columns, from the outside in.
        self.open: list[tuple[int, YamlMapping | YamlList]] = []
        #: A key of the innermost one whose value may stand on the lines below.
        self.waiting: str | None = None

    def add(self, found: re.Match[str], number: int) -> bool:
        """Add an entry; false if it is for the full reader."""
        indent, dash, key, plain, single, double = found.groups()
        column = len(indent)
        value = plain if plain is not None else single if single is not None else double
        if plain in NULLS:
            value = None
        entry = dash is not None or key is not None
        if self.root is None:
            self.root = YamlMapping(number)
            self.open.append((column, self.root))
        elif self.waiting is not None and self._fill(column, dash, entry, value, number):
            return True
        if not entry or found.lastindex == _DASH:
            return False
        container = self._at(column, dash is not None)
        if isinstance(container, YamlList):
            container.lines.append(number)
            if key is None:
                container.append(value)
                return True
            item = YamlMapping(number)
            container.append(item)
            self.open.append((column + 2, item))
            container = item
        if container is None or key in container.lines or key in NULLS:
            return False
        container.lines[key] = number
        container[key] = value
        self.waiting = key if found.lastindex == _KEY else None
        return len(self.open) <= _MAX_DEPTH

    def _fill(
        self, column: int, dash: str | None, entry: bool, value: str | None, number: int
    ) -> bool:
        """Give the waiting key its value, if this line has it; true if that is all of the line."""
        outer, mapping = self.open[-1]
        assert isinstance(mapping, YamlMapping)
        assert self.waiting is not None
        if column > outer and not entry:
            mapping[self.waiting] = value
        elif column > outer or (dash is not None and column == outer):
            inner = YamlMapping(number) if dash is None else YamlList(number)
            mapping[self.waiting] = inner
            self.open.append((column, inner))
        self.waiting = None
        return column > outer and not entry

    def _at(self, column: int, dash: bool) -> YamlMapping | YamlList | None:
        """Close what ends before this column; the container of an entry here, if there is one."""
        while self.open:
            start, container = self.open[-1]
            is_list = type(container) is YamlList
            if start == column and is_list is dash:
                return container
            if start < column or (start == column and not is_list):
                return None
            self.open.pop()
        return None
