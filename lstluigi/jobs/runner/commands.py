"""Commands: inside this process where they are Python, else as a process of their own."""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
import runpy
import shutil
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from typing import Any, Callable

from .base import STOP_SIGNALS, Binder, ItemError, cause_of, os_reason, signal_name
from .hdf5 import close_hdf5


def run_command(argv: list[str], bind: Binder) -> None:
    """Run one command with the current directory and streams; raise ItemError if it fails.

    A Python script or a console script of this environment runs inside this process; anything
    else is a process of its own.
    """
    name = os.path.basename(argv[0])
    if argv[0].endswith(".py"):
        if not os.path.isfile(argv[0]):
            raise ItemError(f"the script {argv[0]} is not there")
        call_here(name, lambda: run_script(argv[0]), argv)
    elif argv[0] in console_scripts():
        entry_point = console_scripts()[argv[0]]
        call_here(name, lambda: entry_point.load()(), argv)
    else:
        call_outside(name, argv, bind)


def run_script(path: str) -> None:
    """Run a Python script as the interpreter would."""
    runpy.run_path(path, run_name="__main__")


@functools.lru_cache(maxsize=None)
def console_scripts() -> dict[str, Any]:
    """Return the console scripts of this environment by name."""
    found: Any = importlib.metadata.entry_points()
    group = "console_scripts"
    # Before Python 3.10 the answer was a dictionary of lists.
    chosen = found.select(group=group) if hasattr(found, "select") else found.get(group, [])
    return {entry_point.name: entry_point for entry_point in chosen}


def call_here(name: str, function: Callable[[], object], argv: list[str]) -> None:
    """Call a function as a command line would, sys.exit included."""
    sys.argv = list(argv)
    try:
        code = exit_code(function)
    except BaseException as error:
        print_traceback(error)
        raise ItemError(describe(name, error), rc=1, bad_data=True, error=error) from None
    finally:
        tidy_up()
    if code:
        raise ItemError(f"{name} ended with exit code {code}", rc=code, bad_data=True)


def print_traceback(error: BaseException) -> None:
    """Print a traceback that begins in the command: the tail of a log is short."""
    begin = error.__traceback__
    ours = (os.path.dirname(os.path.abspath(__file__)), runpy.__file__, "<frozen runpy>")
    while begin and begin.tb_next and begin.tb_frame.f_code.co_filename.startswith(ours):
        begin = begin.tb_next
    traceback.print_exception(type(error), error, begin)


def exit_code(function: Callable[[], object]) -> int:
    """Return the exit code that a console script with this function would have."""
    try:
        code = function()
    except SystemExit as stop:
        code = stop.code
    if code is None or isinstance(code, int):
        return int(code or 0)
    print(code, file=sys.stderr)
    return 1


def describe(name: str, error: BaseException) -> str:
    """Put an exception of a command into one sentence."""
    if isinstance(error, MemoryError):
        return f"MemoryError in {name}"
    if isinstance(error, OSError) and cause_of(error):
        return os_reason(name, error)
    return f"{name} failed with {type(error).__name__}: {in_short(str(error))}"


def in_short(message: str) -> str:
    """Return the line of an exception's message that tells most.

    HDF5 puts a trace before what it has to say; the trace ends with the reason.
    """
    lines = [line.strip() for line in message.splitlines() if line.strip()] or [""]
    end = next((n for n, line in enumerate(lines) if line.startswith("End of HDF5 error")), 0)
    told = lines[end + 1 :][:1]
    return f"{told[0]} ({lines[end - 1]})" if end and told else lines[0]


def tidy_up() -> None:
    """Put back the global state that commands leave behind."""
    for handler in list(logging.root.handlers):
        logging.root.removeHandler(handler)
        handler.close()
    with suppress(Exception):  # a file on a full disk cannot be closed; its check will tell
        close_hdf5()
    provenance = getattr(sys.modules.get("ctapipe.core"), "Provenance", None)
    if provenance is not None:  # one log for all activities of the process
        provenance().clear()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def call_outside(name: str, argv: list[str], bind: Binder) -> None:
    """Run an executable and wait for it."""
    # The environment's own commands, also where its python is called without activation.
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
    executable = shutil.which(argv[0], path=path)
    if executable is None:
        raise ItemError(f"{argv[0]} is not in this environment ({sys.prefix})", rc=127)
    try:
        process = subprocess.Popen(
            argv,
            executable=executable,
            stdin=subprocess.DEVNULL,
            preexec_fn=functools.partial(bind, os.getpid()),
        )
    except OSError as error:
        reason = os_reason(f"{name} could not be started", error)
        raise ItemError(reason, rc=126, error=error) from None
    code = process.wait()
    if code < 0:
        raise ItemError(killed_by(-code, name), sig=signal_name(-code))
    if code:
        raise ItemError(f"{name} ended with exit code {code}", rc=code, bad_data=True)


def killed_by(number: int, what: str) -> str:
    """Say which signal ended what."""
    if number in STOP_SIGNALS:
        return f"stopped by {signal_name(number)} (in {what})"
    guess = ", most likely for memory" if number == signal.SIGKILL else ""
    return f"killed by {signal_name(number)}{guess} (in {what})"
