"""A worker: does the first item, and is the image of which others are forked."""

from __future__ import annotations

import ctypes
import faulthandler
import functools
import json
import os
import resource
import select
import signal
from typing import Any, Iterator, Set

from .base import STOP_SIGNALS, Binder, Json, Send, outcome
from .items import all_there, perform


def binder(wanted: bool) -> Binder:
    """Return what ties a process to its parent: it is killed when the parent dies, however.

    Linux only (``prctl``, PR_SET_PDEATHSIG = 1); elsewhere, or unwanted, it does nothing.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None) if wanted else None

    def bind(parent: int) -> None:
        if prctl is not None:
            prctl(1, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:  # it died before the call
                os._exit(1)

    return bind


def usage_record(*usages: resource.struct_rusage) -> Json:
    """Sum up CPU time (s) and take the peak memory (MB); Linux counts it in kB."""
    return {
        "cpu_s": round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 3),
        "max_rss_mb": round(max(usage.ru_maxrss for usage in usages) / 1024, 1),
    }


def worker(items: list[Json], loads: Set[str], send: Send, bind: Binder) -> None:
    """Do the first item in this process and the others in forks of it."""
    faulthandler.enable()  # a crash in C code leaves its Python lines in the item's log
    if loads:
        load_once(loads)
    warm = False
    for item in items:
        if all_there(item):
            send({"event": "outcome", "id": item["id"], **outcome("ok", "already there")})
            send({"event": "end", "id": item["id"], "status": 0, "cpu_s": 0, "max_rss_mb": 0})
            continue
        send({"event": "start", "id": item["id"], "warm_up": not warm})
        if warm:
            send({"event": "end", "id": item["id"], **perform_in_fork(item, send, bind)})
            continue
        state = perform(item, send, bind)
        usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        send({"event": "end", "id": item["id"], "status": 0, **usage_record(*usages)})
        if state == "failed":
            return
        warm = True


def load_once(files: Set[str]) -> None:
    """Have joblib load each of these files once for this process and its future forks.

    Forks share the memory of what was loaded before them, as long as nobody writes to it.
    """
    try:
        import joblib
    except ImportError:  # then no command here loads anything with it
        return
    load = joblib.load
    wanted = set(map(os.path.realpath, files))
    loaded: Json = {}

    @functools.wraps(load)
    def load_or_remember(filename: Any, *args: Any, **options: Any) -> Any:
        named = isinstance(filename, (str, bytes, os.PathLike))
        path = os.path.realpath(os.fsdecode(filename)) if named else ""
        if path not in wanted or args or options:
            return load(filename, *args, **options)
        if path not in loaded:
            loaded[path] = load(filename)
        else:
            print(f"# in memory already: {path}", flush=True)
        return loaded[path]

    joblib.load = load_or_remember


def perform_in_fork(item: Json, send: Send, bind: Binder) -> Json:
    """Do one item in a fork of this process; return its wait status and resources."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            bind(parent)
            perform(item, send, bind)
        finally:
            os._exit(0)
    _, status, usage = os.wait4(pid, 0)
    return {"status": status, **usage_record(usage)}


def messages(source: int, worker_pid: int) -> Iterator[Json]:
    """Yield what comes through the pipe until the worker is gone.

    The end of the pipe does not tell, as long as what the worker started still holds it.
    """
    buffer = b""
    gone = False
    while not gone:
        gone = os.waitid(os.P_PID, worker_pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        while select.select([source], [], [], 0 if gone else 1)[0]:
            data = os.read(source, 65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            yield from map(json.loads, lines)


def work(
    items: list[Json], loads: Set[str], parent: int, source: int, sink: int, bind: Binder
) -> None:
    """Be the worker, from the fork to the exit."""
    code = 70  # EX_SOFTWARE, unless the end is reached
    try:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # so that the parent can end it with all that it started
        bind(parent)
        os.close(source)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

        def send(message: Json) -> None:
            os.write(sink, json.dumps(message).encode() + b"\n")

        worker(items, loads, send, bind)
        code = 0
    finally:
        os._exit(code)
