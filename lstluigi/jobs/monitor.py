"""Follows all jobs of a run: submits what is ready as few arrays, asks once for all of them."""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json, write_json
from lstluigi.jobs.backend import Backend, ChunkId, State, Status
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import note
from lstluigi.jobs.spec import Array, Chunk, Work

log = logging.getLogger("lstluigi")

#: For how long (s) jobs are gathered for one submission: long enough for dozens of steps, not so
#: long that the first of them wait.
GATHER = 0.2
#: What the ledger keeps of an item's result.
NOTED = ("state", "reason", "wall_s", "cpu_s", "max_rss_mb", "host", "versions")

#: How an item ended, as the runner wrote it down: keys `state`, `reason`, `tail`, `wall_s`, ...
ItemResult = Mapping[str, Any]


class Job(Protocol):
    """What a step wants done."""

    @property
    def ledger(self) -> str:
        """Path of the step's ledger."""

    def describe(self) -> Work:
        """What to submit; may touch the file system.

        Raises
        ------
        LstluigiError
            When the job cannot be done; nothing is submitted then.
        """

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
    open: set[str] = field(default_factory=set)
    items: dict[str, ItemResult] = field(default_factory=dict)


@dataclass
class _Submitted:
    """A chunk under way: whose items it holds, and when its result file was last read."""

    array: Array
    index: int
    owners: dict[str, _Followed]
    read: float = 0.0


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
    interval
        Time between two queries (s).
    """

    def __init__(self, backend: Backend, directory: str, run: str, interval: float) -> None:
        self.backend = backend
        self._directory, self._run, self._interval = directory, run, interval
        self._numbers = itertools.count(1)
        self._waiting: deque[Job] = deque()
        self._jobs: dict[int, _Followed] = {}
        self._chunks: dict[ChunkId, _Submitted] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._asked = float("-inf")

    def enqueue(self, job: Job) -> None:
        """Take a job on; it is submitted by the next `pump`."""
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
        submitted = self._submit_waiting()
        now = time.monotonic()
        if self._chunks and (submitted or now - self._asked >= self._interval):
            self._asked = now
            self._ask()

    def detach(self) -> None:
        """Stop following every job, and say what becomes of them."""
        if self._chunks or self._waiting:
            self._waiting.clear()
            self._chunks.clear()
            sentence = self.backend.detach()
            log.warning("%s", sentence)
            for followed in self._jobs.values():
                if followed.open:
                    followed.job.abandon(sentence)

    # submission

    def _submit_waiting(self) -> bool:
        groups: dict[Any, list[tuple[_Followed, Work]]] = {}
        begun = time.monotonic()
        while self._waiting and time.monotonic() - begun < GATHER:
            job = self._waiting.popleft()
            followed = self._jobs[id(job)] = _Followed(job)
            try:
                work = job.describe()
            except Exception as error:  # the others go on, whatever is wrong with this one
                self._outcomes[id(job)] = Outcome(False, _sentence(error))
                continue
            followed.open = {item.id for item in work.items}
            groups.setdefault(work.shared, []).append((followed, work))
            if not work.items:
                self._conclude(followed)
        for members in groups.values():
            self._submit(members)
        return bool(groups)

    def _submit(self, members: Sequence[tuple[_Followed, Work]]) -> None:
        owners = {item.id: followed for followed, work in members for item in work.items}
        chunks = list(self._pack([work for _, work in members]))
        if not chunks:
            return
        array = self._array(chunks)
        jobs = {id(followed.job): followed for followed in owners.values()}
        try:
            for index in range(len(chunks)):
                write_json(array.spec(index), array.as_json(index))
            for followed in jobs.values():
                facts = {"backend": self.backend.name, "directory": array.directory}
                items = sorted(followed.open)
                note(followed.job.ledger, "submitting", array=array.id, items=items, **facts)
            name = self.backend.submit(array)
            for followed in jobs.values():
                note(followed.job.ledger, "submitted", array=array.id, job=name)
        except LstluigiError as error:
            for followed in jobs.values():
                self._outcomes[id(followed.job)] = Outcome(False, str(error))
                followed.open.clear()
                followed.job.abandon(str(error))
            return
        for index, chunk in enumerate(chunks):
            mine = {item.id: owners[item.id] for item in chunk.items}
            self._chunks[array.id, index] = _Submitted(array, index, mine)

    def _pack(self, works: Sequence[Work]) -> Iterator[Chunk]:
        """Items of several jobs in shared chunks: as many as may share, as few as keep all busy."""
        shared = works[0].shared
        items = [item for work in works for item in work.items]
        width = self.backend.width(shared.resources)
        size = shared.capacity
        if width is not None:
            size = min(size, max(1, math.ceil(len(items) / width)))
        for start in range(0, len(items), size):
            yield Chunk(items[start : start + size], shared.resources, shared.environment)

    def _array(self, chunks: Sequence[Chunk]) -> Array:
        name = f"{self._run}-{next(self._numbers):05d}"
        return Array(name, os.path.join(self._directory, name), chunks)

    # following

    def _ask(self) -> None:
        for chunk, status in self.backend.poll().items():
            submitted = self._chunks.get(chunk)
            if submitted is None:
                continue
            if status.state.ended:
                del self._chunks[chunk]
                self._close_all(submitted, status)
            elif status.state is State.RUNNING:
                self._close_some(submitted)
        for followed in self._jobs.values():
            if followed.open:
                followed.job.refresh()

    def _close_some(self, submitted: _Submitted) -> None:
        """Steps whose items have ended need not wait for those of others in the chunk."""
        path = submitted.array.result(submitted.index)
        try:
            changed = os.stat(path).st_mtime
        except OSError:
            return
        if changed == submitted.read:
            return
        submitted.read = changed
        for item, result in _items(path).items():
            if item in submitted.owners and result.get("state") != "running":
                self._close(submitted, item, result)

    def _close_all(self, submitted: _Submitted, status: Status) -> None:
        results = _items(submitted.array.result(submitted.index))
        for item in submitted.owners:
            result = results.get(item)
            if result is None or result.get("state") == "running":
                result = _unknown(status, begun=result is not None)
            self._close(submitted, item, result)

    def _close(self, submitted: _Submitted, item: str, result: ItemResult) -> None:
        followed = submitted.owners[item]
        if item not in followed.open:
            return
        followed.open.discard(item)
        followed.items[item] = result
        facts = {key: result.get(key) for key in NOTED}
        where = {"array": submitted.array.id, "chunk": submitted.index, "item": item}
        note(followed.job.ledger, "ended", **where, **facts)
        if not followed.open:
            self._conclude(followed)

    def _conclude(self, followed: _Followed) -> None:
        try:
            outcome = followed.job.conclude(followed.items)
        except Exception as error:  # the others go on, whatever is wrong with this one
            outcome = Outcome(False, _sentence(error))
        self._outcomes[id(followed.job)] = outcome


def _items(path: str) -> dict[str, ItemResult]:
    try:
        content = read_json(path)
    except LstluigiError:
        return {}
    content = content if isinstance(content, dict) else {}
    where = {key: content.get(key) for key in ("host", "versions")}
    items = content.get("items", {})
    return {name: {**item, **where} for name, item in items.items() if isinstance(item, dict)}


def _sentence(error: Exception) -> str:
    if isinstance(error, LstluigiError):
        return str(error)
    return f"{type(error).__name__}: {error}; this is a fault of lstluigi, please report it"


def _unknown(status: Status, begun: bool) -> ItemResult:
    silent = "its job ended while doing it" if begun else "its job never came to it"
    reason = status.reason or silent
    return {"state": "failed", "reason": reason, "tail": []}
