"""Products on disk: what is expected, and whether it is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeGuard

import luigi

from lstluigi.files import are_texts, read_sound, write_json
from lstluigi.graph import Made
from lstluigi.listing import Listing

#: Reasons of failures of files without events: of an earlier lstluigi, and of HiPeRTA's.
_NO_EVENTS = ("has no rows in /dl1/event", "has no events of telescope")
_KEYS = ("inputs", "dropped", "left")


@dataclass(frozen=True)
class Manifest:
    """What a step found in directories that no step of its config makes.

    Attributes
    ----------
    inputs
        For each such directory, names and sizes (bytes) of the files to read.
    dropped
        Input files that failed and may be missing, with the reason.
    left
        Files that came later and that the user chose to leave out.
    """

    inputs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    left: Sequence[str] = ()

    @classmethod
    def read(cls, path: str) -> Manifest | None:
        """The manifest kept at a path, if there is one.

        Raises
        ------
        LstluigiError
            When it is damaged (`Damaged`) or cannot be read.
        """
        complaint = "is damaged, so what its product was made of is not known"
        content = read_sound(path, _is_sound, complaint)
        if content is None:
            return None
        return cls(*map(content.__getitem__, _KEYS))

    def holds(self, path: str) -> bool:
        """Is a file among the inputs that is at this path or below it?"""
        return any(
            f"{directory}/{name}/".startswith(f"{path}/")
            for directory, names in self.inputs.items()
            for name in names
        )

    def write(self, path: str) -> None:
        """Keep the manifest at a path."""
        inputs = {directory: dict(files) for directory, files in self.inputs.items()}
        kept = {"inputs": inputs, "dropped": dict(self.dropped), "left": list(self.left)}
        write_json(path, {"format": 1, **kept})


def _is_sound(content: Any) -> TypeGuard[Mapping[str, Any]]:
    """Does a manifest that was read hold what a manifest holds?"""
    if not isinstance(content, Mapping):
        return False
    inputs, dropped = content.get("inputs"), content.get("dropped")
    return (
        isinstance(inputs, Mapping)
        and all(isinstance(names, Mapping) for names in inputs.values())
        and all(isinstance(size, int) for names in inputs.values() for size in names.values())
        and isinstance(dropped, Mapping)
        and are_texts(list(dropped.values()))
        and are_texts(content.get("left"))
    )


def sizes(directory: str, names: Iterable[str]) -> dict[str, int]:
    """Size in bytes of each of the files of a directory."""
    return {name: os.stat(os.path.join(directory, name)).st_size for name in names}


class ProductTarget(luigi.Target):  # type: ignore[misc]
    """What a step makes. It exists when every file expected is at its final path.

    A file gets there only by rename, once it has been verified: being there means being whole.
    """

    def __init__(self, path: str, files: Sequence[str], listing: Listing) -> None:
        self.path = path
        self.files = files
        self._listing = listing

    def __str__(self) -> str:
        return self.path

    @cached_property
    def _directories(self) -> frozenset[str]:
        return frozenset(os.path.dirname(file) for file in self.files)

    def exists(self) -> bool:
        """Look at the file system as it is now."""
        for directory in self._directories:
            self._listing.forget(directory)
        return bool(self.files) and all(self._listing.is_file(file) for file in self.files)

    def missing(self) -> list[str]:
        """Expected files that are not there."""
        return [file for file in self.files if not self._listing.is_file(file)]


def described(makes: Sequence[Made]) -> dict[str, Any]:
    """The paths that a step makes, for a recipe."""
    return {made.path: "directory" if made.directory else "file" for made in makes}


def lost_showers(dropped: Mapping[str, str], kept: int) -> str:
    """Say how far off effective areas are where files without events were left out.

    lstluigi 0.1 did so before it made DL1 of such files, and does so of those of HiPeRTA.

    Parameters
    ----------
    dropped
        Files that were left out, each with the reason.
    kept
        Number of files that were not.

    Returns
    -------
    str
        Empty if no file was left out for having no events.
    """
    lost = sum(any(word in reason for word in _NO_EVENTS) for reason in dropped.values())
    if not lost or not kept:
        return ""
    return (
        f"nothing has triggered in {lost} file(s) that were left out with their showers, so "
        f"effective areas are {lost / kept:.1%} too large, if all files have as many showers"
    )
