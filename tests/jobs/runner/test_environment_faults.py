"""A machine's fault is never a file's: what is put down to the environment, and what is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from lstluigi.jobs.results import cause_of
from lstluigi.jobs.runner import base, endings
from lstluigi.jobs.runner.base import ItemError
from lstluigi.jobs.states import Cause, JobState, JobStatus


def failed(error: BaseException) -> dict[str, Any]:
    return ItemError("x failed", rc=1, bad_data=True, error=error).outcome


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'lstchain'"),
        ImportError("libhdf5.so.310: cannot open shared object file"),
        *(OSError(code, "x") for code in (errno.ESTALE, errno.EIO, errno.ENOLCK, errno.EMFILE)),
        PermissionError(errno.EACCES, "x"),
    ],
    ids=repr,
)
def test_errors_of_a_machine(error: BaseException) -> None:
    ending = failed(error)
    assert (ending["cause"], ending["bad_data"]) == (base.ENVIRONMENT, False)
    assert os.uname().nodename in ending["reason"]
    assert cause_of(ending, JobStatus(JobState.FAILED)) is Cause.NODE  # tried elsewhere


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("x"), OSError("Truncated file")])
def test_errors_that_may_be_the_data_s(error: BaseException) -> None:
    ending = failed(error)
    assert (ending["cause"], ending["bad_data"], ending["certain"]) == (None, True, False)


@pytest.mark.parametrize("signal", ["SIGILL", "SIGBUS"])
def test_signals_of_a_machine(signal: str) -> None:
    ending = ItemError("killed", sig=signal, bad_data=True).outcome
    assert (ending["cause"], ending["bad_data"]) == (base.ENVIRONMENT, False)


@pytest.mark.parametrize(
    ("tail", "cause"),
    [
        (["BlockingIOError: unable to lock file, errno = 11", "more"], base.ENVIRONMENT),
        (["OSError: [Errno 116] Stale file handle: '/fefs/x'"], base.ENVIRONMENT),
        (["ModuleNotFoundError: No module named 'ctapipe'"], base.ENVIRONMENT),
        (["python: error while loading: cannot open shared object file"], base.ENVIRONMENT),
        (["OSError: [Errno 28] No space left on device"], base.ENVIRONMENT),  # of another disk
        (["errno 122: Disk quota exceeded"], base.DISK_FULL),
        (["warning: Permission denied: /root/.cache", "ValueError: bad event"], None),
        (["ValueError: bad event"], None),
    ],
)
def test_what_commands_print(tmp_path: Path, tail: list[str], cause: str | None) -> None:
    ending = base.outcome("failed", "x ended with exit code 1", 1, bad_data=True)
    found = endings.refined(ending, tail, str(tmp_path))
    assert (found["cause"], found["bad_data"]) == (cause, cause is None)


def test_locks_that_are_refused_come_with_advice(tmp_path: Path) -> None:
    ending = base.outcome("failed", "x failed", 1, bad_data=True)
    found = endings.refined(ending, ["unable to lock file"], str(tmp_path))
    assert "HDF5_USE_FILE_LOCKING=FALSE" in found["reason"]
