"""The daemons of a Slurm cluster that runs on this host alone."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from slurm_files import Shape, write_files
from slurm_processes import connects, end_all, free_ports, processes_with, remove_cgroups

PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
CGROUP_LOCK = Path("/tmp/slurm-lab-cgroup.lock")


class Daemons:
    """munged, mariadbd, slurmdbd, slurmctld, slurmd:n1, slurmd:n2, ... of one cluster.

    They die with the thread that started them.
    """

    def __init__(self, directory: Path, shape: Shape) -> None:
        self.directory = directory
        self.nodes = list(shape.nodes)
        self.accounting = shape.accounting
        self.environment: dict[str, str] = {}
        self._shape = shape
        self._short: Path | None = None
        self._ports: dict[str, int] = {}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._cgroups: TextIO | None = None

    @property
    def _root(self) -> Path:
        """The directory by a short name: paths of sockets have 107 characters at most."""
        assert self._short is not None, "the cluster is not up"
        return self._short / "d"

    def _prepare(self) -> None:
        if self._shape.cgroup:
            self._cgroups = CGROUP_LOCK.open("w")
            fcntl.flock(self._cgroups, fcntl.LOCK_EX)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._short = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self._short.chmod(0o755)
        self._root.symlink_to(self.directory.resolve())
        names = ["slurmctld", "slurmdbd", *(f"slurmd:{node}" for node in self.nodes)]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.environment["SLURM_CONF"] = str(self._root / "slurm.conf")
        write_files(self._root, self._shape, self._ports)

    def _database_options(self) -> list[str]:
        # in a shared tmpdir, each mariadbd that starts removes the temporary tables of the others
        return ["--no-defaults", "--user=root", f"--datadir={self._root}/db",
                f"--tmpdir={self._root}/tmp"]  # fmt: skip

    def _make_database(self) -> None:
        log = self.log("mariadb-install-db")
        with log.open("wb") as file:
            done = subprocess.run(
                ["mariadb-install-db", *self._database_options(),
                 "--auth-root-authentication-method=normal", "--skip-test-db"],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=120,
                env=os.environ | {"PATH": PATH},
            )  # fmt: skip
        assert done.returncode == 0, f"no database could be made: {log.read_text()}"

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
            end_all(functools.partial(processes_with, self.environment))
            shutil.rmtree(self._short)
            self._short = None
        if self._cgroups is not None:
            remove_cgroups(self.nodes)
            self._cgroups.close()
            self._cgroups = None

    def _argv(self, name: str) -> list[str]:
        root = self._root
        kind, _, node = name.partition(":")
        argv = {
            "munged": ["--foreground", "--force", f"--socket={root}/munge.socket",
                       f"--key-file={root}/munge.key", f"--pid-file={root}/munged.pid",
                       f"--log-file={root}/log/munge.log", f"--seed-file={root}/munge.seed"],
            "mariadbd": [*self._database_options(), f"--socket={root}/db.socket",
                         "--skip-networking",
                         f"--pid-file={root}/mariadbd.pid", "--innodb-flush-log-at-trx-commit=0"],
            "slurmdbd": ["-D"],
            "slurmctld": ["-D"],
            "slurmd": ["-D", "-N", node],
        }[kind]  # fmt: skip
        # without this, daemons would outlive a test run that is killed
        return ["setpriv", "--pdeathsig", "KILL", kind, *argv]

    def _spawn(self, name: str) -> None:
        environment = os.environ | self.environment | {"PATH": PATH}
        environment["MYSQL_UNIX_PORT"] = f"{self._root}/db.socket"
        if name.startswith("slurmd:"):
            # inherited by the step daemons: tells whose they are
            environment["SLURMD_NODENAME"] = name.partition(":")[2]
        with self.log(name).open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                self._argv(name), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def is_alive(self, name: str) -> bool:
        """Whether a daemon has been started and has not ended."""
        return name in self._daemons and self._daemons[name].poll() is None

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
                return connects(f"{self._root}/munge.socket")
            case "mariadbd":
                return connects(f"{self._root}/db.socket")
            case "slurmctld":
                return self.run("scontrol", "ping", check=False).returncode == 0
            case "slurmd":
                return connects(self._ports[name]) and self._is_up(node)
        return connects(self._ports[name])

    def _is_up(self, node: str) -> bool:
        found = self.run("sinfo", "--noheader", "-n", node, "-o", "%T", check=False).stdout.split()
        return bool(found) and set(found) <= {"idle", "mixed", "allocated", "completing"}

    def stop(self, name: str) -> None:
        """End a daemon as an administrator does (SIGTERM)."""
        self._daemons[name].send_signal(signal.SIGTERM)
        self.thaw(name)
        self._daemons.pop(name).wait(timeout=60)

    def kill(self, name: str) -> None:
        """End a daemon as a crash does (SIGKILL). Step daemons of a slurmd run on.

        A slurmctld forgets jobs that it has not saved, and gives their ids again: `wait_saved`.
        """
        self._daemons[name].send_signal(signal.SIGKILL)
        self._daemons.pop(name).wait(timeout=60)

    def freeze(self, name: str) -> None:
        """Make a daemon hang (SIGSTOP): connections to it are accepted, and never answered."""
        self._daemons[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen daemon go on."""
        self._daemons[name].send_signal(signal.SIGCONT)

    def kill_node(self, node: str) -> None:
        """Kill a node's slurmd and all it runs, as when its power fails.

        Slurm notices 18 s after SlurmdTimeout, which is 10 s here.
        """
        self.kill(f"slurmd:{node}")
        end_all(functools.partial(processes_with, self.environment | {"SLURMD_NODENAME": node}))

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
            dead = alive != "" and not self.is_alive(alive)
            if dead or time.monotonic() > end:
                tail = self.log(alive or "slurmctld").read_text(errors="replace")[-1500:]
                raise AssertionError(f"waited {timeout} s in vain for {what}; log:\n{tail}")
            time.sleep(0.05)
