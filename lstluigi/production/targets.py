"""Products on disk: what is expected, and whether it is there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import luigi

from lstluigi.files import Listing
from lstluigi.stages.base import Made

#: Reasons of failures of files without events: of an earlier lstluigi, and of HiPeRTA's.
_NO_EVENTS = ("has no rows in /dl1/event", "has no events of telescope")


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
