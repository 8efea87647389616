"""What is written down of an item's end beside its own words: the log, the disk, the versions."""

from __future__ import annotations

import errno
import importlib.metadata
import os
import re
import sys
from contextlib import suppress

from .base import DISK_FULL, ENVIRONMENT, FULL, HEADER, NO_MEMORY, OF_THE_MACHINE, Json, in_words

# Tools, and what their numbers come from.
VERSIONS_OF = (
    *("lstchain", "ctapipe", "ctapipe_io_lst", "pyirf", "eventio", "astropy"),
    *("scikit-learn", "joblib", "numpy", "scipy", "numba", "pandas", "tables", "h5py"),
)
TAIL_LINES, TAIL_BYTES, LINE_LENGTH = 15, 65536, 500
LITTLE_SPACE = 16_000_000  # bytes; with less, a failure is put down to the disk
# What commands print that stumble over a machine, with what to do about it.
LOCK_WORDS = ("unable to lock file", "HDF5_USE_FILE_LOCKING")
LOCKING = "the file system grants no locks: set HDF5_USE_FILE_LOCKING=FALSE for the jobs"
MACHINE_WORDS = (
    *(os.strerror(code) for code in OF_THE_MACHINE),
    "can't start new thread",
    *("ModuleNotFoundError", "ImportError", "cannot open shared object file", "version `GLIBC"),
)
FULL_WORDS = tuple(os.strerror(code) for code in FULL)
EXCEPTION = re.compile(r"[\w.]+(Error|Exception): .")
# A traceback: one of its frames, and the line behind the last one.
FRAME = re.compile(r"\s+File \".+\", line \d+")
RAISED = re.compile(r"[A-Za-z_][\w.]*(: .+)?$")
# What tools of ctapipe log, or argparse prints, before they end with an exit code.
LOGGED = re.compile(r"(?:ERROR|CRITICAL) \[.*?\] \([\w.]+\): (?!Use --help|Caught SystemExit)(.+)")
REFUSED = re.compile(r"[\w-]+: error: (.+)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def versions() -> dict[str, str]:
    """Return the versions of what determines the content of products."""
    found = {"python": sys.version.split()[0]}
    for name in VERSIONS_OF:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def last_lines(log: str) -> list[str]:
    """Return the end of what the latest attempt wrote into a log."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.path.getsize(log) - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = COLOURS.sub("", text[max(0, text.rfind(HEADER)) :]).splitlines()
    return [line[:LINE_LENGTH] for line in lines if line.strip()][-TAIL_LINES:]


def refined(ending: Json, tail: list[str], scratch: str) -> Json:
    """Name a full disk, lack of memory or an exception where a failed item does not.

    Commands print them and exit with 1; HDF5 under pytables does not even print a full disk.
    """
    if ending["cause"] == DISK_FULL and is_local(ending["reason"], scratch):
        return lacking(ending, ENVIRONMENT, "a disk of that machine")
    if ending["cause"]:
        return ending
    reason, text = ending["reason"], "\n".join(tail)
    for kind, words in ((DISK_FULL, FULL_WORDS), (NO_MEMORY, ("MemoryError",))):
        for word in words:
            if word in text:
                local = kind == DISK_FULL and is_local(word, scratch)
                return lacking(ending, ENVIRONMENT if local else kind, word)
    if is_full(scratch):
        return lacking(ending, DISK_FULL, f"almost nothing is left in {scratch}")
    if any(word in text for word in LOCK_WORDS):
        return lacking(ending, ENVIRONMENT, LOCKING)
    # not the whole text: warnings about a cache, say, do not end a command
    last = " ".join([reason, exception_of(tail) or "", *tail[-1:]])
    for word in MACHINE_WORDS:
        if word in last:
            return lacking(ending, ENVIRONMENT, word)
    told = last_word(tail) if "exit code" in reason else None
    return {**ending, "reason": f"{reason}: {told}"} if told else ending


def is_full(scratch: str) -> bool:
    """Say whether next to nothing is left where the products are made."""
    with suppress(OSError):
        disk = os.statvfs(scratch)
        left = disk.f_bavail * disk.f_frsize
        return left < LITTLE_SPACE or disk.f_favail == 0 < disk.f_files
    return False


def is_local(words: str, scratch: str) -> bool:
    """Say whether another disk is full than the one of the products; a quota counts for that."""
    return os.strerror(errno.ENOSPC) in words and not is_full(scratch)


def lacking(ending: Json, cause: str, why: str) -> Json:
    """Put a failure down to what the machine lacked."""
    reason = f"{in_words(cause)}: {ending['reason']} ({why})"
    return {**ending, "reason": reason, "bad_data": False, "cause": cause}


def exception_of(tail: list[str]) -> str | None:
    """Return the line that names the exception of a traceback; its name may be any."""
    frames = [number for number, line in enumerate(tail) if FRAME.match(line)]
    if frames:
        behind = (line for line in tail[frames[-1] + 1 :] if RAISED.match(line))
        return next(behind, None)
    return tail[-1] if tail and EXCEPTION.match(tail[-1]) else None


def last_word(tail: list[str]) -> str | None:
    """Return what a command said before it ended with an exit code, if it can be told."""
    raised = exception_of(tail)
    if raised:  # tools of ctapipe log what ends them and exit with 1
        return raised
    said = [LOGGED.search(line) or REFUSED.match(line) for line in tail]
    return next((match[1] for match in reversed(said) if match), None)


def lacks_memory(ending: Json) -> bool:
    """Say whether an item has most likely failed for memory."""
    return bool(ending["signal"] == "SIGKILL" or ending["cause"] == NO_MEMORY)
