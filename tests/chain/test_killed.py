"""A production killed at random moments and typed again ends as if nothing had happened."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from chain_compare import assert_same_production, link_files
from chain_config import DL1_FILES, TRAINING_GAMMAS, shorter_config, small_config
from chain_runs import Production, Running, processes_of, wait_for

pytestmark = pytest.mark.chain
Start = Callable[..., Running]

#: DL1 that is still to be made where the rest is given: one step, two files
TO_MAKE = {DL1_FILES[TRAINING_GAMMAS[0].file(number)] for number in (1, 2)}


def give_dl1(place: Production, production: Production) -> None:
    """DL1 from elsewhere, in its place: most of the production need not be made again."""
    link_files(production.where, place.where, set(DL1_FILES.values()) - TO_MAKE)


def has_come_to(run: Running, events: int) -> bool:
    """Wait until a run has said so often that a step has begun or is done; False if it ends."""

    def there() -> bool:
        return run.text.count(" begun: ") + run.text.count(" done: ") >= events

    wait_for(lambda: there() or run.process.poll() is not None)
    return run.process.poll() is None


def killed_and_typed_again(place: Production, start: Start, seed: int, kills: int) -> None:
    """Kill -9 a run at so many random moments, then let it end."""
    draw = random.Random(seed)
    killed = 0
    for _ in range(kills):
        # before the first step and in the midst of one, whatever the speed of this machine
        events, seconds = draw.randrange(0, 10), draw.uniform(0.0, 4.0)
        run = start(place)
        if has_come_to(run, events) and run.killed_after(seconds):
            killed += 1
            if draw.random() < 0.5:  # else it is typed again at once
                wait_for(lambda: not processes_of(place.where), seconds=30)
    assert killed > kills / 2
    ended = start(place).wait()
    assert ended.code == 0, ended.text


def assert_undisturbed(place: Production, production: Production) -> None:
    assert_same_production(place, production)
    assert place.left_over() == []
    assert processes_of(place.where) == []
    again = place.run()
    assert again.code == 0
    assert " 0 of " in again.sentences


def test_killed_three_times(
    place: Production, production: Production, dl0: Path, start: Start
) -> None:
    place.write(shorter_config(dl0))
    give_dl1(place, production)
    killed_and_typed_again(place, start, seed=1, kills=3)
    assert_undisturbed(place, production)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_eight_times(
    place: Production, production: Production, dl0: Path, start: Start, seed: int
) -> None:
    place.write(small_config(dl0))
    killed_and_typed_again(place, start, seed, kills=8)
    assert_undisturbed(place, production)
