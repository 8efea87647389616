"""A real Slurm cluster on this host: every daemon, several nodes, accounting, limits.

    with SlurmLab(tmp_path / "slurm") as lab:
        job = lab.submit("exit 3", "--array=0-9")
        lab.wait_ended(job)

Needs root and the Debian packages slurm-wlm, munge, slurmdbd and mariadb-server, but no systemd.
Several labs may run at once: each has its own munged, ports and database. Daemons die with the
thread that started them; what jobs left behind is ended when the lab closes.

Ways to make a job end badly, quickest first:

- NODE_FAIL: `lab.fail_node("n1")`, at once; `lab.kill_node("n1")`, as in life, takes 28 s.
- memory, OUT_OF_MEMORY: use more than ``--mem`` with ``cgroup=True``; at once.
- memory, FAILED 0:9: the same without cgroups, for a second or two (it is polled each second).
- TIMEOUT: `lab.time_out(job)`, 0-30 s. Without it 60-90 s: limits are whole minutes (0:05 is
  one), and slurmctld looks for jobs over their limit every 30 s, whatever its options.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from slurm_daemons import PATH, Daemons
from slurm_files import PARTITIONS, Shape
from slurm_processes import CGROUP

PACKAGES = "slurm-wlm munge slurmdbd mariadb-server"
COMMANDS = (
    "slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "mariadb-install-db", "setpriv",
)  # fmt: skip
ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "TIMEOUT",
}  # fmt: skip


class Job(NamedTuple):
    """One line of squeue: a job, or one task of an array; ``exit`` is code:signal, as in sacct."""

    id: str
    state: str
    reason: str
    partition: str
    node: str
    exit: str
    name: str


def reason_absent() -> str | None:
    """Say why there can be no Slurm here, or None if there can."""
    missing = [command for command in COMMANDS if shutil.which(command, path=PATH) is None]
    if missing:
        return f"no {', '.join(missing)} here (Debian: apt-get install {PACKAGES})"
    if os.geteuid() != 0:
        return "Slurm's daemons are started as root only"
    return None


def reason_no_cgroup() -> str | None:
    """Say why jobs cannot be confined by the kernel here, or None if they can."""
    for controller in ("memory", "freezer"):
        if not os.access(CGROUP / controller / "cgroup.procs", os.W_OK):
            return f"cgroup v1 is not mounted at {CGROUP / controller} for writing"
    return None


class SlurmLab(Daemons):
    """A Slurm cluster of daemons on this host, up inside its ``with`` block.

    Parameters
    ----------
    directory : Path
        Where configuration, state, spool, logs and database go; made if missing.
    nodes, cpus, memory_mb : int
        Nodes n1, n2, ...; what each claims to have, whatever the host has.
    accounting : bool
        With slurmdbd: sacct, associations and limits. Costs 2-3 s at the start.
    max_array, min_job_age : int
        MaxArraySize (highest index plus one) and MinJobAge in seconds.
    partitions : mapping of str to str
        Names and their options in slurm.conf; the first is the default partition.
    options : mapping of str to str
        Further lines of slurm.conf; they replace the lab's own of the same name.
    cgroup : bool
        Jobs run in cgroups that limit their memory, see `reason_no_cgroup`. Such labs wait for
        each other: the kernel's name of a cgroup holds the node and the job, not the cluster.

    Attributes
    ----------
    environment : dict of str to str
        What commands need in their environment to speak to this cluster.
    """

    def __init__(
        self,
        directory: Path,
        *,
        nodes: int = 2,
        cpus: int = 4,
        memory_mb: int = 8000,
        accounting: bool = True,
        max_array: int = 1001,
        min_job_age: int = 300,
        partitions: Mapping[str, str] = PARTITIONS,
        options: Mapping[str, str] | None = None,
        cgroup: bool = False,
    ) -> None:
        shape = Shape(
            tuple(f"n{number}" for number in range(1, nodes + 1)), cpus, memory_mb, accounting,
            max_array, min_job_age, partitions, dict(options or {}), cgroup,
        )  # fmt: skip
        super().__init__(directory, shape)
        self._limited: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._bring_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _bring_up(self) -> None:
        self._prepare()
        self.start("munged")
        if self.accounting:
            self._make_database()
            self.start("mariadbd")
            self.start("slurmdbd")
            self.sacctmgr("add", "cluster", "lab")
            self.sacctmgr("add", "account", "lab", "Description=lab", "Organization=lab")
            self.add_user("root")
        self.start("slurmctld")
        for node in self.nodes:
            self._spawn(f"slurmd:{node}")
        self.wait_idle()

    def reset(self) -> None:
        """Put things back: all daemons up, no job, no limit of users; changed options stay."""
        for name in self._names():
            if self.is_alive(name):
                self.thaw(name)
            else:
                self.start(name)
        for user in sorted(self._limited):
            self.set_max_submit(-1, user)
        if jobs := self.run("squeue", "-h", "-o", "%A").stdout.split():
            self.run("scancel", *jobs)
        self.wait_idle()

    def fail_node(self, node: str) -> None:
        """Declare a node down: its jobs are NODE_FAIL, or requeued, at once.

        Its slurmd lives, so the node is back as soon as its jobs are gone (ReturnToService=2).
        """
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    def submit(self, body: str, *options: str) -> str:
        """Submit a shell script and give the id of the job. Its output goes to /dev/null."""
        script = f"#!/bin/sh\n{body}\n"
        argv = ["sbatch", "--parsable", "--output=/dev/null", *options]
        return self.run(*argv, stdin=script).stdout.strip().partition(";")[0]

    def jobs(self, *options: str) -> list[Job]:
        """What squeue shows, finished jobs (for MinJobAge) and each array task included."""
        fields = ("JobArrayID", "State", "Reason", "Partition", "NodeList", "exit_code", "Name")
        layout = ",".join(f"{field}:|" for field in fields)
        lines = self.run("squeue", "-h", "-r", "-t", "all", "-O", layout, *options).stdout
        rows = []
        for line in lines.splitlines():
            *start, status, name = line.removesuffix("|").split("|", 6)
            # squeue gives what waitpid() gives, sacct takes it apart
            code = f"{int(status) >> 8}:{int(status) & 0x7F}"
            rows.append(Job._make((*start, code, name)))
        return rows

    def accounted(self, job: str) -> dict[str, tuple[str, str]]:
        """State and exit code by the id of each array task, by sacct."""
        fields = "JobID,State,ExitCode"
        lines = self.run("sacct", "-n", "-X", "-P", "-j", job, "-o", fields).stdout.splitlines()
        return {key: (state, code) for key, state, code in (line.split("|") for line in lines)}

    def time_out(self, job: str) -> None:
        """Let a running job exceed its time limit now. slurmctld looks every 30 s.

        A job that began within this second cannot end yet.
        """
        command = ("scontrol", "update", f"jobid={job}", "EndTime=now")
        for _ in range(5):
            if self.run(*command, check=False).returncode == 0:
                return
            time.sleep(1)
        self.run(*command)

    def sacctmgr(self, *argv: str) -> str:
        """Change the accounting database, unasked."""
        return self.run("sacctmgr", "-i", "-Q", *argv).stdout

    def add_user(self, name: str) -> None:
        """Allow a user to submit, by the account lab."""
        self.sacctmgr("add", "user", name, "Account=lab")

    def set_max_submit(self, count: int, user: str = "root") -> None:
        """Limit the jobs a user may have, each array task counted; -1 lifts the limit."""
        self.sacctmgr("modify", "user", user, "set", f"MaxSubmitJobs={count}")
        if count < 0:
            self._limited.discard(user)
        else:
            self._limited.add(user)

    def wait_idle(self) -> None:
        """Wait until all nodes are idle, with no job pending, running or completing."""
        self.wait_until(self._is_idle, "all nodes to be idle")

    def _is_idle(self) -> bool:
        states = self.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).stdout.splitlines()
        idle = {f"{node} idle" for node in self.nodes}
        return set(states) == idle and not self.run("squeue", "-h").stdout

    def wait_saved(self, job: str) -> None:
        """Wait until slurmctld has on disk what this unfinished job is doing; about 5 s.

        The job is given an administrator's comment that is then looked for in the file.
        """
        token, path = f"saved-{time.time_ns()}", self.directory / "state" / "job_state"
        self.run("scontrol", "update", f"jobid={job}", f"AdminComment={token}")

        def saved() -> bool:
            # for a moment between the old file and the new one there is none
            with contextlib.suppress(FileNotFoundError):
                return token.encode() in path.read_bytes()
            return False

        self.wait_until(saved, "slurmctld to save its jobs")

    def wait_state(self, job: str, *states: str, timeout: float = 90) -> list[Job]:
        """Wait until each task of a job is in one of these states, and give their lines."""

        rows: list[Job] = []

        def reached() -> bool:
            rows[:] = self.jobs("-j", job)
            return bool(rows) and all(row.state in states for row in rows)

        self.wait_until(reached, f"job {job} to be {' or '.join(states)}", timeout)
        return rows

    def wait_ended(self, job: str, timeout: float = 90) -> list[Job]:
        """Wait until each task of a job has ended, and give their lines."""
        return self.wait_state(job, *ENDED, timeout=timeout)
