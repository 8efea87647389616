"""Sizes, times and SHA-256 of files, with a bound on how much is read for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["FileFacts", "facts_of"]

_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileFacts:
    """What identifies the content of a file.

    Parameters
    ----------
    size : int
        In bytes.
    modified : int
        When it was written last, in nanoseconds since the epoch.
    sha256 : str
        In hexadecimal; empty where it was not computed.
    """

    size: int
    modified: int
    sha256: str = ""

    def attributes(self) -> dict[str, Any]:
        """Return them as attributes of an entity."""
        told: dict[str, Any] = {
            "lstluigi:size": self.size,
            # larger than the integers of JSON readers
            "lstluigi:modified_ns": str(self.modified),
        }
        key = "lstluigi:sha256" if self.sha256 else "lstluigi:no_checksum"
        return {**told, key: self.sha256 or "beyond what was to be read; see --checksums"}

    @classmethod
    def of(cls, attributes: Any) -> FileFacts | None:
        """Return what attributes of an entity say; None if that is not enough."""
        try:
            size = attributes["lstluigi:size"]
            size = size["$"] if isinstance(size, dict) else size
            sha256 = attributes["lstluigi:sha256"]
            return cls(int(size), int(attributes["lstluigi:modified_ns"]), str(sha256))
        except (KeyError, TypeError, ValueError):
            return None


def facts_of(
    paths: Iterable[str], limit: float, known: Mapping[str, FileFacts]
) -> dict[str, FileFacts]:
    """Look at files, those that are not there left out.

    Parameters
    ----------
    paths : iterable of str
        The files.
    limit : float
        So many bytes are read at most; small files first, so that most files get a checksum.
    known : mapping of str to FileFacts
        From an earlier time; a file of the same size and time is not read again.
    """
    found = {}
    for path in dict.fromkeys(paths):
        try:
            status = os.stat(path)
        except OSError:
            continue
        found[path] = FileFacts(status.st_size, status.st_mtime_ns)
    for path in sorted(found, key=lambda path: (found[path].size, path)):
        facts, before = found[path], known.get(path)
        if before is not None and (before.size, before.modified) == (facts.size, facts.modified):
            found[path] = before
        elif facts.size <= limit:
            limit -= facts.size
            found[path] = replace(facts, sha256=_sha256(path))
    return found


def _sha256(path: str) -> str:
    """Digest of a file; empty if it cannot be read."""
    value = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while block := stream.read(_BLOCK):
                value.update(block)
    except OSError:
        return ""
    return value.hexdigest()
