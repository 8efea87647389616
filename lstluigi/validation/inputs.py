"""A look into files that steps read from outside, by another process: this one stays light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec

from lstluigi.errors import Problem
from lstluigi.files import write_json
from lstluigi.jobs.results import read_results
from lstluigi.jobs.script import RUNNER
from lstluigi.jobspec import Array, Chunk, Environment, Item, Meeting, Resources
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep

#: A file, its size and time (ns), what it has to hold, as JSON, and the features of a model.
_Asked = tuple[str, int, int, str, tuple[str, ...]]
#: More than the runner needs for a thousand files; a file system that hangs is told by the run.
TIMEOUT = 120


def probe_problems(plan: Plan, steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """What one file of each input from outside lacks, where a stage has this looked at."""
    asked = {
        (node.index, str(number)): found
        for node in steps
        for number, reading in enumerate(node.readings)
        if reading.probed
        and reading in plan.external(node)
        and (found := _first(plan, node, number)) is not None
    }
    asked |= {(node.index, key): found for node in steps for key, found in _models(plan, node)}
    # both come with lstchain: without them a file is looked into by the jobs alone
    if not asked or not all(map(find_spec, ("tables", "astropy"))):
        return
    reasons = _reasons(tuple(dict.fromkeys(asked.values())))
    for (index, key), found in asked.items():
        if reason := reasons.get(found):
            node = plan.steps[index]
            mend = node.stage.mend(reason) or "take a whole file that was made for this"
            yield Problem(node.step.where("input" if key.isdecimal() else key), reason, mend)


def _models(plan: Plan, node: PlannedStep) -> Iterator[tuple[str, _Asked]]:
    """Models that are there and those features that they must have, by the key of the config."""
    if node.stage.loads is None:
        return
    for unit in plan.units(node):
        for file, features in (unit.meeting.models if unit.meeting else {}).items():
            if plan.listing.is_file(file):
                status = os.stat(file)
                size, time = status.st_size, status.st_mtime_ns
                yield (
                    f"path_model {os.path.basename(file)}",
                    (file, size, time, "{}", tuple(features)),
                )


def _first(plan: Plan, node: PlannedStep, number: int) -> _Asked | None:
    """The first file behind a reading that is there."""
    for file in plan.files(node, number):
        if plan.listing.is_file(file):
            status = os.stat(file)
            check = json.dumps(dict(node.readings[number].check))
            return file, status.st_size, status.st_mtime_ns, check, ()
    return None


@lru_cache(maxsize=16)
def _reasons(asked: tuple[_Asked, ...]) -> dict[_Asked, str]:
    """Why files are not fit, as a job would say it; those that are fit are left out."""
    with tempfile.TemporaryDirectory(prefix="lstluigi-probe-") as place:
        items = [
            Item(
                str(number),
                (),
                (),
                f"{place}/scratch/{number}",
                f"{place}/{number}.log",
                (),
                [(file, json.loads(c))],
                meeting=Meeting([], models={file: names}) if names else None,
            )
            for number, (file, _, _, c, names) in enumerate(asked)
        ]
        array = Array("probe", place, [Chunk(items, Resources(), Environment())])
        write_json(array.spec(0), array.as_json(0))
        command = [sys.executable, RUNNER, array.spec(0), "0"]
        try:
            subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return {}
        results = read_results(array.result(0))
    return {
        one: str(result["reason"])
        for number, one in enumerate(asked)
        if (result := results.get(str(number))) is not None and result.get("state") == "failed"
    }
