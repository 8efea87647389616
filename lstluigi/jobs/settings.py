"""What a site and a production want of Slurm: accounts, partitions, limits, retries, intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

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
