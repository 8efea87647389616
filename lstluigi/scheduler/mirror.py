"""What luigid shows of a run: scheduling stays in this process, and luigid decides nothing."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from luigi.rpc import RPCError
from luigi.task_status import RUNNING

from .luigid_client import Luigid, Refused
from .ready_queue import ReadyQueueScheduler

__all__ = ["Mirror", "MirroredScheduler"]

log = logging.getLogger("lstluigi")

_SHARE = 0.05  # of one core, spent on luigid
_PING_EVERY = 5.0  # s; luigid forgets a worker that is silent for a minute
_RETRY_EVERY = 5.0  # s, while luigid does not answer
_LAST_WORDS = 10.0  # s, for what is left to send when the run ends
_TASK = "add_task"
#: Of a batch luigid would look for members that it has never handed out.
_NOT_SHOWN = ("batch_id",)


class Mirror:
    """Sends luigid the newest state of each task, from a thread of its own.

    Whatever luigid does costs the run nothing: what cannot be sent is sent later, and a luigid that
    has forgotten the run is sent everything again.

    Parameters
    ----------
    luigid : Luigid
        Where to send it.
    check : callable
        Whether the luigid at a URL may be talked to; asked each time that it is found (again).
    """

    def __init__(self, luigid: Luigid, check: Callable[[str], bool] = lambda url: True) -> None:
        self._luigid = luigid
        self._check = check
        self._worker = ""
        self._info: dict[str, Any] = {}
        # of each task, what luigid's methods are called with, and which of them are to be called
        self._known: dict[str, dict[str, Any]] = {}
        self._news: dict[str, dict[str, None]] = {}
        self._earlier: dict[str, Mapping[str, Any]] = {}  # what luigid knew of before this run
        self._claimed: set[str] = set()  # tasks that luigid takes for those of a dead run
        self._lock = threading.Lock()
        self._wake, self._end = threading.Event(), threading.Event()
        self._connected = False
        self._was_there = True
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="luigid", daemon=True)

    # ---- what is to be shown

    def show_worker(self, worker: str, info: Mapping[str, Any]) -> None:
        """Show the worker of this run; the thread begins with it."""
        self._worker = worker
        self._info.update(info)
        if not self._thread.is_alive() and not self._end.is_set():
            self._thread.start()

    def show_task(self, task_id: str, **told: Any) -> None:
        """Show a task, or what has changed of it."""
        changes = {k: v for k, v in told.items() if v is not None and k not in _NOT_SHOWN}
        known = self._known.get(task_id, {}).get(_TASK, {})
        if new := changes.pop("new_deps", None):
            changes["deps"] = [*known.get("deps", ()), *new]
        self.show(task_id, _TASK, {**known, **changes})

    def show(self, task_id: str, method: str, value: Any) -> None:
        """Show something of a task by a method of luigid's."""
        if os.getpid() != self._pid:  # in a forked task, which has no thread to send it
            with suppress(RPCError):
                self._call(task_id, method, value)
            return
        with self._lock:
            self._known.setdefault(task_id, {})[method] = value
            self._news.setdefault(task_id, {})[method] = None
        self._wake.set()

    def close(self) -> None:
        """Send what is left, if that does not take long."""
        self._end.set()
        self._wake.set()
        if os.getpid() == self._pid and self._thread.is_alive():
            self._thread.join(_LAST_WORDS)

    # ---- the thread

    def _run(self) -> None:
        pinged = time.monotonic()
        while not self._end.is_set() or (self._news and self._connected):
            self._wake.clear()
            try:
                if not self._connected:
                    self._connect()
                self._send_news()
                if time.monotonic() - pinged > _PING_EVERY:
                    pinged = time.monotonic()
                    self._connected = self._luigid.knows(self._worker)
                    for task_id in self._claimed:  # which fail for luigid when it misses that run
                        self.show_task(task_id)
            except RPCError as error:
                self._lose(error)
            if self._connected:
                self._wake.wait(_PING_EVERY)
            else:
                self._end.wait(_RETRY_EVERY)

    def _connect(self) -> None:
        """Introduce the run to a luigid that does not know it, and send all of its tasks."""
        if not self._check(self._luigid.url):
            raise RPCError(f"what listens at {self._luigid.url} is not yours")
        self._luigid.add_worker(worker=self._worker, info=self._info)
        self._earlier = self._luigid.task_list(status="", limit=False)
        with self._lock:
            self._news = {task_id: dict.fromkeys(known) for task_id, known in self._known.items()}
        self._connected = self._was_there = True

    def _wipe(self, task_id: str, earlier: Mapping[str, Any]) -> None:
        """Take back what an earlier run, perhaps killed, has said of a task."""
        if earlier.get("worker_running") not in (None, self._worker):
            self._claimed.add(task_id)
        if earlier.get("status_message"):
            self._luigid.set_task_status_message(task_id, None)
        if earlier.get("progress_percentage") is not None:
            self._luigid.set_task_progress_percentage(task_id, None)

    def _lose(self, error: RPCError) -> None:
        if self._was_there:
            log.warning("%s; the run goes on, its page later if luigid answers again.", error)
        self._connected = self._was_there = False

    def _send_news(self) -> None:
        while self._news:
            began = time.thread_time()
            with self._lock:
                task_id = next(iter(self._news))
                calls = [(name, self._known[task_id][name]) for name in self._news.pop(task_id)]
            if task_id in self._earlier:
                self._wipe(task_id, self._earlier.pop(task_id))
            for method, value in calls:
                self._call(task_id, method, value)
            self._end.wait((time.thread_time() - began) * (1 / _SHARE - 1))

    def _call(self, task_id: str, method: str, value: Any) -> None:
        try:
            if method == _TASK:
                told = {**value, "task_id": task_id, "worker": self._worker}
                if task_id in self._claimed:
                    # only with new requirements luigid takes the word of another worker for it
                    self._luigid.add_task(**told, new_deps=[task_id])
                self._luigid.add_task(**told)
            else:
                getattr(self._luigid, method)(task_id, value)
        except Refused as error:
            log.debug("not shown on luigid's page: %s", error)


class MirroredScheduler(ReadyQueueScheduler):
    """The scheduler of this process, whose tasks a luigid shows.

    Parameters
    ----------
    mirror : Mirror
        What keeps the page of luigid.
    """

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(prune_on_get_work=True, record_task_history=False)
        self._mirror = mirror

    def add_worker(self, worker: str, info: Mapping[str, Any], **kwargs: Any) -> None:
        """As Luigi's."""
        super().add_worker(worker, info, **kwargs)
        self._mirror.show_worker(worker, info)

    def add_task(self, *args: Any, **kwargs: Any) -> None:
        """As Luigi's."""
        super().add_task(*args, **kwargs)
        self._mirror.show_task(**kwargs)

    def get_work(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As Luigi's."""
        reply = super().get_work(*args, **kwargs)
        if reply["task_id"] is not None:
            self._mirror.show_task(reply["task_id"], status=RUNNING)
        return reply

    def set_task_status_message(self, task_id: str, status_message: str | None) -> None:
        """As Luigi's."""
        super().set_task_status_message(task_id, status_message)
        self._mirror.show(task_id, "set_task_status_message", status_message)

    def set_task_progress_percentage(self, task_id: str, progress_percentage: int | None) -> None:
        """As Luigi's."""
        super().set_task_progress_percentage(task_id, progress_percentage)
        self._mirror.show(task_id, "set_task_progress_percentage", progress_percentage)

    def close(self) -> None:
        """Let luigid hear the last word of the run."""
        self._mirror.close()
