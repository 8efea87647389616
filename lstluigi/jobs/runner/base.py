"""Words that every part of the runner uses: outcomes, errors, reasons."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from contextlib import suppress
from typing import Any, Callable, Dict

Json = Dict[str, Any]
Send = Callable[[Json], None]  # to the parent: start, doing, outcome and end of an item
Binder = Callable[[int], None]  # ties a new process to the life of its parent
HEADER = "==== lstluigi:"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# A message must fit into PIPE_BUF (4096 bytes) to be written whole by several processes.
REASON_LENGTH = 1000
DISK_FULL, NO_MEMORY, ENVIRONMENT = "disk full", "out of memory", "environment"
FULL = (errno.ENOSPC, errno.EDQUOT)
# What a machine, a mount or an installation lacks, and no file that is read.
OF_THE_MACHINE = (
    *(errno.ESTALE, errno.EIO, errno.ENOLCK, errno.ENODEV, errno.ENXIO, errno.EMFILE, errno.ENFILE),
    *(errno.EROFS, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET, errno.EHOSTDOWN),
    *(errno.EHOSTUNREACH, errno.EREMOTEIO, errno.EACCES, errno.EPERM, errno.EAGAIN),
    *(errno.ETXTBSY, errno.ENODATA, errno.ESHUTDOWN, errno.ENOMEM),
)
# Signals by which compiled code ends on a machine that it was not compiled for, or without a mount.
MACHINE_SIGNALS = ("SIGILL", "SIGBUS")


class BadSpec(Exception):
    """The spec cannot be used; the message is one sentence."""


class Unsound(Exception):
    """A file fails its check; the message completes the sentence "FILE ..."."""


class Hollow(Unsound):
    """A file has all its parts and no event in them."""


class Unreadable(Unsound):
    """A file cannot be read, so that nothing is known of its content."""


class ItemError(Exception):
    """An item ends here, without success."""

    def __init__(
        self,
        reason: str,
        rc: int | None = None,
        sig: str | None = None,
        bad_data: bool = False,
        error: BaseException | None = None,
        certain: bool = False,
        cause: str | None = None,
    ) -> None:
        super().__init__(reason)
        cause = cause or (ENVIRONMENT if sig in MACHINE_SIGNALS else cause_of(error))
        self.outcome = outcome("failed", reason, rc, sig, bad_data, cause, certain)


def outcome(
    state: str,
    reason: str,
    rc: int | None = None,
    sig: str | None = None,
    bad_data: bool = False,
    cause: str | None = None,
    certain: bool = False,
) -> Json:
    """Return how an item ended, as the result file says it.

    With `bad_data` the item's data may be to blame; that is `certain` where its inputs were looked
    at, and else where the same machine does other items, or another machine fails, too. The `cause`
    is what the machine lacked, if it did; it comes first in the reason.
    """
    reason = f"{in_words(cause)}: {reason}" if cause else reason
    ending: Json = {"state": state, "reason": reason[:REASON_LENGTH], "rc": rc, "signal": sig}
    bad_data = bad_data and not cause
    return {**ending, "bad_data": bad_data, "certain": certain and bad_data, "cause": cause}


def in_words(cause: str) -> str:
    """Name a cause; that of an environment with the machine, which another one may not share."""
    return f"{cause} of {socket.gethostname()}" if cause == ENVIRONMENT else cause


def cause_of(error: BaseException | None) -> str | None:
    """Tell from an exception what the machine lacked."""
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if isinstance(error, ImportError):
        return ENVIRONMENT
    if not isinstance(error, OSError):
        return None
    if error.errno in FULL:
        return DISK_FULL
    if isinstance(error, FileNotFoundError) and os.path.isabs(str(error.filename)):
        return ENVIRONMENT  # inputs were there, and a command's own files lie in its directory
    return ENVIRONMENT if error.errno in OF_THE_MACHINE else None


def os_reason(what: str, error: OSError) -> str:
    """Say what could not be done and why."""
    return f"{what}: {error.strerror or error}"


def signal_name(number: int) -> str:
    """Return the name of a signal, as in SIGKILL."""
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def now() -> str:
    """Return the time as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
