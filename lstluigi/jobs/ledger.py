"""The ledger of a step: what was submitted for it and how it ended, one JSON object a line.

Lines are only ever added, each with one write: a run that dies leaves at most one broken line,
its last.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

from lstluigi.errors import LstluigiError


def note(path: str, event: str, **facts: Any) -> None:
    """Add an event to a ledger, with the time (UTC)."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"time": stamp, "event": event, **facts}) + "\n"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(handle).st_size
            broken = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, ("\n" * broken + line).encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise LstluigiError(f"ledger {path} cannot be written ({error.strerror})") from None


def events(path: str) -> Iterator[dict[str, Any]]:
    """Events of a ledger, oldest first; lines that a dying run left broken are passed over."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            lines = stream.readlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
