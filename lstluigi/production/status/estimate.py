"""How long a production will take, by what has been finished of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lstluigi.jobs.ledger import Attempt

__all__ = ["Estimate", "Remaining", "estimate"]

#: So far back (s) is looked for how many files were worked on at once.
WINDOW = 3600.0
#: So many files (or steps) of a stage must be finished; of a stage with few, a third.
ENOUGH = 3


@dataclass(frozen=True)
class Estimate:
    """Time left.

    Attributes
    ----------
    seconds
        None where any number would be a guess.
    stages
        Each stage's share, as far as there is one: shares add up, as stages share the machines.
    why
        How it was found, or why there is none.
    """

    seconds: float | None
    why: str
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Remaining:
    """What is left of a stage that can be made without the user.

    Attributes
    ----------
    units
        Files (or steps) to be made; None where nobody can tell yet.
    total
        All of the stage.
    """

    units: int | None
    total: int


def estimate(
    remaining: Mapping[str, Remaining],
    chains: Iterable[Sequence[str]],
    finished: Mapping[str, Sequence[Attempt]],
    running: int,
    now: float,
) -> Estimate:
    """Find the time left of a run that is alive.

    It is the time of what is left, at the mean wall time of what is finished of the same stage,
    divided by the number of parallel jobs; and not shorter than the longest line of steps that
    wait for each other.

    Parameters
    ----------
    remaining
        What is left, by stage.
    chains
        Stages of steps that are left and wait for each other, for every line of them.
    finished
        Attempts that ended well, by stage.
    running
        How many files (or steps) are being made now.
    now
        Seconds since the epoch.
    """
    left = {stage: one for stage, one in remaining.items() if one.units != 0}
    measured = {stage: [a for a in all_ if a.measured] for stage, all_ in finished.items()}
    means = {
        stage: sum(a.wall_s or 0.0 for a in ones) / len(ones)
        for stage, ones in measured.items()
        if ones
    }
    if not left:
        return Estimate(0.0, "nothing is left that a run could make")
    width = max(_at_once([a for ones in measured.values() for a in ones], now), running)
    if width <= 0:
        return Estimate(None, "nothing has been worked on in the last hour")
    lacks = {
        stage: why
        for stage, one in left.items()
        if (why := _lack(stage, one, len(measured.get(stage, ()))))
    }
    shares = {
        stage: (one.units or 0) * means[stage] / width
        for stage, one in left.items()
        if stage not in lacks
    }
    if lacks:
        why = next(iter(lacks.values()))
        return Estimate(None, why, shares)
    chain = max((sum(means[stage] for stage in line) for line in chains), default=0.0)
    work = sum(shares.values())
    why = (
        "what is left of each stage at the mean wall time of what is finished of it, "
        f"{width:.1f} at once as in the last hour"
    )
    if chain > work:
        why = "the longest line of steps that wait for each other, at the mean time of each stage"
    return Estimate(max(work, chain), why, shares)


def _lack(stage: str, left: Remaining, have: int) -> str:
    """Why there is no telling how long a stage takes; empty if there is."""
    if left.units is None:
        return f"it is not known yet how many files {stage} will make"
    want = min(ENOUGH, -(-left.total // 3))
    if not have:
        return f"no step of {stage} has finished yet"
    if have < want:
        return f"only {have} of {stage} are finished, at least {want} are needed"
    return ""


def _at_once(attempts: Sequence[Attempt], now: float) -> float:
    """How many were worked on at once, on average, since the first of the last hour began."""
    spans = [(a.began, a.ended) for a in attempts if a.ended > now - WINDOW]
    if not spans:
        return 0.0
    begin = max(now - WINDOW, min(start for start, _ in spans))
    worked = sum(end - max(start, begin) for start, end in spans)
    return worked / max(now - begin, 1.0)
