"""The backend that runs jobs on a Slurm cluster."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from lstluigi.files import write_text
from lstluigi.jobs.backend import Backend, ChunkId, NotNow, SubmissionError
from lstluigi.jobs.ledger import Submission
from lstluigi.jobs.slurm import commands, states
from lstluigi.jobs.slurm.commands import Row, Run
from lstluigi.jobs.slurm.notices import Notices
from lstluigi.jobs.slurm.post_mortem import PER_SACCT, Element, Gone, Key, begun_as
from lstluigi.jobs.slurm.requests import Requests
from lstluigi.jobs.slurm.site import Site, probe
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobspec import Array, ArrayFiles, Resources, SlurmSettings

log = logging.getLogger("lstluigi")

#: How old (s) a listing of the queue may be to tell what an earlier run has left.
FRESH = 5.0
#: How long (s) after an answer without it a submission that timed out may still arrive.
DOUBT = 10.0
#: How many arrays one line of a script ends.
PER_SCANCEL = 100
#: How long (s) the account of jobs that have ended is waited for.
SETTLED = 10.0
#: After so many seconds without an answer the user is told.
SILENCE = 300.0
#: What is told of a job that is refused.
ASKED = ("partition", "account", "qos", "time", "mem", "cpus-per-task", "exclude")


#: In what sbatch says of names that are wrong; a full queue or a partition that is down may pass.
UNKNOWN_TO_SLURM = ("invalid", "not permitted")


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
        self._chunks: dict[ChunkId, Element] = {}
        self._doubtful: dict[str, float] = {}
        self._rows: list[Row] = []
        self._by_name: dict[str, list[Row]] = {}
        self._listed = float("-inf")
        self._answered = time.monotonic()
        self._names: set[str] = set()
        self._overtaken: set[Key] = set()
        self._notices = Notices()
        self._gone = Gone(run, self.site, grace=max(self.latency, 2 * self.interval))

    # requests

    def resources(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        """Usual resources, then the production's settings, then the step's own requests."""
        return self._requests.asked(kind, usual, requests)

    def lowered(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> list[str]:
        """What is above the limits of the partition, if the settings lower it."""
        return self._requests.lowered(kind, usual, requests)

    def refusal(self, resources: Resources) -> str:
        """Slurm's own word on names that it does not know, or does not let this user have."""
        answer = self._run(commands.trial(resources), "#!/bin/sh\n")
        final = any(word in answer.words.lower() for word in UNKNOWN_TO_SLURM)
        return answer.words if answer.code and final and not answer.silent else ""

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
            self._chunks[array.id, index] = Element(array.files, index, job, array.name)
        self._names.add(array.name)
        return job

    def _sbatch(self, array: Array) -> str:
        options = commands.sbatch_options(array.resources)
        argv = commands.sbatch(array, options, self._settings.throttle, self.site.arrays)
        write_text(array.path("array.sh"), commands.script(array))  # for people
        answer = self._run(argv, commands.script(array))
        job = commands.parse_submission(answer.out) if answer.code == 0 else ""
        if job.isdecimal():
            return job
        if answer.silent or answer.code == 0:
            self._doubtful[array.id] = 0.0
            raise NotNow(f"sbatch has no answer from Slurm ({answer.words})")
        if answer.full and (self._chunks or self._busy()):
            raise NotNow(f"Slurm takes no more jobs for now ({answer.words})")
        asked = ", ".join(f"{key} {options[key]}" for key in ASKED if key in options)
        told = f"Slurm refuses the job: {answer.words}" + f" (asked for: {asked})" * bool(asked)
        if answer.full:
            told += (
                f"; it has {len(array.chunks)} elements, give a smaller max_jobs in slurm_config"
            )
        raise SubmissionError(told)

    def _busy(self) -> bool:
        """Has the user other jobs, whose end makes room?"""
        if not self._list():
            return True
        return any(not states.status(row.state, row.reason).state.ended for row in self._rows)

    def _arrived(self, array: Array) -> str | None:
        """Id of an array whose submission had no answer; None once it is sure that it is lost."""
        answer = self._run([*commands.ALL_JOBS, f"--name={array.name}", "--format=%F|%j"])
        if answer.code != 0:
            raise NotNow(f"squeue has no answer from Slurm ({answer.words})")
        for line in answer.out.splitlines():
            job, _, name = line.strip().partition("|")
            if name == array.name and job.isdecimal():
                return job
        if (begun := begun_as(array, len(array.chunks))) is not None:
            return begun
        now = time.monotonic()
        if not self._doubtful[array.id]:
            self._doubtful[array.id] = now
        if now - self._doubtful[array.id] < DOUBT:
            raise NotNow(f"array {array.id} may still arrive in Slurm's queue")
        return None

    def adopt(self, submission: Submission) -> Collection[int]:
        """Follow what an earlier run has submitted, as far as Slurm still knows it."""
        if time.monotonic() - self._listed > FRESH and not self._list():
            raise NotNow("squeue has no answer from Slurm")
        found: set[int] = set()
        files = ArrayFiles(submission.array, submission.directory)
        rows = self._by_name.get(submission.name, [])
        if not rows and submission.job:  # squeue's silence is not an end
            rows = [r for r in self._gone.asked(submission.job) if r.name == submission.name]
        for row in rows:
            if submission.job and row.job != submission.job:
                continue
            if states.status(row.state, row.reason).state.ended:
                continue
            for index in commands.indices(row, self.site.arrays):
                found.add(index)
                new = Element(files, index, row.job, row.name)
                self._chunks.setdefault((submission.array, index), new)
        if found or not submission.may_arrive:
            self._names.add(submission.name)
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
        self._by_name = {}
        for row in self._rows:
            self._by_name.setdefault(row.name, []).append(row)
        self._listed = self._answered = now
        return True

    def poll(self) -> Mapping[ChunkId, JobStatus]:
        """One squeue for all; sacct only for what has gone without a result."""
        if not self._list():
            return {}
        known = self._queue()
        self._end_overtaken()
        ours = {element.job for element in self._chunks.values()}
        self._notices.waiting(row for row in self._rows if row.job in ours)
        found: dict[ChunkId, JobStatus] = {}
        gone: dict[ChunkId, Element] = {}
        for chunk, element in self._chunks.items():
            row = known.get(element.key)
            if row is None:
                gone[chunk] = element
            else:
                element.missing_since = None
                found[chunk] = self._status(row, element)
                element.started |= found[chunk].state is not JobState.PENDING
        found.update(self._gone.statuses(gone, self._by_name.keys()))
        for chunk, status in found.items():
            if status.state.ended:
                del self._chunks[chunk]
        return found

    def _queue(self) -> dict[Key, Row]:
        mine = {element.job for element in self._chunks.values()}
        rows = [row for row in self._rows if row.job in mine]
        return {(r.job, r.name, i): r for r in rows for i in commands.indices(r, self.site.arrays)}

    def _end_overtaken(self) -> None:
        """Cancel what was given up, or handed over a second time, and that Slurm knows again."""
        mine = {element.key for element in self._chunks.values()} | self._overtaken
        jobs: dict[str, list[int]] = {}
        keys: set[Key] = set()
        for row in self._rows:
            if row.name not in self._names or not states.goes_on(row.state):
                continue
            for index in commands.indices(row, self.site.arrays):
                if (key := (row.job, row.name, index)) not in mine:
                    jobs.setdefault(row.job, []).append(index)
                    keys.add(key)
        if jobs:
            log.info("%d job(s) that are not needed any more are cancelled", len(jobs))
            with suppress(NotNow):
                self._scancel(jobs)
                self._overtaken |= keys

    def _status(self, row: Row, element: Element) -> JobStatus:
        status = states.status(row.state, row.reason, row.nodes)
        if status.state is JobState.PENDING:
            if status.cause is Cause.LAUNCH:
                return self._give_up(status, element)
            self._notices.tell(row, states.stuck(row.reason))
        elif status.state is JobState.UNKNOWN:
            self._notices.tell(row, status.reason)
        elif status.state is JobState.FAILED:
            return self._gone.examined(status, element, row.reason)
        return status

    def _give_up(self, held: JobStatus, element: Element) -> JobStatus:
        """Cancel what is held; until that is done it might still be released, and run."""
        try:
            self._scancel({element.job: [element.index]})
        except NotNow:
            return held
        return JobStatus(JobState.FAILED, "its job could not be started", Cause.LAUNCH, held.host)

    # the end

    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        """Cancel elements of arrays, many in one call."""
        jobs: dict[str, list[int]] = {}
        known = [chunk for chunk in chunks if chunk in self._chunks]
        for element in map(self._chunks.__getitem__, known):
            jobs.setdefault(element.job, []).append(element.index)
        self._scancel(jobs)
        for chunk in known:
            del self._chunks[chunk]

    def _scancel(self, jobs: Mapping[str, list[int]]) -> None:
        answers = [self._run(argv) for argv in commands.scancel(jobs, self.site.arrays)]
        for answer in answers:
            if answer.code != 0:
                raise NotNow(f"not all jobs could be cancelled ({answer.words})")

    def detach(self) -> str:
        """Let the jobs go on."""
        count, self._chunks = len(self._chunks), {}
        if count == 0:
            return "no job of this run is left in Slurm"
        return (
            f"{count} job(s) go on in Slurm, and the next run follows them; "
            "`lstluigi cancel CONFIG` ends them"
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
