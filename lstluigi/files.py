"""Files of the shared file system: atomic writes, directory listings."""

from __future__ import annotations

import errno
import fnmatch
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from lstluigi.errors import LstluigiError, shown

#: How names of YAML files end, production configs among them.
YAML = (".yml", ".yaml")

T = TypeVar("T")
#: In place of a content: there is no file, which is not the same as a file that holds null.
_ABSENT = object()


def as_seen(path: str) -> str:
    """Return an absolute path, or pattern, with symbolic links followed up to its last directory.

    What the last component leads to is not looked at: it may be a product that is a link.
    """
    directory, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(directory), name)


def write_json(path: str, value: Any) -> None:
    """Write a JSON file whole or not at all; its directory is made where it is missing."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_text(path: str, text: str, mode: int = 0o666) -> None:
    """Write a text file whole or not at all; its directory is made where it is missing.

    Parameters
    ----------
    mode
        Permissions, from which the umask takes away.
    """
    with written(path, mode) as place:
        place.write_text(text, encoding="utf-8")


class Unwritable(LstluigiError):
    """A file or directory that cannot be written.

    Parameters
    ----------
    path
        Where it was to be.
    error
        Why it cannot, for instance a full disk.
    """

    def __init__(self, path: Path | str, error: OSError) -> None:
        self.path, self.error = Path(path), error
        said = f"{path} cannot be written ({error.strerror or error})"
        super().__init__(f"{said}; {_remedy(os.path.abspath(path), error)}")


def _remedy(path: str, error: OSError) -> str:
    """What to do about a file that cannot be written."""
    place = nearest_existing(os.path.dirname(path))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"make room below {place}, or choose another place"
    if not os.path.isdir(place):
        return f"{place} is a file, so choose another place"
    if os.path.isdir(path):
        return "move away what is there, or choose another place"
    return f"see that you may write below {place}, or choose another place"


@contextmanager
def _told(path: Path | str) -> Iterator[None]:
    """Name what is to be written, not the temporary name that it has until it is."""
    try:
        yield
    except OSError as error:
        raise Unwritable(path, error) from None


@contextmanager
def written(path: Path | str, mode: int = 0o666) -> Iterator[Path]:
    """Yield a place for a file that gets to its own at the end, whole, or not at all.

    The place has the ending of the file, from which some know the format. The directory is made
    where it is missing.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    mode
        Permissions, from which the umask takes away.

    Raises
    ------
    Unwritable
        It cannot be written.
    """
    final = Path(path)
    with _told(path):
        final.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(final.suffix, ".lstluigi-", final.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with suppress(OSError):  # CIFS and some FUSE have no modes: those of the mount hold
                temporary.chmod(mode & ~_UMASK)
            os.replace(temporary, final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def written_together() -> Iterator[Callable[[Path], Path]]:
    """Yield where to write for directories whose files get there together, or not at all.

    What is called with a directory gives a place for what it is to hold, also deeper. What is
    there and is not written anew is left alone. When one file cannot get to its place, or
    anything else goes wrong before, the directories are as they were, also if they were not there.

    Raises
    ------
    Unwritable
        Something cannot be written; names where it was to be.
    """
    places: dict[Path, Path] = {}
    # left in the opposite order: what was moved goes back before the places go
    with ExitStack() as made, ExitStack() as aside, ExitStack() as moved:

        def beside(directory: Path) -> Path:
            if directory not in places:
                with _told(directory):
                    _make_directory(directory, made)
                    temporary = tempfile.TemporaryDirectory(dir=directory, prefix=".lstluigi-")
                    places[directory] = Path(aside.enter_context(temporary), "new")
                    places[directory].mkdir()
            return places[directory]

        try:
            yield beside
            for directory, place in places.items():
                _move(place, directory, moved)
        except Unwritable as error:
            raise Unwritable(_final(error.path, places), error.error) from None
        except OSError as error:
            # writing itself tells no name
            where = error.filename or next(iter(places), "")
            raise Unwritable(_final(Path(where), places), error) from None
        moved.pop_all()
        made.pop_all()


def _final(path: Path, places: Mapping[Path, Path]) -> Path:
    """Where a file is to be that is written at one of the places."""
    for directory, place in places.items():
        if path.is_relative_to(place):
            return directory / path.relative_to(place)
    return path


def _move(place: Path, directory: Path, moved: ExitStack) -> None:
    # the deepest first: an index comes after what it leads to
    files = sorted(place.rglob("*"), key=lambda path: (-len(path.parts), path))
    for number, path in enumerate(path for path in files if not path.is_dir()):
        target = directory / path.relative_to(place)
        _make_directory(target.parent, moved)
        _put(path, target, place.with_name(f"{number}"), moved)


def _make_directory(directory: Path, made: ExitStack) -> None:
    """Make a directory, and have it taken back unless somebody else has put something there."""
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir()
        made.callback(_remove_empty, place)


def _remove_empty(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()


def _put(path: Path, target: Path, earlier: Path, moved: ExitStack) -> None:
    """Move a file to its place, and have what was there put back."""
    # a link is replaced itself, whatever it leads to
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        os.replace(target, earlier)
        moved.callback(os.replace, earlier, target)
        os.replace(path, target)
    else:
        os.replace(path, target)
        moved.callback(target.unlink, missing_ok=True)


class Damaged(LstluigiError):
    """A file written by lstluigi that no longer is what was written."""


def delete_file(path: str) -> None:
    """Delete a file, which may be gone already."""
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise LstluigiError(f"{path} cannot be deleted ({error.strerror})") from None


def read_json(path: str) -> Any:
    """Content of a JSON file written by lstluigi; None where there is none.

    Raises
    ------
    Damaged
        When it is not JSON.
    LstluigiError
        When the file is there and cannot be read.
    """
    value = _content(path)
    return None if value is _ABSENT else value


def read_sound(path: str, is_sound: Callable[[Any], TypeGuard[T]], complaint: str) -> T | None:
    """Content of a JSON file written by lstluigi, if it holds what it should; None without a file.

    Parameters
    ----------
    path
        The file.
    is_sound
        Says of a content whether it is what lstluigi writes there.
    complaint
        What is said of the file if it is not.

    Raises
    ------
    Damaged
        When it holds anything else.
    LstluigiError
        When the file is there and cannot be read.
    """
    try:
        value = _content(path)
    except Damaged:
        value = None
    if value is _ABSENT:
        return None
    if not is_sound(value):
        raise Damaged(f"{path} {complaint}")
    return value


def _content(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (FileNotFoundError, NotADirectoryError):
        return _ABSENT
    except OSError as error:
        raise LstluigiError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise Damaged(f"{path} is damaged (not JSON); move it away and try again") from None


def are_texts(value: Any) -> bool:
    """Is what was read a list of texts?"""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _current_umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


_UMASK = _current_umask()


def last_lines(path: str, count: int) -> list[str]:
    """The last lines with something in them of a text file; none where there is no file."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.rstrip() for line in lines if line.strip()][-count:]


def last_line(path: str) -> str:
    """The last line with something in it of a text file; empty where there is none."""
    return next((line.strip() for line in last_lines(path, 1)), "")


def nearest_existing(path: str) -> str:
    """The path itself, or its nearest ancestor that exists."""
    while path and not os.path.exists(path):
        parent = os.path.dirname(path)
        if parent == path:
            break
        path = parent
    return path or "."


def may_replace(path: str) -> bool:
    """Say whether this user may write a file of this name, in place of one that is there."""
    place = nearest_existing(os.path.dirname(path))
    if not os.access(place, os.W_OK | os.X_OK):
        return False
    around = os.stat(place)
    if not around.st_mode & stat.S_ISVTX or os.geteuid() == 0 or not os.path.lexists(path):
        return True
    # in a sticky directory, a file is replaced by its owner or the directory's only
    return os.geteuid() in (around.st_uid, os.lstat(path).st_uid)


def odd_file(path: Path) -> str:
    """Why nothing can be read where something has a name: a link to nothing, or a pipe.

    Parameters
    ----------
    path
        Of something to be read; empty is returned for a file, and where there is nothing at all.
    """
    if path.is_symlink() and not path.exists():
        return f"this is a link to nothing ({shown(os.readlink(path), 4096)[1:-1]})"
    return "this is not a file" if path.exists() and not path.is_file() else ""


def leaves(path: Path) -> str:
    """Where a link leads that leads out of its directory; empty for all else."""
    real = path.resolve()
    inside = not path.is_symlink() or real.is_relative_to(path.parent.resolve())
    return "" if inside else str(real)


class Listing:
    """Names in directories, each directory listed once until it is forgotten.

    Asking for every file by itself dominates the start of a run on a network file system, and some
    show a new file only once its directory has been listed.
    """

    def __init__(self) -> None:
        self._names: dict[str, Mapping[str, bool] | None] = {}

    def entries(self, directory: str) -> Mapping[str, bool] | None:
        """Names in a directory, each with whether it is a directory; None where there is none."""
        try:
            return self._names[directory]
        except KeyError:
            pass
        try:
            with os.scandir(directory) as entries:
                found: Mapping[str, bool] | None = {
                    e.name: e.is_dir() for e in entries if _is_there(e)
                }
        except (FileNotFoundError, NotADirectoryError):
            found = None
        except OSError as error:
            raise LstluigiError(f"{directory} cannot be listed ({error.strerror})") from None
        self._names[directory] = found
        return found

    def exists(self, path: str) -> bool:
        """True where a file or directory is at this path."""
        directory, name = os.path.split(path)
        if not name:
            return self.entries(directory) is not None
        entries = self.entries(directory)
        return entries is not None and name in entries

    def is_file(self, path: str) -> bool:
        """True where a file, not a directory, is at this path."""
        directory, name = os.path.split(path)
        return (self.entries(directory) or {}).get(name) is False

    def glob(self, directory: str, pattern: str) -> Iterator[str]:
        """Files below a directory that match a pattern component by component, each once.

        As in the shell, a `*` does not match a leading dot; `**` stands for any directories.
        """
        for place, names in self.groups(directory, pattern):
            prefix = os.path.join(place, "")
            yield from (prefix + name for name in names)

    def groups(self, directory: str, pattern: str) -> Iterator[tuple[str, list[str]]]:
        """The same by directory: each that holds such files, with their names in order."""
        # several `**` may lead to one directory in several ways
        return iter(dict(self._groups(directory, pattern)).items())

    def _groups(self, directory: str, pattern: str) -> Iterator[tuple[str, list[str]]]:
        head, _, rest = pattern.partition("/")
        if head == "**":
            yield from self._groups(directory, rest or "*")
            for name in self._fitting(directory, "*", directories=True):
                yield from self._groups(os.path.join(directory, name), pattern)
        elif rest:
            for name in self._fitting(directory, head, directories=True):
                yield from self._groups(os.path.join(directory, name), rest)
        elif names := self._fitting(directory, head, directories=False):
            yield directory, names

    def _fitting(self, directory: str, part: str, *, directories: bool) -> list[str]:
        """Names in a directory, of files or of directories, that match one component."""
        entries = self.entries(directory) or {}
        names = [name for name, is_directory in entries.items() if is_directory is directories]
        dots = part.startswith(".")
        return sorted(n for n in fnmatch.filter(names, part) if dots or not n.startswith("."))

    def forget(self, directory: str) -> None:
        """List this directory anew when it is next asked for."""
        self._names.pop(directory, None)


def _is_there(entry: os.DirEntry[str]) -> bool:
    """Not so a link to what has been deleted."""
    return not entry.is_symlink() or os.path.exists(entry.path)
