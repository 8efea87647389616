"""Errors that a user can fix, in sentences."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = [
    "ANY",
    "FEW",
    "MANY",
    "NOTHING_DONE",
    "SHOWN",
    "Busy",
    "ConfigError",
    "Declined",
    "LstluigiError",
    "Problem",
    "Refused",
    "alike",
    "counted",
    "fold",
    "sentence",
    "shortened",
    "shown",
]

#: How a command ends that was only to say what it would do, or whose question was declined.
NOTHING_DONE = "nothing was done"

log = logging.getLogger("lstluigi")


def shown(value: object, limit: int = 120) -> str:
    """Quote a value of a config for a message.

    Parameters
    ----------
    value : object
        Anything, from a hostile config too.
    limit : int
        Longest text shown, in characters.

    Returns
    -------
    str
        One line of printable characters, so that no value can break a terminal or a log.
    """
    text = repr(value[: limit + 1]) if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class LstluigiError(Exception):
    """An error that the user can mend; its text is the sentence to show, without a traceback."""

    exit_code = 2


class Declined(LstluigiError):
    """The user was asked, and did not agree."""

    exit_code = 1

    def __init__(self) -> None:
        super().__init__(NOTHING_DONE)


def sentence(error: BaseException) -> str:
    """Return what to tell the user of something that went wrong.

    Where it is no fault of the user's, the log has the traceback at its level DEBUG.
    """
    if isinstance(error, LstluigiError):
        return str(error)
    log.debug("a fault of lstluigi", exc_info=error)
    return f"{type(error).__name__}: {error}; this is a fault of lstluigi, please report it"


class Refused(LstluigiError):
    """What is asked for cannot be had.

    Parameters
    ----------
    what : str
        What is wrong with it.
    mend : str
        What to ask for instead.
    """

    def __init__(self, what: str, mend: str) -> None:
        self.what, self.mend = what, mend
        super().__init__(f"{what}; {mend}")


@dataclass(frozen=True)
class Problem:
    """One thing to mend in a config.

    Parameters
    ----------
    where : str
        File, line, stage, step number and key, as far as they are known.
    what : str
        What is wrong there.
    mend : str
        What to do about it.
    loses : bool
        Whether a step, or what it reads or makes, is not known for it: what steps have to do with
        each other can then not be told.
    """

    where: str
    what: str
    mend: str
    loses: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.mend}."


class ConfigError(LstluigiError):
    """Every problem found in a config, or in what it needs, at once.

    Parameters
    ----------
    problems : iterable of Problem
        At least one.
    read : object, optional
        The config without what is wrong in it, in which more may be found.
    """

    def __init__(self, problems: Iterable[Problem], read: object = None) -> None:
        self.problems = tuple(problems)
        self.read = read
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"{count} problem{'s keep' if count != 1 else ' keeps'} the production from running:"
        found = ((problem.what, str(problem)) for problem in self.problems)
        return "\n".join([head, *shortened(found, "lstluigi validate --check-paths --all")])


class Busy(ConfigError):
    """Another run makes the same products; nothing else is in the way."""

    exit_code = 10


#: So many paths that differ in one component only are told as one.
MANY = 4
#: More sentences of a kind than this are told as a few, one for each of so many directories.
FEW, SHOWN = 6, 3
ANY = "*"
#: What tells one sentence of a kind from another: paths, names in quotes, numbers.
_PATH = re.compile(r"(?<![\w/])/[^\s,;:()'\"]+")
_NAMES = re.compile(rf"{_PATH.pattern}|'[^']*'|\d+")


def fold(paths: Iterable[str]) -> dict[str, int]:
    """Paths with `*` for a component in which many of them differ, and how many these are."""
    counts: dict[tuple[str, ...], int] = {tuple(path.split("/")): 1 for path in paths}
    depth = max(map(len, counts), default=0)
    for position in reversed(range(depth)):
        groups: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
        for path in counts:
            if position < len(path):
                groups[(*path[:position], ANY, *path[position + 1 :])].append(path)
        for folded, members in groups.items():
            if len(members) >= MANY:
                counts[folded] = sum(counts.pop(path) for path in members)
    return {"/".join(path): count for path, count in sorted(counts.items())}


def alike(sentence: str) -> str:
    """A sentence without the paths, names in quotes and numbers by which alike ones differ."""
    return _NAMES.sub(ANY, sentence)


def shortened(told: Iterable[tuple[str, str]], every: str) -> Iterator[str]:
    """Sentences; of many that differ in names only some, and how many more there are.

    Parameters
    ----------
    told
        For each sentence what it says is wrong, and the sentence.
    every
        What the user types to see each of them.
    """
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    order: list[tuple[str, str]] = []
    for what, sentence in told:
        name = alike(what)
        order.append((name, sentence))
        kinds[name].append((what, sentence))
    for name, sentence in order:
        if len(kinds[name]) <= FEW:
            yield sentence
        elif sentence == kinds[name][0][1]:  # all of the kind at the place of the first
            yield from _some(kinds[name], every)


def _some(kind: Sequence[tuple[str, str]], every: str) -> Iterator[str]:
    """The first sentence about each of the first directories, and how many there are in all."""
    for place, sentences in list(_by_place(kind).items())[:SHOWN]:
        others = f" ({len(sentences) - 1} more: {place})" if len(sentences) > 1 else ""
        yield f"{sentences[0]}{others}"
    place = kind[0][1].partition(":")[0].partition(", line")[0]
    yield f"{place}: {len(kind)} are of this kind; {every} shows each."


def _by_place(kind: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Sentences by the directories that their paths lie in; one without a path is by itself."""
    paths = [next(iter(_PATH.findall(what)), "") for what, _ in kind]
    patterns = fold(path for path in paths if path)
    places: dict[str, list[str]] = defaultdict(list)
    for path, (_, sentence) in zip(paths, kind, strict=True):
        place = next((pattern for pattern in patterns if _is_of(path, pattern)), sentence)
        places[place].append(sentence)
    return places


def _is_of(path: str, pattern: str) -> bool:
    """Is a path among those that were folded to a pattern?"""
    names, parts = path.split("/"), pattern.split("/")
    return len(names) == len(parts) and all(
        part in (name, ANY) for name, part in zip(names, parts, strict=True)
    )
