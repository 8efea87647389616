"""Whether the products of a production are where its config says; looked at each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstluigi.errors import LstluigiError
from lstluigi.files import Listing

__all__ = ["Presence", "files_there", "models_there"]


@dataclass(frozen=True)
class Presence:
    """Which of some paths are there.

    Parameters
    ----------
    there : dict of str to bool or None
        None where it cannot be told, since a directory cannot be listed.
    """

    there: dict[str, bool | None]

    @property
    def count(self) -> int:
        """How many are there."""
        return sum(found is True for found in self.there.values())

    @property
    def counted(self) -> str:
        """Say how many are there; empty if there is none to be looked for."""
        unknown = sum(found is None for found in self.there.values())
        said = f"{self.count} of {len(self.there)} there" if self.there else ""
        return said + (f", {unknown} cannot be looked at" if unknown else "")

    def below(self, directory: str) -> Presence:
        """Return those in a directory, at any depth."""
        inside = f"{directory}/"
        return Presence({path: t for path, t in self.there.items() if path.startswith(inside)})

    def words(self, path: str) -> str:
        """Say it of one."""
        return {True: "there", False: "not there", None: "cannot be looked at"}[self.there[path]]


def files_there(paths: Sequence[str], listing: Listing) -> Presence:
    """Look at files; each directory is listed once."""
    return Presence({path: _look(listing, path) for path in paths})


def _look(listing: Listing, path: str) -> bool | None:
    try:
        return listing.is_file(path)
    except LstluigiError:
        return None


def models_there(directories: Sequence[str], listing: Listing) -> Presence:
    """Look at directories of models: those that hold one are there."""
    return Presence({path: _look_at_models(listing, path) for path in directories})


def _look_at_models(listing: Listing, path: str) -> bool | None:
    try:
        return next(listing.glob(path, "*.sav"), None) is not None
    except LstluigiError:
        return None
