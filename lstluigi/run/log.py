"""Logs of a production as a whole: what ran as which job, with which configs and versions."""

from __future__ import annotations

import importlib.metadata
import itertools
import logging
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json, write_json, write_text, written
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.ledger import STAMP, History
from lstluigi.production.cost import accounts, cost_of, described, joined
from lstluigi.production.places import cost_file, cost_in, directory_of
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep

log = logging.getLogger("lstluigi")

#: How often (s) the logs are written at most, and how soon the first time is looked for.
EVERY, SOON = 60.0, 5.0
REDUCED, FULL = "log_reduced", "log_onsite_mc_r0_to_dl3"
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


class ProductionLog:
    """Logs of a production as a whole, in a directory of its own, written while it runs.

    Only ledgers of steps that this run has begun are read again, and only from where they were
    read before; what is written of a step is kept until its ledger grows.

    Parameters
    ----------
    plan
        The production.
    run
        Name of this run.
    backend
        Where its jobs run.
    """

    def __init__(self, plan: Plan, run: str, backend: Backend) -> None:
        self._plan, self._run, self._backend = plan, run, backend
        self.directory = directory_of(plan.config.prod_id)
        self._histories: dict[int, History] = {}
        self._commands: dict[int, list[str]] = {}
        self._texts: dict[int, tuple[str, str]] = {}
        self._begun: set[int] = set()
        self._over: set[int] = set()
        self._next = 0.0
        self._ending = ""

    def _path(self, name: str, suffix: str = "yml") -> Path:
        return Path(self.directory, f"{name}_{self._plan.config.prod_id}.{suffix}")

    def begin(self) -> None:
        """Keep what an earlier run left, then the configs used and the versions."""
        for name in (REDUCED, FULL):
            _back_up(self._path(name))
        config = self._plan.config
        # the configs of two tools may have one name
        tools = ((path, f"{tool}_{path.name}") for tool, path in config.tool_configs.items())
        for path, name in ((config.path, config.path.name), *tools):
            _keep(path, Path(self.directory, name))
        write_text(str(Path(self.directory, "versions.yml")), _dump(_versions()))
        for node in self._plan.steps:
            if self._plan.listing.exists(node.places.ledger):
                self._read_on(node)

    # while the production runs

    def heard(self, node: PlannedStep, word: str) -> None:
        """Take note that a step has begun, is done, or has failed."""
        (self._begun if word == "begun" else self._over).add(node.index)

    def keep_up(self) -> None:
        """Write what has changed, if the last time was long enough ago."""
        now = time.monotonic()
        if now < self._next:
            return
        self._try_to(self._write_changes)
        self._next = now + (EVERY if self._texts else SOON)

    def _write_changes(self) -> None:
        if self._look():
            self._write()

    def _write_all(self) -> None:
        self._look()
        self._write()

    def close(self) -> None:
        """Write everything as it is at the end of the run."""
        self._try_to(self._write_all)
        if not self._jobs(under_way=True):
            self._try_to(self._check)
        self._try_to(self._write_cost)

    @staticmethod
    def _try_to(write: Callable[[], None]) -> None:
        """A full disk, or one that does not answer, must not end the run."""
        try:
            write()
        except LstluigiError as error:
            log.warning("%s", error)

    def _look(self) -> bool:
        """Read on in the ledgers of steps under way; True if there was something."""
        looked = self._begun | self._over
        changed = [index for index in looked if self._read_on(self._plan.steps[index])]
        self._begun -= self._over
        self._over.clear()
        return bool(changed)

    def _read_on(self, node: PlannedStep) -> bool:
        history = self._histories.setdefault(node.index, History(node.places.ledger))
        if not history.read_on():
            return False
        self._texts[node.index] = self._described(node, history)
        return True

    def _described(self, node: PlannedStep, history: History) -> tuple[str, str]:
        """What both logs say of a step."""
        if node.index not in self._commands:
            self._commands[node.index] = list(map(shlex.join, self._plan.commands(node)))
        jobs = history.described
        if not jobs:
            return "", ""
        ids = [job["job"] for job in jobs if job["job"]]
        what: dict[str, Any] = {
            "output": node.output,
            "commands": self._commands[node.index],
            "jobs": jobs,
        }
        found = node.stage.found(node.step)
        what |= {"found": dict(found)} if found else {}
        return _below(node.step.stage, node.label, ids), _below(node.step.stage, node.label, what)

    def _jobs(self, under_way: bool = False) -> list[str]:
        """Ids of jobs of this production, also of earlier runs, each once."""
        found = (h.jobs(self._backend.name, under_way) for h in self._histories.values())
        return list(dict.fromkeys(job for jobs in found for job in jobs))

    def _write(self) -> None:
        for number, name in enumerate((REDUCED, FULL)):
            stages: dict[str, list[str]] = {}
            for node in self._plan.steps:
                if text := self._texts.get(node.index, ("", ""))[number]:
                    stages.setdefault(node.step.stage, []).append(text)
            texts = [f"{stage}:\n{''.join(steps)}" for stage, steps in stages.items()]
            write_text(str(self._path(name)), "".join(texts) or "{}\n")
        ending = self._backend.ending(self._jobs(under_way=True))
        if ending != self._ending:
            write_text(str(self._path("scancel", "sh")), ending, 0o700)
            self._ending = ending

    def _check(self) -> None:
        """What the backend's accounts say of every job."""
        jobs = self._jobs()
        lines = list(self._backend.account(jobs)) if jobs else []
        if lines:
            write_text(str(self._path("check", "txt")), "\n".join([*lines, ""]))

    def _write_cost(self) -> None:
        """Write it with the other logs, and beside products, where whoever has the config looks."""
        prod_id = self._plan.config.prod_id
        costs = cost_of(self._plan, accounts(prod_id))
        now = described(prod_id, costs, time.strftime(STAMP, time.gmtime()))
        write_json(cost_file(prod_id), now)
        first = {node.step.stage: node.places for node in reversed(self._plan.steps)}
        for places in first.values() if costs else ():
            if os.path.isdir(places.logs):
                path = cost_in(places.logs, prod_id)
                write_json(path, joined(_kept(path), now))


def _kept(path: str) -> Any:
    """A record of an earlier run; None where there is none that can be read."""
    try:
        return read_json(path)
    except LstluigiError:
        return None


def _below(stage: str, name: str, content: Any) -> str:
    """Lines of YAML of a step, as they stand below the name of its stage."""
    return _dump({stage: {name: content}}).partition("\n")[2]


def _versions() -> dict[str, str]:
    return {package: version for package in PACKAGES for version in _version(package)}


def _version(package: str) -> Iterator[str]:
    try:
        yield importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return


def _dump(content: Any) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(
        yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LstluigiError(f"{path} cannot be read ({error.strerror})") from None


def _keep(path: Path, target: Path) -> None:
    """Copy a file, unless it is there already; another that is there is kept, too."""
    content = _content(path)
    if os.path.exists(target) and _content(target) == content:
        return
    _back_up(target)
    with written(target) as place:
        place.write_bytes(content)


def _back_up(path: Path) -> None:
    """Copy a file under a name with its time, and a number where that name is taken."""
    if not os.path.exists(path):
        return
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(path.stat().st_mtime))
    stamps = itertools.chain([stamp], (f"{stamp}.{number}" for number in itertools.count(2)))
    names = (path.with_name(f"{path.stem}.{stamp}{path.suffix}") for stamp in stamps)
    free = next(name for name in names if not name.exists())
    with written(free) as place:
        shutil.copyfile(path, place)
