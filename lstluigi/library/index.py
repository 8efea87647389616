"""Libraries and their indexes: a directory is read again only where its files have changed.

The index of a library is one JSON file below ``$XDG_CACHE_HOME/lstluigi``. It is a cache: what is
missing, damaged, of another library or made by other code is made anew, and nothing is said if it
cannot be kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from lstluigi.errors import LstluigiError, Problem, shown
from lstluigi.files import YAML, read_json, write_text
from lstluigi.library.examples import Examples
from lstluigi.library.model import Production

__all__ = ["LIBRARY", "default_places", "every_production", "index_file", "productions", "unnamed"]

#: Names further libraries, separated by colons.
LIBRARY = "LSTLUIGI_LIBRARY"
FORMAT = 1
#: Directories below a library are followed so far.
_MAX_DEPTH = 8
#: Bytes from which on several processes are faster than one, and how many of them at most.
_MUCH, _MAX_PROCESSES = 1_000_000, 4
#: Rooms of the package that have a say in what is read.
_READERS = ("library", "config", "layouts", "stages")
#: Name, size, times of last change of content and of the entry, of each file that matters.
Stamp: TypeAlias = list[list[Any]]


@dataclass(frozen=True)
class _Entry:
    """A directory of a library as the index keeps it."""

    stamp: Stamp
    productions: list[Production]


def default_places() -> list[str]:
    """Return the libraries that are searched where none is named.

    Those are ``production_configs`` of the checkout this package is in, if it is in one, and what
    ``$LSTLUIGI_LIBRARY`` names.

    Raises
    ------
    LstluigiError
        There is none.
    """
    own = Path(__file__).parents[2] / "production_configs"
    places = [str(own)] if own.is_dir() else []
    places += [place for place in os.environ.get(LIBRARY, "").split(":") if place]
    if not places:
        raise LstluigiError(
            f"no library is known; name one with --dir or in ${LIBRARY}, "
            "such as production_configs of a checkout of lstmcpipe"
        )
    return places


def every_production(places: Sequence[str]) -> list[Production]:
    """Return the productions of several libraries, each directory once.

    Parameters
    ----------
    places : sequence of str
        Their directories.

    Raises
    ------
    LstluigiError
        One is no directory that can be listed.
    """
    found = {
        (production.directory, tuple(production.configs)): production
        for place in places
        for production in productions(place)
    }
    return list(found.values())


def unnamed(found: Iterable[Production]) -> str | None:
    """Return a sentence for who looks through examples only: nobody has made them."""
    if all(production.example for production in found):
        return f"no library of real productions is named: name one with --dir or in ${LIBRARY}"
    return None


def productions(place: str) -> list[Production]:
    """Return the productions of a library, by name.

    Parameters
    ----------
    place : str
        Its directory.

    Raises
    ------
    LstluigiError
        It is no directory that can be listed.
    """
    root = os.path.realpath(place)
    if not os.path.isdir(root):
        there = "is no directory" if os.path.exists(root) else "does not exist"
        raise LstluigiError(f"the library {shown(place)} {there}; check --dir and ${LIBRARY}")
    kept = _read_index(root)
    found: list[Production] = []
    stamps: dict[str, Stamp] = {}
    for name, stamp in _scan(root):
        if isinstance(stamp, Problem):
            found.append(Production(name, os.path.join(root, name), problems=[str(stamp)]))
        else:
            stamps[name] = stamp
    entries = {name: kept[name] for name in stamps if name in kept}
    entries = {name: entry for name, entry in entries.items() if entry.stamp == stamps[name]}
    stale = {name: stamp for name, stamp in stamps.items() if name not in entries}
    entries |= _read_all(root, stale)
    if stale or len(entries) != len(kept):
        _write_index(root, entries)
    found += (production for entry in entries.values() for production in entry.productions)
    examples = Examples(root)
    # what names them lies elsewhere than what is read of them, so the index does not keep it
    found = [replace(one, example=examples.has(one.directory)) for one in found]
    return sorted(found, key=lambda production: (production.name, production.configs))


def _read_all(root: str, stamps: Mapping[str, Stamp]) -> dict[str, _Entry]:
    """Read directories, much of it in several processes."""
    if not stamps:
        return {}
    from lstluigi.library.read import read_directory

    sizes = {name: sum(size for _, size, *_ in stamp) for name, stamp in stamps.items()}
    names = sorted(stamps, key=sizes.__getitem__, reverse=True)
    calls = (
        [os.path.normpath(os.path.join(root, name)) for name in names],
        [name if name != "." else os.path.basename(root) for name in names],
        [[entry[0] for entry in stamps[name]] for name in names],
    )
    workers = min(len(os.sched_getaffinity(0)), _MAX_PROCESSES, len(names))
    if workers < 2 or sum(sizes.values()) < _MUCH:
        read = list(map(read_directory, *calls))
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(workers, get_context("fork")) as pool:
            read = list(pool.map(read_directory, *calls))
    return {name: _Entry(stamps[name], here) for name, here in zip(names, read, strict=True)}


def _scan(root: str) -> Iterator[tuple[str, Stamp | Problem]]:
    """Yield the directories that hold something, each with its stamp or why it has none.

    Links to directories are followed within the library, after all else, so that what lies in it
    under a name of its own goes by that name.
    """
    waiting = [(root, ".", 0)]
    links: list[tuple[str, str, int]] = []
    seen = set()
    while waiting or links:
        directory, name, depth = waiting.pop() if waiting else links.pop(0)
        if os.path.islink(directory) and not _is_below(root, os.path.realpath(directory)):
            what = "it is a link out of the library and is not followed"
            yield name, Problem(name, what, "name what it leads to with --dir")
            continue
        try:
            status = os.stat(directory)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(directory) as listed:
                there = sorted((e for e in listed if e.name[0] != "."), key=lambda e: e.name)
        except OSError as error:
            what = f"it cannot be listed ({error.strerror})"
            yield name, Problem(name, what, "check its permissions")
            continue
        files = [entry for entry in there if _matters(entry)]
        if files:
            yield name, [_stamp(entry) for entry in files]
        for entry in there if depth < _MAX_DEPTH else ():
            if _is_directory(entry):
                below = entry.name if name == "." else f"{name}/{entry.name}"
                (links if entry.is_symlink() else waiting).append((entry.path, below, depth + 1))


def _is_below(root: str, path: str) -> bool:
    return os.path.join(path, "").startswith(os.path.join(root, ""))


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or through what cannot be entered
        return False


def _matters(entry: os.DirEntry[str]) -> bool:
    if entry.name.endswith(YAML):  # one that is a pipe, or a link to nothing, is told
        return not _is_directory(entry)
    name = entry.name.lower()
    if not name.endswith(".json") and not name.startswith("readme"):
        return False
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:  # a link to itself
        return True


def _stamp(entry: os.DirEntry[str]) -> list[Any]:
    try:
        status = entry.stat()
    except OSError:  # a link to nothing; reading it says so
        return [entry.name, -1, 0, 0]
    return [entry.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _reader() -> str:
    """Return what tells whether an index is of today's code, which reads configs its own way."""
    package = Path(__file__).parents[1]
    files = (path for room in _READERS for path in sorted((package / room).glob("*.py")))
    stamps = ((path.name, (status := path.stat()).st_size, status.st_mtime_ns) for path in files)
    return hashlib.sha256(repr(list(stamps)).encode()).hexdigest()[:16]


def index_file(root: str) -> str:
    """Return the path of the index of a library, given the real path of its directory."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):  # as the XDG base directory specification wants it
        cache = os.path.expanduser("~/.cache")
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return os.path.join(cache, "lstluigi", f"library-{name}.json")


def _read_index(root: str) -> dict[str, _Entry]:
    """Return what the index holds; nothing if it is no index of this library."""
    try:
        content = read_json(index_file(root))
        if [content["format"], content["reader"], content["root"]] != [FORMAT, _reader(), root]:
            return {}
        return {
            name: _Entry(
                entry["stamp"], [Production.from_json(item) for item in entry["productions"]]
            )
            for name, entry in content["directories"].items()
        }
    except (LstluigiError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _write_index(root: str, entries: Mapping[str, _Entry]) -> None:
    directories = {
        name: {
            "stamp": entry.stamp,
            "productions": [production.to_json() for production in entry.productions],
        }
        for name, entry in entries.items()
    }
    content = {
        "format": FORMAT,
        "reader": _reader(),
        "root": root,
        "directories": directories,
    }
    try:
        write_text(index_file(root), json.dumps(content, separators=(",", ":")), 0o600)
    except (LstluigiError, ValueError):
        return
