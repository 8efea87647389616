"""What a job is: items of work, chunks of items, and what they ask of a machine.

An item is the unit of success (one file of a directory product, or one step); a chunk is the share
of items that one process does one after the other; an array is a set of chunks with the same
resources, handed to a backend at once as one JSON file, which `scripts/runner` reads on the
compute side.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lstluigi.errors import LstluigiError, shown

#: A condition that a file must meet to be whole, as data: see `scripts/runner`.
Check = Mapping[str, Any]
Command = tuple[str, ...]

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?", re.IGNORECASE)
_TIME = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{1,9}(?::[0-9]{1,9}){0,2})")
_NO_LIMIT = ("UNLIMITED", "INFINITE")
_MEGABYTES = {"": 1.0, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}


def parse_memory(text: str) -> int:
    """Memory in megabytes from Slurm's notation (`80GB`, `100G`, `4000`; no unit means MB)."""
    match = _MEMORY.fullmatch(text.strip())
    if match is None:
        raise LstluigiError(f"memory {text!r} is not a number with K, M, G or T; write e.g. 80G")
    return max(1, round(float(match[1]) * _MEGABYTES[match[2].upper()]))


def parse_time(text: str) -> int | None:
    """Seconds from Slurm's notation of a time limit; None where there is no limit.

    sbatch(1) knows minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM and D-HH:MM:SS, the first field of any
    size; UNLIMITED, INFINITE and a time of zero mean no limit.
    """
    given = text.strip()
    if given.upper() in _NO_LIMIT:
        return None
    match = _TIME.fullmatch(given)
    if match is None:
        raise LstluigiError(
            f"time {shown(text)} is not minutes, HH:MM:SS or D-HH:MM:SS; write e.g. 11:30:00"
        )
    fields = [int(field) for field in match[2].split(":")]
    if match[1] is not None:
        hours, minutes, seconds = [*fields, 0, 0][:3]
    else:
        # A single field is minutes, two are minutes and seconds.
        hours, minutes, seconds = fields if len(fields) == 3 else [0, *fields, 0][:3]
    return (((int(match[1] or 0) * 24 + hours) * 60 + minutes) * 60 + seconds) or None


def format_time(seconds: int | None) -> str:
    """Time limit in Slurm's notation, D-HH:MM:SS; None means no limit.

    Raises
    ------
    ValueError
        The time is not positive: to Slurm, zero is no limit at all.
    """
    if seconds is None:
        return "UNLIMITED"
    if seconds < 1:
        raise ValueError(f"a time limit of {seconds} s")
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}-{hour:02}:{minute:02}:{second:02}"


@dataclass(frozen=True)
class Resources:
    """What a chunk asks for.

    Attributes
    ----------
    cpus, memory_mb
        Cores and memory (MB) of one chunk; no memory means what the backend takes for usual.
    options
        Further options of the batch system by their long names (`partition`, `time`, `nice`, ...).
    """

    cpus: int = 1
    memory_mb: int | None = None
    options: tuple[tuple[str, str], ...] = ()

    def updated(self, requests: Mapping[str, str]) -> Resources:
        """These resources with a step's own requests (long option names) on top."""
        options = dict(self.options)
        options.update(requests)
        cpus = options.pop("cpus-per-task", None)
        memory = options.pop("mem", None)
        return replace(
            self,
            cpus=self.cpus if cpus is None else _count(cpus),
            memory_mb=self.memory_mb if memory is None else parse_memory(memory),
            options=tuple(sorted(options.items())),
        )

    @property
    def time_s(self) -> float | None:
        """Time that is asked for (s), infinite for UNLIMITED; None for what is usual there."""
        text = dict(self.options).get("time")
        if text is None:
            return None
        seconds = parse_time(text)
        return math.inf if seconds is None else seconds

    def timed(self, seconds: float | None) -> Resources:
        """The same with another time."""
        if seconds is None:
            return self.without("time")
        text = format_time(None if math.isinf(seconds) else round(seconds))
        return replace(self, options=tuple(sorted({**dict(self.options), "time": text}.items())))

    def without(self, name: str) -> Resources:
        """The same without one of the further options."""
        return replace(self, options=tuple(o for o in self.options if o[0] != name))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise LstluigiError(f"cpus-per-task {text!r} is not a positive whole number")
    return int(text)


@dataclass(frozen=True)
class Environment:
    """Where the commands of a job come from: a sourced file and a conda environment, or here."""

    source_file: str | None = None
    conda_env: str | None = None

    @property
    def current(self) -> bool:
        """True where jobs use the python that runs lstluigi."""
        return self.source_file is None and self.conda_env is None


@dataclass(frozen=True, slots=True)
class Product:
    """A file that a command makes: its name in the scratch directory, its final path, its check."""

    made: str
    final: str
    check: Check

    def as_json(self) -> dict[str, Any]:
        """The form that the runner reads."""
        return {"made": self.made, "final": self.final, "check": dict(self.check)}


@dataclass(frozen=True, slots=True)
class Meeting:
    """Files that a command takes together, and in what they must agree by what they say.

    All must come from one version of their program and hold the same telescopes.

    Attributes
    ----------
    files
        Each with the particle that it must hold (`gamma`, `proton`, `electron`); where it is
        empty, all must hold the same.
    pointing
        `one` where all must have the same pointing and runs that were simulated alike; `same`
        where all must have the same set of pointings; `each` where those of one directory must, and
        no run of a pointing may be there twice; empty where pointings do not matter.
    runs
        Whether these are simtel files, each of which must hold one run.
    models
        Features, in their order, that each of these models must have been trained with.
    """

    files: Sequence[tuple[str, str]]
    pointing: str = ""
    runs: bool = False
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form that the runner reads."""
        files = [list(file) for file in self.files]
        models = {path: list(features) for path, features in self.models.items()}
        more = {"models": models} if models else {}
        return {"files": files, "pointing": self.pointing, "runs": self.runs, **more}


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of success: commands run in `scratch`, products verified and published.

    Attributes
    ----------
    loads
        Files that joblib loads once for all items of a chunk.
    without_events
        Commands that make the products where the input has no events and the commands fail.
    first
        Which link must come first by name: one with ``rows`` in a ``table``, or one without.
    meeting
        Inputs that must agree by what they say of themselves.
    explain
        Commands that print, in one line, why a product has no event in it.
    """

    id: str
    commands: Sequence[Command]
    products: Sequence[Product]
    scratch: str
    log: str
    links: Sequence[tuple[str, str]] = ()
    verify: Sequence[tuple[str, Check]] = ()
    loads: Sequence[str] = ()
    without_events: Sequence[Command] = ()
    first: Mapping[str, Any] | None = None
    meeting: Meeting | None = None
    explain: Sequence[Command] = ()

    def as_json(self) -> dict[str, Any]:
        """The form that the runner reads."""
        more: dict[str, Any] = {}
        if self.without_events:
            more["without_events"] = [list(command) for command in self.without_events]
        if self.first:
            more["first"] = dict(self.first)
        if self.explain:
            more["explain"] = [list(command) for command in self.explain]
        if self.meeting:
            more["meeting"] = self.meeting.as_json()
        return {
            **more,
            "id": self.id,
            "commands": [list(command) for command in self.commands],
            "scratch": self.scratch,
            "links": [list(link) for link in self.links],
            "verify": [[path, dict(check)] for path, check in self.verify],
            "loads": list(self.loads),
            "products": [product.as_json() for product in self.products],
            "log": self.log,
        }


@dataclass(frozen=True)
class Shared:
    """What items have in common that may share a chunk.

    Attributes
    ----------
    kind
        What they do, e.g. the stage, and what they load.
    capacity
        How many items one chunk may hold.
    adds_up
        Whether the time that is asked for is that of one item, not of a chunk.
    """

    kind: str
    resources: Resources
    environment: Environment
    capacity: int
    adds_up: bool = False


@dataclass(frozen=True)
class Work:
    """What a step wants done.

    Attributes
    ----------
    title
        The step in a few words, for lists of jobs.
    recipe
        Digest of what the products depend on: jobs of an earlier run are followed only if it is
        theirs, too.
    found
        How many more items there would be if their products had not been whole before.
    """

    items: Sequence[Item]
    shared: Shared
    title: str = ""
    recipe: str = ""
    found: int = 0


@dataclass(frozen=True)
class Chunk:
    """Items done one after the other by one process."""

    items: Sequence[Item]
    resources: Resources
    environment: Environment


@dataclass(frozen=True, slots=True)
class ArrayFiles:
    """Where the files of an array lie.

    Each chunk has a file of its own: that of a whole production would be 100 MB, read by every one
    of a thousand jobs.

    Attributes
    ----------
    id
        Unique name of the submission.
    directory
        Where its files lie.
    """

    id: str
    directory: str

    def path(self, name: str) -> str:
        """Path of a file of the array."""
        return os.path.join(self.directory, name)

    @staticmethod
    def spec_name(index: int | str) -> str:
        """Name of what `scripts/runner` reads for a chunk."""
        return f"chunk-{index}.spec.json"

    def spec(self, index: int) -> str:
        """Its path."""
        return self.path(self.spec_name(index))

    def result(self, index: int) -> str:
        """Path of what the runner writes for a chunk."""
        return self.path(f"chunk-{index}.json")

    def log(self, index: int) -> str:
        """Path of the runner's own words on a chunk."""
        return self.path(f"chunk-{index}.log")

    def output(self, index: int | str) -> str:
        """Path of what a chunk prints before the runner has taken over."""
        return self.path(f"chunk-{index}.log.out")


@dataclass(frozen=True)
class Array(ArrayFiles):
    """Chunks with the same resources and environment, submitted at once.

    Attributes
    ----------
    chunks
        At least one.
    title
        What they do, for lists of jobs.
    """

    chunks: Sequence[Chunk]
    title: str = ""

    @property
    def name(self) -> str:
        """Unique name of the array for lists of jobs: words without a meaning for any tool."""
        return re.sub(r"[^\w.+=-]+", "_", f"{self.title[:200]}.{self.id}", flags=re.ASCII)

    @property
    def files(self) -> ArrayFiles:
        """Its paths alone: thousands of arrays are remembered, their items are not."""
        return ArrayFiles(self.id, self.directory)

    @property
    def resources(self) -> Resources:
        """What each chunk asks for."""
        return self.chunks[0].resources

    @property
    def environment(self) -> Environment:
        """Where the commands come from."""
        return self.chunks[0].environment

    def as_json(self, index: int) -> dict[str, Any]:
        """What `scripts/runner` reads for a chunk.

        Scratch directories are the array's own: a job that was given up may still be running.
        """
        chunk = self.chunks[index]
        items = [replace(i, scratch=os.path.join(i.scratch, self.id)) for i in chunk.items]
        described = {
            "result": self.result(index),
            "log": self.log(index),
            "cpus": chunk.resources.cpus,
            "warm": len(chunk.items) > 1,
            "items": [item.as_json() for item in items],
        }
        return {"format": 1, "chunks": [described]}
