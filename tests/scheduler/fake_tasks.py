"""Tasks for the tests of scheduling, with files in the working directory as products."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import luigi

import lstluigi.scheduler
from lstluigi.errors import LstluigiError
from lstluigi.scheduler import Outcome

lstluigi.scheduler.install()


def note(*words: object) -> None:
    """Append a line to the file ``events``."""
    with Path("events").open("a") as events:
        print(*words, file=events)


def pump() -> None:
    """Note that the pump ran, if the test asks for it."""
    if Path("note_pumps").exists():
        note("pump")
        time.sleep(float(Path("note_pumps").read_text()))
        note("pump ended")


class FileHandle:
    """Work that ends when the file ``<name>.go`` appears: 'ok' or a message of failure in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tracking_url = f"http://example.invalid/{name}"
        self.status_message: str | None = None
        self.progress = 0.0

    def start(self) -> None:
        note("start", self.name)

    def poll(self) -> Outcome | None:
        go = Path(f"{self.name}.go")
        self.status_message, self.progress = f"{self.name} is going on", 0.25
        if not go.exists():
            return None
        text = go.read_text().strip()
        if text == "ok" and "FAKE_LOSES" not in os.environ:
            Path(f"{self.name}.out").touch()
        return Outcome(text == "ok", text)

    def detach(self) -> None:
        note("detach", self.name)


class Job(luigi.Task):
    """A task with a handle."""

    name = luigi.Parameter()
    needs = luigi.ListParameter(default=(), significant=False)
    pump = staticmethod(pump)

    def requires(self) -> list[luigi.Task]:
        return [Job(name=name) for name in self.needs]

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"{self.name}.out")

    def handle(self) -> FileHandle:
        return FileHandle(self.name)


class Many(luigi.WrapperTask):
    """Jobs side by side."""

    count = luigi.IntParameter(default=3)

    def requires(self) -> list[luigi.Task]:
        return [Job(name=f"job{i}") for i in range(self.count)]


class Once(Many):
    """Jobs that the same command would begin once more."""

    to_continue = "another command"


class Chain(luigi.Task):
    """A job that needs another; the root needs the second."""

    pump = None

    def requires(self) -> luigi.Task:
        return Job(name="second", needs=["first"])

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget("chain.out")

    def handle(self) -> FileHandle:
        return FileHandle("chain")


class Plain(luigi.Task):
    """A task of somebody else's, run by Luigi in a process."""

    name = luigi.Parameter()
    fails = luigi.BoolParameter(default=False)
    seconds = luigi.FloatParameter(default=0.1)

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"{self.name}.out")

    def run(self) -> None:
        note("plain", self.name, os.getpid(), os.getppid())
        if self.fails:
            raise RuntimeError("plain trouble")
        time.sleep(self.seconds)
        Path(f"{self.name}.out").touch()


class Mixed(luigi.WrapperTask):
    """Jobs beside plain tasks."""

    count = luigi.IntParameter(default=6)

    def requires(self) -> list[luigi.Task]:
        return [Plain(name=f"plain{i}") for i in range(self.count)] + [Job(name="job")]


class Dynamic(luigi.Task):
    """Finds out what it requires while it runs."""

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget("dynamic.out")

    def run(self) -> Iterator[list[luigi.Task]]:
        yield [Plain(name="plain"), Job(name="job")]
        Path("dynamic.out").touch()


class Broken(luigi.Task):
    """A root whose given method raises."""

    where = luigi.Parameter()

    def trouble(self, where: str) -> None:
        if where == self.where:
            error = LstluigiError(f"prod.yml, stage r0_to_dl1: bad in {where}; mend it.")
            error.exit_code = 3
            raise error

    def prepare(self) -> None:
        self.trouble("prepare")

    def complete(self) -> bool:
        self.trouble("complete")
        return False

    def requires(self) -> list[luigi.Task]:
        self.trouble("requires")
        return []

    def run(self) -> None:
        pass


class NeedsData(luigi.WrapperTask):
    """Requires a file that nobody makes."""

    def requires(self) -> luigi.Task:
        return ExternalFile()


class ExternalFile(luigi.ExternalTask):
    """The file that nobody makes."""

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget("nobody.out")
