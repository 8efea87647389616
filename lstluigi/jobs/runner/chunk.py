"""One chunk: the parent, which has workers do its items and keeps the result file."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from typing import Dict, Set, TextIO

from .base import (
    STOP_SIGNALS,
    BadSpec,
    Binder,
    Json,
    cause_of,
    now,
    os_reason,
    outcome,
    signal_name,
)
from .commands import killed_by
from .endings import lacks_memory, last_lines, refined, versions
from .publish import write_atomically
from .spec import FORMAT, load_chunk
from .workers import binder, messages, usage_record, work

# The last one is what joblib takes for n_jobs=-1.
THREAD_LIMITS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS"),
    *("NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT"),
)
PREPARATION = "preparation"
# Seconds within which code that was loaded compiled crashes: it is used from the first event on.
EARLY = 600


def open_log(path: str | None) -> TextIO:
    """Open the log of the chunk; where there is none, stderr has to do."""
    if path:
        with suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return open(path, "a", encoding="utf-8")
    return sys.stderr


def together(earlier: Json, usage: Json) -> Json:
    """Add up what the tries of an item took (of memory the most), and keep why there were more."""
    took = {key: round(usage[key] + earlier.get(key, 0), 3) for key in ("wall_s", "cpu_s")}
    took["max_rss_mb"] = max(usage["max_rss_mb"], earlier.get("max_rss_mb", 0))
    return {**took, "again": earlier["again"]} if earlier else took


class Chunk:
    """Do the items of a chunk with as many workers as it takes, and keep the result file.

    Attributes
    ----------
    result
        What the result file holds.
    stopped
        The number of the signal that stopped the run, or 0.
    """

    def __init__(self, spec: Json, index: int, bind: Binder) -> None:
        self.spec = spec
        self.bind = bind
        self.stopped = 0
        self._worker = 0  # process id, and id of its process group
        self._dismissed = False  # the present worker, for another kind of worker
        self._open: Json | None = None  # the item being done
        self._since = 0.0
        self._doing = PREPARATION
        self._outcome: Json | None = None  # what was said about it
        self._may_keep = True  # what a worker has loaded, for its forks
        self._kept: Set[str] = set()  # by the present worker
        self._cache: str | None = None  # of compiled code, where the environment's is not trusted
        self._starved = False  # an item has failed for memory, as the others most likely would
        self._earlier: Dict[str, Json] = {}  # what tries took of items that were put back, and why
        self._log = open_log(spec.get("log"))
        self.result: Json = {"format": FORMAT, "host": socket.gethostname(), "pid": os.getpid()}
        self.result.update(python=sys.executable, versions=versions(), array_index=index)
        self.result["node"] = os.environ.get("SLURMD_NODENAME")  # as Slurm calls this machine
        job = os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ.get("SLURM_JOB_ID")
        self.result.update(slurm_job=job, started=now(), ended=None, finished=False, items={})

    def run(self) -> int:
        """Do every item and return the exit code of the runner."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        os.makedirs(os.path.dirname(self.spec["result"]), exist_ok=True)
        self._write(sync=True)
        left = list(self.spec["items"])
        try:
            while left and not (self.stopped or self._starved):
                self._employ(left if self.spec.get("warm") else left[:1])
                left = [item for item in left if item["id"] not in self.result["items"]]
        finally:
            if self._cache:
                shutil.rmtree(self._cache, ignore_errors=True)
        self.result.update(ended=now(), finished=not left)
        self._write(sync=True)
        if self.stopped:
            return 128 + self.stopped
        return int(any(record["state"] != "ok" for record in self.result["items"].values()))

    def _write(self, sync: bool) -> None:
        write_atomically(self.spec["result"], self.result, sync)

    def _stop(self, number: int, frame: object) -> None:
        self.stopped = number
        self._kill_worker()

    def _kill_worker(self) -> None:
        if self._worker:
            with suppress(ProcessLookupError):
                os.killpg(self._worker, signal.SIGKILL)

    def _employ(self, items: list[Json]) -> None:
        """Run one worker to its end, and close the item that it left open, if it did."""
        source, sink = os.pipe()
        parent = os.getpid()
        self._since, self._doing = time.monotonic(), PREPARATION
        keep = self._may_keep and len(items) > 1
        self._kept = {path for item in items for path in item.get("loads", []) if keep}
        pid = os.fork()
        if pid == 0:
            if self._cache:
                os.environ["NUMBA_CACHE_DIR"] = self._cache
            work(items, self._kept, parent, source, sink, self.bind)
        with suppress(OSError):
            os.setpgid(pid, pid)
        self._worker, self._dismissed = pid, False
        os.close(sink)
        silent = True
        try:
            if self.stopped:  # between the fork and here
                self._kill_worker()
            by_id = {item["id"]: item for item in items}
            for message in messages(source, pid):
                self._take(message, by_id[message["id"]])
                silent = False
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        finally:
            # What a command left running has no one to report to. Until the worker has been
            # waited for, its process group cannot be anybody else's.
            self._kill_worker()
            self._worker = 0
            _, status, usage = os.wait4(pid, 0)
            os.close(source)
        if silent:
            self._open = items[0]  # it died before it could say a word
        if self._open is not None and self._dismissed and self._outcome is None:
            self._forget(self._open)  # the worker was ahead of its end
        elif self._open is not None:
            self._close(self._open, {"status": status, **usage_record(usage)})

    def _take(self, message: Json, item: Json) -> None:
        """Note what a worker or its fork says about an item."""
        event = message["event"]
        if event == "start":
            self._open, self._since, self._doing = item, time.monotonic(), PREPARATION
            running = {"state": "running", "reason": "", "warm_up": message["warm_up"]}
            self.result["items"][item["id"]] = running
            self._write(sync=False)
        elif event == "doing":
            self._doing = message["what"]
        elif event == "outcome":
            kept = (*outcome("", ""), "events", "facts")
            self._outcome = {key: message[key] for key in kept if key in message}
        else:
            self._close(item, message)

    def _close(self, item: Json, usage: Json) -> None:
        """Write down how an item ended, and clean up after it."""
        ending = self._outcome or self._crash(usage["status"])
        wall = time.monotonic() - self._since if self._open else 0.0
        took = together(self._earlier.get(item["id"], {}), {**usage, "wall_s": wall})
        how = self._otherwise(ending, wall)
        if how:
            self._put_back(item, {**took, "again": f"{ending['reason']}; {how}"})
            return
        if ending["state"] == "failed":
            tail = last_lines(item["log"])
            if not self.stopped:
                ending = refined(ending, tail, item["scratch"])
            ending = {**ending, "tail": tail}
        record = self.result["items"].setdefault(item["id"], {})
        record.update(ending, **took, ended=round(time.time(), 3))
        if self._open:
            shutil.rmtree(item["scratch"], ignore_errors=True)
        self._open, self._outcome = None, None
        self._say(f"{item['id']}: {record['state']} {record['reason']} ({wall:.1f} s)")
        self._write(sync=True)
        if ending["state"] == "failed" and lacks_memory(ending) and not self.stopped:
            self._starved = self._dismissed = True  # the run submits the others with more memory
            self._kill_worker()

    def _otherwise(self, ending: Json, wall: float) -> str | None:
        """Change how workers do items where that may help against such a failure, and say how.

        lstchain holds one model at a time; all of them together may have been too much. When two
        processes compile the same functions at once, as the first jobs of a new environment do,
        numba (0.68) may leave a cache from which every process crashes that comes after.
        """
        if self.stopped:
            return None
        if self._kept and lacks_memory(ending):
            self._may_keep = False
            return "without keeping what is loaded"
        crashed = ending["signal"] == "SIGSEGV" and self._outcome is None  # no program of its own
        if crashed and wall < EARLY and not self._cache:
            with suppress(OSError):
                self._cache = tempfile.mkdtemp(prefix="lstluigi-numba-")
                return "with a cache of compiled code of its own"
        return None

    def _put_back(self, item: Json, took: Json) -> None:
        """Have an item done again by another worker."""
        self._dismissed = True
        self._kill_worker()
        self._forget(item)
        self._earlier[item["id"]] = took
        self._say(f"{item['id']}: once more ({took['again']})")

    def _forget(self, item: Json) -> None:
        """Leave an item to the next worker."""
        self.result["items"].pop(item["id"], None)
        self._open, self._outcome = None, None

    def _crash(self, status: int) -> Json:
        """Return the outcome of an item whose process ended without one."""
        number = self.stopped or (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
        if number:
            return outcome("failed", killed_by(number, self._doing), sig=signal_name(number))
        rc = os.WEXITSTATUS(status)
        reason = f"the process ended by itself with exit code {rc} (in {self._doing})"
        return outcome("failed", reason, rc, bad_data=self._doing != PREPARATION)

    def _say(self, sentence: str) -> None:
        """Put a line into the log of the chunk, which is not worth failing for."""
        with suppress(OSError):
            print(now(), sentence, file=self._log, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run one chunk of a spec.

    Returns
    -------
    int
        0 if every item is ok, 1 if some are not (failed or empty), 2 for a bad spec, 3 if the
        result file cannot be written, 128 + N if signal N stopped the run.
    """
    parser = argparse.ArgumentParser(description="Run one chunk of items of a spec.")
    parser.add_argument("spec", help="JSON file with chunks of items")
    parser.add_argument("index", nargs="?", type=int, help="chunk (default: the array task)")
    mortal: Json = {"nargs": "?", "type": int, "const": os.getppid(), "metavar": "PID"}
    # A caller that gives its own id is missed even if it died before this process could look.
    parser.add_argument("--die-with-parent", help="never outlive the caller", **mortal)
    options = parser.parse_args(arguments)
    bind = binder(options.die_with_parent is not None)
    bind(options.die_with_parent or 0)
    index = options.index
    if index is None:
        index = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
    try:
        spec = load_chunk(options.spec, index)
    except BadSpec as error:
        print(f"runner: {options.spec} {error}", file=sys.stderr)
        return 2
    os.environ.update(dict.fromkeys(THREAD_LIMITS, str(spec["cpus"])), MPLBACKEND="Agg")
    try:
        return Chunk(spec, index, bind).run()
    except OSError as error:
        said = os_reason(f"cannot write the result {spec['result']}", error)
        ending = outcome("failed", said, cause=cause_of(error))
        print(f"runner: {ending['reason']}", file=sys.stderr)
        return 3
