"""What became of jobs that ended without telling, or that squeue does not know any more."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lstluigi.errors import LstluigiError
from lstluigi.files import last_line, read_json
from lstluigi.jobs.backend import ChunkId, NotNow
from lstluigi.jobs.results import is_there, read_results, speaks_for_itself
from lstluigi.jobs.slurm import commands, states
from lstluigi.jobs.slurm.commands import Row, Run
from lstluigi.jobs.slurm.site import Site
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobspec import ArrayFiles

#: How many jobs one call of sacct is asked for.
PER_SACCT = 400
#: For how long (s) accounting that does not answer is waited for.
DEAF = 900.0
#: How Slurm's own step daemon, or the kernel, says that memory was the cause.
MEMORY_WORDS = ("exceeded memory limit", "oom-kill", "oom_kill", "Out Of Memory", "out-of-memory")
#: The reason in squeue, and the exit code in sacct, of a job that was killed (SIGKILL).
KILLED = ("JobLaunchFailure", "0:9")
#: The exit code of a job whose output could not be opened on its node.
NO_OUTPUT = "0:53"

#: What slurmd writes where a job's output goes before a job that is not requeued is cancelled.
PROLOG_WORDS = "Error running slurm prolog"

#: Id and name of a job, and an index.
Key = tuple[str, str, int]


@dataclass
class Element:
    """An element of an array in the queue.

    It is known by id and name together: a controller that was killed may give an id again.
    """

    files: ArrayFiles
    index: int
    job: str
    name: str
    missing_since: float | None = None
    #: Whether it has been seen to have started.
    started: bool = False

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return self.job, self.name, self.index


class Gone:
    """Finds out about jobs that squeue does not know any more.

    Parameters
    ----------
    run
        Runs a command of Slurm.
    site
        Whether there is accounting.
    grace
        For how long (s) a job of which nothing is known may still turn up.
    """

    def __init__(self, run: Run, site: Site, grace: float) -> None:
        self._run, self._site, self._grace = run, site, grace
        self._blind: set[str] = set()  # nodes that could not write a job's output
        self._written = False  # whether any job has written where its output goes
        self._began = time.strftime("%Y-%m-%d", time.localtime(time.time() - 86400))

    def statuses(
        self, gone: Mapping[ChunkId, Element], queued: Collection[str]
    ) -> Mapping[ChunkId, JobStatus]:
        """States of those that are known: by their result files, by accounting, by silence.

        Parameters
        ----------
        queued
            Names of the arrays of which squeue still knows elements.
        """
        finished = [chunk for chunk, element in gone.items() if _has_finished(element)]
        found = dict.fromkeys(finished, JobStatus(JobState.SUCCEEDED))
        silent = {chunk: element for chunk, element in gone.items() if chunk not in found}
        rows, deaf = self._account(element.job for element in silent.values())
        now = time.monotonic()
        asked: dict[str, list[Row]] = {}
        for chunk, element in silent.items():
            row = rows.get(element.key)
            if row is not None and (status := states.status(row.state, "", row.nodes)).state.ended:
                found[chunk] = self.examined(status, element, row.exit_code)
                continue
            element.missing_since = element.missing_since or now
            if now - element.missing_since < max(self._grace, DEAF * (element.job in deaf)):
                continue
            if element.job not in asked:
                with suppress(NotNow):
                    asked[element.job] = self.asked(element.job)
            if element.job in asked:
                known = asked[element.job]
                listed = element.name in queued or bool(known)
                if self._goes_on(element, known):
                    element.missing_since = None
                else:
                    found[chunk] = _vanished(element, listed)
        return found

    def asked(self, job: str) -> list[Row]:
        """What the controller knows of a job by its id; nothing where it denies the id.

        squeue may be silent on a job that runs, by filters and rights of a site. In accounting, a
        job that the controller has lost may run for ever.

        Raises
        ------
        NotNow
            When the controller does not answer.
        """
        answer = self._run(commands.scontrol(job))
        if answer.code != 0 and "Invalid job id" not in answer.err:
            raise NotNow(f"scontrol has no answer from Slurm ({answer.words})")
        return list(commands.parse_scontrol(answer.out))

    def _goes_on(self, element: Element, rows: Iterable[Row]) -> bool:
        return any(
            element.index in commands.indices(row, self._site.arrays)
            for row in rows
            if row.name == element.name and not states.status(row.state).state.ended
        )

    def _account(self, jobs: Iterable[str]) -> tuple[dict[Key, Row], set[str]]:
        """Rows of sacct, and the jobs for which it had no answer."""
        if not self._site.accounting:
            return {}, set()
        wanted = list(dict.fromkeys(jobs))
        found: dict[Key, Row] = {}
        deaf: set[str] = set()
        for start in range(0, len(wanted), PER_SACCT):
            share = wanted[start : start + PER_SACCT]
            answer = self._run(commands.sacct(share, self._began))
            if answer.code != 0:
                deaf.update(share)
                continue
            for row in commands.parse_sacct(answer.out):
                for index in commands.indices(row, self._site.arrays):
                    found[row.job, row.name, index] = row
        return found, deaf

    def examined(self, status: JobStatus, element: Element, how: str) -> JobStatus:
        """A bare FAILED or CANCELLED, by what the job has left.

        A memory kill and a bad start look the same, and so do a bad start and a person's scancel.

        Parameters
        ----------
        how
            The reason that squeue gives, or the exit code that sacct gives.
        """
        if status.state is not JobState.FAILED:
            return status
        begun = is_there(element.files.result(element.index))
        self._written |= begun
        if status.cause is Cause.COMMAND and not begun and self._cannot_write(element, how):
            return self._unwritten(status, element)
        return _examined(status, element, how, begun)

    def _cannot_write(self, element: Element, how: str) -> bool:
        """Could the node not open the job's output? squeue gives another reason than sacct."""
        if how == NO_OUTPUT or how.startswith("RaisedSignal:53"):
            return True
        if how != KILLED[0] or is_there(element.files.output(element.index)):
            return False
        with suppress(NotNow):
            rows = self.asked(element.job)
            return any(
                row.exit_code == NO_OUTPUT
                for row in rows
                if element.index in commands.indices(row, self._site.arrays)
            )
        return False

    def _unwritten(self, status: JobStatus, element: Element) -> JobStatus:
        """A node that does not see the directory of the logs; if none does, no try will help."""
        self._blind.add(status.host)
        nodes = min(self._site.nodes.values(), default=0)
        everywhere = not self._written and (len(self._blind) > 1 or nodes == 1)
        told = (
            f"its job could not write its output on node {status.host or '?'}, which does not see "
            f"{element.files.directory} (Slurm: {NO_OUTPUT}); let LSTLUIGI_PROD_LOGS name a "
            "directory of the file system that the nodes share"
        )
        return replace(status, reason=told, cause=Cause.FINAL if everywhere else Cause.LAUNCH)


def _vanished(element: Element, listed: bool) -> JobStatus:
    """What a job was that Slurm does not know any more.

    One of several waiting elements that is cancelled leaves no trace in squeue, sacct or scontrol,
    while its array is still listed (Slurm 22.05.8; of the last ones a line without a number stays).
    A controller that has lost jobs has lost the whole array.
    """
    if listed and not element.started and not is_there(element.files.result(element.index)):
        return JobStatus(JobState.FAILED, "its job was cancelled before it began", Cause.CANCELLED)
    return JobStatus(JobState.FAILED, "Slurm knows nothing of its job any more", Cause.NODE)


def begun_as(files: ArrayFiles, chunks: int) -> str | None:
    """Id of an array that has begun, by its result files; squeue may have forgotten it already."""
    for path in filter(is_there, map(files.result, range(chunks))):
        try:
            content = read_json(path)
        except LstluigiError:
            continue
        job = str(content.get("slurm_job")) if isinstance(content, dict) else ""
        if job.isdecimal():
            return job
    return None


def _has_finished(element: Element) -> bool:
    """Has the runner written its last word, and does that need none of Slurm's?"""
    path = element.files.result(element.index)
    try:
        content = read_json(path) if is_there(path) else None
    except LstluigiError:
        return False
    finished = isinstance(content, dict) and content.get("finished") is True
    return finished and all(map(speaks_for_itself, read_results(path).values()))


def _examined(status: JobStatus, element: Element, how: str, begun: bool) -> JobStatus:
    """The same for a job that could write its output."""
    if status.cause not in (Cause.COMMAND, Cause.CANCELLED):
        return status
    output = element.files.output(element.index)
    try:
        text = Path(output).read_text(encoding="utf-8", errors="replace")[-20_000:]
    except OSError:
        text = ""
    if status.cause is Cause.CANCELLED:
        if PROLOG_WORDS not in text:
            return status
        told = f"its job could not be started ({last_line(output)})"
        return JobStatus(status.state, told, Cause.LAUNCH, status.host)
    said = last_line(output)
    told = f"{status.reason} ({said})" if said else f"{status.reason} ({how})" * bool(how)
    if any(words in text for words in MEMORY_WORDS):
        told, cause = f"its job needed more memory than it had ({said})", Cause.MEMORY
    elif begun and how in KILLED:
        told, cause = "its job was killed, most likely for memory", Cause.MEMORY
    elif begun:
        cause = Cause.COMMAND
    else:
        cause = Cause.LAUNCH
    return JobStatus(status.state, told or status.reason, cause, status.host)
