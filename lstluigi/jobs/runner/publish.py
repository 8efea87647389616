"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from contextlib import suppress

from .base import ItemError, Json, os_reason


def publish(made: str, final: str, sync: bool) -> None:
    """Move a checked file to its final path, whole or not at all."""
    try:
        os.makedirs(os.path.dirname(final), exist_ok=True)
        if sync:
            flush_to_disk(made)
        try:
            os.replace(made, final)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copy_beside(made, final)
    except OSError as error:
        raise ItemError(os_reason(f"cannot publish {final}", error), rc=0, error=error) from None


def copy_beside(made: str, final: str) -> None:
    """Bring a file from another file system; what is half copied never bears the final name."""
    half = half_name(final)
    try:
        shutil.copyfile(made, half, follow_symlinks=False)  # not the mode: CIFS has no chmod
        if not os.path.islink(half):
            flush_to_disk(half)
        os.replace(half, final)
    except OSError:
        with suppress(OSError):
            os.remove(half)
        raise


def half_name(path: str) -> str:
    """Return a name beside a path, hidden and this process's own, for what is not whole yet."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{socket.gethostname()}.{os.getpid()}")


def flush_to_disk(path: str) -> None:
    """Wait until the content of a file is on disk: only then may a rename make it visible."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def write_atomically(path: str, content: Json, sync: bool) -> None:
    """Replace a JSON file; a reader sees the old one or the new one, each whole."""
    half = half_name(path)
    with open(half, "w", encoding="utf-8") as file:
        json.dump(content, file)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(half, path)
