"""Luigi's points of entry: which scheduler and which worker a run gets."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import luigi
from luigi import execution_summary, interface
from luigi.execution_summary import LuigiRunResult
from luigi.retcodes import retcode
from luigi.scheduler import Scheduler

from .command_line import tell_in_sentences
from .defaults import set_defaults
from .interrupts import explained
from .luigid_client import Luigid, answers, is_my_luigid, named_by_user
from .mirror import Mirror, MirroredScheduler
from .ready_queue import ReadyQueueScheduler
from .settings import settle
from .worker import HandleWorker

__all__ = ["HandleFactory", "exit_code", "install", "run_tasks"]

log = logging.getLogger("lstluigi")


class HandleFactory(interface._WorkerSchedulerFactory):  # type: ignore[misc]
    """What `luigi.interface` makes schedulers and workers with."""

    def create_local_scheduler(self) -> Scheduler:
        """Return a scheduler inside this process."""
        with explained():
            settle()
        return ReadyQueueScheduler(prune_on_get_work=True, record_task_history=False)

    def create_remote_scheduler(self, url: str) -> Scheduler:
        """Return a scheduler inside this process, with the user's luigid to show it."""
        _show_messages()
        if named_by_user(url):
            return self._mirrored(Mirror(Luigid(url)))
        if is_my_luigid(url) and answers(url):
            log.info("Your luigid at %s shows this run.", url)
            return self._mirrored(Mirror(Luigid(url), check=is_my_luigid))
        return self.create_local_scheduler()

    @staticmethod
    def _mirrored(mirror: Mirror) -> Scheduler:
        with explained():
            settle()
        return MirroredScheduler(mirror)

    def create_worker(
        self, scheduler: Any, worker_processes: int, assistant: bool = False
    ) -> HandleWorker:
        """Return the worker of a run."""
        _show_messages()
        return HandleWorker(
            scheduler=scheduler, worker_processes=worker_processes, assistant=assistant
        )


def _show_messages() -> None:
    if not log.hasHandlers():
        log.addHandler(logging.StreamHandler())
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)


def install() -> None:
    """Set up Luigi for this process: defaults where the user has set none, and our factory."""
    set_defaults()
    tell_in_sentences()
    interface._WorkerSchedulerFactory = HandleFactory


def run_tasks(tasks: Iterable[luigi.Task], **options: Any) -> LuigiRunResult:
    """Run tasks as the ``luigi`` command would; see `exit_code` for how it went.

    Parameters
    ----------
    tasks : iterable of luigi.Task
        What to make.
    **options
        Settings of Luigi's section [core], such as ``local_scheduler=True`` or ``workers=1``.

    Returns
    -------
    luigi.execution_summary.LuigiRunResult

    Raises
    ------
    SystemExit
        If the run could not begin or was interrupted; a sentence was printed then.
    """
    with explained():
        settle()
    return luigi.build(
        list(tasks), worker_scheduler_factory=HandleFactory(), detailed_summary=True, **options
    )


def exit_code(result: LuigiRunResult) -> int:
    """Return the exit code of a run, as the ``luigi`` command would.

    Parameters
    ----------
    result : luigi.execution_summary.LuigiRunResult
        Result of `run_tasks`.

    Returns
    -------
    int
        0 if everything is made; otherwise one of the codes of Luigi's section [retcode].
    """
    found = execution_summary._summary_dict(result.worker)
    codes = retcode()
    reasons = {
        "still_pending_ext": codes.missing_data,
        "failed": codes.task_failed,
        "run_by_other_worker": codes.already_running,
        "scheduling_error": codes.scheduling_error,
        "not_run": codes.not_run,
    }
    code = max((code for reason, code in reasons.items() if found[reason]), default=0)
    ended_well = found["completed"] | found["already_done"]
    history = result.worker._add_task_history
    if code == 0 and history and execution_summary._root_task(result.worker) not in ended_well:
        code = codes.not_run
    return int(code)
