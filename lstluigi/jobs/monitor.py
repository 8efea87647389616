"""Follows all jobs of a run: asks once for all of them, and looks at what has come of each."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Collection
from dataclasses import replace

from lstluigi.errors import LstluigiError, sentence
from lstluigi.jobs.backend import Backend, ChunkId, NotNow
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.packing import Ready, another_try, with_more_memory
from lstluigi.jobs.results import (
    ItemResult,
    cause_of,
    explained,
    has_ended,
    is_there,
    read_results,
    speaks_for_itself,
    without_result,
)
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobs.submitter import Submitter
from lstluigi.jobs.tracking import Followed, Job, Progress, Submitted
from lstluigi.jobspec import CompactItems, Resources, Shared

__all__ = ["ItemResult", "Job", "Monitor"]

log = logging.getLogger("lstluigi")

#: For how long (s) jobs are described before the run looks at other things.
DESCRIBE = 0.2
#: How often (s) jobs under way are refreshed, also while nothing can be submitted.
REFRESH = 10.0
#: What the ledger keeps of an item's result.
NOTED = ("state", "reason", "events", "wall_s", "cpu_s", "max_rss_mb", "host", "ended")


class Monitor:
    """Submits jobs to a backend and follows them; no thread, no process.

    Parameters
    ----------
    backend
        Where jobs run.
    directory
        Directory on the shared file system for arrays and results.
    run
        Name of this run, unique in `directory`.
    cancel
        Whether jobs are ended, where they could go on, when the run is interrupted.
    """

    def __init__(self, backend: Backend, directory: str, run: str, cancel: bool = False) -> None:
        self.backend = backend
        self._cancel = cancel
        self._submitter = Submitter(backend, directory, run, self._give_up)
        self._waiting: deque[Job] = deque()
        self._jobs: dict[int, Followed] = {}
        self._chunks: dict[ChunkId, Submitted] = {}
        self._unseen: list[Followed] = []
        self._outcomes: dict[int, Outcome] = {}
        self._ended: dict[int, Progress] = {}
        self._again: Counter[tuple[str, str]] = Counter()
        self._asked = self._refresh_at = float("-inf")
        self._interval = backend.interval

    def enqueue(self, job: Job) -> None:
        """Take a job on; it is submitted by one of the next `pump`."""
        self._waiting.append(job)

    def outcome(self, job: Job) -> Outcome | None:
        """How a job ended; None while it has not."""
        return self._outcomes.get(id(job))

    def progress(self, job: Job) -> Progress | None:
        """How far a job has come, or had come when it ended; None before it is described."""
        followed = self._jobs.get(id(job))
        return followed.progress if followed else self._ended.get(id(job))

    def pump(self) -> bool:
        """Submit what waits, and ask the backend if it is time to; True for more to submit."""
        self._describe()
        for chunk in self._submitter.pump(more=bool(self._waiting)):
            self._follow(chunk)
            self._interval = self.backend.interval
        now = time.monotonic()
        if self._chunks and now - self._asked >= self._interval:
            self._asked = now
            changed = self._ask()
            longer = min(self._interval * 1.5, self.backend.longest_interval)
            self._interval = self.backend.interval if changed else longer
        self._look_for_products()
        if now >= self._refresh_at:
            self._refresh_at = now + REFRESH
            for followed in self._jobs.values():
                if followed.open:
                    followed.job.refresh()
        return bool(self._waiting) or self._submitter.busy

    def detach(self) -> None:
        """Stop following every job, and say what becomes of them."""
        if not (self._chunks or self._waiting or self._unseen or len(self._submitter)):
            return
        survives = self.backend.survives
        cancelled = self._cancel_all() if self._cancel and survives else None
        said = self.backend.detach()
        if cancelled is not None:
            said = f"{cancelled} job(s) were cancelled; what they had finished is kept"
        unsure = {id(followed) for followed in self._submitter.clear()}
        self._waiting.clear()
        self._chunks.clear()
        log.warning("%s", said)
        unseen, self._unseen = self._unseen, []
        for followed in [f for f in self._jobs.values() if f.open] + unseen:
            ended = not survives or (cancelled is not None and id(followed) not in unsure)
            word = "abandoned" if ended else "detached"
            followed.say(word, backend=self.backend.name, message=said)
            followed.job.abandon(said, failed=False)
            followed.open.clear()

    def _cancel_all(self) -> int | None:
        """End all jobs, and return how many they were; None if some may go on."""
        try:
            self.backend.cancel(list(self._chunks))
        except NotNow as reason:
            log.warning("%s", reason)
            return None
        return len(self._chunks)

    # the beginning

    def _describe(self) -> None:
        begun = time.monotonic()
        while self._waiting and time.monotonic() - begun < DESCRIBE:
            job = self._waiting.popleft()
            try:
                work = job.describe()
            except Exception as error:  # the others go on, whatever is wrong with this one
                self._outcomes[id(job)] = Outcome(False, sentence(error))
                continue
            compact = replace(work, items=CompactItems(work.items))
            followed = self._jobs[id(job)] = Followed(job, compact)
            followed.open = {sys.intern(item.id) for item in work.items}
            if followed.open:
                self._submitter.take(followed)
            else:
                self._conclude(followed)

    def _follow(self, chunk: Submitted) -> None:
        known = self._chunks.setdefault((chunk.array.id, chunk.index), chunk)
        if known is not chunk:  # steps of an earlier run that shared a chunk
            known.running = False  # the new ones are to be told
            known.owners.update(chunk.owners)
            known.shared.update(chunk.shared)

    def _give_up(self, followed: Followed, items: Collection[str], message: str) -> None:
        """Items cannot be submitted: they have failed, and with them the job if that was all."""
        said = f"{followed.job.where}: {message}"
        refused = followed.open.intersection(items)
        nothing_else = refused == followed.open and not followed.items
        for item in refused:
            followed.end(item, {"state": "failed", "reason": said})
        if nothing_else:
            self._end(followed, Outcome(False, said))
            followed.job.abandon(said, failed=True)
            return
        if refused and not followed.open:
            self._conclude(followed)

    # following

    def _ask(self) -> bool:
        """Ask for all chunks; True if something has changed."""
        ended = 0
        for chunk, status in self.backend.poll().items():
            submitted = self._chunks.get(chunk)
            if submitted is None or submitted.ended:
                continue
            if status.state.ended:
                submitted.ended = status
                submitted.deadline = time.monotonic() + self.backend.latency
                ended += 1
            elif status.state is JobState.RUNNING:
                submitted.begin()
                ended += self._close_some(submitted)
        for chunk, submitted in list(self._chunks.items()):
            if submitted.ended and self._close_all(submitted, submitted.ended):
                del self._chunks[chunk]
        self._tell_again()
        return ended > 0

    def _tell_again(self) -> None:
        """Say what is tried again: a line for a reason, not for each of a chunk's files."""
        for (title, reason), count in self._again.items():
            files = f", {count} files" * (count > 1)
            log.info("once more: %s%s (%s)", title, files, reason)
        self._again.clear()

    def _close_some(self, submitted: Submitted) -> bool:
        """Steps whose items have ended need not wait for those of others in the chunk."""
        path = submitted.array.result(submitted.index)
        try:
            changed = os.stat(path).st_mtime
        except OSError:
            return False
        if changed == submitted.read:
            return False
        submitted.read = changed
        for item, result in read_results(path).items():
            if item in submitted.owners and speaks_for_itself(result):
                self._close(submitted, item, result, JobStatus(JobState.RUNNING))
        return True

    def _close_all(self, submitted: Submitted, status: JobStatus) -> bool:
        """Close what an ended chunk has left; False while its results may still be on the way."""
        path = submitted.array.result(submitted.index)
        results = read_results(path) if is_there(path) else {}
        waits = time.monotonic() < submitted.deadline
        if waits and not all(has_ended(results.get(item)) for item in submitted.owners):
            return False
        starved = any(
            result.get("state") != "ok"
            and cause_of(explained(result, status), status) is Cause.MEMORY
            for result in results.values()
        )
        for item in list(submitted.owners):
            result = results.get(item)
            begun = result is not None
            if result is None or not has_ended(result):
                result = without_result(status, begun)
            else:
                result = explained(result, status)
            innocent = bool(results) and not begun
            self._close(submitted, item, result, status, innocent=innocent, starved=starved)
        return True

    def _close(
        self,
        submitted: Submitted,
        item: str,
        result: ItemResult,
        status: JobStatus,
        innocent: bool = False,
        starved: bool = False,
    ) -> None:
        """Take down how an item ended; another try if one may help.

        Items that a chunk had not started, while it did others, are submitted again without
        counting as failed; with more memory where one of the others has failed for memory.
        """
        followed = submitted.owners.pop(item)
        shared = submitted.shared.pop(item)
        if item not in followed.open:
            return
        facts: dict[str, object] = {key: result.get(key) for key in NOTED}
        again = None
        if result.get("state") == "ok":
            facts |= followed.news(result)
        else:
            cause = cause_of(result, status)
            facts["cause"] = cause.value
            if innocent and cause not in (Cause.CANCELLED, Cause.FINAL):
                again = shared
                if starved:
                    again = with_more_memory(self.backend, shared, submitted.asked, status.host)
            else:
                followed.tries[item, cause] += 1
                count = followed.tries[item, cause]
                host = status.host or str(result.get("node") or "")
                again = another_try(self.backend, shared, submitted.asked, cause, count, host)
        where = {"array": submitted.array.id, "chunk": submitted.index, "item": item}
        followed.say("ended", **where, **facts, again=again is not None)
        tried_again = result.get("again")  # in the same job
        if tried_again is not None:
            self._again[followed.work.title, str(tried_again)] += 1
        if again is not None:
            reason = str(result.get("reason")) + _memory_raised(again, submitted.asked)
            self._again[followed.work.title, reason] += 1
            wanted = (i for i in followed.work.items if i.id == item)
            self._submitter.make_ready(Ready(i, again, followed) for i in wanted)
            return
        followed.end(item, result)
        if not followed.open:
            self._conclude(followed)

    def _conclude(self, followed: Followed) -> None:
        """Look at the products, as soon as they can be seen if everything went well."""
        latency = self.backend.latency
        good = all(result.get("state") == "ok" for result in followed.items.values())
        if good and latency and not _visible(followed.job):
            now = time.monotonic()
            if followed.deadline is None:
                followed.deadline = now + latency
            if now < followed.deadline:
                self._unseen.append(followed)
                return
        try:
            outcome = followed.job.conclude(followed.items)
        except Exception as error:  # the others go on, whatever is wrong with this one
            outcome = Outcome(False, sentence(error))
        self._end(followed, outcome)

    def _end(self, followed: Followed, outcome: Outcome) -> None:
        """Keep nothing of a job but its outcome and how far it came."""
        job = id(followed.job)
        self._outcomes[job], self._ended[job] = outcome, followed.progress
        del self._jobs[job]

    def _look_for_products(self) -> None:
        unseen, self._unseen = self._unseen, []
        for followed in unseen:
            self._conclude(followed)


def _memory_raised(again: Shared, asked: Resources) -> str:
    """With how much memory an item is tried again, if with more than before."""
    before, now = asked.memory_mb, again.resources.memory_mb
    return "" if now is None or now == before else f"; with {now} MB in place of {before} MB"


def _visible(job: Job) -> bool:
    """A file system that cannot be asked now has not shown the products yet."""
    try:
        return job.visible()
    except LstluigiError as error:
        log.warning("%s", error)
        return False
