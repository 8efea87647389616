"""Productions of stand-ins on a real cluster, whose jobs and runs can be made to go wrong."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from lab import BIN, HERE, Lab, Run, below
from slurm_lab import Job, SlurmLab

from lstluigi.jobs.ledger import events
from lstluigi.jobs.runner.base import HEADER

#: So quick that a test waits for what it tests.
QUICK = {"gather": 0.2, "interval": 0.5, "longest_interval": 1, "latency_wait": 3}
#: What fits on the nodes of the lab, in place of what a real production needs.
MODEST = {"mem": "900M", "cpus-per-task": 1, "time": 10}


class ClusterProduction(Lab):
    """A production on a cluster; several may run at once, each with commands of its own.

    Parameters
    ----------
    root
        Directory of everything.
    slurm
        The cluster.
    monkeypatch
        Of the test or of the module.
    """

    def __init__(self, root: Path, slurm: SlurmLab, monkeypatch: pytest.MonkeyPatch) -> None:
        root.mkdir(parents=True)
        super().__init__(root, monkeypatch)
        self.slurm = slurm
        self.go = root / "go"
        self.settings: dict[str, Any] = {**QUICK, "options": MODEST}
        self._started = root / "started"
        self._said = 0
        self._processes: list[subprocess.Popen[str]] = []
        self._bin = root / "bin"
        self._bin.mkdir()
        self._calls, self._at_gate = root / "calls", root / "at_gate"
        self.unwrap_sbatch()
        source = self.environment()
        with source.open("a") as stream:
            stream.write(f'echo "$lstluigi_spec" >> {shlex.quote(str(self._started))}\n')
        self.source = source

    # what there is

    def write(self, stages: Mapping[str, list[dict[str, Any]]], **top: Any) -> None:
        """Write the production config; jobs get the stand-ins."""
        environment = {"source_file": str(self.source)}
        super().write(stages, source_environment=environment, slurm_config=self.settings, **top)

    def nodes(self, *nodes: Mapping[str, str], **step: Any) -> None:
        """A production of DL1: of each node's DL0 files one directory; all of them at once."""
        for number, files in enumerate(nodes):
            self.simtel(f"dl0/{number}", **files)
        places = [(self.path("dl0", str(n)), self.path("dl1", str(n))) for n in range(len(nodes))]
        self.write(
            {"r0_to_dl1": [{"input": dl0, "output": dl1, **step} for dl0, dl1 in places]},
        )

    def wrap_sbatch(self, body: str) -> None:
        """Put a script before the real sbatch, which it calls as `"$sbatch" "$@"`.

        A question whether Slurm would take a job is no submission and goes straight to it.
        """
        real = shlex.quote(shutil.which("sbatch") or "sbatch")
        asked = f'[ "$1" = --test-only ] && exec {real} "$@"'
        self._script("sbatch", f"sbatch={real}\n{asked}\necho >> {self._calls}\n{body}")

    def gate_sbatch(self) -> None:
        """Have sbatch wait until `go` is there."""
        self.wrap_sbatch(
            f"touch {self._at_gate}; while [ ! -e {self.go} ]; do sleep 0.05; done\n"
            'exec "$sbatch" "$@"'
        )

    def wait_at_gate(self) -> None:
        """Wait until the run has called the sbatch that waits."""
        self.wait(self._at_gate.exists, "the run to call sbatch")

    def unwrap_sbatch(self) -> None:
        """Have the real sbatch alone again."""
        self.wrap_sbatch('exec "$sbatch" "$@"')

    def _script(self, name: str, body: str) -> None:
        path = self._bin / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    # runs

    def start(self, *arguments: str, program: str = "run") -> subprocess.Popen[str]:
        """Start ``lstluigi run CONFIG --backend slurm``; what it says goes to a file."""
        self._said += 1
        command = [str(BIN / "lstluigi"), program, str(self.config), "--backend", "slurm"]
        with self._said_in().open("w") as said:
            process = subprocess.Popen(
                [*command, *arguments],
                cwd=self.root,
                env=self._environment(),
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._processes.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.slurm.environment,
            "LSTLUIGI_PROD_LOGS": str(self.prod_logs),
            "PYTHONPATH": str(HERE.parent),
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "400",
        }

    def kill(self) -> None:
        """End the runs that have not ended."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _said_in(self) -> Path:
        return self.root / f"said-{self._said}.txt"

    def said(self) -> str:
        """What the latest run has said so far."""
        return self._said_in().read_text()

    def end(self, process: subprocess.Popen[str], timeout: float = 240) -> Run:
        """Wait until a run has ended; no run may end in a traceback or leave half a product."""
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"still running after {timeout} s:\n{self.said()}") from None
        run = Run(process.returncode, self.said())
        assert "Traceback" not in run.text, run.text
        assert "fault of lstluigi" not in run.text, run.text
        assert self.done_twice() == set(), run.text
        return run

    def type(self, *arguments: str, program: str = "run") -> Run:
        """Run it to its end."""
        return self.end(self.start(*arguments, program=program))

    def complete(self, run: Run, files: set[str]) -> None:
        """Assert that all is there, whole, and nothing else."""
        assert run.code == 0, run.text
        assert self.files() == files, run.text
        assert self.leftovers() == set()
        # a run ends with the result files, Slurm's own epilogue a moment later
        self.wait(lambda: not self.queue(), "the queue to be empty")

    # what goes on

    def wait(self, condition: Callable[[], object], what: str, timeout: float = 90) -> None:
        """Wait for something to be true."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}:\n{self.said()}"
            time.sleep(0.05)

    def wait_running(self, count: int = 1) -> list[Job]:
        """Wait until so many jobs have entered their environment, and give those that run."""

        def begun() -> bool:
            return sum(self.starts().values()) >= count and bool(self._in_state("RUNNING"))

        self.wait(begun, f"{count} job(s) to run")
        return self._in_state("RUNNING")

    def look(self, program: str, *arguments: str) -> str:
        """What another command than a run says of the production."""
        command = [str(BIN / "lstluigi"), program, str(self.config), *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=self._environment(), capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def _in_state(self, *states: str) -> list[Job]:
        return [job for job in self.jobs() if job.state in states]

    def jobs(self) -> list[Job]:
        """The jobs of this production that squeue knows: their script's arrays are ours."""
        arrays = {path.name for path in self.prod_logs.glob("*/jobs/*")}
        return [job for job in self.slurm.jobs() if any(job.name.endswith(a) for a in arrays)]

    def queue(self) -> list[Job]:
        """Those that have not ended."""
        return self._in_state("PENDING", "RUNNING", "COMPLETING", "SUSPENDED")

    # what has come of it

    def starts(self) -> Counter[str]:
        """How often each chunk has begun, by its spec file."""
        try:
            return Counter(self._started.read_text().split())
        except FileNotFoundError:
            return Counter()

    def sbatch_calls(self) -> int:
        """How often sbatch was called."""
        return len(self._calls.read_text())

    def runners(self) -> list[int]:
        """Process ids of the runners that have begun an item, by their result files."""
        return [result["pid"] for result in self._results() if result["items"]]

    def ledger(self) -> list[dict[str, Any]]:
        """Events of all steps."""
        return [event for path in below(self.root, "*ledger.jsonl") for event in events(str(path))]

    def _results(self) -> list[dict[str, Any]]:
        paths = below(self.prod_logs, "chunk-*.json")
        return [json.loads(p.read_text()) for p in paths if not p.name.endswith(".spec.json")]

    def done_twice(self) -> set[str]:
        """Items that were made more than once, by the runner's words in all result files.

        A second job may find that another has been there; then it makes nothing.
        """
        made = Counter(
            item
            for result in self._results()
            for item, ending in result["items"].items()
            if ending["state"] == "ok" and ending["reason"] != "already there"
        )
        return {item for item, count in made.items() if count > 1}

    def attempts(self, name: str) -> int:
        """How often a file of DL0 was begun, by the logs beside its products."""
        logs = self.root.glob(f"dl1/*/job_logs_r0dl1/{name}.simtel.gz.log")
        return sum(log.read_text().count(HEADER) for log in logs)
