"""Follows all jobs of a run: submits what is ready as few arrays, asks once for all of them."""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lstluigi.errors import LstluigiError
from lstluigi.files import write_json
from lstluigi.jobs.backend import Backend, Cause, ChunkId, NotNow, State, Status
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import note, submissions
from lstluigi.jobs.packing import Ready, pack
from lstluigi.jobs.results import (
    ItemResult,
    cause_of,
    has_ended,
    read_results,
    speaks_for_itself,
    without_result,
)
from lstluigi.jobs.retries import another_try
from lstluigi.jobs.spec import Array, ArrayFiles, Chunk, Resources, Shared, Work, read_items

log = logging.getLogger("lstluigi")

#: For how long (s) jobs are described before the run looks at other things.
DESCRIBE = 0.2
#: Wait (s) before something is tried again that the backend could not do now.
PATIENCE = 10.0
#: A submission that is not confirmed in the ledger may still arrive for so long (s).
ARRIVAL = 60.0
#: What the ledger keeps of an item's result.
NOTED = ("state", "reason", "wall_s", "cpu_s", "max_rss_mb", "host", "versions")


class Job(Protocol):
    """What a step wants done."""

    @property
    def ledger(self) -> str:
        """Path of the step's ledger."""

    @property
    def where(self) -> str:
        """Where its requests stand in the config."""

    def describe(self) -> Work:
        """What to submit; may touch the file system.

        Raises
        ------
        LstluigiError
            When the job cannot be done; nothing is submitted then.
        """

    def visible(self) -> bool:
        """Can the products be seen here already? Files written elsewhere may take a while."""

    def conclude(self, items: Mapping[str, ItemResult]) -> Outcome:
        """Look at how all items ended, and at the products."""

    def refresh(self) -> None:
        """Called now and then while the job is under way."""

    def abandon(self, reason: str) -> None:
        """Called instead of `conclude` for what was described and is not followed any more."""


@dataclass
class _Followed:
    """A job under way: its items that have not ended, and those that have."""

    job: Job
    work: Work
    open: set[str] = field(default_factory=set)
    items: dict[str, ItemResult] = field(default_factory=dict)
    tries: Counter[tuple[str, Cause]] = field(default_factory=Counter)
    deadline: float | None = None


@dataclass
class _Submitted:
    """A chunk under way: whose items it holds, and what it asked for."""

    array: ArrayFiles
    index: int
    asked: Resources
    owners: dict[str, _Followed] = field(default_factory=dict)
    shared: dict[str, Shared] = field(default_factory=dict)
    read: float = 0.0
    ended: Status | None = None
    deadline: float = 0.0


@dataclass
class _Unsent:
    """An array whose files are written, and whose items its chunks hold."""

    array: Array
    shares: Sequence[Sequence[Ready]]

    def owners(self) -> list[_Followed]:
        found = {id(one.owner): one.owner for share in self.shares for one in share}
        return list(found.values())


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
        self._directory, self._run, self._cancel = directory, run, cancel
        self._numbers = itertools.count(1)
        self._waiting: deque[Job] = deque()
        self._jobs: dict[int, _Followed] = {}
        self._postponed: list[_Followed] = []
        self._ready: list[Ready] = []
        self._ready_since = 0.0
        self._unsent: deque[_Unsent] = deque()
        self._not_before = float("-inf")
        self._chunks: dict[ChunkId, _Submitted] = {}
        self._unseen: list[_Followed] = []
        self._outcomes: dict[int, Outcome] = {}
        self._asked = float("-inf")
        self._interval = backend.interval

    def enqueue(self, job: Job) -> None:
        """Take a job on; it is submitted by one of the next `pump`."""
        self._waiting.append(job)

    def outcome(self, job: Job) -> Outcome | None:
        """How a job ended; None while it has not."""
        return self._outcomes.get(id(job))

    def progress(self, job: Job) -> tuple[int, int]:
        """Items of a job that have ended, and all of them (0 before it is submitted)."""
        followed = self._jobs.get(id(job))
        done = len(followed.items) if followed else 0
        return done, done + (len(followed.open) if followed else 0)

    def pump(self) -> None:
        """Submit what waits, and ask the backend if it is time to."""
        self._take_on()
        self._gather()
        submitted = self._send()
        now = time.monotonic()
        if self._chunks and (submitted or now - self._asked >= self._interval):
            self._asked = now
            changed = self._ask()
            longer = min(self._interval * 1.5, self.backend.longest_interval)
            self._interval = self.backend.interval if submitted or changed else longer
        self._look_for_products()

    def detach(self) -> None:
        """Stop following every job, and say what becomes of them."""
        if not (self._chunks or self._waiting or self._ready or self._unsent):
            return
        if self._cancel:
            self.backend.cancel(list(self._chunks))
        sentence = self.backend.detach()
        ended = self._cancel or not self.backend.survives
        self._waiting.clear()
        self._ready.clear()
        self._unsent.clear()
        self._chunks.clear()
        log.warning("%s", sentence)
        for followed in self._jobs.values():
            if followed.open:
                self._say(followed, "abandoned" if ended else "detached", message=sentence)
                followed.job.abandon(sentence)
                followed.open.clear()

    # what is ready

    def _take_on(self) -> None:
        now = time.monotonic()
        if self._postponed and now >= self._not_before:
            postponed, self._postponed = self._postponed, []
            for followed in postponed:
                self._adopt_or_make_ready(followed)
        while self._waiting and time.monotonic() - now < DESCRIBE:
            job = self._waiting.popleft()
            try:
                followed = self._jobs[id(job)] = _Followed(job, job.describe())
            except Exception as error:  # the others go on, whatever is wrong with this one
                self._outcomes[id(job)] = Outcome(False, _sentence(error))
                continue
            followed.open = {item.id for item in followed.work.items}
            if followed.open:
                self._adopt_or_make_ready(followed)
            else:
                self._conclude(followed)

    def _adopt_or_make_ready(self, followed: _Followed) -> None:
        try:
            adopted = self._adopt(followed) if self.backend.survives else set()
        except NotNow as reason:
            self._wait(reason)
            self._postponed.append(followed)
            return
        except LstluigiError as error:
            self._give_up([followed], str(error))
            return
        items = [item for item in followed.work.items if item.id not in adopted]
        self._make_ready(Ready(item, followed.work.shared, followed) for item in items)

    def _adopt(self, followed: _Followed) -> set[str]:
        """Follow what an earlier run has submitted of a job, as far as it is still under way."""
        adopted: set[str] = set()
        for submission in submissions(followed.job.ledger, self.backend.name):
            alive = self.backend.adopt(submission)
            if not alive and not submission.job and time.time() - submission.when < ARRIVAL:
                raise NotNow(f"array {submission.array} of an earlier run may still arrive")
            mine = {i: n for i, n in submission.open.items() if n in alive and i in followed.open}
            if mine and submission.recipe != followed.work.recipe:
                raise LstluigiError(
                    f"jobs of an earlier run ({submission.name}) are making it differently from "
                    "what the config says now; wait for them, or end them with `lstluigi cancel`"
                )
            files = ArrayFiles(submission.array, submission.directory)
            for item, index in mine.items():
                shared = followed.work.shared
                new = _Submitted(files, index, shared.resources)
                submitted = self._chunks.setdefault((files.id, index), new)
                submitted.owners[item], submitted.shared[item] = followed, shared
                adopted.add(item)
        if adopted:
            log.info("found again: %d job item(s), %s", len(adopted), followed.work.title)
        return adopted

    def _make_ready(self, ready: Iterable[Ready]) -> None:
        if not self._ready:
            self._ready_since = time.monotonic()
        self._ready.extend(ready)

    # submission

    def _gather(self) -> None:
        """Make arrays of what is ready, once no more is about to join it."""
        waited = time.monotonic() - self._ready_since
        long_enough = waited >= self.backend.gather * (10 if self._waiting else 1)
        if not self._ready or not long_enough or self._unsent:
            return
        room = self.backend.room()
        left: list[Ready] = []
        for chunks in pack(self._ready, self.backend):
            fitting = chunks if room is None else chunks[: max(0, room)]
            left += [one for _, share in chunks[len(fitting) :] for one in share]
            if room is not None:
                room -= len(fitting)
            if fitting:
                self._write([chunk for chunk, _ in fitting], [share for _, share in fitting])
        self._ready = left

    def _write(self, chunks: Sequence[Chunk], shares: Sequence[Sequence[Ready]]) -> None:
        name = f"{self._run}-{next(self._numbers):05d}"
        steps = {id(one.owner): one.owner.work.title for share in shares for one in share}
        title = next(iter(steps.values())) + f"+{len(steps) - 1}" * (len(steps) > 1)
        array = Array(name, os.path.join(self._directory, name), chunks, title)
        unsent = _Unsent(array, shares)
        held: dict[int, dict[int, list[str]]] = {}
        for index, share in enumerate(shares):
            for one in share:
                held.setdefault(id(one.owner), {}).setdefault(index, []).append(one.item.id)
        try:
            for index in range(len(chunks)):
                write_json(array.spec(index), array.as_json(index))
            for owner in unsent.owners():
                self._note_submitting(owner, array, held[id(owner)])
        except LstluigiError as error:
            self._refuse(unsent, str(error))
            return
        self._unsent.append(unsent)

    def _note_submitting(
        self, owner: _Followed, array: Array, chunks: Mapping[int, Sequence[str]]
    ) -> None:
        asked = array.resources
        note(
            owner.job.ledger,
            "submitting",
            array=array.id,
            backend=self.backend.name,
            directory=array.directory,
            name=array.name,
            recipe=owner.work.recipe,
            asked={"cpus": asked.cpus, "memory_mb": asked.memory_mb, **dict(asked.options)},
            chunks=chunks,
        )

    def _send(self) -> bool:
        """Hand arrays over; True if one was taken."""
        taken = False
        while self._unsent and time.monotonic() >= self._not_before:
            unsent = self._unsent[0]
            try:
                job = self.backend.submit(unsent.array)
            except NotNow as reason:
                self._wait(reason)
                break
            except LstluigiError as error:
                self._refuse(self._unsent.popleft(), str(error))
                continue
            self._unsent.popleft()
            self._follow(unsent, job)
            taken = True
        return taken

    def _follow(self, unsent: _Unsent, job: str) -> None:
        array = unsent.array
        for owner in unsent.owners():
            self._say(owner, "submitted", array=array.id, job=job)
        for index, share in enumerate(unsent.shares):
            owners = {one.item.id: one.owner for one in share}
            shared = {one.item.id: one.shared for one in share}
            self._chunks[array.id, index] = _Submitted(
                array.files, index, array.resources, owners, shared
            )

    def _refuse(self, unsent: _Unsent, message: str) -> None:
        for owner in unsent.owners():
            self._say(owner, "refused", array=unsent.array.id, message=message)
        self._give_up(unsent.owners(), message)

    def _give_up(self, jobs: Iterable[_Followed], message: str) -> None:
        for followed in jobs:
            sentence = f"{followed.job.where}: {message}"
            self._outcomes[id(followed.job)] = Outcome(False, sentence)
            followed.open.clear()
            followed.job.abandon(sentence)

    def _wait(self, reason: NotNow) -> None:
        log.warning("%s; trying again in %.0f s", reason, PATIENCE)
        self._not_before = time.monotonic() + PATIENCE

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
            elif status.state is State.RUNNING:
                ended += self._close_some(submitted)
        for chunk, submitted in list(self._chunks.items()):
            if submitted.ended and self._close_all(submitted, submitted.ended):
                del self._chunks[chunk]
        for followed in self._jobs.values():
            if followed.open:
                followed.job.refresh()
        return ended > 0

    def _close_some(self, submitted: _Submitted) -> bool:
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
                self._close(submitted, item, result, Status(State.RUNNING))
        return True

    def _close_all(self, submitted: _Submitted, status: Status) -> bool:
        """Close what an ended chunk has left; False while its results may still be on the way."""
        results = read_results(submitted.array.result(submitted.index))
        waits = status.state is State.SUCCEEDED and time.monotonic() < submitted.deadline
        if waits and not all(has_ended(results.get(item)) for item in submitted.owners):
            return False
        for item in list(submitted.owners):
            result = results.get(item)
            begun = result is not None
            if result is None or not has_ended(result):
                result = without_result(status, begun)
            self._close(submitted, item, result, status, innocent=bool(results) and not begun)
        return True

    def _close(
        self,
        submitted: _Submitted,
        item: str,
        result: ItemResult,
        status: Status,
        innocent: bool = False,
    ) -> None:
        """Take down how an item ended; another try if one may help.

        What a chunk had not come to, while it did others, is innocent of its end.
        """
        followed = submitted.owners.pop(item)
        shared = submitted.shared.pop(item)
        if item not in followed.open:
            return
        facts: dict[str, object] = {key: result.get(key) for key in NOTED}
        again = None
        if result.get("state") != "ok":
            cause = cause_of(result, status)
            facts["cause"] = cause.value
            if innocent and cause not in (Cause.CANCELLED, Cause.FINAL):
                again = shared
            else:
                followed.tries[item, cause] += 1
                count, host = followed.tries[item, cause], status.host or str(result.get("host"))
                again = another_try(self.backend, shared, submitted.asked, cause, count, host)
        where = {"array": submitted.array.id, "chunk": submitted.index, "item": item}
        self._say(followed, "ended", **where, **facts, again=again is not None)
        if again is not None:
            log.info("once more: %s (%s)", followed.work.title, result.get("reason"))
            found = read_items(submitted.array.spec(submitted.index))
            self._make_ready(Ready(i, again, followed) for i in found if i.id == item)
            return
        followed.open.discard(item)
        followed.items[item] = result
        if not followed.open:
            self._conclude(followed)

    def _conclude(self, followed: _Followed) -> None:
        """Look at the products, as soon as they can be seen if everything went well."""
        latency = self.backend.latency
        good = all(result.get("state") == "ok" for result in followed.items.values())
        if good and latency and not followed.job.visible():
            now = time.monotonic()
            if followed.deadline is None:
                followed.deadline = now + latency
            if now < followed.deadline:
                self._unseen.append(followed)
                return
        try:
            outcome = followed.job.conclude(followed.items)
        except Exception as error:  # the others go on, whatever is wrong with this one
            outcome = Outcome(False, _sentence(error))
        self._outcomes[id(followed.job)] = outcome

    def _look_for_products(self) -> None:
        unseen, self._unseen = self._unseen, []
        for followed in unseen:
            self._conclude(followed)

    @staticmethod
    def _say(followed: _Followed, event: str, **facts: object) -> None:
        """Add to the ledger; a full disk must not end the run."""
        try:
            note(followed.job.ledger, event, **facts)
        except LstluigiError as error:
            log.warning("%s", error)


def _sentence(error: Exception) -> str:
    if isinstance(error, LstluigiError):
        return str(error)
    return f"{type(error).__name__}: {error}; this is a fault of lstluigi, please report it"
