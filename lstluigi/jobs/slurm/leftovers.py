"""What a production has left in the queue though all that it makes is there."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json
from lstluigi.jobs.slurm import commands, states
from lstluigi.jobs.slurm.commands import Row, Run
from lstluigi.jobspec import ArrayFiles

__all__ = ["end_leftovers"]

log = logging.getLogger("lstluigi")

#: How long (s) jobs that have done everything may take to end by themselves.
PATIENCE = 5.0
#: How long (s) Slurm may take to answer.
SILENCE = 30.0
#: Pause (s) after the first look; each later one is twice as long.
LOOK = 1.0

#: Elements by the id of their job, and whether that is an array.
Leftovers = dict[tuple[str, bool], list[int]]


def end_leftovers(directory: str, run: str, ask: Run = commands.run) -> int:
    """Cancel jobs that are not needed any more, and return how many they were.

    These are jobs of which all products are there, and all of a run that has ended by itself. Slurm
    may know jobs again that it had forgotten, or may have missed that they have ended.

    Parameters
    ----------
    directory
        Where the files of the production's arrays lie.
    run
        Name of the run, which its arrays begin with.
    ask
        Runs a command of Slurm.
    """
    if not os.path.isdir(directory):
        return 0
    begun, pause = time.monotonic(), LOOK
    while True:
        answer = ask(commands.squeue(commands.user_name()))
        took = time.monotonic() - begun
        if answer.code == 0:
            left = _left(commands.parse_squeue(answer.out), directory, run)
            if not left or took >= PATIENCE:
                break
        elif took >= SILENCE or not answer.silent:
            log.warning("jobs may be left in the queue of Slurm (%s)", answer.words)
            return 0
        time.sleep(pause)
        pause *= 2
    return _end(left, ask)


def _end(left: Leftovers, ask: Run) -> int:
    count = sum(map(len, left.values()))
    for arrays in (True, False):
        jobs = {job: found for (job, of_array), found in left.items() if of_array is arrays}
        for argv in commands.scancel(jobs, arrays):
            answer = ask(argv)
            if answer.code != 0:
                log.warning("%d job(s) that are not needed any more: %s", count, answer.words)
                return 0
    if count:
        log.info("%d job(s) that were not needed any more were cancelled", count)
    return count


def _left(rows: Iterable[Row], directory: str, run: str) -> Leftovers:
    names = set(os.listdir(directory))
    found: Leftovers = {}
    for row in rows:
        ends = (row.name[i + 1 :] for i, letter in enumerate(row.name) if letter == ".")
        array = next((end for end in ends if end in names), None)
        if array is None or not states.goes_on(row.state):
            continue
        files, in_array = ArrayFiles(array, os.path.join(directory, array)), row.elements != "N/A"
        for index in commands.indices(row, in_array):
            if array.startswith(f"{run}-") or _is_done(files, index):
                found.setdefault((row.job, in_array), []).append(index)
    return found


def _is_done(array: ArrayFiles, index: int) -> bool:
    """Are all products of an element at their places?"""
    try:
        spec = read_json(array.spec(index))
        items = [item for chunk in spec["chunks"] for item in chunk["items"]]
        return all(os.path.exists(p["final"]) for item in items for p in item["products"])
    except (LstluigiError, KeyError, TypeError):
        return False
