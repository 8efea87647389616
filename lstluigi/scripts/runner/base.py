"""Words that every part of the runner uses: outcomes, errors, reasons."""

from __future__ import annotations

import errno
import signal
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
DISK_FULL, NO_MEMORY = "disk full", "out of memory"
FULL = (errno.ENOSPC, errno.EDQUOT)


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
    ) -> None:
        super().__init__(reason)
        self.outcome = outcome("failed", reason, rc, sig, bad_data, cause_of(error))


def outcome(
    state: str,
    reason: str,
    rc: int | None = None,
    sig: str | None = None,
    bad_data: bool = False,
    cause: str | None = None,
) -> Json:
    """Return how an item ended, as the result file says it.

    With `bad_data` the item's data are to blame, not the job, its environment or a disk: it would
    end like this anywhere. The `cause` is what the machine lacked, if it did; it comes first in the
    reason.
    """
    reason = f"{cause}: {reason}" if cause else reason
    ending: Json = {"state": state, "reason": reason[:REASON_LENGTH], "rc": rc, "signal": sig}
    return {**ending, "bad_data": bad_data and not cause, "cause": cause}


def cause_of(error: BaseException | None) -> str | None:
    """Tell from an exception what the machine lacked."""
    if isinstance(error, MemoryError):
        return NO_MEMORY
    return DISK_FULL if isinstance(error, OSError) and error.errno in FULL else None


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
