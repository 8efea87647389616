"""From jobs that are ready to arrays that the backend has taken; earlier ones are found again."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lstluigi.errors import LstluigiError
from lstluigi.files import write_json
from lstluigi.jobs.backend import Backend, NotNow
from lstluigi.jobs.ledger import Submission, note, submissions
from lstluigi.jobs.packing import Ready, pack
from lstluigi.jobs.tracking import Followed, Submitted
from lstluigi.jobspec import Array, ArrayFiles, Chunk

log = logging.getLogger("lstluigi")

#: Wait (s) before something is tried again that the backend could not do now.
PATIENCE = 10.0
#: While more jobs are about to be ready, an array waits for them so many times longer.
HOLD = 10
#: So many items wait for no others: they take memory, and a hundred chunks fill an array well.
PLENTY = 5000

GiveUp = Callable[[Followed, Collection[str], str], None]


@dataclass
class _Unsent:
    """An array whose files are written, and what its chunks hold."""

    array: Array
    shares: Sequence[Sequence[Ready]]

    def owners(self) -> list[Followed]:
        found = {id(one.owner): one.owner for share in self.shares for one in share}
        return list(found.values())


class Submitter:
    """Gathers what is ready, and hands it to a backend as few arrays.

    Parameters
    ----------
    backend
        Where jobs run.
    directory
        Directory on the shared file system for arrays and results.
    run
        Name of this run, unique in `directory`.
    give_up
        Called with a job, those of its items that cannot be submitted, and why.
    """

    def __init__(self, backend: Backend, directory: str, run: str, give_up: GiveUp) -> None:
        self._backend, self._directory, self._run = backend, directory, run
        self._give_up = give_up
        self._numbers = itertools.count(1)
        self._to_adopt: list[Followed] = []
        self._ready: list[Ready] = []
        self._ready_since = 0.0
        self._unsent: deque[_Unsent] = deque()
        self._not_before = float("-inf")
        self._said = ""

    def __len__(self) -> int:
        """What has not been handed over yet."""
        return len(self._to_adopt) + len(self._ready) + len(self._unsent)

    @property
    def busy(self) -> bool:
        """Is something to be handed over that the backend can take now?"""
        if time.monotonic() < self._not_before:
            return False
        return bool(self._unsent or (self._ready and self._backend.room() != 0))

    def take(self, followed: Followed) -> None:
        """Take on a job: what an earlier run has submitted of it is found again first."""
        self._to_adopt.append(followed)

    def make_ready(self, ready: Iterable[Ready]) -> None:
        """Take on single items."""
        if not self._ready:
            self._ready_since = time.monotonic()
        self._ready.extend(ready)

    def pump(self, more: bool) -> Iterator[Submitted]:
        """Hand over what is ready, as far as that can be done now; yield chunks to be followed.

        Parameters
        ----------
        more
            Whether more jobs are about to be taken on.
        """
        if time.monotonic() >= self._not_before:
            yield from self._find_again()
        self._gather(more)
        while self._unsent and time.monotonic() >= self._not_before:
            yield from self._send(self._unsent[0])

    def clear(self) -> list[Followed]:
        """Forget what has not been handed over; return what may be in the queue all the same."""
        unsure = [*self._to_adopt, *(owner for unsent in self._unsent for owner in unsent.owners())]
        self._to_adopt.clear()
        self._ready.clear()
        self._unsent.clear()
        return unsure

    def _wait(self, reason: NotNow) -> None:
        if str(reason) != self._said:  # once: it may last for days
            self._said = str(reason)
            log.warning("%s; trying again every %.0f s", reason, PATIENCE)
        self._not_before = time.monotonic() + PATIENCE

    # what an earlier run has left

    def _find_again(self) -> Iterator[Submitted]:
        jobs, self._to_adopt = self._to_adopt, []
        while jobs:
            followed = jobs.pop(0)
            try:
                adopted = list(self._adopt(followed)) if self._backend.survives else []
            except NotNow as reason:
                self._wait(reason)
                self._to_adopt = [followed, *jobs]
                return
            except LstluigiError as error:
                self._give_up(followed, set(followed.open), str(error))
                continue
            yield from adopted
            found = {item for submitted in adopted for item in submitted.owners}
            items = [item for item in followed.work.items if item.id not in found]
            self.make_ready(Ready(item, followed.work.shared, followed) for item in items)

    def _adopt(self, followed: Followed) -> Iterator[Submitted]:
        found: set[str] = set()
        for submission in submissions(followed.job.ledger, self._backend.name):
            alive = self._backend.adopt(submission)
            if not alive and submission.may_arrive:
                raise NotNow(f"array {submission.array} of an earlier run may still arrive")
            mine = {i: n for i, n in submission.open.items() if n in alive and i in followed.open}
            if mine and submission.recipe != followed.work.recipe:
                raise LstluigiError(
                    f"jobs of an earlier run ({submission.name}) are making it differently from "
                    "what the config says now; wait for them, or end them with `lstluigi cancel`"
                )
            found |= mine.keys()
            yield from _chunks_of(submission, mine, followed)
        if found:
            log.info("found again in the queue: %s", followed.work.title)

    # submission

    def _gather(self, more: bool) -> None:
        """Make arrays of what is ready, once no more is about to join it."""
        waited = time.monotonic() - self._ready_since
        early = waited < self._backend.gather * (HOLD if more else 1)
        if not self._ready or (early and len(self._ready) < PLENTY):
            return
        if self._unsent:  # the backend takes nothing now; what comes meanwhile goes out together
            return
        room = self._backend.room()
        if room == 0:
            return
        left: list[Ready] = []
        ready = [one for one in self._ready if one.item.id in one.owner.open]
        for chunks in pack(ready, self._backend):
            fitting = chunks if room is None else chunks[:room]
            left += [one for _, share in chunks[len(fitting) :] for one in share]
            if room is not None:
                room -= len(fitting)
            if fitting:
                self._write(fitting)
        self._ready = left

    def _write(self, packed: Sequence[tuple[Chunk, list[Ready]]]) -> None:
        name = f"{self._run}-{next(self._numbers):05d}"
        shares = [share for _, share in packed]
        titles = {id(one.owner): one.owner.work.title for share in shares for one in share}
        title = next(iter(titles.values())) + f"+{len(titles) - 1}" * (len(titles) > 1)
        place = os.path.join(self._directory, name)
        array = Array(name, place, [chunk for chunk, _ in packed], title)
        unsent = _Unsent(array, shares)
        held: dict[int, dict[int, list[str]]] = {}
        for index, share in enumerate(shares):
            for one in share:
                held.setdefault(id(one.owner), {}).setdefault(index, []).append(one.item.id)
        try:
            for index in range(len(shares)):
                write_json(array.spec(index), array.as_json(index))
            for owner in unsent.owners():
                _note_submitting(owner, array, held[id(owner)], self._backend.name)
        except LstluigiError as error:
            self._refuse(unsent, str(error))
            return
        self._unsent.append(unsent)

    def _send(self, unsent: _Unsent) -> Iterator[Submitted]:
        array = unsent.array
        try:
            job = self._backend.submit(array)
        except NotNow as reason:
            with suppress(OSError):
                os.utime(array.directory)  # it may arrive from now on: `Submission.arrives`
            self._wait(reason)
            return
        except LstluigiError as error:
            self._unsent.popleft()
            self._refuse(unsent, str(error))
            return
        self._unsent.popleft()
        self._said = ""
        for owner in unsent.owners():
            owner.say("submitted", array=array.id, job=job)
        for index, share in enumerate(unsent.shares):
            ids = [sys.intern(one.item.id) for one in share]  # the same that their owners hold
            owners = {item: one.owner for item, one in zip(ids, share, strict=True)}
            shared = {item: one.shared for item, one in zip(ids, share, strict=True)}
            yield Submitted(array.files, index, array.resources, owners, shared)

    def _refuse(self, unsent: _Unsent, message: str) -> None:
        for owner in unsent.owners():
            owner.say("refused", array=unsent.array.id, message=message)
        for owner in unsent.owners():
            mine = {one.item.id for share in unsent.shares for one in share if one.owner is owner}
            self._give_up(owner, mine, message)


def _chunks_of(
    submission: Submission, mine: Mapping[str, int], followed: Followed
) -> Iterator[Submitted]:
    files, shared = ArrayFiles(submission.array, submission.directory), followed.work.shared
    for index in sorted(set(mine.values())):
        owners = {item: followed for item, chunk in mine.items() if chunk == index}
        asked = submission.asked or shared.resources
        yield Submitted(files, index, asked, owners, dict.fromkeys(owners, shared))


def _note_submitting(
    owner: Followed, array: Array, chunks: Mapping[int, Sequence[str]], backend: str
) -> None:
    asked = array.resources
    note(
        owner.job.ledger,
        "submitting",
        array=array.id,
        backend=backend,
        directory=array.directory,
        name=array.name,
        recipe=owner.work.recipe,
        asked={"cpus": asked.cpus, "memory_mb": asked.memory_mb, **dict(asked.options)},
        chunks=chunks,
    )
