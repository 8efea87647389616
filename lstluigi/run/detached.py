"""The run as a process of its own, which survives the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence

from lstluigi.errors import LstluigiError
from lstluigi.files import Unwritable

#: How long (s) it is watched: what ends so soon has not begun.
WATCHED = 1.0


def start(command: Sequence[str], log: str) -> int:
    """Start a run in a session of its own, and return its process id.

    SIGHUP is ignored there; its output is added to a log.

    Raises
    ------
    LstluigiError
        When it cannot be started, or fails at once.
    """
    try:
        os.makedirs(os.path.dirname(log), exist_ok=True)
        stream = open(log, "ab")  # noqa: SIM115
    except OSError as error:
        raise Unwritable(log, error) from None
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what is ignored is inherited
    try:
        with stream:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            stream.write(f"{stamp} lstluigi run --detach\n".encode())
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        code = process.wait(WATCHED)
    except subprocess.TimeoutExpired:
        return process.pid
    if code != 0:
        raise LstluigiError(f"the run ended at once with exit code {code}; its reasons: {log}")
    return process.pid
