"""What has become of items that are under way: result files, locks, and one question to Slurm."""

from __future__ import annotations

import time
from collections.abc import Iterator

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json
from lstluigi.jobs.ledger import ARRIVAL, Attempt, Share
from lstluigi.jobs.results import ItemResult, has_ended, read_results
from lstluigi.jobs.slurm import SlurmBackend, commands, controller, states
from lstluigi.jobs.slurm.commands import Row, Run
from lstluigi.jobs.states import JobState
from lstluigi.production.states import State

__all__ = ["Jobs", "Queue", "Results"]


class Results:
    """Result files of chunks, each read once.

    Attributes
    ----------
    damaged
        Those that are there and cannot be read.
    """

    def __init__(self) -> None:
        self.damaged: list[str] = []
        self._items: dict[str, dict[str, ItemResult]] = {}

    def of(self, share: Share, chunk: int) -> dict[str, ItemResult]:
        """Results of a chunk by item; none where there are none."""
        path = share.files.result(chunk)
        if path not in self._items:
            self._items[path] = read_results(path)
            if not self._items[path] and not _sound(path):
                self.damaged.append(path)
        return self._items[path]


def _sound(path: str) -> bool:
    """Is it a result file, or none at all?"""
    try:
        content = read_json(path)
    except LstluigiError:
        return False
    return content is None or (isinstance(content, dict) and isinstance(content.get("items"), dict))


class Queue:
    """The queue of Slurm, asked once, and only if something is to be known of it.

    Attributes
    ----------
    silent
        Why there was no answer; empty if there was one, or nothing was asked.
    waiting
        Jobs that wait for another reason than their turn, by the reason.
    """

    def __init__(self, ask: Run) -> None:
        self._ask = ask
        self._states: dict[tuple[str, str, int], JobState] | None = None
        self._rows: list[Row] = []
        self._reasons: dict[tuple[str, str, int], str] = {}
        self.silent = ""
        self.waiting: dict[str, set[tuple[str, str, int]]] = {}

    def _known(self) -> dict[tuple[str, str, int], JobState]:
        if self._states is None:
            self._states = {}
            answer = self._ask(commands.squeue(commands.user_name()))
            if answer.code != 0:
                self.silent = answer.words
            self._rows = list(commands.parse_squeue(answer.out if answer.code == 0 else ""))
            for row in self._rows:
                state = states.status(row.state, row.reason).state
                for index in commands.expand(row.elements):
                    self._states[row.name, row.job, index] = state
                    self._reasons[row.name, row.job, index] = row.reason
                if row.elements == "N/A":  # a plain job, or what is left of an array
                    self._states.setdefault((row.name, row.job, 0), state)
                    self._reasons.setdefault((row.name, row.job, 0), row.reason)
        return self._states

    def state(self, share: Share, chunk: int) -> JobState | None:
        """State of a chunk; None if the queue does not know it."""
        known = self._known()
        key = (share.name, share.job, chunk)
        if not share.job:
            key = next((k for k in known if (k[0], k[2]) == (share.name, chunk)), key)
        state = known.get(key)
        if state is JobState.PENDING and states.is_remarkable(self._reasons[key]):
            self.waiting.setdefault(self._reasons[key].strip("()"), set()).add(key)
        return state

    def controllers(self, prod_id: str) -> Iterator[str]:
        """Jobs that are, or will be, the run of a production."""
        self._known()
        for job, state in controller.among(self._rows, prod_id).items():
            yield f"job {job} ({state})"


class Jobs:
    """Tells what has become of attempts that the ledger does not know to have ended.

    Attributes
    ----------
    lost
        Attempts that ended without a trace: their run died, or Slurm does not know them any more.
    """

    def __init__(self, ask: Run) -> None:
        self.results, self.queue = Results(), Queue(ask)
        self.lost: list[Attempt] = []

    def status(self, attempt: Attempt, alive: bool) -> State:
        """Where an item stands.

        Parameters
        ----------
        alive
            Whether a run that is alive holds the step's lock.
        """
        result = self.results.of(attempt.share, attempt.chunk).get(attempt.item)
        if result is not None and has_ended(result):
            if result.get("state") == "ok" or alive:
                return State.UNKNOWN  # the run is about to take it down
            attempt.state, attempt.reason = str(result.get("state")), str(result.get("reason"))
            attempt.cause = "command" if result.get("signal") is None else "killed"
            return State.FAILED
        begun = State.QUEUED if result is None else State.RUNNING
        damaged = attempt.share.files.result(attempt.chunk) in self.results.damaged
        if damaged and begun is State.QUEUED:
            begun = State.UNKNOWN
        if attempt.share.backend != SlurmBackend.name:
            return begun if alive else self._lost(attempt)
        return self._on_slurm(attempt, alive, begun)

    def _on_slurm(self, attempt: Attempt, alive: bool, begun: State) -> State:
        state = self.queue.state(attempt.share, attempt.chunk)
        if state is JobState.RUNNING:
            return begun
        if state is JobState.PENDING:
            return State.QUEUED
        if self.queue.silent:
            return begun if begun is State.RUNNING else State.UNKNOWN
        arrives = not attempt.share.job and time.time() < attempt.share.when + ARRIVAL
        if alive or arrives or state is JobState.UNKNOWN:
            return State.UNKNOWN
        return self._lost(attempt)

    def _lost(self, attempt: Attempt) -> State:
        self.lost.append(attempt)
        return State.MISSING
