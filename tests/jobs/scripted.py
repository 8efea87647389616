"""Jobs and a backend that do as they are told, for tests of those who follow them."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError
from lstluigi.jobs.backend import Backend, ChunkId, NotNow, SubmissionError
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import Submission
from lstluigi.jobs.results import ItemResult
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobs.tracking import Progress
from lstluigi.jobspec import Array, Environment, Item, Resources, Shared, Work


class Scripted(Backend):
    """A backend whose answers are set by the test."""

    name = "scripted"
    interval = longest_interval = 0.0

    def __init__(self, width: int | None = None) -> None:
        self.arrays: list[Array] = []
        self.answers: dict[ChunkId, JobStatus] = {}
        self.polls = 0
        self.refusal = ""
        self.silent = False
        self.free: int | None = None
        self.limit: int | None = None
        self.alive: dict[str, set[int]] = {}
        self.cancelled: list[ChunkId] = []
        self.asked_again: list[tuple[Resources, Cause, str]] = []
        self._width = width

    def resources(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        return usual.updated(requests)

    def width(self, resources: Resources) -> int | None:
        return self._width

    def room(self) -> int | None:
        return self.free

    def longest(self, resources: Resources) -> int | None:
        return self.limit

    def again(self, asked: Resources, cause: Cause, host: str) -> Resources | None:
        """Twice the memory where that was the cause, up to 1000 MB."""
        self.asked_again.append((asked, cause, host))
        if cause is not Cause.MEMORY:
            return asked
        more = 2 * (asked.memory_mb or 100)
        return asked.updated({"mem": str(more)}) if more <= 1000 else None

    def adopt(self, submission: Submission) -> Collection[int]:
        if self.silent:
            raise NotNow("no answer")
        return self.alive.get(submission.array, set())

    def submit(self, array: Array) -> str:
        if self.silent:
            raise NotNow("no answer")
        if self.refusal:
            raise SubmissionError(self.refusal)
        self.arrays.append(array)
        return f"job{len(self.arrays)}"

    def poll(self) -> Mapping[ChunkId, JobStatus]:
        self.polls += 1
        return dict(self.answers)

    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        if self.silent:
            raise NotNow("no answer")
        self.cancelled += chunks

    def detach(self) -> str:
        return "let go"

    def say(
        self,
        state: JobState,
        array: int = 0,
        chunk: int = 0,
        reason: str = "",
        cause: Cause = Cause.COMMAND,
        host: str = "",
    ) -> None:
        self.answers[self.arrays[array].id, chunk] = JobStatus(state, reason, cause, host)

    def result(self, array: int = 0, chunk: int = 0, **states: str) -> None:
        """Write the result file of a chunk: state by item."""
        items = {
            name: {"state": state, "reason": f"{name} {state}"} for name, state in states.items()
        }
        path = Path(self.arrays[array].result(chunk))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"items": items}))
        os.utime(path, ns=(0, len(items)))  # a new time even within one tick of the clock


class Step:
    """A job with as many items as asked for."""

    def __init__(self, path: Path, name: str, items: int = 1, **shared: Any) -> None:
        self.ledger = str(path / f"{name}.jsonl")
        self.where = f"step {name}"
        self.items = [Item(f"{name}{n}", (), (), f"/{name}", f"/{name}.log") for n in range(items)]
        given = {"kind": "k", "resources": Resources(), "environment": Environment()}
        self.shared = Shared(**{**given, "capacity": 20, **shared})
        self.problem = ""
        self.concluded: Mapping[str, ItemResult] | None = None
        self.seen = True
        self.recipe = ""
        self.found = 0
        self.log = f"/{name}.log"
        self.abandoned = ""
        self.refreshed = 0

    def describe(self) -> Work:
        if self.problem:
            raise LstluigiError(self.problem)
        return Work(self.items, self.shared, "title", self.recipe, self.found)

    def told(self, progress: Progress) -> str:
        return str(progress)

    def conclude(self, items: Mapping[str, ItemResult]) -> Outcome:
        self.concluded = dict(items)
        bad = [r["reason"] for r in items.values() if r["state"] != "ok"]
        return Outcome(not bad, "; ".join(bad))

    def visible(self) -> bool:
        return self.seen

    def refresh(self) -> None:
        self.refreshed += 1

    def abandon(self, reason: str, *, failed: bool) -> None:
        self.abandoned = reason


def sizes(array: Array) -> list[int]:
    """How many items each chunk has."""
    return [len(chunk.items) for chunk in array.chunks]


def names(array: Array) -> list[list[str]]:
    """Items of each chunk."""
    return [[item.id for item in chunk.items] for chunk in array.chunks]
