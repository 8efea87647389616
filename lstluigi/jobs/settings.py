"""What a production and its site say about Slurm, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Partition:
    name: str
    time_s: int | None = None
    memory_mb: int | None = None
    cpus: int | None = None


@dataclass(frozen=True)
class Retries:
    memory: int = 3
    time: int = 2
    node: int = 3
    preempted: int = 20
    launch: int = 3
    command: int = 1

    def limit(self, cause: str) -> int:
        return int(getattr(self, cause, 0))


@dataclass(frozen=True)
class SlurmSettings:
    account: str | None = None
    qos: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    throttle: int | None = None
    gather_s: float = 2.0
    interval_s: float = 30.0
    longest_interval_s: float = 120.0
    latency_s: float = 60.0
    max_jobs: int | None = None
    retries: Retries = Retries()
