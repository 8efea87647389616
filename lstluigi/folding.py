"""Many paths, or many sentences about them, told as a few."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

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
