"""Manifests: the inputs that a step had, and the files that are expected."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from lstluigi.files import are_texts, read_sound, write_json

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
