"""What a job is: items of work, chunks of items, and what they ask of a machine.

An item is the unit of success (one file of a directory product, or one step); a chunk is the share
of items that one process does one after the other; an array is a set of chunks with the same
resources, handed to a backend at once as one JSON file, which `scripts/runner.py` reads on the
compute side.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lstluigi.errors import LstluigiError, shown

#: A condition that a file must meet to be whole, as data: see `scripts/runner.py`.
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


@dataclass(frozen=True)
class Product:
    """A file that a command makes: its name in the scratch directory, its final path, its check."""

    made: str
    final: str
    check: Check

    def as_json(self) -> dict[str, Any]:
        """The form that the runner reads."""
        return {"made": self.made, "final": self.final, "check": dict(self.check)}


@dataclass(frozen=True)
class Item:
    """One unit of success: commands run in `scratch`, products verified and published."""

    id: str
    commands: Sequence[Command]
    products: Sequence[Product]
    scratch: str
    log: str
    links: Sequence[tuple[str, str]] = ()
    verify: Sequence[tuple[str, Check]] = ()

    def as_json(self) -> dict[str, Any]:
        """The form that the runner reads."""
        return {
            "id": self.id,
            "commands": [list(command) for command in self.commands],
            "scratch": self.scratch,
            "links": [list(link) for link in self.links],
            "verify": [[path, dict(check)] for path, check in self.verify],
            "products": [product.as_json() for product in self.products],
            "log": self.log,
        }


@dataclass(frozen=True)
class Shared:
    """What items must have in common to share a chunk.

    Attributes
    ----------
    kind
        What they do, e.g. the stage.
    capacity
        How many items one chunk may hold.
    """

    kind: str
    resources: Resources
    environment: Environment
    capacity: int


@dataclass(frozen=True)
class Work:
    """What a step wants done."""

    items: Sequence[Item]
    shared: Shared


@dataclass(frozen=True)
class Chunk:
    """Items done one after the other by one process."""

    items: Sequence[Item]
    resources: Resources
    environment: Environment


@dataclass(frozen=True)
class Array:
    """Chunks with the same resources and environment, submitted at once.

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
    chunks: Sequence[Chunk]

    @property
    def resources(self) -> Resources:
        """What each chunk asks for."""
        return self.chunks[0].resources

    @property
    def environment(self) -> Environment:
        """Where the commands come from."""
        return self.chunks[0].environment

    def path(self, name: str) -> str:
        """Path of a file of the array."""
        return os.path.join(self.directory, name)

    @staticmethod
    def spec_name(index: int | str) -> str:
        """Name of what `scripts/runner.py` reads for a chunk."""
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

    def as_json(self, index: int) -> dict[str, Any]:
        """What `scripts/runner.py` reads for a chunk."""
        chunk = self.chunks[index]
        described = {
            "result": self.result(index),
            "log": self.log(index),
            "cpus": chunk.resources.cpus,
            "warm": len(chunk.items) > 1,
            "items": [item.as_json() for item in chunk.items],
        }
        return {"format": 1, "chunks": [described]}
