"""Ports, processes and cgroups of this host, as a Slurm cluster on it needs them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below those that the kernel gives to outgoing connections."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(found) < count:
            port = random.randrange(10000, 32000)
            candidate = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                candidate.bind(("", port))
                found.append(port)
    return found


def connects(address: str | int) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        target = address if isinstance(address, str) else ("127.0.0.1", address)
        return client.connect_ex(target) == 0


def processes_with(environment: Mapping[str, str]) -> set[int]:
    """Living processes that started with this in their environment, and all they started."""
    wanted = {f"{key}={value}".encode() for key, value in environment.items()}
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] in "ZX":
                continue
            parents[int(entry.name)] = int(fields[1])
            if wanted <= set((entry / "environ").read_bytes().split(b"\0")):
                found.add(int(entry.name))
    for pid in parents:
        above = [pid]
        while above[-1] in parents:
            above.append(parents[above[-1]])
        if found.intersection(above):
            found.add(pid)
    pid = os.getpid()
    while pid in parents:
        found.discard(pid)
        pid = parents[pid]
    return found


def remove_cgroups(nodes: Sequence[str]) -> None:
    for node in nodes:
        for top in CGROUP.glob(f"*/slurm_{node}"):
            for path, _, _ in os.walk(top, topdown=False):
                os.rmdir(path)


def end_all(processes: Callable[[], set[int]]) -> None:
    """Kill processes until none is left: a step daemon may be about to start one."""
    end = time.monotonic() + 20
    while left := processes():
        assert time.monotonic() < end, f"processes {sorted(left)} cannot be killed"
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
