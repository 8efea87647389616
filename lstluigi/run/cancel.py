"""`lstluigi cancel`: end the run of a production and its jobs on Slurm, and nothing else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstluigi.config import ProductionConfig
from lstluigi.errors import NOTHING_DONE, ConfigError, LstluigiError
from lstluigi.jobs.backend import NotNow
from lstluigi.jobs.ledger import Submission, note, submissions
from lstluigi.jobs.lock import Owner, owner
from lstluigi.jobs.slurm import SlurmBackend, commands, controller
from lstluigi.production.load import Choices, readable, stages_of
from lstluigi.production.places import directory_of
from lstluigi.production.selection import named
from lstluigi.production.step import PlannedStep, planned

#: How long (s) a run may take to end once it was told to.
PATIENCE = 180.0
#: How often (s) it is looked at meanwhile.
LOOK = 0.5
#: How many arrays are named.
SHOWN = 20

Tell = Callable[[str], None]


@dataclass
class _Concerned:
    """An array of this production: chunks that may be under way, and ledgers that know of it."""

    submission: Submission
    chunks: set[int] = field(default_factory=set)
    ledgers: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.submission.name} [{commands.compact(self.chunks)}]"


def cancel(
    config: str, tell: Tell, *, pattern: str = "", dry_run: bool = False, **choices: Any
) -> None:
    """End the run of a production and all of its jobs; or only jobs of some steps.

    Parameters
    ----------
    config
        Path of the production config; what is wrong in it matters only as far as steps are lost.
    tell
        Called with sentences for the user.
    pattern
        Names steps whose jobs are ended; a run goes on without them.
    dry_run
        Say what would be ended, and end nothing.
    choices
        As for `lstluigi.validation.examine.Choices`; only those matter that name files.

    Raises
    ------
    LstluigiError
        When not everything can be ended, or Slurm does not answer.
    """
    production = _read(Choices(config, **choices), tell)
    stages = stages_of(production)
    steps = [planned(i, step, stages[step.stage]) for i, step in enumerate(production.steps)]
    if pattern:
        _cancel_some(production, steps, pattern, tell, dry_run)
        return
    ended = _end_run(production.prod_id, steps, tell, dry_run)
    arrays = _concerned(steps)
    alive = _under_way(SlurmBackend(production.slurm), arrays, tell, dry_run) if arrays else 0
    if not alive and not ended:
        tell(f"{production.prod_id}: nothing is under way, so {NOTHING_DONE}")
        return
    would = "would be " * dry_run
    what = [f"the run {would or 'was '}ended"] * ended + [f"{alive} job(s) {would}cancelled"]
    end = NOTHING_DONE if dry_run else "what was finished is kept"
    tell(f"{production.prod_id}: {', '.join(what[: len(what) - (not alive)])}; {end}")


def _cancel_some(
    production: ProductionConfig,
    steps: Sequence[PlannedStep],
    pattern: str,
    tell: Tell,
    dry_run: bool,
) -> None:
    """End jobs of some steps, but no job that works for others, too."""
    chosen = named(steps, pattern, production.path)
    arrays = _concerned(chosen)
    indices = {node.index for node in chosen}
    others = {
        other.submission.array: other.chunks
        for other in _concerned(node for node in steps if node.index not in indices)
    }
    followed = {node.places.ledger: found for node in chosen if (found := owner(node.places.lock))}
    left = 0
    for array in arrays:
        array.ledgers -= followed.keys()  # that run takes down itself how its jobs ended
        shared = array.chunks & others.get(array.submission.array, set())
        if shared:
            array.chunks -= shared
            array.ledgers.clear()
            left += len(shared)
            tell(f"{array.submission.name}: {len(shared)} job(s) also make other steps and go on")
    alive = _under_way(SlurmBackend(production.slurm), arrays, tell, dry_run) if arrays else 0
    head, count = production.prod_id, f"{len(chosen)} step(s)"
    if alive:
        end = f"would be cancelled; {NOTHING_DONE}" if dry_run else "cancelled"
        tell(f"{head}: {alive} job(s) of {count} {end}")
    elif left or followed:
        raise LstluigiError(f"{head}: nothing was cancelled: {_goes_on(followed, count)}")
    else:
        tell(f"{head}: nothing of {count} is under way, so {NOTHING_DONE}")


def _goes_on(followed: Mapping[str, Owner], count: str) -> str:
    """Why steps go on that were to be cancelled by name, and what ends them."""
    if not followed:
        return f"no job works for these {count} alone; `lstluigi cancel` ends all jobs"
    first = next(iter(followed.values()))
    return (
        f"{first} makes {len(followed)} of these {count}, and no job in Slurm's queue works for "
        "them alone; `lstluigi cancel` without a pattern, or Ctrl-C where it was typed, ends it"
    )


def _read(choices: Choices, tell: Tell) -> ProductionConfig:
    """The config, as far as it can be read: jobs to be ended need no input to be there."""
    config, problems = readable(choices)
    if not config.prod_id:
        raise ConfigError(problems)
    if problems:
        tell(
            f"{len(problems)} problem(s) in the config keep it from being run, not from "
            f"being cancelled; the first: {problems[0]}"
        )
    return config


# the run


def _end_run(prod_id: str, steps: Sequence[PlannedStep], tell: Tell, dry_run: bool) -> bool:
    """End a run that is alive; True if there was (or would be) something to end."""
    last = controller.recorded(directory_of(prod_id))
    # a machine without Slurm is asked for no controller, unless there may be one
    controllers = controller.in_queue(prod_id) if last or _concerned(steps) else {}
    own = {*controllers, last} - {""}
    owners = dict(_owners(steps))
    for path, found in owners.items():
        if found.job not in own and not found.here:
            raise LstluigiError(_elsewhere(found, path))
    here = {found.pid: found for found in owners.values() if found.job not in own}
    named = [f"job {job} ({state}), the run," for job, state in controllers.items()]
    for name in [*named, *map(str, here.values())]:
        tell(f"{name} {'would be' if dry_run else 'is'} ended first")
    if not dry_run:
        _end_controllers(prod_id, controllers)
        _clear_locks(path for path, found in owners.items() if found.job in own)
        for found in here.values():
            _end_process(found)
    return bool(controllers or here)


def _owners(steps: Iterable[PlannedStep]) -> Iterator[tuple[str, Owner]]:
    for node in steps:
        path = node.places.lock
        if (found := owner(path)) is not None:
            yield path, found


def _elsewhere(found: Owner, path: str) -> str:
    if not found.host:
        return f"a run is just beginning (lock {path}); try again in a minute"
    until = time.strftime("%H:%M", time.localtime(found.until))
    end = f"scancel {found.job}" if found.job else f"kill {found.pid}"
    return (
        f"{found} is alive and would go on submitting: end it there ({end}), then type this again; "
        f"if that machine is down, this works from {until} on (lock {path})"
    )


def _end_controllers(prod_id: str, controllers: Mapping[str, str]) -> None:
    """They detach when they are told to end; jobs that they are about to submit are waited for."""
    if not controllers:
        return
    answer = commands.run(["scancel", *controllers])
    if answer.code != 0:
        raise NotNow(f"the run cannot be cancelled: {answer.words}")
    _wait(lambda: not controller.in_queue(prod_id).keys() & controllers.keys(), "its job")


def _clear_locks(paths: Iterable[str]) -> None:
    """A controller that was killed could not give its locks back."""
    for path in paths:
        if owner(path) is not None:
            Path(path).unlink(missing_ok=True)


def _end_process(found: Owner) -> None:
    try:
        os.kill(found.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise LstluigiError(f"{found} belongs to another user, who has to end it") from None
    _wait(lambda: not found.alive, f"{found} (kill -9 {found.pid} ends it, its jobs go on)")


def _wait(over: Callable[[], bool], who: str) -> None:
    until = time.monotonic() + PATIENCE
    while not over():
        if time.monotonic() > until:
            raise LstluigiError(f"not ended within {PATIENCE / 60:.0f} minutes: {who}; try again")
        time.sleep(LOOK)


# its jobs


def _concerned(steps: Iterable[PlannedStep]) -> list[_Concerned]:
    """Arrays that may be under way, by the ledgers."""
    found: dict[str, _Concerned] = {}
    for node in steps:
        for submission in submissions(node.places.ledger, SlurmBackend.name):
            known = found.setdefault(submission.array, _Concerned(submission))
            known.chunks |= set(submission.open.values())
            known.ledgers.add(node.places.ledger)
    return list(found.values())


def _under_way(
    backend: SlurmBackend, arrays: Iterable[_Concerned], tell: Tell, dry_run: bool
) -> int:
    """Cancel what is under way of arrays; return how many jobs these are."""
    alive: list[_Concerned] = []
    for array in arrays:
        array.chunks &= _adopted(backend, array.submission, tell)
        if array.chunks:
            alive.append(array)
    for array in alive[:SHOWN]:
        tell(f"  {array}")
    if len(alive) > SHOWN:
        tell(f"  and {len(alive) - SHOWN} more arrays")
    if not dry_run:
        backend.cancel((a.submission.array, chunk) for a in alive for chunk in a.chunks)
        for array in alive:
            for ledger in array.ledgers:
                note(ledger, "cancelled", array=array.submission.array)
    return sum(len(array.chunks) for array in alive)


def _adopted(backend: SlurmBackend, submission: Submission, tell: Tell) -> set[int]:
    """Chunks under way; a submission that was cut short may still arrive, and is waited for."""
    told = False
    while not (found := set(backend.adopt(submission))):
        left = submission.arrives - time.time()
        if submission.job or left <= 0:
            break
        if not told:
            tell(f"{submission.name} may still arrive in Slurm's queue: waiting up to {left:.0f} s")
        told = True
        time.sleep(min(left, LOOK))
    return found
