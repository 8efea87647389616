"""A lock on a product, kept as a file beside it on the shared file system."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError
from lstluigi.files import Unwritable

log = logging.getLogger("lstluigi")

#: A lock of another host that was not refreshed for so long (s) is taken to be left over.
STALE = 900.0
#: A lock without content that is older (s) was left over by a run that died in the act.
BEGINNING = 10.0
#: How often (s) a lock is refreshed by the run that holds it.
REFRESH = 120.0


class Held(LstluigiError):
    """Another run is making the product."""


@dataclass(frozen=True)
class Owner:
    """A run that is alive and holds a lock.

    Attributes
    ----------
    host, pid
        Where it runs; no host while the lock is just being written.
    job
        The Slurm job that it runs in; empty if it is in none.
    started
        When the process started, in the ticks of its host's kernel.
    until
        When its lock will be taken to be left over, unless it is refreshed (s since the epoch).
    pids
        Where its process id counts: boot and PID namespace; empty in locks of older versions.
    """

    host: str = ""
    pid: int = 0
    job: str = ""
    started: str = ""
    until: float = 0.0
    pids: str = ""

    @property
    def here(self) -> bool:
        """Is it a process of this host, which this process can ask for by its id?"""
        return self.host == socket.gethostname() and self.pids in ("", _pids())

    @property
    def alive(self) -> bool:
        """Is it there? A process that cannot be asked for is alive while it refreshes its lock."""
        fresh = time.time() < self.until
        if not self.here:
            return fresh
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass  # EPERM: it is there, and is another user's
        if not os.path.exists(f"/proc/{self.pid}"):
            return fresh  # hidepid: its start cannot be compared
        return _started(self.pid) == self.started

    def __str__(self) -> str:
        if not self.host:
            return "another run"
        return f"the run with process id {self.pid} on {self.host}"


def _started(pid: int) -> str | None:
    """When a process of this host started, in the kernel's ticks; None if there is no such one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _pids() -> str:
    """Where process ids of this process count: the boot of the kernel and the PID namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _me() -> dict[str, Any]:
    pid = os.getpid()
    me = {"host": socket.gethostname(), "pid": pid, "started": _started(pid), "pids": _pids()}
    job, start = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_RESTART_COUNT", "0")
    return {**me, "job": job, "start": int(start)} if job else me


def holder(path: str) -> str | None:
    """Who holds a lock, in words; None if nobody else who is alive does."""
    found = owner(path)
    return None if found is None else str(found)


def owner(path: str) -> Owner | None:
    """Who else holds a lock; None if nobody who is alive does."""
    try:
        with open(path, encoding="utf-8") as stream:
            age = time.time() - os.fstat(stream.fileno()).st_mtime
            content = json.load(stream)
        if not (isinstance(content, dict) and isinstance(content.get("pid"), int)):
            raise ValueError("no owner in it")
    except FileNotFoundError:
        return None
    except ValueError:
        return Owner() if age < BEGINNING else None
    except OSError as error:
        raise LstluigiError(f"{path} cannot be read ({error.strerror})") from None
    me = _me()
    if content == me or _is_earlier_start(content, me):
        return None
    found = Owner(
        str(content.get("host", "")),
        content["pid"],
        str(content.get("job", "")),
        str(content.get("started")),
        time.time() - age + STALE,
        str(content.get("pids", "")),
    )
    return found if found.alive else None


def _is_earlier_start(content: Mapping[str, Any], me: Mapping[str, Any]) -> bool:
    """Was it this same job, before Slurm started it again somewhere else?"""
    same = "job" in me and content.get("job") == me["job"]
    return same and content.get("start", 0) < me["start"]


def _take_away(path: str) -> None:
    """Remove a lock that was left over; not one that another run has put in its place just now."""
    aside = f"{path}.{socket.gethostname()}.{os.getpid()}"
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return
    if holder(aside) is not None:
        os.rename(aside, path)
        raise FileExistsError
    os.unlink(aside)


def _create(path: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(_me(), stream)
    except OSError:
        os.unlink(path)
        raise


class Lock:
    """One product's lock; taking it replaces one that was left over.

    Raises
    ------
    Held
        When a living run holds it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._refreshed = time.monotonic()
        if (other := owner(path)) is not None:
            raise Held(f"{other} is making it (lock {path})")
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _take_away(path)
            _create(path)
        except FileExistsError:
            raise Held(f"another run has just begun to make it (lock {path})") from None
        except OSError as error:
            raise Unwritable(path, error) from None

    def refresh(self) -> None:
        """Show that the run is alive, now and then."""
        if time.monotonic() - self._refreshed > REFRESH:
            self._refreshed = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def release(self) -> None:
        """Give the lock back, unless another run has taken it over in the meantime.

        Nothing is raised: the work is over, and other runs take a lock that stays for left over
        once this run has ended.
        """
        try:
            if holder(self.path) is None:
                Path(self.path).unlink(missing_ok=True)
        except LstluigiError as error:
            log.warning("%s; the lock stays while this run goes on", error)
        except OSError as error:
            log.warning(
                "%s cannot be removed (%s); the lock stays while this run goes on",
                self.path,
                error.strerror,
            )
