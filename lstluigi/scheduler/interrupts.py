"""How a run ends before its time: one sentence, an exit code, never a traceback."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from lstluigi.errors import LstluigiError

__all__ = ["Interrupted", "Interrupts", "explained", "leave", "outlive_terminal"]

log = logging.getLogger("lstluigi")

#: How the system says that a terminal, or who reads a pipe, is gone.
_GONE = (errno.EIO, errno.EPIPE, errno.ENXIO)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """The run was asked to end.

    Parameters
    ----------
    signum : int
        The signal: SIGINT (Ctrl-C), SIGTERM or SIGHUP.
    """

    def __init__(self, signum: int) -> None:
        self.signum = signum
        super().__init__(signal.Signals(signum).name)


class _Outliving:
    """A stream of text that may lose its terminal or its reader: the rest goes nowhere."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._outlived():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._outlived():
            self._stream.flush()

    @contextmanager
    def _outlived(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _GONE:
                raise
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def outlive_terminal() -> None:
    """Let this process go on, and end as it would, if nobody can be shown its output any more."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Outliving):
            setattr(sys, name, _Outliving(stream))


def leave(sentence: str, exit_code: int) -> NoReturn:
    """Print a sentence on stderr and end the run."""
    print(sentence, file=sys.stderr, flush=True)
    raise SystemExit(exit_code)


@contextmanager
def explained() -> Iterator[None]:
    """End the run with a sentence if the user's input is at fault."""
    try:
        yield
    except LstluigiError as error:
        leave(str(error), error.exit_code)


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP, held back while work is submitted.

    A signal raises `Interrupted`, but not in the middle of a submission: then after it, or at
    once when it comes a second time. Signals that were ignored (``nohup``) stay ignored.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._before: dict[int, Any] = {}
        self._busy = False
        self._leaving = False
        self._pending: int | None = None

    def install(self) -> None:
        """Take over the signals, in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            return
        for signum in _SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                self._before[signum] = signal.signal(signum, self._on_signal)

    def restore(self) -> None:
        """Give the signals back."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        self._before.clear()

    def start_leaving(self) -> None:
        """Let no further signal disturb the end; one more ends the process at once."""
        self._leaving = True

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Hold back the first signal until the block has ended."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
        if self._pending is not None:
            raise Interrupted(self._pending)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a forked task of somebody else's
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        elif self._leaving:
            os._exit(128 + signum)
        elif self._busy and self._pending is None:
            self._pending = signum
            log.warning("Ending after the submission under way; once more to end at once.")
        else:
            raise Interrupted(signum)
