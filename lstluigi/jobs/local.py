"""The backend that runs jobs on this machine, within its cores and memory."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from lstluigi.files import last_line, write_text
from lstluigi.jobs.backend import Backend, ChunkId
from lstluigi.jobs.script import NO_ENVIRONMENT, job_script
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobspec import Array, ArrayFiles, Resources

#: What a chunk is taken to need where nothing is asked for (lstchain: 0.4-0.6 GB per process).
USUAL_MEMORY_MB = 1000
#: How long jobs have to end by themselves once they are told to (s).
GRACE = 5.0


def machine(
    membership: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")
) -> Resources:
    """Cores and memory that this process may use: the machine's, its container's or its job's.

    Parameters
    ----------
    membership, groups
        Where Linux says which control groups the process is in, and what their limits are.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    memory = min([memory, *_memory_limits(membership, groups)])
    cpus = min([len(os.sched_getaffinity(0)), *_core_limits(membership, groups)])
    job = _job(os.environ)
    cpus = max(1, min(cpus, job.cpus or cpus))
    megabytes = min(memory // 2**20, job.memory_mb or memory // 2**20)
    return Resources(cpus=cpus, memory_mb=max(1, megabytes))


def _job(environment: Mapping[str, str]) -> Resources:
    """What Slurm has given to the job that this process is part of; 0 cores and None if unknown.

    Where jobs are not confined, nothing else says it: sbatch(1), output environment variables.
    """

    def number(name: str) -> int:
        given = environment.get(name, "")
        return int(given) if given.isdecimal() else 0

    if not environment.get("SLURM_JOB_ID"):
        return Resources(cpus=0)
    cpus = number("SLURM_CPUS_ON_NODE") or number("SLURM_CPUS_PER_TASK")
    memory = number("SLURM_MEM_PER_NODE") or number("SLURM_MEM_PER_CPU") * cpus
    return Resources(cpus=cpus, memory_mb=memory or None)


def _memory_limits(membership: Path, groups: Path) -> Iterator[int]:
    """Limits (bytes) of the process's control group and of those around it."""
    for directory, version in _control_groups(membership, groups, "memory"):
        with suppress(OSError, ValueError):  # not there, or "max"
            name = "memory.max" if version == 2 else "memory.limit_in_bytes"
            yield int((directory / name).read_text())


def _core_limits(membership: Path, groups: Path) -> Iterator[int]:
    """The same of cores: the time of processors that may be used in a period, rounded up."""
    for directory, version in _control_groups(membership, groups, "cpu"):
        with suppress(OSError, ValueError):  # not there, or "max"
            if version == 2:
                quota, period = map(int, (directory / "cpu.max").read_text().split())
            else:
                quota = int((directory / "cpu.cfs_quota_us").read_text())
                period = int((directory / "cpu.cfs_period_us").read_text())
            if quota > 0 and period > 0:
                yield math.ceil(quota / period)


def _control_groups(membership: Path, groups: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """Directories of the process's group and of those around it, and the version: cgroups(7)."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, version = groups, 2
        elif controller in controllers.split(","):
            root, version = groups / controller, 1
        else:
            continue
        # in a container, the group may be known by a path that is not there: then its root is
        for directory in (group := root / path.lstrip("/"), *group.parents):
            if directory.is_relative_to(root):
                yield directory, version


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    resources: Resources
    log: str


class LocalBackend(Backend):
    """Jobs as processes of this machine; they end when the run that started them ends.

    Parameters
    ----------
    limits
        Cores and memory to stay within; those of the machine by default.
    """

    name: ClassVar[str] = "local"
    gather = 0.0

    def __init__(self, limits: Resources | None = None) -> None:
        here = machine()
        limits = limits or here
        self._limits = replace(limits, memory_mb=limits.memory_mb or here.memory_mb)
        self._queue: dict[ChunkId, tuple[ArrayFiles, Resources]] = {}
        self._running: dict[ChunkId, _Running] = {}
        self._failed: dict[ChunkId, JobStatus] = {}  # to start; not told yet

    def resources(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        """What a step asks for itself, but never more than the machine has.

        A stage's usual memory is that of a full-size production on a cluster: not asked for here.
        """
        wanted = replace(usual, memory_mb=None, options=()).updated(requests)
        memory = wanted.memory_mb or USUAL_MEMORY_MB
        return Resources(
            cpus=min(wanted.cpus, self._limits.cpus),
            memory_mb=min(memory, self._limits.memory_mb or memory),
        )

    def width(self, resources: Resources) -> int | None:
        """As many as the cores and the memory allow."""
        memory = resources.memory_mb or USUAL_MEMORY_MB
        by_memory = (self._limits.memory_mb or memory) // memory
        return max(1, min(self._limits.cpus // resources.cpus, by_memory))

    def submit(self, array: Array) -> str:
        """Queue the chunks, and start those that fit; `poll` starts the others."""
        write_text(_script(array), job_script(array))
        for index, chunk in enumerate(array.chunks):
            self._queue[array.id, index] = array.files, chunk.resources
        self._start()
        return array.id

    def poll(self) -> Mapping[ChunkId, JobStatus]:
        """Reap what has ended, start what fits."""
        statuses: dict[ChunkId, JobStatus] = {}
        for chunk, running in list(self._running.items()):
            code = running.process.poll()
            if code is not None:
                del self._running[chunk]
                statuses[chunk] = _ended(code, running.log)
        self._start()
        statuses.update(self._failed)
        self._failed.clear()
        statuses.update((chunk, JobStatus(JobState.RUNNING)) for chunk in self._running)
        statuses.update((chunk, JobStatus(JobState.PENDING)) for chunk in self._queue)
        return statuses

    def _start(self) -> None:
        free = self._free()
        for chunk, (files, asked) in list(self._queue.items()):
            memory = asked.memory_mb or USUAL_MEMORY_MB
            if asked.cpus > free.cpus or memory > (free.memory_mb or 0):
                break  # in order: a large job is not kept waiting by small ones behind it
            del self._queue[chunk]
            log = files.output(chunk[1])
            try:
                process = _launch(files, chunk[1], log)
            except OSError as error:
                self._failed[chunk] = _not_started(error)
                break  # the others have their turn later: by then there may be room again
            self._running[chunk] = _Running(process, asked, log)
            free = self._free()

    def _free(self) -> Resources:
        used = [running.resources for running in self._running.values()]
        memory = sum(resources.memory_mb or USUAL_MEMORY_MB for resources in used)
        return Resources(
            cpus=self._limits.cpus - sum(resources.cpus for resources in used),
            memory_mb=(self._limits.memory_mb or 0) - memory,
        )

    def cancel(self, chunks: Iterable[ChunkId]) -> None:
        """Take chunks from the queue, and end those that run."""
        stopped = []
        for chunk in chunks:
            self._queue.pop(chunk, None)
            self._failed.pop(chunk, None)
            if running := self._running.pop(chunk, None):
                running.process.send_signal(signal.SIGTERM)
                stopped.append(running.process)
        deadline = time.monotonic() + GRACE
        for process in stopped:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def detach(self) -> str:
        """End every job: on one's own machine nothing should go on unseen."""
        count = len(self._running)
        self.cancel([*self._queue, *self._running])
        return f"{count} job(s) on this machine were stopped; what they had finished is kept"


def _script(files: ArrayFiles) -> str:
    return files.path("array.sh")


def _launch(files: ArrayFiles, index: int, log: str) -> subprocess.Popen[bytes]:
    with open(log, "ab") as output:
        return subprocess.Popen(
            ["bash", _script(files), str(index), f"--die-with-parent={os.getpid()}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal is for the run, which then decides
        )


def _not_started(error: OSError) -> JobStatus:
    what = ": ".join(filter(None, (error.filename, error.strerror)))
    return JobStatus(JobState.FAILED, f"its job could not be started ({what})", Cause.LAUNCH)


def _signal_name(number: int) -> str:
    with suppress(ValueError):  # most real-time signals have no name
        return signal.Signals(number).name
    return f"signal {number}"


def _ended(code: int, log: str) -> JobStatus:
    if code == 0:
        return JobStatus(JobState.SUCCEEDED)
    if code < 0:
        how = f"its job was ended by {_signal_name(-code)}"
    elif code == NO_ENVIRONMENT:
        how = "the job's environment could not be entered"
    else:
        how = f"its job ended with exit code {code}"
    said = last_line(log)
    return JobStatus(JobState.FAILED, f"{how} ({said})" if said else how)
