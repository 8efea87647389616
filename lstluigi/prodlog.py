"""Logs of a production as a whole: what ran as which job, with which configs and versions."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lstluigi.errors import LstluigiError
from lstluigi.files import write_text
from lstluigi.jobs.ledger import events
from lstluigi.plan import Plan
from lstluigi.steps import PlannedStep, resolved

VARIABLE = "LSTLUIGI_PROD_LOGS"
PACKAGES = (
    "lstluigi",
    "luigi",
    "lstchain",
    "ctapipe",
    "ctapipe_io_lst",
    "pyirf",
    "astropy",
    "numpy",
)


def logs_root() -> Path:
    """`$LSTLUIGI_PROD_LOGS`, or its default in the user's home."""
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser().absolute() if given else Path.home() / VARIABLE


class ProductionLog:
    """Directory of a production's own logs.

    Parameters
    ----------
    plan
        The production.
    run
        Name of this run.
    """

    def __init__(self, plan: Plan, run: str) -> None:
        self._plan, self._run = plan, run
        self.directory = str(logs_root() / f"logs_{plan.config.prod_id}")

    def _path(self, name: str) -> Path:
        return Path(self.directory, f"{name}_{self._plan.config.prod_id}.yml")

    def begin(self) -> None:
        """Keep what an earlier run left, then the configs used and the versions."""
        for name in ("log_reduced", "log_onsite_mc_r0_to_dl3"):
            _back_up(self._path(name))
        config = self._plan.config
        kept = [config.path] + ([config.lstchain_config] if config.lstchain_config else [])
        for path in kept:
            target = Path(self.directory, path.name)
            text = path.read_text(encoding="utf-8")
            if not target.exists() or target.read_text(encoding="utf-8") != text:
                _back_up(target)
                write_text(str(target), text)
        write_text(str(Path(self.directory, "versions.yml")), _dump(_versions()))

    def write(self) -> None:
        """Write both logs from the ledgers of all steps."""
        reduced: dict[str, dict[str, Any]] = {}
        full: dict[str, dict[str, Any]] = {}
        for node in self._plan.steps:
            jobs = _jobs(node)
            if not jobs:
                continue
            stage, name = node.step.stage, node.label
            reduced.setdefault(stage, {})[name] = [job["job"] for job in jobs]
            units = self._plan.units(node)
            commands = [c for u in units for c in resolved(u.commands, node, self._plan.lstchain)]
            full.setdefault(stage, {})[name] = {
                "output": node.output,
                "commands": [shlex.join(command) for command in commands],
                "jobs": jobs,
            }
        for name, content in (("log_reduced", reduced), ("log_onsite_mc_r0_to_dl3", full)):
            write_text(str(self._path(name)), _dump(content))


def _jobs(node: PlannedStep) -> list[Mapping[str, Any]]:
    """Jobs that were submitted for a step, by its ledger, with the state each ended in."""
    jobs: dict[str, dict[str, Any]] = {}
    for event in events(node.places.ledger):
        array = event.get("array", "")
        if event["event"] == "submitting":
            jobs[array] = {"job": array, "directory": event.get("directory")}
        elif event["event"] == "submitted" and array in jobs:
            jobs[array].update(job=event.get("job"), submitted=event.get("time"))
        elif event["event"] == "ended" and array in jobs:
            jobs[array].setdefault("items", {})[event.get("item")] = event.get("state")
    return list(jobs.values())


def _versions() -> dict[str, str]:
    return {package: version for package in PACKAGES for version in _version(package)}


def _version(package: str) -> Iterator[str]:
    try:
        yield importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return


def _dump(content: Any) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True))


def _back_up(path: Path) -> None:
    """Copy a file under a name with its time, and a number where that name is taken."""
    if not path.exists():
        return
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(path.stat().st_mtime))
    stamps = itertools.chain([stamp], (f"{stamp}.{number}" for number in itertools.count(2)))
    names = (path.with_name(f"{path.stem}.{stamp}{path.suffix}") for stamp in stamps)
    free = next(name for name in names if not name.exists())
    try:
        shutil.copy2(path, free)
    except OSError as error:
        raise LstluigiError(f"{free} cannot be written ({error.strerror})") from None
