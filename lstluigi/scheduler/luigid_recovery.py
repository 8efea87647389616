"""Keeping a run going under a luigid that forgets, hesitates, or remembers a dead run."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from typing import Any

from luigi.rpc import RPCError
from luigi.task_status import DONE, PENDING

from .contract import RunsTasks
from .luigid_client import PatientScheduler

__all__ = ["Upkeep"]

log = logging.getLogger("lstluigi")

_RETELL_EVERY = 2.0  # s
# longer than luigid's stable_done_cooldown_secs (10 s), in which a task that was done is not
# taken as pending
_HESITATION = 20.0  # s, in which luigid may hand out nothing although tasks are ready
_SILENCE = 5.0  # s; a living worker pings every second


class Upkeep:
    """Compares what luigid says with the worker's own books, and tells it what it lacks.

    Parameters
    ----------
    worker : RunsTasks
        The worker of this run.
    luigid : PatientScheduler
        Its scheduler.
    """

    def __init__(self, worker: RunsTasks, luigid: PatientScheduler) -> None:
        self._worker = worker
        self._luigid = luigid
        self._dead = _DeadRuns(worker, luigid)
        self._next_telling = 0.0
        self._lacking_since: float | None = None
        self.hopeful = False

    def wipe_messages(self) -> None:
        """Take back what an earlier run, perhaps killed, said of tasks that are still to run."""
        try:
            known = self._luigid.hasty.task_list(status=PENDING, upstream_status="")
        except RPCError:
            return  # whoever waits for luigid says so
        for task_id in self._worker.books:
            told = known.get(task_id, {})
            if told.get("status_message") or told.get("progress_percentage") is not None:
                _wipe(self._luigid, task_id)

    def nothing_to_do(self, running: Iterable[dict[str, Any]]) -> None:
        """Act on an answer of luigid that held no task.

        Parameters
        ----------
        running : iterable of dict
            The tasks that luigid says are running, with their workers. Afterwards ``hopeful``
            tells whether asking again soon makes sense.
        """
        if self._luigid.was_away():
            self._tell_everything_if_forgotten()
        elsewhere = {
            task["task_id"]: task for task in running if task["worker"] != self._worker.worker_id
        }
        freed = self._dead.take_over(elsewhere)
        lacking = [name for name in self._worker.books.lacking() if name not in elsewhere]
        self._tell_again([*freed, *lacking])
        self.hopeful = self._dead.waiting or self._is_hesitating(bool(lacking))

    def _is_hesitating(self, lacking: bool) -> bool:
        if not lacking or self._worker.follows_any():
            self._lacking_since = None
            return False
        now = time.monotonic()
        self._lacking_since = self._lacking_since or now
        if now - self._lacking_since < _HESITATION:
            return True
        log.warning("luigid does not hand out tasks that are ready: paused or disabled there?")
        return False

    def _tell_again(self, task_ids: list[str]) -> None:
        now = time.monotonic()
        if not task_ids or now < self._next_telling:
            return
        books = self._worker.books
        for task_id in task_ids:
            for name in books.required(task_id):
                if books.status(name) == DONE:
                    self._worker.tell(name)
            self._worker.tell_unless_complete(task_id)
        self._next_telling = time.monotonic() + _RETELL_EVERY

    def _tell_everything_if_forgotten(self) -> None:
        known = self._luigid.worker_list(include_running=False)
        if any(one["name"] == self._worker.worker_id and "pid" in one for one in known):
            return
        log.warning("luigid was restarted and has forgotten this run; telling it again.")
        self._worker.introduce_again()


class _DeadRuns:
    """Tasks that luigid believes to be running in a process of this user that has died.

    A run is dead if its process is gone from this host and luigid hears no ping of it: the
    first alone could be another container with this host's name.
    """

    def __init__(self, worker: RunsTasks, luigid: PatientScheduler) -> None:
        self._worker = worker
        self._luigid = luigid
        self._heard: dict[str, tuple[float, float]] = {}
        self.waiting = False

    def take_over(self, elsewhere: dict[str, dict[str, Any]]) -> list[str]:
        """Free the tasks of dead runs at luigid; return those that were freed."""
        suspects = {
            task_id: task["worker"] for task_id, task in elsewhere.items() if self._is_gone(task)
        }
        self.waiting = bool(suspects)
        if not suspects:
            return []
        silent = self._silent(set(suspects.values()))
        freed = [task_id for task_id, worker in suspects.items() if worker in silent]
        for task_id in freed:
            self._free(task_id, suspects[task_id])
        return freed

    def _is_gone(self, task: dict[str, Any]) -> bool:
        pid = task.get("pid")
        return (
            task.get("host") == self._worker.host
            and task.get("username") == self._worker.username is not None
            and isinstance(pid, int)
            and not _exists(pid)
        )

    def _silent(self, workers: set[str]) -> set[str]:
        now = time.monotonic()
        silent = set()
        for known in self._luigid.worker_list(include_running=False):
            name = known["name"]
            if name not in workers:
                continue
            if name not in self._heard:
                log.warning(
                    "luigid still lists tasks of an earlier run of yours (process %s), which has "
                    "ended; this run continues them in %.0f seconds.",
                    known.get("pid"),
                    _SILENCE,
                )
            last_active, since = self._heard.get(name, (None, now))
            if last_active != known["last_active"]:
                self._heard[name] = (known["last_active"], now)
            elif now - since >= _SILENCE:
                silent.add(name)
        return silent

    def _free(self, task_id: str, worker: str) -> None:
        # Reported as failed, the task would count against luigid's retry_count, which may disable
        # it for a day. With new requirements it becomes pending; `tell` then corrects them.
        self._luigid.add_task(
            worker=worker,
            task_id=task_id,
            status=PENDING,
            new_deps=[task_id],
            runnable=False,
            assistant=True,
        )
        _wipe(self._luigid, task_id)


def _wipe(luigid: PatientScheduler, task_id: str) -> None:
    luigid.set_task_status_message(task_id, None)
    luigid.set_task_progress_percentage(task_id, None)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
