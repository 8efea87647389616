"""Follows all jobs of a run: submits what is ready as few arrays, asks once for all of them."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json, write_json
from lstluigi.jobs.backend import Backend, ChunkId, State, Status
from lstluigi.jobs.ledger import note
from lstluigi.jobs.spec import Array, Chunk

#: How an item ended, as the runner wrote it down: keys `state`, `reason`, `tail`, `wall_s`, ...
ItemResult = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a job ended for the one who asked for it."""

    done: bool
    message: str = ""


class Job(Protocol):
    """What a step wants done. Items of several jobs may share a chunk."""

    @property
    def label(self) -> str:
        """Short name for messages and for the batch system."""

    @property
    def ledger(self) -> str:
        """Path of the step's ledger."""

    def describe(self) -> Sequence[Chunk]:
        """Chunks to submit; may touch the file system.

        Raises
        ------
        LstluigiError
            When the job cannot be done; nothing is submitted then.
        """

    def conclude(self, items: Mapping[str, ItemResult]) -> Outcome:
        """Look at how all items ended, and at the products."""

    def refresh(self) -> None:
        """Called now and then while the job is under way."""


@dataclass
class _Followed:
    """A job under way: the chunks that have not ended, and the items that have."""

    job: Job
    open: set[ChunkId] = field(default_factory=set)
    items: dict[str, ItemResult] = field(default_factory=dict)
    total: int = 0


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
        self._waiting: list[Job] = []
        self._jobs: dict[int, _Followed] = {}
        self._arrays: dict[str, Array] = {}
        self._owners: dict[ChunkId, list[_Followed]] = {}
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
        return (len(followed.items), followed.total) if followed else (0, 0)

    def pump(self) -> None:
        """Submit what waits, and ask the backend if it is time to."""
        submitted = self._submit_waiting()
        now = time.monotonic()
        if self._owners and (submitted or now - self._asked >= self._interval):
            self._asked = now
            self._ask()

    def detach(self) -> str:
        """Stop following every job; return what becomes of them, in words."""
        self._waiting.clear()
        return self.backend.detach()

    # submission

    def _submit_waiting(self) -> bool:
        groups: dict[Any, list[tuple[_Followed, Chunk]]] = {}
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            followed = self._jobs[id(job)] = _Followed(job)
            try:
                chunks = job.describe()
            except LstluigiError as error:
                self._outcomes[id(job)] = Outcome(False, str(error))
                continue
            followed.total = sum(len(chunk.items) for chunk in chunks)
            for chunk in chunks:
                groups.setdefault((chunk.resources, chunk.environment), []).append(
                    (followed, chunk)
                )
            if not chunks:
                self._conclude(followed)
        for members in groups.values():
            self._submit(members)
        return bool(groups)

    def _submit(self, members: Sequence[tuple[_Followed, Chunk]]) -> None:
        array = self._array([chunk for _, chunk in members])
        chunks_of: dict[int, list[int]] = {}
        for index, (followed, _) in enumerate(members):
            followed.open.add((array.id, index))
            self._owners.setdefault((array.id, index), []).append(followed)
            chunks_of.setdefault(id(followed.job), []).append(index)
        jobs = {id(followed.job): followed for followed, _ in members}
        try:
            os.makedirs(os.path.dirname(array.spec), exist_ok=True)
            write_json(array.spec, array.as_json())
            for key, followed in jobs.items():
                facts = {"array": array.id, "chunks": chunks_of[key], "spec": array.spec}
                note(followed.job.ledger, "submitting", backend=self.backend.name, **facts)
            name = self.backend.submit(array)
            for followed in jobs.values():
                note(followed.job.ledger, "submitted", array=array.id, job=name)
        except (LstluigiError, OSError) as error:
            for followed in jobs.values():
                self._give_up(followed, str(error))
            return
        self._arrays[array.id] = array

    def _array(self, chunks: Sequence[Chunk]) -> Array:
        name = f"{self._run}-{next(self._numbers):05d}"
        base = os.path.join(self._directory, name, "chunk")
        return Array(
            id=name,
            spec=os.path.join(self._directory, name, "array.json"),
            chunks=chunks,
            results=[f"{base}-{index}.json" for index in range(len(chunks))],
            logs=[f"{base}-{index}.log" for index in range(len(chunks))],
        )

    def _give_up(self, followed: _Followed, reason: str) -> None:
        for chunk in followed.open:
            self._owners.pop(chunk, None)
        followed.open.clear()
        self._outcomes[id(followed.job)] = Outcome(False, reason)

    # following

    def _ask(self) -> None:
        for chunk, status in self.backend.poll().items():
            if chunk in self._owners and status.state.ended:
                self._ended(chunk, status)
        for followed in self._jobs.values():
            if followed.open:
                followed.job.refresh()

    def _ended(self, chunk: ChunkId, status: Status) -> None:
        array, index = self._arrays[chunk[0]], chunk[1]
        results = _items(array.results[index])
        for item in array.chunks[index].items:
            result = results.get(item.id)
            if result is None or result.get("state") == "running":
                results[item.id] = _unknown(status)
        for followed in self._owners.pop(chunk):
            mine = {item.id for item in array.chunks[index].items}
            followed.items.update((i, r) for i, r in results.items() if i in mine)
            followed.open.discard(chunk)
            facts = {"array": chunk[0], "chunk": index, "state": status.state.value}
            note(followed.job.ledger, "ended", reason=status.reason, **facts)
            if not followed.open:
                self._conclude(followed)

    def _conclude(self, followed: _Followed) -> None:
        try:
            outcome = followed.job.conclude(followed.items)
        except LstluigiError as error:
            outcome = Outcome(False, str(error))
        self._outcomes[id(followed.job)] = outcome


def _items(path: str) -> dict[str, ItemResult]:
    try:
        content = read_json(path)
    except LstluigiError:
        return {}
    items = content.get("items", {}) if isinstance(content, dict) else {}
    return {name: item for name, item in items.items() if isinstance(item, dict)}


def _unknown(status: Status) -> ItemResult:
    how = status.reason or "ended without saying how"
    reason = f"its job {how}" if status.state is State.FAILED else "its job never came to it"
    return {"state": "failed", "reason": reason, "tail": []}
