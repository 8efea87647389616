"""Locks: held by the living, taken over from the dead."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs import lock
from lstluigi.jobs.lock import Held, Lock, holder

HOLD = """
import sys, time
from lstluigi.jobs.lock import Lock
Lock(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "logs" / "step.lock")


@pytest.fixture
def other(path: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def owner(path: str, **changes: object) -> None:
    """Write a lock of somebody else."""
    content = {"host": socket.gethostname(), "pid": os.getpid(), "started": "1", **changes}
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(json.dumps(content))


def age(path: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_lock_comes_and_goes(path: str) -> None:
    held = Lock(path)
    assert os.path.exists(path)
    assert holder(path) is None  # nobody else
    held.release()
    assert os.listdir(os.path.dirname(path)) == []


def test_the_living_are_named(path: str, other: subprocess.Popen[str]) -> None:
    assert holder(path) == f"the run with process id {other.pid} on {socket.gethostname()}"
    with pytest.raises(Held, match=f"process id {other.pid} "):
        Lock(path)
    assert os.path.exists(path)


def test_the_dead_are_replaced(path: str, other: subprocess.Popen[str]) -> None:
    other.kill()
    assert other.wait() != 0
    assert holder(path) is None
    Lock(path)
    assert json.loads(Path(path).read_text())["pid"] == os.getpid()
    assert os.listdir(os.path.dirname(path)) == ["step.lock"]


def test_a_zombie_is_dead(path: str, other: subprocess.Popen[str]) -> None:
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped
    assert holder(path) is None


def test_a_process_id_used_again_is_somebody_else(path: str) -> None:
    owner(path, started="1")  # this process did not start one tick after the machine
    assert holder(path) is None


def test_another_host_is_alive_while_it_refreshes(path: str) -> None:
    owner(path, host="elsewhere", pid=7)
    assert holder(path) == "the run with process id 7 on elsewhere"
    with pytest.raises(Held, match="elsewhere"):
        Lock(path)
    age(path, lock.STALE + 1)
    assert holder(path) is None
    Lock(path)


def test_refreshing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Lock(path)
    age(path, 1000)
    held.refresh()
    assert time.time() - os.stat(path).st_mtime > 900  # not yet
    monkeypatch.setattr(lock, "REFRESH", 0.0)
    held.refresh()
    assert time.time() - os.stat(path).st_mtime < 100
    assert lock.STALE > 2 * 120.0  # one late refresh costs no lock


def test_a_lock_left_empty_is_not_for_ever(path: str) -> None:
    Path(path).parent.mkdir()
    Path(path).touch()
    with pytest.raises(Held):
        Lock(path)  # somebody may be writing it right now
    age(path, lock.BEGINNING + 1)
    Lock(path)


def test_a_full_disk_leaves_no_lock(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(LstluigiError, match="No space left"):
        Lock(path)
    assert os.listdir(os.path.dirname(path)) == []


def test_of_two_that_take_over_one_loses(
    path: str, monkeypatch: pytest.MonkeyPatch, other: subprocess.Popen[str]
) -> None:
    """Another run replaces the dead one's lock between our look and our deed."""
    fresh = Path(path).read_text()
    owner(path, started="1")
    rename = os.rename

    def overtaken(source: str, target: str) -> None:
        Path(path).write_text(fresh)
        monkeypatch.setattr(os, "rename", rename)
        rename(source, target)

    monkeypatch.setattr(os, "rename", overtaken)
    with pytest.raises(Held):
        Lock(path)
    assert Path(path).read_text() == fresh


def test_a_lock_taken_over_is_not_given_back(path: str, other: subprocess.Popen[str]) -> None:
    theirs = Path(path).read_text()
    os.unlink(path)
    mine = Lock(path)
    Path(path).write_text(theirs)  # they took us for dead
    mine.release()
    assert Path(path).read_text() == theirs


@pytest.mark.parametrize("wrong", ["read", "removed"])
def test_a_lock_that_cannot_be_given_back_ends_nothing(
    path: str,
    wrong: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the run has made is made; the file system may be gone by then."""
    mine = Lock(path)

    def gone(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    if wrong == "read":
        os.unlink(path)
        os.mkdir(path)
    else:
        monkeypatch.setattr(Path, "unlink", gone)
    mine.release()
    assert f"{path} cannot be {wrong}" in caplog.text
    assert os.path.exists(path)


def test_a_place_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LstluigiError, match="cannot be"):
        Lock(str(tmp_path / "file" / "step.lock"))


def test_a_job_that_slurm_starts_again_takes_its_own_locks(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    owner(path, host="elsewhere", job="12", start=0)
    assert holder(path) is not None  # another process of the same start
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert holder(path) is None
    owner(path, host="elsewhere", job="13", start=0)
    assert holder(path) is not None


def test_a_process_of_another_pid_namespace_is_alive_while_it_refreshes(path: str) -> None:
    owner(path, pid=2**22 + 1, pids="another boot or namespace")
    assert holder(path) is not None
    age(path, lock.STALE + 1)
    assert holder(path) is None


def test_a_process_that_proc_hides_is_asked_for_by_its_id(
    path: str, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda p: not str(p).startswith("/proc") and exists(p))
    monkeypatch.setattr(lock, "_started", lambda pid: None)
    assert holder(path) is not None
    other.kill()
    other.wait()
    assert holder(path) is None


def test_a_process_of_another_user_is_alive(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda p: not str(p).startswith("/proc") and exists(p))
    monkeypatch.setattr(os, "kill", refuse)
    owner(path, pid=7)
    assert holder(path) is not None
    age(path, lock.STALE + 1)
    assert holder(path) is None
