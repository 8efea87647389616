"""Random numbers: each product has a seed of its own, whichever generator a command draws from."""

from __future__ import annotations

import functools
import os
import random
import sys
import zlib
from contextlib import suppress
from typing import Any, Counter


def seed_of(final: str) -> int:
    """Seed of what a product is made with, by the names of its directory and its file."""
    return zlib.crc32(os.sep.join(final.split(os.sep)[-2:]).encode("utf-8", "surrogateescape"))


def seed(final: str) -> None:
    """Give the generators of Python and numpy a seed of the product's own.

    lstchain draws without one: from numpy's global generator in training, and from
    `numpy.random.default_rng()` for the noise of waveforms. A product made again, or elsewhere,
    would differ, and the forks of a warm process would all draw the same.
    """
    number = seed_of(final)
    print("# seed of random numbers: %d" % number, flush=True)
    random.seed(number)
    with suppress(ImportError):
        import numpy

        numpy.random.seed(number)
        numpy.random.default_rng = seeded(numpy.random, number)


def seeded(source: Any, number: int) -> Any:
    """Return `default_rng` that makes generators without a seed from a number and their maker.

    That is the function that calls, and how often it has called before: modules that are imported,
    by the first item of a process alone, may make some, too. Generators with a seed are those of
    numpy. So are the distributions of the others, and the numbers of any two are independent, as
    those of `SeedSequence.spawn` are.
    """
    original = getattr(source.default_rng, "__wrapped__", source.default_rng)
    calls: Counter[int] = Counter()

    @functools.wraps(original)
    def default_rng(seed: Any = None) -> Any:
        if seed is None:
            frame = sys._getframe(1)
            name = "%s %s" % (frame.f_globals.get("__name__"), frame.f_code.co_name)
            maker = zlib.crc32(name.encode())
            seed = source.SeedSequence(number, spawn_key=(maker, calls[maker]))
            calls[maker] += 1
        return original(seed)

    return default_rng
