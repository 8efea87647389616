"""What a job is: items of work, chunks of items, and what they request of a machine.

An item is the unit of success (one file of a directory product, or one step); a chunk is the share
of items that one process does one after the other; an array is a set of chunks with the same
resources, handed to a backend at once as one JSON file, which `scripts/runner` reads on the
compute side.
"""

from __future__ import annotations

import math
import os
import pickle
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
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


#: zlib's quickest: the paths of a step's items differ in a few characters.
LEVEL = 1


class CompactItems(Sequence[Item]):
    """Items of a step, packed until they are looked at.

    A production has 50,000 items with four long paths each, which a run needs twice at most: to
    submit them, and where something is tried again.

    Parameters
    ----------
    items
        Copied.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._count = len(items)
        self._packed = zlib.compress(pickle.dumps(tuple(items)), LEVEL)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Item]:
        return iter(self._unpacked())

    def __getitem__(self, index: Any) -> Any:
        return self._unpacked()[index]

    def _unpacked(self) -> tuple[Item, ...]:
        items: tuple[Item, ...] = pickle.loads(zlib.decompress(self._packed))
        return items


#: Long options of sbatch that lstluigi sets itself, or that would change what it relies on: where
#: output goes, how a submission is found again, and that its own retry decides.
OWN_OPTIONS = frozenset(
    (
        *("array", "chdir", "cluster-constraint", "clusters", "comment", "dependency", "error"),
        *("export-file", "help", "input", "job-name", "no-requeue", "output", "parsable", "quiet"),
        *("requeue", "test-only", "usage", "version", "wait", "wrap"),
    )
)

#: Name of the run itself, as a job, among the stages that requests are for.
CONTROLLER = "controller"


@lru_cache(maxsize=1024)
def is_own_option(name: str) -> bool:
    """Whether lstluigi sets this option of sbatch (long name without dashes) itself.

    sbatch takes an option by the first letters of its name, too: `depend` is `dependency`. The
    only option that starts one of lstluigi's own and is another one is `export`.
    """
    return name != "export" and any(own.startswith(name) for own in OWN_OPTIONS)


@dataclass(frozen=True)
class Partition:
    """A partition as the site calls it, with its limits as far as they are given.

    Attributes
    ----------
    name
        What the site calls it.
    time_s, memory_mb, cpus
        The most a chunk may ask for, in seconds, megabytes and cores; None where only Slurm knows.
    """

    name: str
    time_s: int | None = None
    memory_mb: int | None = None
    cpus: int | None = None


@dataclass(frozen=True)
class Retries:
    """How often an item is tried again, for each cause of its failure.

    Attributes
    ----------
    memory
        It was killed for its memory; it gets more each time.
    time
        It ran out of time; it gets more each time.
    node
        The node failed; it goes elsewhere.
    preempted
        It was preempted or requeued.
    launch
        Slurm could not start it; it goes elsewhere.
    command
        Its command failed; after that it is the data's fault.
    """

    memory: int = 3
    time: int = 2
    node: int = 3
    preempted: int = 20
    launch: int = 3
    command: int = 1

    def limit(self, cause: str) -> int:
        """How often something is tried again for a cause, by its name; 0 for any other."""
        return int(getattr(self, cause, 0))


@dataclass(frozen=True)
class SlurmSettings:
    """What a site and a production want of Slurm.

    Attributes
    ----------
    account, qos
        Who pays, and with which quality of service; None leaves it to Slurm.
    accounts
        The site's account for each that configs name; that of the name '' is for all others.
    over_limits
        What becomes of requests above a partition's limits: `refuse` or `lower`.
    options
        Options of sbatch for every job, by their long names without dashes; a flag has the
        value ''.
    plugin_options
        Names of options that plugins of the site add to sbatch.
    stages
        The same for the jobs of one stage, by its name; they replace those of every job.
    partitions
        The site's partition for each name that configs use (short, long, xxl). A name that is
        not there is the site's own.
    throttle
        Elements of one array that may run at once; None for no throttle.
    gather_s
        Seconds for which jobs that are ready wait for more, to be submitted together.
    interval_s, longest_interval_s
        Seconds between two queries of the queue, and how far this grows while nothing changes.
    latency_s
        Seconds that a finished product may take to show on the shared file system.
    max_jobs
        Array elements of the production that may be in the queue at once; None for what Slurm
        allows.
    retries
        How often an item is tried again.
    """

    account: str | None = None
    qos: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    over_limits: str = "refuse"
    options: Mapping[str, str] = field(default_factory=dict)
    plugin_options: frozenset[str] = frozenset()
    stages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    throttle: int | None = None
    gather_s: float = 2.0
    interval_s: float = 30.0
    longest_interval_s: float = 120.0
    latency_s: float = 60.0
    max_jobs: int | None = None
    retries: Retries = field(default_factory=Retries)
