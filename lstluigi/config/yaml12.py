"""YAML read as text: mappings, lists and strings, each with its line.

No scalar is interpreted here: ``11:30:00``, ``yes``, ``0.10`` and ``010`` stay what the file says,
and a number is made only where a number is asked for. The one exception is an unquoted empty
value, ``~`` or ``null``, which is None, as in YAML 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lstluigi.config.document import NULLS, Value, YamlList, YamlMapping, kind
from lstluigi.config.plain import read_plain
from lstluigi.config.yaml_errors import explained
from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.files import YAML, odd_file

__all__ = ["Value", "YamlList", "YamlMapping", "kind", "read_yaml"]

#: So many that lie in a directory are named.
LISTED = 5
MAX_BYTES = 64 * 1024**2
MAX_DEPTH = 32
#: Keys and values once aliases are followed; the largest known config (3,375 steps) has 56,000.
MAX_VALUES = 1_000_000
TEXT_TAGS = frozenset((None, "!", "tag:yaml.org,2002:str"))

#: The parser written in C where PyYAML has it.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, source: str) -> tuple[Value, int, list[Problem]]:
    """Read one YAML document.

    Parameters
    ----------
    path : Path
        The file.
    source : str
        The file's name in messages, printable.

    Returns
    -------
    value : Value
        The document; None if the file holds none.
    line : int
        Line the document starts at.
    problems : list of Problem
        Keys given twice; the first one is kept.

    Raises
    ------
    ConfigError
        The file cannot be read, or is not one YAML document of bounded size and depth.
    """
    text = _text(path, source)
    plain = read_plain(text, MAX_VALUES)
    if plain is not None:
        return plain, plain.line, []
    builder = _Builder(source)
    events = yaml.parse(text, Loader=Loader)
    try:
        value, line = builder.document(events)
    except yaml.reader.ReaderError as error:
        at = text.count("\n", 0, _character(text, error.position)) + 1
        raise _failure(
            f"{source}, line {at}",
            "a control character stands here",
            "remove it",
        ) from error
    except yaml.MarkedYAMLError as error:
        at, what, mend = explained(error, text)
        raise _failure(f"{source}, line {at}", what, mend) from error
    return value, line, builder.problems


def _failure(where: str, what: str, mend: str) -> ConfigError:
    return ConfigError([Problem(where, what, mend)])


def _character(text: str, position: int) -> int:
    """Position in characters; the C parser counts bytes."""
    if Loader is yaml.SafeLoader:
        return position
    return len(text.encode()[:position].decode(errors="ignore"))


def _text(path: Path, source: str) -> str:
    """Return the content of a file, decoded."""
    try:
        if path.is_dir():
            raise _failure(source, "this is a directory", _inside(path))
        if what := odd_file(path):
            raise _failure(source, what, "give the path of a production config")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _failure(
            source,
            f"the config cannot be read ({reason})",
            "check the path and the permissions",
        ) from error
    if len(content) > MAX_BYTES:
        size = MAX_BYTES // 1024**2
        raise _failure(source, f"the config is larger than {size} MB", "split the production")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _failure(
            f"{source}, line {line}", "this is not UTF-8 text", "save the file as UTF-8"
        ) from error


def _inside(directory: Path) -> str:
    """Say which config to give in place of the directory it lies in."""
    files = (file for file in directory.iterdir() if file.suffix in YAML and file.is_file())
    there = sorted(file.name for file in files)
    if not there:
        return "it holds no production config (*.yml or *.yaml): give the path of one"
    more = f" (and {len(there) - LISTED} more)" if len(there) > LISTED else ""
    names = " or ".join(shown(str(directory / name), 4096)[1:-1] for name in there[:LISTED])
    return f"give the path of the config in it: {names}{more}"


class _Builder:
    """Builds values from the parser's events, without recursion and within bounds."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self._open: list[YamlMapping | YamlList] = []
        #: For each open container: its anchor and how many values had been read before it.
        self._started: list[tuple[str | None, int]] = []
        #: For each open container: the key that waits for its value (None in a list).
        self._keys: list[tuple[str, bool] | None] = []
        self._anchors: dict[str, tuple[Value, int]] = {}
        self._values = 0
        self._roots: list[tuple[Value, int]] = []

    def document(self, events: Iterator[Any]) -> tuple[Value, int]:
        """Build the only document of the stream."""
        builders = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }
        for event in events:
            build = builders.get(type(event))
            if build is not None:
                build(event, event.start_mark.line + 1)
        return self._roots[0] if self._roots else (None, 1)

    def _refuse(self, line: int, what: str, mend: str) -> ConfigError:
        return _failure(f"{self.source}, line {line}", what, mend)

    def _scalar(self, event: Any, line: int) -> None:
        if event.tag not in TEXT_TAGS:
            raise self._refuse(
                line, f"the tag {shown(event.tag)} is not read", "write the plain value"
            )
        text = event.value
        value = None if event.implicit[0] and text in NULLS else text
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._add(value, line, 1)

    def _start(self, event: Any, line: int) -> None:
        if event.tag is not None:
            raise self._refuse(
                line, f"the tag {shown(event.tag)} is not read", "write the plain value"
            )
        if len(self._open) >= MAX_DEPTH:
            raise self._refuse(
                line, f"values are nested more than {MAX_DEPTH} deep", "a config needs five levels"
            )
        before = self._values
        container = YamlMapping(line) if type(event) is yaml.MappingStartEvent else YamlList(line)
        self._add(container, line, 1)
        self._open.append(container)
        self._started.append((event.anchor, before))
        self._keys.append(None)

    def _end(self, event: Any, line: int) -> None:
        container = self._open.pop()
        anchor, before = self._started.pop()
        self._keys.pop()
        if anchor is not None:
            self._anchors[anchor] = (container, self._values - before)

    def _alias(self, event: Any, line: int) -> None:
        if event.anchor not in self._anchors:
            raise self._refuse(
                line, f"the alias {shown(event.anchor)} has no anchor before it", "write the value"
            )
        value, size = self._anchors[event.anchor]
        self._add(value, line, size)

    def _add(self, value: Value, line: int, size: int) -> None:
        """Put a value where the innermost open container wants it."""
        self._values += size
        if self._values > MAX_VALUES:
            raise self._refuse(
                line, f"the config holds more than {MAX_VALUES} values", "write fewer aliases"
            )
        if not self._open:
            if self._roots:
                raise self._refuse(line, "a second document starts", "keep one in the file")
            self._roots.append((value, line))
            return
        container = self._open[-1]
        if isinstance(container, YamlList):
            container.append(value)
            container.lines.append(line)
        elif (waiting := self._keys[-1]) is None:
            self._keys[-1] = self._key(container, value, line)
        else:
            self._keys[-1] = None
            key, new = waiting
            if new:
                container[key] = value

    def _key(self, mapping: YamlMapping, value: Value, line: int) -> tuple[str, bool]:
        """Return a key, and whether it is the first of its name in the mapping."""
        if not isinstance(value, str):
            raise self._refuse(line, "a key is not text", "write one word before the colon")
        if value == "<<":  # of YAML 1.1, and none since
            raise self._refuse(
                line,
                "the merge key '<<' is not read",
                "write the keys themselves, or an alias *NAME",
            )
        new = value not in mapping.lines
        if new:
            mapping.lines[value] = line
        else:
            self.problems.append(
                Problem(
                    f"{self.source}, line {line}, key {shown(value)}",
                    f"duplicate key (first defined on line {mapping.lines[value]})",
                    "keep one of them",
                    loses=len(self._open) > 1,
                )
            )
        return value, new
