"""What the benchmarks of Slurm share: a real cluster on this host, a production, a run, a report.

The production's config names an environment that holds stand-ins: its `python` runs
`trivial_runner.py` in place of lstluigi's runner. The run finds sbatch, squeue, sacct and scancel
through scripts that count the calls, and is otherwise what a user types.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import large

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from slurm_lab import SlurmLab, reason_absent  # noqa: E402

from lstluigi.jobspec import SlurmSettings  # noqa: E402

#: As generous as a site's; the shortest of them comes first, and is the default.
PARTITIONS = {"short": "MaxTime=1-00:00:00", "long": "MaxTime=3-00:00:00", "xxl": "MaxTime=30-0"}
COUNTED = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "sacctmgr")
COUNTER = """#!/bin/bash
printf '%s {name}\\n' "$EPOCHREALTIME" >> {calls}
exec {command} "$@"
"""
ENVIRONMENT = """conda() {{ :; }}
export LSTLUIGI_BENCHMARK={settings}
export PATH={directory}:$PATH
"""
PYTHON = """#!/bin/sh
shift
exec {python} -S -E {runner} "$@"
"""


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Options that all of these programs have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--directory", type=Path, help="where to work (default: a new one in /tmp)")
    parser.add_argument("--json", type=Path, help="where to write the figures as JSON, too")
    parser.add_argument("--keep", action="store_true", help="do not remove the directory")
    return parser


@contextlib.contextmanager
def workplace(given: argparse.Namespace) -> Iterator[Path]:
    """A directory to work in; the program ends here where it cannot run."""
    absent = reason_absent() or (None if large.NSB.exists() else f"{large.NSB} is not here")
    if absent:
        sys.exit(f"cannot run: {absent}")
    directory = given.directory or Path(tempfile.mkdtemp(prefix="lstluigi-bench-"))
    try:
        yield directory
    finally:
        if not given.keep:
            shutil.rmtree(directory, ignore_errors=True)


def start_lab(root: Path, nodes: int, cpus: int, **more: Any) -> SlurmLab:
    """A cluster whose nodes claim a site's memory."""
    more.setdefault("partitions", PARTITIONS)
    return SlurmLab(root / "slurm", nodes=nodes, cpus=cpus, memory_mb=2_000_000, **more)


class Site:
    """A production on a cluster, with all that a run of it needs.

    Parameters
    ----------
    root
        Directory of the production.
    lab
        The cluster.
    part
        The part of NSB-0.07; all of it by default.
    files
        Simtel files of each node.
    jobs
        What `trivial_runner.py` is to do.
    slurm
        Keys of `slurm_config` that differ from lstluigi's defaults.
    per_chunk
        How many files or steps may share a chunk, in place of each stage's own number; for the
        command `lstluigi` only.
    options
        Slurm options of every step in place of the config's.
    runner
        What stands in for lstluigi's runner.
    """

    def __init__(
        self,
        root: Path,
        lab: SlurmLab,
        part: large.Part | None = None,
        files: int = large.FILES_PER_NODE,
        jobs: Mapping[str, Any] | None = None,
        slurm: Mapping[str, Any] | None = None,
        per_chunk: int | None = None,
        options: Mapping[str, str] | None = None,
        runner: Path = HERE / "trivial_runner.py",
    ) -> None:
        self.root, self.lab, self.per_chunk = root, lab, per_chunk
        self.config = large.write_config(root / "data")
        source = {"source_file": str(root / "environment.sh"), "conda_env": "stand-ins"}
        more = {
            "source_environment": source,
            "slurm_config": {"user_account": "lab", **(slurm or {})},
        }
        self.steps = large.change_config(self.config, part, options or {}, more)
        self.files = large.write_dl0(self.config, files)
        self.jobs_log = root / "jobs.log"
        self._write_stand_ins({"log": str(self.jobs_log), **(jobs or {})}, runner)
        self.calls_log = root / "calls.log"
        self._write_counters()
        path = os.pathsep.join((str(root / "counters"), os.environ["PATH"]))
        self.environment = {
            **os.environ,
            **lab.environment,
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "LSTLUIGI_PROD_LOGS": str(root / "logs"),
            "LUIGI_CONFIG_PATH": str(root / "luigi.cfg"),
        }
        self.scheduled_by("local_scheduler = true")

    def scheduled_by(self, setting: str) -> None:
        """Set who shows runs: a luigid of the benchmark's own, by default none."""
        (self.root / "luigi.cfg").write_text(f"[core]\n{setting}\n")

    def _write_stand_ins(self, jobs: Mapping[str, Any], runner: Path) -> None:
        directory, settings = self.root / "bin", self.root / "jobs.json"
        directory.mkdir()
        settings.write_text(json.dumps(jobs))
        system = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
        _executable(directory / "python", PYTHON.format(python=system, runner=runner))
        text = ENVIRONMENT.format(settings=settings, directory=directory)
        (self.root / "environment.sh").write_text(text)

    def _write_counters(self) -> None:
        (self.root / "counters").mkdir()
        for name in COUNTED:
            command = shutil.which(name)
            text = COUNTER.format(name=name, calls=self.calls_log, command=command)
            _executable(self.root / "counters" / name, text)

    @contextlib.contextmanager
    def luigid(self) -> Iterator[None]:
        """Have a luigid show the runs until the block has ended."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = ("--port", str(port), "--address", "127.0.0.1", "--state-path", "no/luigid.state")
        with (self.root / "luigid.log").open("wb") as log:
            daemon = subprocess.Popen(
                [str(Path(sys.executable).parent / "luigid"), *words],
                cwd=self.root, stdout=log, stderr=log,
            )  # fmt: skip
        self.scheduled_by(f"scheduler_port = {port}")
        try:
            yield
        finally:
            daemon.terminate()
            daemon.wait()

    def command(self, by: str = "lstluigi") -> list[str]:
        """What makes the production: the command `lstluigi`, or `luigi`."""
        words = {
            "lstluigi": ["run", str(self.config), "--backend", "slurm"],
            "luigi": ["--module", "lstluigi", "Production", "--backend", "slurm"],
        }[by]
        if by == "luigi":
            words += ["--config", str(self.config)]
        if self.per_chunk is None or by == "luigi":
            return [str(Path(sys.executable).parent / by), *words]
        return [sys.executable, str(HERE / "per_chunk.py"), str(self.per_chunk), *words]

    def start(self, by: str = "lstluigi") -> subprocess.Popen[bytes]:
        """Start a run."""
        with (self.root / "run.log").open("ab") as log:
            return subprocess.Popen(
                self.command(by),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def said(self, lines: int = 15) -> str:
        """The end of what runs have said."""
        text = (self.root / "run.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def calls(self) -> list[tuple[float, str]]:
        """Calls of Slurm's commands by runs: when (s since the epoch), and which."""
        if not self.calls_log.exists():
            return []
        lines = (line.split() for line in self.calls_log.read_text().splitlines())
        return [(float(when), name) for when, name in lines]

    def products(self) -> tuple[list[Path], list[Path]]:
        """All products of the production, and those of them that are missing."""
        plan = large.open_session(self.config).plan
        finals = [Path(file) for node in plan.steps for file in plan.finals(node)]
        return finals, [file for file in finals if not file.exists()]

    def require_products(self) -> None:
        """End the program with an error unless every product is there."""
        finals, missing = self.products()
        if missing or not finals:
            raise SystemExit(
                f"{len(missing)} of {len(finals)} products are missing:\n{self.said()}"
            )

    def jobs_done(self) -> list[list[str]]:
        """Lines of the log of the jobs: time, word, job, item."""
        if not self.jobs_log.exists():
            return []
        return [line.split(maxsplit=3) for line in self.jobs_log.read_text().splitlines()]


def _executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def intervals(seconds: float) -> dict[str, float]:
    """Keys of `slurm_config` for another interval than the default."""
    default = SlurmSettings()
    factor = seconds / default.interval_s
    return {"interval": seconds, "longest_interval": factor * default.longest_interval_s}


@dataclass
class Watched:
    """A run, watched from outside; memory in MB, times in s."""

    pid: int
    started: float = field(default_factory=time.time)
    pss: float = 0.0
    rss: float = 0.0
    processes: int = 0
    longest_lived: int = 0

    def look(self) -> None:
        """Look at the run now."""
        family = [self.pid, *children(self.pid)]
        self.processes = max(self.processes, len(family))
        with contextlib.suppress(OSError):
            self.pss = max(self.pss, sum(map(pss, family)))
            self.rss = max(self.rss, status(self.pid, "VmHWM"))


def children(pid: int) -> list[int]:
    """Processes that a process has started and that live."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found + [below for child in found for below in children(child)]


def pss(pid: int) -> float:
    """Memory of a process with its share of what is shared (MB); 0 once it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def status(pid: int, key: str) -> float:
    """A number of /proc/PID/status (MB)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu(pid: int) -> tuple[float, float]:
    """CPU time (s) of a process, and of those it has started and that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    own, others = fields[11:13], fields[13:15]
    return sum(map(int, own)) / tick, sum(map(int, others)) / tick


def watch(
    process: subprocess.Popen[bytes],
    seconds: float,
    every: float = 1.0,
    then: Callable[[], bool] = lambda: False,
) -> tuple[Watched, bool]:
    """Look at a run until it ends, for so long, or until something is true; has it ended?"""
    watched = Watched(process.pid)
    end = time.monotonic() + seconds
    while time.monotonic() < end and not then():
        watched.look()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(every)
            return watched, True
    return watched, False


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
    """End a run, and all it has started: its process group is its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    process.wait()


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most events in any span of so many seconds."""
    ordered, first, most = sorted(times), 0, 0
    for last, when in enumerate(ordered):
        while when - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@dataclass
class Report:
    """Figures as a table on paper and as JSON."""

    title: str
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, result: object, goal: str = "", **facts: Any) -> None:
        """A line of the table: a figure and its goal; and the bare numbers by name."""
        self.rows.append((what, str(result), goal))
        self.facts.update(facts)

    def tell(self, to: Path | None) -> None:
        """Print the table, and write the JSON where that is wanted."""
        load = f"load of this host {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"
        when, commit = time.strftime("%Y-%m-%d %H:%M"), large.commit()
        print(f"\n{self.title} ({when}, commit {commit}, {load})")
        widths = [max(len(row[i]) for row in self.rows) for i in range(2)]
        for what, result, goal in self.rows:
            print(f"  {what:<{widths[0]}}  {result:<{widths[1]}}  {goal}".rstrip())
        if to is not None:
            to.parent.mkdir(parents=True, exist_ok=True)
            facts = {"title": self.title, "date": when, "commit": commit, **self.facts}
            to.write_text(json.dumps(facts, indent=2) + "\n")
