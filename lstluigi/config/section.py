"""A mapping of the config whose keys are taken out one by one, each problem with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar, overload

from lstluigi.config.model import Place, Unfit
from lstluigi.config.yaml12 import Value, YamlList, YamlMapping, kind
from lstluigi.errors import Problem

__all__ = ["Section", "meant", "nearest"]

#: How much alike (as difflib counts, from 0 to 1) a key and the one it is read as are; one that is
#: less so may be told, for a person to decide.
SURE = 0.65

T = TypeVar("T")
D = TypeVar("D")


@lru_cache(maxsize=1024)
def meant(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that is most like another one, if any is like it."""
    turned = (other for other in known if _words(other) == _words(name))
    return next(turned, None) or next(iter(difflib.get_close_matches(name[:100], known, 1)), None)


def _words(name: str) -> list[str]:
    """The words of a name, whatever their order: model_path is path_model."""
    return sorted(name[:100].lower().replace("-", "_").split("_"))


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Say which known name is meant, or which there are."""
    near = meant(name, known)
    return f"write {near!r}" if near is not None else f"known here: {', '.join(known)}"


def _alike(one: str, other: str) -> float:
    if _words(one) == _words(other):
        return 1.0
    return difflib.SequenceMatcher(None, one[:100], other).ratio()


class Section:
    """One mapping of a config.

    Parameters
    ----------
    entries : YamlMapping
        Its keys and values.
    place : Place
        Where it stands.
    problems : list of Problem
        Where problems are noted.
    """

    def __init__(self, entries: YamlMapping, place: Place, problems: list[Problem]) -> None:
        self.entries = entries
        self.place = place
        self.problems = problems

    def note(
        self,
        what: str,
        mend: str,
        key: str | None = None,
        *,
        entry: str | None = None,
        loses: bool | None = None,
    ) -> None:
        """Note a problem, of a list at the line of its last such entry.

        What it loses follows from the place, unless it is given.
        """
        place, found = self.place, self.entries.get(key) if key and entry else None
        if key and isinstance(found, YamlList) and entry in found:
            line = max(at for at, item in zip(found.lines, found, strict=True) if item == entry)
            place = replace(place, lines={**self.entries.lines, key: line})
        problem = place.problem(what, mend, key)
        self.problems.append(problem if loses is None else replace(problem, loses=loses))

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Note every key that is not known, and read it as the one that it is told to be."""
        names = tuple(known)
        for key in tuple(self.entries):
            if key not in names:
                loses = False if self.read_as(key, meant(key, names)) else None
                self.note("the key is unknown", nearest(key, names), key, loses=loses)

    def read_as(self, key: str, name: str | None) -> bool:
        """Let a key that is noted stand in for the one it is a slip of, where that is absent.

        So one slip has one problem: the key that is meant is not missing, and what depends on it is
        checked as it will be once the slip is mended. False where it stands in for none.
        """
        if name is None or name in self.entries or _alike(key, name) < SURE:
            return False
        # another mapping: an alias may stand for this one, too
        given = {name if k == key else k: value for k, value in self.entries.items()}
        self._replace(given, {name: self.entries.lines.get(key, self.entries.line)})
        return True

    def gather(self, key: str, names: Iterable[str]) -> None:
        """Put keys that stand beside another one below it, where they belong; noted once."""
        loose = [name for name in names if name in self.entries]
        if not loose or self.entries.get(key) is not None:
            return
        what = f"the keys {', '.join(loose)} are beside {key}, not below it"
        above = "" if key in self.entries else f"write '{key}:' above and "
        self.note(what, f"{above}indent by two more blanks", loose[0], loses=False)
        line = self.entries.lines.get(loose[0], self.entries.line)
        below = YamlMapping(line)
        for name in loose:
            below[name] = self.entries[name]
            below.lines[name] = self.entries.lines.get(name, line)
        kept = {name: value for name, value in self.entries.items() if name not in loose}
        self._replace({**kept, key: below}, {key: line})

    def _replace(self, given: Mapping[str, Value], lines: Mapping[str, int]) -> None:
        """Take other entries, with the lines of those that are new."""
        entries = YamlMapping(self.entries.line)
        entries.update(given)
        entries.lines = {**self.entries.lines, **lines}
        self.entries, self.place = entries, replace(self.place, lines=entries.lines)

    @overload
    def take(self, key: str, read: Callable[[Value], T], default: D) -> T | D: ...
    @overload
    def take(self, key: str, read: Callable[[Value], T], default: None = None) -> T | None: ...
    def take(self, key: str, read: Callable[[Value], T], default: object = None) -> object:
        """Return the value of a key, or the default where it is absent, empty or unfit."""
        value = self.entries.get(key)
        if value is None:
            return default
        try:
            return read(value)
        except Unfit as unfit:
            self.note(unfit.what, unfit.mend, key)
            return default

    def require(self, key: str, read: Callable[[Value], T], default: T) -> T:
        """Return the value of a key that must be there."""
        if self.entries.get(key) is None:
            absent = key not in self.entries
            self.note(
                "the key is missing" if absent else "the value is missing",
                "add it" if absent else "write it after the colon",
                key,
            )
            return default
        return self.take(key, read, default)

    def check(self, key: str, read: Callable[[Value], object]) -> None:
        """Note it if a key is not a text that can be read like this."""
        try:
            read(key)
        except Unfit as unfit:
            self.note(unfit.what, unfit.mend, key)

    def inner(self, key: str) -> Section | None:
        """Return the mapping below a key, or None where it is absent, empty or no mapping."""
        value = self.entries.get(key)
        if value is None:
            return None
        if not isinstance(value, YamlMapping):
            self.note(
                f"expected a mapping, got {kind(value)}",
                "write 'key: value' lines below it",
                key,
            )
            return None
        place = replace(
            self.place, line=value.line, lines=value.lines, prefix=f"{self.place.prefix}{key}."
        )
        return Section(value, place, self.problems)
