"""The lstchain config of a production: its content, not its path, is what counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError, shown


def canonical(value: Any) -> str:
    """JSON text that is the same for equal content, whatever the order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """Short hash of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class LstchainConfig:
    """A parsed lstchain config (JSON, a bare Infinity allowed as lstchain itself writes it)."""

    path: Path
    text: str
    content: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """Hash of the content."""
        return digest(self.content)

    @property
    def is_lstchain(self) -> bool:
        """False for a JSON file about something else: every lstchain config has these, or one."""
        return not self.content.keys().isdisjoint(("tailcut", "image_extractor", "source_config"))

    @classmethod
    def read(cls, path: Path) -> LstchainConfig:
        """Read a config.

        Raises
        ------
        LstluigiError
            When the file cannot be read or does not hold a JSON object.
        """
        try:
            text = path.read_text(encoding="utf-8")
            content = json.loads(text)
        except OSError as error:
            raise LstluigiError(
                f"lstchain config {path} cannot be read ({error.strerror}); check the path"
            ) from None
        except ValueError as error:
            raise LstluigiError(
                f"lstchain config {path} is not JSON ({error}); "
                "write a fresh one with lstchain_dump_config --mc"
            ) from None
        if not isinstance(content, dict):
            raise LstluigiError(f"lstchain config {path} does not hold a JSON object")
        return cls(path, text, content)


def differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Keys in which two configs differ, as `a.b: 1 -> 2`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            inner = f"{key}.{name}" if key else name
            yield from differences(old.get(name, "absent"), new.get(name, "absent"), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True), start=1):
            yield from differences(before, after, f"{key}[{number}]")
    elif canonical(old) != canonical(new):
        yield f"{key}: {shown(old)} -> {shown(new)}"
