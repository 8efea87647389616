"""Productions of tiny files in a temporary directory, run with stand-ins for lstchain's commands.

`Lab.run` runs a production inside this process: Luigi, session, monitor and runner are the real
ones; only the backend is replaced by one that has the runner do its chunks in this process.
`Lab.type` starts the command line in a process of its own, with the local backend and an
environment that is sourced.
"""

from __future__ import annotations

import contextlib
import fnmatch
import gzip
import importlib.util
import io
import itertools
import json
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import tables
import yaml

from lstluigi.jobs.backend import Backend, ChunkId
from lstluigi.jobs.local import LocalBackend
from lstluigi.jobs.lock import _started
from lstluigi.jobs.runner import commands
from lstluigi.jobs.runner.base import STOP_SIGNALS
from lstluigi.jobs.runner.chunk import Chunk
from lstluigi.jobs.runner.items import perform
from lstluigi.jobs.runner.spec import load_chunk
from lstluigi.jobs.runner.workers import binder
from lstluigi.jobs.states import JobState, JobStatus
from lstluigi.jobspec import Array, Resources
from lstluigi.production.load import Choices
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep
from lstluigi.run import session as session_module
from lstluigi.run import tasks as production
from lstluigi.run.session import Session
from lstluigi.scheduler import exit_code, run_tasks
from lstluigi.scheduler.luigi_import import import_luigi

luigi = import_luigi()
HERE = Path(__file__).parent
STAND_INS = HERE / "stand_ins"
BIN = Path(sys.executable).parent


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, STAND_INS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fake = _load("fake_lstchain")


def events_in(path: Path | str, table: str = fake.PARAMETERS) -> set[tuple[int, int]]:
    """The events of an HDF5 file as (obs_id, event_id)."""
    with tables.open_file(str(path)) as h5:
        rows = h5.get_node(table).read()
    found = {(int(row["obs_id"]), int(row["event_id"])) for row in rows}
    assert len(found) == len(rows), "an event is there twice"
    return found


def write_dl1(path: Path, count: int = 3, whole: bool = True) -> None:
    """A DL1 file made by hand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fake.write_dl1(str(path), fake.events(str(path), count), True, whole)


class ChunkHere(Chunk):
    """A chunk whose items are done by this process: quick, and none of them may crash."""

    def _employ(self, items: list[dict[str, Any]]) -> None:
        for item in items:
            self._take({"event": "start", "id": item["id"], "warm_up": False}, item)
            perform(item, lambda told, item=item: self._take(told, item), self.bind)
            self._take({"event": "end", "status": 0, "cpu_s": 0, "max_rss_mb": 0}, item)


@contextlib.contextmanager
def _as_if_in_a_job() -> Iterator[None]:
    """The stand-ins in place of the commands; afterwards this process is as it was before."""
    scripts = {
        name: SimpleNamespace(load=lambda function=function: function)
        for name, function in fake.COMMANDS.items()
    }
    logging_to, here = list(logging.root.handlers), os.getcwd()
    signals = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "console_scripts", lambda: scripts)
        patch.setattr(commands.runpy, "run_path", fake.run_stand_in)
        patch.setattr(sys, "argv", [])
        for handle, stream in enumerate(("stdout", "stderr"), start=1):  # pytest has others there
            patch.setattr(sys, stream, os.fdopen(handle, "w", buffering=1, closefd=False))
        yield
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:] = logging_to
    os.chdir(here)


class HereBackend(Backend):
    """Does every chunk at once, in this process, with the stand-ins."""

    name = "local"
    interval = longest_interval = 0.0

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self._ended: dict[ChunkId, JobStatus] = {}

    def resources(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        return LocalBackend(Resources(2, 4000)).resources(kind, usual, requests)

    def width(self, resources: Resources) -> int | None:
        return 1

    def submit(self, array: Array) -> str:
        self.arrays.append(array)
        for index in range(len(array.chunks)):
            with _as_if_in_a_job():
                spec = load_chunk(array.spec(index), 0)
                failed = ChunkHere(spec, index, binder(False)).run()
            state = JobState.FAILED if failed else JobState.SUCCEEDED
            self._ended[array.id, index] = JobStatus(state, "its job ended" * bool(failed))
        return array.id

    def poll(self) -> Mapping[ChunkId, JobStatus]:
        ended, self._ended = self._ended, {}
        return ended

    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        """Nothing is ever under way."""

    def detach(self) -> str:
        return "nothing was under way"


@dataclass
class Run:
    """How a run ended: exit code, everything it said, and the steps that it began."""

    code: int
    text: str
    begun: list[str] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)


class Lab:
    """A production under test.

    Parameters
    ----------
    root
        Directory of everything.
    monkeypatch
        Of the test.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        self.prod_logs = root / "prodlogs"
        monkeypatch.setenv("LSTLUIGI_PROD_LOGS", str(self.prod_logs))
        monkeypatch.delenv(fake.FAULTS, raising=False)
        self.config = root / "config.yml"
        self.lstchain_config = root / "lstchain.json"
        self.configure(threshold=1)
        self.session: Session

    def path(self, *names: str) -> str:
        """A path below the root."""
        return str(self.root.joinpath(*names))

    # what there is

    def configure(self, **content: Any) -> None:
        """Write the lstchain config."""
        self.lstchain_config.write_text(json.dumps(content))

    def simtel(self, directory: str, **files: str) -> None:
        """Write DL0: for each file a number of events, or a fault (see the stand-ins)."""
        (self.root / directory).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            packed = gzip.compress(content.encode(), mtime=0)
            (self.root / directory / f"{name}.simtel.gz").write_bytes(packed)

    def write(self, stages: Mapping[str, list[dict[str, Any]]], **top: Any) -> None:
        """Write the production config."""
        content = {
            "workflow_kind": "lstchain",
            "prod_id": "test_prod",
            "lstchain_config": str(self.lstchain_config),
            "stages_to_run": list(stages),
            "stages": dict(stages),
            **top,
        }
        self.config.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))

    def fault(self, **faults: str) -> None:
        """Have commands go wrong from now on."""
        self._monkeypatch.setenv(fake.FAULTS, json.dumps(faults))

    def mend(self) -> None:
        """Have all commands go well again."""
        self._monkeypatch.delenv(fake.FAULTS, raising=False)

    def plan(self, **choices: Any) -> Plan:
        """The plan of a session with these choices, with nothing run."""
        return Session(Choices(config=str(self.config), **choices)).plan

    # runs in this process

    def run(self, stage: str = "", output: str = "", **choices: Any) -> Run:
        """Type the command, as it were; nothing is remembered from the run before."""
        hooks: list[Any] = []
        patch = self._monkeypatch.setattr
        patch(session_module, "atexit", SimpleNamespace(register=hooks.append))
        luigi.Task.clear_instance_cache()
        production.session.cache_clear()
        backend, begun = HereBackend(), []

        def heard(node: PlannedStep, word: str) -> None:
            begun.extend([node.output] * (word == "begun"))

        def prepared(choices: Choices) -> Session:
            session = Session(choices)
            session.run += f"-{next(NUMBERS)}"  # runs of one process within one second
            session.__dict__["backend"] = backend
            session.listeners.append(heard)
            self.session = session
            return session

        luigi.configuration.get_config().set("worker", "wait_interval", "0.01")
        with _listening() as said, contextlib.redirect_stderr(said):
            try:
                patch(production, "session", _once(prepared))
                code = exit_code(run_tasks([self._task(stage, output, choices)]))
            except SystemExit as stop:
                code = int(stop.code or 0)
            except session_module.LstluigiError as error:
                code = error.exit_code
                said.write(str(error))
            finally:
                self._monkeypatch.setattr(production, "session", ORIGINAL_SESSION)
        for hook in hooks:
            hook()
        return Run(code, said.getvalue(), begun, backend.arrays)

    def _task(self, stage: str, output: str, choices: dict[str, Any]) -> luigi.Task:
        if not stage:
            return production.Production(config=str(self.config), **choices)
        task = production.STAGE_TASKS[stage]
        return task(config=str(self.config), output_path=output, **choices)

    def ok(self, **choices: Any) -> list[str]:
        """Run to a good end; return the outputs of the steps that ran."""
        run = self.run(**choices)
        assert run.code == 0, run.text
        return run.begun

    # runs of their own

    def environment(self, name: str = "environment.sh") -> Path:
        """A file to source: jobs get the stand-ins from it."""
        place = self.root / "environment"
        metadata = place / "metadata" / "lstchain-0.0.dist-info"
        metadata.mkdir(parents=True, exist_ok=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lstchain\nVersion: 0.0\n")
        (metadata / "entry_points.txt").write_text(fake.ENTRY_POINTS)
        python = place / "bin" / "python"
        python.parent.mkdir(exist_ok=True)
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        (place / name).write_text(
            f"export PYTHONPATH={shlex.quote(f'{place}/metadata:{STAND_INS}')}\n"
            f'export PATH={shlex.quote(str(python.parent))}:"$PATH"\n'
        )
        return place / name

    def start(self, *arguments: str, program: str = "luigi") -> subprocess.Popen[str]:
        """Start a command of the user's."""
        head = ["luigi", "--module", "lstluigi"] if program == "luigi" else [program]
        command = [str(BIN / head[0]), *head[1:], *arguments]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, *arguments: str, program: str = "luigi") -> Run:
        """Run a command to its end."""
        with self.start(*arguments, program=program) as process:
            try:
                text, _ = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Run(process.returncode, text)

    def hold_lock(self, step: int) -> None:
        """As a run that is alive: the parent of this process."""
        places, parent = self.plan().steps[step].places, os.getppid()
        os.makedirs(places.logs, exist_ok=True)
        me = {"host": socket.gethostname(), "pid": parent, "started": _started(parent)}
        Path(places.lock).write_text(json.dumps(me))

    # what has come of it

    def files(self, directory: str = "") -> set[str]:
        """Visible products below a directory, relative to it: no logs, no DL0, no configs."""
        top = self.root / directory
        paths = [path.relative_to(top) for path in below(top, "*") if not path.is_dir()]
        return {
            str(path)
            for path in paths
            if path.suffix in (".h5", ".sav", ".png", ".fits")
            and not any(part.startswith(".") for part in path.parts)
        }

    def leftovers(self) -> set[str]:
        """Scratch directories, half files and locks."""
        names = (".lstluigi", ".lstluigi-*", ".*.h5*", "*.lock")
        return {str(path) for path in below(self.root, *names)}


def below(top: Path, *patterns: str) -> Iterator[Path]:
    """Yield what lies below a directory by name, while jobs make and clear away directories."""
    for place, directories, names in os.walk(top):
        for name in (*directories, *names):
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
                yield Path(place, name)


NUMBERS = itertools.count()
ORIGINAL_SESSION = production.session


def _once(make: Any) -> Any:
    """One session for a run, as the tasks expect."""
    made: list[Session] = []

    def session(choices: Choices) -> Session:
        if not made:
            made.append(make(choices))
        return made[0]

    return session


@contextlib.contextmanager
def _listening() -> Any:
    """Everything that is logged, and what is written to the stream."""
    said = io.StringIO()
    log = logging.getLogger("lstluigi")
    handler = logging.StreamHandler(said)
    log.addHandler(handler)
    before = log.level
    log.setLevel(logging.INFO)
    try:
        yield said
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


# productions


def small(lab: Lab, **merge: Any) -> None:
    """Two files of DL0, their DL1, and one merged file."""
    lab.simtel("dl0/node", a="4", b="5")
    lab.write(
        {
            "r0_to_dl1": [{"input": lab.path("dl0/node"), "output": lab.path("dl1/node")}],
            "merge_dl1": [
                {
                    "input": lab.path("dl1/node"),
                    "output": lab.path("merged/node.h5"),
                    "options": "--pattern *.h5 --no-image",
                    **merge,
                }
            ],
        }
    )


def full(lab: Lab, **top: Any) -> None:
    """A production with every stage but dl1ab: two training nodes, one test node."""
    samples = {"gamma": "train", "proton": "train", "test": "test"}
    for sample in samples:
        lab.simtel(f"dl0/{sample}", a="4", b="5")
    dl2 = lab.path("dl2/dl2_test.h5")
    particles = {f"{particle}_file": dl2 for particle in ("gamma", "proton", "electron")}
    lab.write(
        {
            "r0_to_dl1": [
                {"input": lab.path("dl0", s), "output": lab.path("dl1", s)} for s in samples
            ],
            "train_test_split": [
                {
                    "input": lab.path("dl1/gamma"),
                    "output": {side: lab.path("dl1/split", side) for side in ("train", "test")},
                    "options": {"test_size": 0.5},
                }
            ],
            "merge_dl1": [
                {
                    "input": lab.path("dl1", "split/train" if s == "gamma" else s),
                    "output": lab.path(f"merged/dl1_{s}.h5"),
                    "options": "--pattern '*.h5' --no-image",
                }
                for s in samples
            ],
            "train_pipe": [
                {
                    "input": {p: lab.path(f"merged/dl1_{p}.h5") for p in ("gamma", "proton")},
                    "output": lab.path("models"),
                }
            ],
            "dl1_to_dl2": [
                {
                    "input": lab.path("merged/dl1_test.h5"),
                    "path_model": lab.path("models"),
                    "output": lab.path("dl2"),
                }
            ],
            "dl2_to_irfs": [
                {
                    "input": {"gamma_file": dl2},
                    "output": lab.path("irf/irf.fits"),
                    "options": "--point-like",
                }
            ],
            "dl2_to_sensitivity": [
                {"input": particles, "output": lab.path("irf/sensitivity.fits")}
            ],
        },
        **top,
    )


FULL = {
    *(f"dl1/{sample}/dl1_{name}.h5" for sample in ("gamma", "proton", "test") for name in "ab"),
    *(f"merged/dl1_{sample}.h5" for sample in ("gamma", "proton", "test")),
    *(f"models/{name}" for name in (*fake.MODELS, "rf_importance.png")),
    *("dl2/dl2_test.h5", "irf/irf.fits", "irf/sensitivity.fits", "irf/sensitivity.png"),
}
