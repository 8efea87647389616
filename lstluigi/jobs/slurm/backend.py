"""The backend that runs jobs on a Slurm cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lstluigi.errors import LstluigiError
from lstluigi.files import last_line, read_json
from lstluigi.jobs.backend import (
    Backend,
    Cause,
    ChunkId,
    NotNow,
    State,
    Status,
    SubmissionError,
)
from lstluigi.jobs.ledger import Submission
from lstluigi.jobs.settings import SlurmSettings
from lstluigi.jobs.slurm import commands, states
from lstluigi.jobs.slurm.commands import Row, Run
from lstluigi.jobs.slurm.requests import Requests
from lstluigi.jobs.slurm.site import Site, probe
from lstluigi.jobs.spec import Array, ArrayFiles, Resources

log = logging.getLogger("lstluigi")

#: How old (s) a listing of the queue may be to tell what an earlier run has left.
FRESH = 5.0
#: How long (s) after an answer without it a submission that timed out may still arrive.
DOUBT = 10.0
#: How many jobs one call of sacct is asked for.
PER_SACCT = 400
#: How many arrays one line of a script ends.
PER_SCANCEL = 100
#: How long (s) the account of jobs that have ended is waited for.
SETTLED = 10.0
#: After so many seconds without an answer the user is told.
SILENCE = 300.0
#: How Slurm's own step daemon, or the kernel, says that memory was the cause.
MEMORY_WORDS = ("exceeded memory limit", "oom-kill", "oom_kill", "Out Of Memory", "out-of-memory")
#: The reason in squeue, and the exit code in sacct, of a job that was killed (SIGKILL).
KILLED = ("JobLaunchFailure", "0:9")


@dataclass
class _Followed:
    """An element of an array in the queue."""

    files: ArrayFiles
    index: int
    job: str
    missing_since: float | None = None


class SlurmBackend(Backend):
    """Arrays of jobs on a cluster; they go on when the run ends.

    Parameters
    ----------
    settings
        Of the production and its site profile.
    run
        Runs a command of Slurm.
    site
        What the site allows; asked for by default.

    Raises
    ------
    LstluigiError
        Where there is no Slurm.
    """

    name: ClassVar[str] = "slurm"
    survives: ClassVar[bool] = True

    def __init__(
        self, settings: SlurmSettings, run: Run = commands.run, site: Site | None = None
    ) -> None:
        self.site = probe(run) if site is None else site
        self._settings, self._run = settings, run
        self._requests = Requests(settings, self.site)
        self.gather = settings.gather_s
        self.interval = settings.interval_s
        self.longest_interval = settings.longest_interval_s
        self.latency = settings.latency_s
        self.largest_array = self.site.largest_array
        self.retries = settings.retries
        self._chunks: dict[ChunkId, _Followed] = {}
        self._doubtful: dict[str, float] = {}
        self._rows: list[Row] = []
        self._listed = float("-inf")
        self._answered = time.monotonic()
        self._told: set[tuple[str, str]] = set()
        self._began = time.strftime("%Y-%m-%d", time.localtime(time.time() - 86400))

    # requests

    def resources(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        """Usual resources, then the production's settings, then the step's own requests."""
        return self._requests.asked(kind, usual, requests)

    def width(self, resources: Resources) -> int | None:
        """No telling: the cluster is shared."""
        return None

    def room(self) -> int | None:
        """As many as the profile, or Slurm's limit on submitted jobs, leaves."""
        limits = (self._settings.max_jobs, self.site.max_jobs)
        known = [limit for limit in limits if limit is not None]
        return max(0, min(known) - len(self._chunks)) if known else None

    def longest(self, resources: Resources) -> int | None:
        """The partition's limit."""
        return self._requests.limits(resources).time_s

    def again(self, asked: Resources, cause: Cause, host: str) -> Resources | None:
        """More memory, more time, or another node."""
        return self._requests.again(asked, cause, host)

    # submission

    def submit(self, array: Array) -> str:
        """Hand an array to sbatch; after a call without an answer, look for it first."""
        job = self._arrived(array) if array.id in self._doubtful else None
        if job is None:
            job = self._sbatch(array)
        self._doubtful.pop(array.id, None)
        for index in range(len(array.chunks)):
            self._chunks[array.id, index] = _Followed(array.files, index, job)
        return job

    def _sbatch(self, array: Array) -> str:
        options = commands.sbatch_options(array.resources)
        argv = commands.sbatch(array, options, self._settings.throttle)
        answer = self._run(argv, commands.script(array))
        job = commands.parse_submission(answer.out) if answer.code == 0 else ""
        if job.isdecimal():
            return job
        if answer.silent or answer.code == 0:
            self._doubtful[array.id] = 0.0
            raise NotNow(f"sbatch has no answer from Slurm ({answer.words})")
        if answer.full and self._chunks:
            raise NotNow(f"Slurm takes no more jobs for now ({answer.words})")
        raise SubmissionError(f"Slurm refuses the job: {answer.words}")

    def _arrived(self, array: Array) -> str | None:
        """Id of an array whose submission had no answer; None once it is sure that it is lost."""
        answer = self._run(
            ["squeue", "--noheader", f"--name={array.name}", "--states=all", "--format=%F|%j"]
        )
        if answer.code != 0:
            raise NotNow(f"squeue has no answer from Slurm ({answer.words})")
        for line in answer.out.splitlines():
            job, _, name = line.strip().partition("|")
            if name == array.name:
                return job
        now = time.monotonic()
        if not self._doubtful[array.id]:
            self._doubtful[array.id] = now
        if now - self._doubtful[array.id] < DOUBT:
            raise NotNow(f"array {array.id} may still arrive in Slurm's queue")
        return None

    def adopt(self, submission: Submission) -> Collection[int]:
        """Follow what an earlier run has submitted, as far as squeue still knows it."""
        if time.monotonic() - self._listed > FRESH and not self._list():
            raise NotNow("squeue has no answer from Slurm")
        found: set[int] = set()
        files = ArrayFiles(submission.array, submission.directory)
        for row in self._rows:
            if row.name != submission.name or (submission.job and row.job != submission.job):
                continue
            if states.status(row.state, row.reason).state.ended:
                continue
            for index in commands.expand(row.elements):
                found.add(index)
                new = _Followed(files, index, row.job)
                self._chunks.setdefault((submission.array, index), new)
        return found

    # following

    def _list(self) -> bool:
        answer = self._run(commands.squeue(self.site.user))
        now = time.monotonic()
        if answer.code != 0:
            if now - self._answered > SILENCE:
                log.warning(
                    "Slurm has not answered for %.0f min (%s); jobs may go on all the "
                    "same, the run waits",
                    (now - self._answered) / 60,
                    answer.words,
                )
                self._answered = now
            return False
        self._rows = list(commands.parse_squeue(answer.out))
        self._listed = self._answered = now
        return True

    def poll(self) -> Mapping[ChunkId, Status]:
        """One squeue for all; sacct only for what has gone without a result."""
        if not self._list():
            return {}
        known = self._queue()
        found: dict[ChunkId, Status] = {}
        gone: list[tuple[ChunkId, _Followed]] = []
        for chunk, followed in self._chunks.items():
            row = known.get((followed.job, followed.index))
            if row is None:
                gone.append((chunk, followed))
            else:
                followed.missing_since = None
                found[chunk] = self._status(row, followed)
        found.update(self._gone(gone))
        for chunk, status in found.items():
            if status.state.ended:
                del self._chunks[chunk]
        return found

    def _queue(self) -> dict[tuple[str, int], Row]:
        mine = {followed.job for followed in self._chunks.values()}
        rows = (row for row in self._rows if row.job in mine)
        return {(row.job, index): row for row in rows for index in commands.expand(row.elements)}

    def _status(self, row: Row, followed: _Followed) -> Status:
        status = states.status(row.state, row.reason, row.nodes)
        if status.state is State.PENDING:
            if status.cause is Cause.LAUNCH:
                with contextlib.suppress(NotNow):
                    self._scancel({followed.job: [followed.index]})
                return Status(State.FAILED, "its job could not be started", Cause.LAUNCH, row.nodes)
            self._tell(row, states.stuck(row.reason))
        elif status.state is State.UNKNOWN:
            self._tell(row, status.reason)
        elif status.state is State.FAILED and status.cause is Cause.COMMAND:
            return _examined(status, followed, row.reason)
        return status

    def _tell(self, row: Row, sentence: str) -> None:
        """Say once what a person should know of a job."""
        if sentence and (row.job, sentence) not in self._told:
            self._told.add((row.job, sentence))
            log.warning("job %s (%s): %s", row.job, row.name, sentence)

    def _gone(self, gone: list[tuple[ChunkId, _Followed]]) -> Mapping[ChunkId, Status]:
        """What became of jobs that squeue does not know any more."""
        found: dict[ChunkId, Status] = {}
        silent: list[tuple[ChunkId, _Followed]] = []
        for chunk, followed in gone:
            if _has_finished(followed):
                found[chunk] = Status(State.SUCCEEDED)
            else:
                silent.append((chunk, followed))
        rows = self._account([followed.job for _, followed in silent])
        now = time.monotonic()
        for chunk, followed in silent:
            row = rows.get((followed.job, followed.index))
            status = (
                Status(State.UNKNOWN) if row is None else states.status(row.state, "", row.nodes)
            )
            if status.state.ended and row is not None:
                found[chunk] = _examined(status, followed, row.exit_code)
                continue
            followed.missing_since = followed.missing_since or now
            if now - followed.missing_since >= max(self.latency, 2 * self.interval):
                found[chunk] = Status(
                    State.FAILED, "Slurm knows nothing of its job any more", Cause.NODE
                )
        return found

    def _account(self, jobs: list[str]) -> dict[tuple[str, int], Row]:
        if not self.site.accounting:
            return {}
        wanted = list(dict.fromkeys(jobs))
        found: dict[tuple[str, int], Row] = {}
        for start in range(0, len(wanted), PER_SACCT):
            share = wanted[start : start + PER_SACCT]
            answer = self._run(commands.sacct(share, self._began))
            for row in commands.parse_sacct(answer.out if answer.code == 0 else ""):
                for index in commands.expand(row.elements):
                    found[row.job, index] = row
        return found

    # the end

    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        """Cancel elements of arrays, many in one call."""
        known = {chunk: self._chunks[chunk] for chunk in chunks if chunk in self._chunks}
        jobs: dict[str, list[int]] = {}
        for followed in known.values():
            jobs.setdefault(followed.job, []).append(followed.index)
        self._scancel(jobs)
        for chunk in known:
            del self._chunks[chunk]

    def _scancel(self, jobs: Mapping[str, list[int]]) -> None:
        for argv in commands.scancel(jobs):
            answer = self._run(argv)
            if answer.code != 0:
                raise NotNow(f"not all jobs could be cancelled: {answer.words}")

    def detach(self) -> str:
        """Let the jobs go on."""
        count, self._chunks = len(self._chunks), {}
        return (
            f"{count} job(s) go on in Slurm; type the same command again to follow them, or "
            "`lstluigi cancel CONFIG` to end them"
        )

    def account(self, jobs: Sequence[str]) -> Iterator[str]:
        """What Slurm's accounting says of jobs, a line for each element, the header first."""
        if not self.site.accounting:
            yield "Slurm's accounting (sacct) cannot be asked here; nothing is known of its jobs."
            return
        yield commands.ACCOUNT_FIELDS.replace(",", "|")
        for start in range(0, len(jobs), PER_SACCT):
            yield from self._settled(jobs[start : start + PER_SACCT])

    def _settled(self, jobs: Sequence[str]) -> list[str]:
        """Lines of sacct, which lags behind: jobs that have ended are not told as running."""
        until = time.monotonic() + SETTLED
        while True:
            answer = self._run(commands.sacct(jobs, "1970-01-01", commands.ACCOUNT_FIELDS))
            if answer.code != 0:
                return [f"sacct has no answer for {len(jobs)} jobs: {answer.words}"]
            lines = answer.out.splitlines()
            under_way = any("|RUNNING|" in line or "|PENDING|" in line for line in lines)
            if not under_way or time.monotonic() >= until:
                return lines
            time.sleep(1.0)

    def ending(self, jobs: Sequence[str]) -> str:
        """One scancel for many arrays."""
        starts = range(0, len(jobs), PER_SCANCEL)
        calls = [shlex.join(["scancel", *jobs[s : s + PER_SCANCEL]]) for s in starts]
        return "\n".join(["#!/bin/sh", *(calls or ["# nothing is under way"]), ""])


def _has_finished(followed: _Followed) -> bool:
    """Has the runner written its last word? The directory is listed, so that it can be seen."""
    path = followed.files.result(followed.index)
    try:
        if os.path.basename(path) not in os.listdir(followed.files.directory):
            return False
        content = read_json(path)
    except (OSError, LstluigiError):
        return False
    return isinstance(content, dict) and content.get("finished") is True


def _examined(status: Status, followed: _Followed, how: str) -> Status:
    """A bare FAILED, by what the job has left: a memory kill and a bad start look the same."""
    if status.state is not State.FAILED or status.cause is not Cause.COMMAND:
        return status
    output = followed.files.output(followed.index)
    try:
        text = Path(output).read_text(encoding="utf-8", errors="replace")[-20_000:]
    except OSError:
        text = ""
    begun = os.path.exists(followed.files.result(followed.index))
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
    return Status(status.state, told or status.reason, cause, status.host)
