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
import fcntl
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO

from slurm_files import PARTITIONS, Shape, write_files

PACKAGES = "slurm-wlm munge slurmdbd mariadb-server"
COMMANDS = (
    "slurmctld",
    "slurmd",
    "slurmdbd",
    "munged",
    "mariadbd",
    "mariadb-install-db",
    "setpriv",
)
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
CGROUP = Path("/sys/fs/cgroup")
CGROUP_LOCK = Path("/tmp/slurm-lab-cgroup.lock")
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


class SlurmLab:
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
        self.directory = directory
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.accounting = accounting
        self._shape = Shape(
            tuple(self.nodes), cpus, memory_mb, accounting, max_array, min_job_age, partitions,
            dict(options or {}), cgroup,
        )  # fmt: skip
        self._short: Path | None = None
        self._ports: dict[str, int] = {}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._cgroups: TextIO | None = None
        self.environment: dict[str, str] = {}

    # ------------------------------------------------------------------ up and down

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
        if self._shape.cgroup:
            self._cgroups = CGROUP_LOCK.open("w")
            fcntl.flock(self._cgroups, fcntl.LOCK_EX)
        self.directory.mkdir(parents=True, exist_ok=True)
        # paths of sockets are 107 characters at most: daemons see the directory by a short name
        self._short = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self._short.chmod(0o755)
        root = self._short / "d"
        root.symlink_to(self.directory.resolve())
        names = ["slurmctld", "slurmdbd", *(f"slurmd:{node}" for node in self.nodes)]
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self.environment = {"SLURM_CONF": str(root / "slurm.conf")}
        write_files(root, self._shape, self._ports)
        self.start("munged")
        if self.accounting:
            self._make_database(root)
            self.start("mariadbd")
            self.start("slurmdbd")
            self.sacctmgr("add", "cluster", "lab")
            self.sacctmgr("add", "account", "lab", "Description=lab", "Organization=lab")
            self.add_user("root")
        self.start("slurmctld")
        for node in self.nodes:
            self._spawn(f"slurmd:{node}")
        self.wait_idle()

    def _make_database(self, root: Path) -> None:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={root}/db", "--user=root",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    def reset(self) -> None:
        """Put things back: all daemons up, no job, no limit of root's; changed options stay."""
        for daemon in self._daemons.values():
            daemon.send_signal(signal.SIGCONT)
        for name in self._names():
            if name not in self._daemons or self._daemons[name].poll() is not None:
                self.start(name)
        if self.accounting:
            self.set_max_submit(-1)
        if jobs := self.run("squeue", "-h", "-o", "%A").stdout.split():
            self.run("scancel", *jobs)
        self.wait_idle()

    def _names(self) -> list[str]:
        """All daemons, in the order in which they start."""
        database = ["mariadbd", "slurmdbd"] if self.accounting else []
        return ["munged", *database, "slurmctld", *(f"slurmd:{node}" for node in self.nodes)]

    def close(self) -> None:
        """End all daemons and all that jobs left running. The files stay."""
        for daemon in self._daemons.values():
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()
        self._daemons.clear()
        if self._short is not None:
            _end(functools.partial(_processes, self.environment))
            shutil.rmtree(self._short)
            self._short = None
        if self._cgroups is not None:
            _remove_cgroups(self.nodes)
            self._cgroups.close()
            self._cgroups = None

    # ------------------------------------------------------------------ daemons

    def _argv(self, name: str) -> list[str]:
        root = f"{self._short}/d"
        kind, _, node = name.partition(":")
        argv = {
            "munged": ["--foreground", "--force", f"--socket={root}/munge.socket",
                       f"--key-file={root}/munge.key", f"--pid-file={root}/munged.pid",
                       f"--log-file={root}/log/munge.log", f"--seed-file={root}/munge.seed"],
            "mariadbd": ["--no-defaults", "--user=root", f"--datadir={root}/db",
                         f"--socket={root}/db.socket", "--skip-networking",
                         f"--pid-file={root}/mariadbd.pid", "--innodb-flush-log-at-trx-commit=0"],
            "slurmdbd": ["-D"],
            "slurmctld": ["-D"],
            "slurmd": ["-D", "-N", node],
        }[kind]  # fmt: skip
        # without this, daemons would outlive a test run that is killed
        return ["setpriv", "--pdeathsig", "KILL", kind, *argv]

    def _spawn(self, name: str) -> None:
        environment = os.environ | self.environment | {"PATH": PATH}
        environment["MYSQL_UNIX_PORT"] = f"{self._short}/d/db.socket"
        if name.startswith("slurmd:"):
            # inherited by the step daemons: tells whose they are
            environment["SLURMD_NODENAME"] = name.partition(":")[2]
        with self.log(name).open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                self._argv(name), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        """Where a daemon's output is."""
        return self.directory / "log" / f"{name}.log"

    def start(self, name: str) -> None:
        """Start a daemon and wait until it answers: slurmctld, slurmdbd, slurmd:n1, ..."""
        self._spawn(name)
        self.wait_until(lambda: self._answers(name), f"{name} to answer", alive=name)

    def _answers(self, name: str) -> bool:
        kind, _, node = name.partition(":")
        match kind:
            case "munged":
                return _connects(f"{self._short}/d/munge.socket")
            case "mariadbd":
                return _connects(f"{self._short}/d/db.socket")
            case "slurmctld":
                return self.run("scontrol", "ping", check=False).returncode == 0
            case "slurmd":
                return _connects(self._ports[name]) and self._is_up(node)
        return _connects(self._ports[name])

    def _is_up(self, node: str) -> bool:
        found = self.run("sinfo", "--noheader", "-n", node, "-o", "%T", check=False).stdout.split()
        return bool(found) and set(found) <= {"idle", "mixed", "allocated", "completing"}

    def stop(self, name: str) -> None:
        """End a daemon as an administrator does (SIGTERM)."""
        self._signal(name, signal.SIGTERM)
        self._daemons.pop(name).wait(timeout=60)

    def kill(self, name: str) -> None:
        """End a daemon as a crash does (SIGKILL). Step daemons of a slurmd run on.

        A slurmctld forgets jobs that it has not saved, and gives their ids again: `wait_saved`.
        """
        self._signal(name, signal.SIGKILL)
        self._daemons.pop(name).wait(timeout=60)

    def freeze(self, name: str) -> None:
        """Make a daemon hang (SIGSTOP): connections to it are accepted, and never answered."""
        self._signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen daemon go on."""
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> None:
        self._daemons[name].send_signal(number)

    def kill_node(self, node: str) -> None:
        """Kill a node's slurmd and all it runs, as when its power fails.

        Slurm notices 18 s after SlurmdTimeout, which is 10 s here.
        """
        self.kill(f"slurmd:{node}")
        _end(functools.partial(_processes, self.environment | {"SLURMD_NODENAME": node}))

    def fail_node(self, node: str) -> None:
        """Declare a node down: its jobs are NODE_FAIL, or requeued, at once.

        Its slurmd lives, so the node is back as soon as its jobs are gone (ReturnToService=2).
        """
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    # ------------------------------------------------------------------ commands

    def run(
        self, *argv: str, check: bool = True, timeout: float = 60, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that speaks to this cluster.

        Raises
        ------
        AssertionError
            If it fails and ``check`` is true; with what it printed.
        """
        environment = os.environ | self.environment | {"PATH": PATH}
        done = subprocess.run(
            argv, env=environment, input=stdin, capture_output=True, text=True, timeout=timeout
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(argv)} ended with {done.returncode}: {done.stderr}{done.stdout}"
            )
        return done

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
            rows.append(Job(*start, code, name))
        return rows

    def accounted(self, job: str) -> dict[str, tuple[str, str]]:
        """State and exit code by the id of each array task, by sacct."""
        fields = "JobID,State,ExitCode"
        lines = self.run("sacct", "-n", "-X", "-P", "-j", job, "-o", fields).stdout.splitlines()
        return {key: (state, code) for key, state, code in (line.split("|") for line in lines)}

    def time_out(self, job: str) -> None:
        """Let a running job exceed its time limit now. slurmctld looks every 30 s."""
        self.run("scontrol", "update", f"jobid={job}", "EndTime=now")

    # ------------------------------------------------------------------ accounts and limits

    def sacctmgr(self, *argv: str) -> str:
        """Change the accounting database, unasked."""
        return self.run("sacctmgr", "-i", "-Q", *argv).stdout

    def add_user(self, name: str) -> None:
        """Allow a user to submit, by the account lab."""
        self.sacctmgr("add", "user", name, "Account=lab")

    def set_max_submit(self, count: int, user: str = "root") -> None:
        """Limit the jobs a user may have, each array task counted; -1 lifts the limit."""
        self.sacctmgr("modify", "user", user, "set", f"MaxSubmitJobs={count}")

    # ------------------------------------------------------------------ waiting

    def wait_until(
        self, predicate: Callable[[], bool], what: str, timeout: float = 60, alive: str = ""
    ) -> None:
        """Wait for something to be true.

        Raises
        ------
        AssertionError
            After ``timeout`` seconds, or when the daemon ``alive`` has ended, with its log's end.
        """
        end = time.monotonic() + timeout
        while not predicate():
            dead = alive and self._daemons[alive].poll() is not None
            if dead or time.monotonic() > end:
                tail = self.log(alive or "slurmctld").read_text(errors="replace")[-1500:]
                raise AssertionError(f"waited {timeout} s in vain for {what}; log:\n{tail}")
            time.sleep(0.05)

    def wait_idle(self) -> None:
        """Wait until all nodes are idle, with no job pending, running or completing."""
        self.wait_until(self._is_idle, "all nodes to be idle")

    def _is_idle(self) -> bool:
        states = self.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).stdout.splitlines()
        idle = {f"{node} idle" for node in self.nodes}
        return set(states) == idle and not self.run("squeue", "-h").stdout

    def wait_saved(self) -> None:
        """Wait until slurmctld has on disk what jobs are doing now; it saves within 5 s."""
        start, path = time.time(), self.directory / "state" / "job_state"

        def saved() -> bool:
            unchanged = time.time() > start + 6
            return unchanged or (path.exists() and path.stat().st_mtime > start)

        self.wait_until(saved, "slurmctld to save its jobs")

    def wait_state(self, job: str, *states: str, timeout: float = 90) -> list[Job]:
        """Wait until each task of a job is in one of these states, and give their lines."""

        def reached() -> bool:
            rows = self.jobs("-j", job)
            return bool(rows) and all(row.state in states for row in rows)

        self.wait_until(reached, f"job {job} to be {' or '.join(states)}", timeout)
        return self.jobs("-j", job)

    def wait_ended(self, job: str, timeout: float = 90) -> list[Job]:
        """Wait until each task of a job has ended, and give their lines."""
        return self.wait_state(job, *ENDED, timeout=timeout)


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below those that the kernel gives to outgoing connections."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(found) < count:
            port = random.randrange(10000, 32000)
            candidate = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                candidate.bind(("", port))
                found.append(port)
    return found


def _connects(address: str | int) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        target = address if isinstance(address, str) else ("127.0.0.1", address)
        return client.connect_ex(target) == 0


def _processes(environment: Mapping[str, str]) -> set[int]:
    """Living processes that started with this in their environment, and all they started."""
    wanted = {f"{key}={value}".encode() for key, value in environment.items()}
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] in "ZX":
                continue
            parents[int(entry.name)] = int(fields[1])
            if wanted <= set((entry / "environ").read_bytes().split(b"\0")):
                found.add(int(entry.name))
    for pid in parents:
        above = [pid]
        while above[-1] in parents:
            above.append(parents[above[-1]])
        if found.intersection(above):
            found.add(pid)
    pid = os.getpid()
    while pid in parents:
        found.discard(pid)
        pid = parents[pid]
    return found


def _remove_cgroups(nodes: Sequence[str]) -> None:
    for node in nodes:
        for top in CGROUP.glob(f"*/slurm_{node}"):
            for path, _, _ in os.walk(top, topdown=False):
                os.rmdir(path)


def _end(processes: Callable[[], set[int]]) -> None:
    """Kill processes until none is left: a step daemon may be about to start one."""
    end = time.monotonic() + 20
    while left := processes():
        assert time.monotonic() < end, f"processes {sorted(left)} cannot be killed"
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
