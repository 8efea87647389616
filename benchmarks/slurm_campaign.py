"""Random faults over productions on real Slurm: what is lost, done twice, or left half done?

A part of NSB-0.07 (297 steps) with jobs of a second or so, done by lstluigi's own runner with
bodies that sleep (`real_runner.py`). A fault every few seconds, drawn by a seed, until there were
as many as wanted; a run that ends before everything is made is typed again, as a user would, and a
new production begins where one is complete.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import large
from cluster import HERE, Report, Site, arguments, end, start_lab, workplace
from real_runner import HALVES
from slurm_lab import SlurmLab
from slurm_processes import processes_with

JOBS = {
    "seconds": {
        "r0_to_dl1": [0.5, 3.0],
        "merge_dl1": [0.2, 1.0],
        "train_pipe": [3.0, 6.0],
        "dl1_to_dl2": [0.5, 2.0],
        "dl2_to_irfs": [0.2, 1.0],
    }
}
SLURM = {"interval": 1, "longest_interval": 3, "gather": 0.3, "latency_wait": 10}
OPTIONS = {"cpus-per-task": "1", "mem": "100M"}
PART = large.Part(lines=3, training=8, testing=18)
NODES, CPUS = 4, 3
#: What must not happen.
GOALS = (
    *("productions lost", "missing products", "partial products", "published twice"),
    "jobs left in the queue",
)
#: Pause (s) after a fault.
PAUSE = (0.5, 5.0)


class Faults:
    """What can go wrong, each by the name of a method; each ends with all daemons up."""

    def __init__(self, lab: SlurmLab, dice: random.Random) -> None:
        self.lab, self.dice = lab, dice
        self.names = [name for name in dir(self) if name.startswith("the_")]

    def running(self) -> list[str]:
        """Elements of arrays that run."""
        answer = self.lab.run("squeue", "-h", "-t", "running", "-o", "%i", check=False)
        return answer.stdout.split()

    def one_of_the_jobs(self) -> list[str]:
        """One of the elements that run; none if none does."""
        return self.dice.sample(found, 1) if (found := self.running()) else []

    def the_process_of_a_job(self) -> None:
        """SIGKILL, as from the kernel, to one process of a job: runner, worker or fork."""
        processes = sorted(processes_with({"LSTLUIGI_BENCHMARK_JOB": "1", **self.lab.environment}))
        if processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.dice.choice(processes), signal.SIGKILL)

    def the_job_by_sigkill(self) -> None:
        """SIGKILL to everything in a job."""
        for job in self.one_of_the_jobs():
            self.lab.run("scancel", "--signal=KILL", "--full", job, check=False)

    def the_job_by_sigterm(self) -> None:
        """SIGTERM to everything in a job."""
        for job in self.one_of_the_jobs():
            self.lab.run("scancel", "--signal=TERM", "--full", job, check=False)

    def the_job_by_scancel(self) -> None:
        """A person cancels a job: not tried again, so the run ends with a failure."""
        for job in self.one_of_the_jobs():
            self.lab.run("scancel", job, check=False)

    def the_node_fails(self) -> None:
        """All jobs of a node are NODE_FAIL."""
        self.lab.fail_node(self.dice.choice(self.lab.nodes))

    def the_node_is_drained(self) -> None:
        """A node takes no jobs for a while."""
        node = f"nodename={self.dice.choice(self.lab.nodes)}"
        self.lab.run("scontrol", "update", node, "state=drain", "reason=test", check=False)
        time.sleep(self.dice.uniform(1, 4))
        self.lab.run("scontrol", "update", node, "state=resume", check=False)

    def the_controller_is_killed(self) -> None:
        """slurmctld crashes, and is back after a while; what it has not saved is forgotten."""
        self.lab.kill("slurmctld")
        time.sleep(self.dice.uniform(0, 5))
        self.lab.start("slurmctld")

    def the_controller_restarts(self) -> None:
        """slurmctld is stopped and started."""
        self.lab.stop("slurmctld")
        time.sleep(self.dice.uniform(0, 3))
        self.lab.start("slurmctld")

    def the_controller_freezes(self) -> None:
        """slurmctld does not answer for some seconds, longer than commands wait."""
        self.lab.freeze("slurmctld")
        time.sleep(self.dice.uniform(1, 14))
        self.lab.thaw("slurmctld")

    def the_accounting_stops(self) -> None:
        """slurmdbd is away for some seconds."""
        self.lab.stop("slurmdbd")
        time.sleep(self.dice.uniform(0, 5))
        self.lab.start("slurmdbd")


class Campaign:
    """Productions with faults, and what has become of them."""

    def __init__(self, lab: SlurmLab, root: Path, given: argparse.Namespace) -> None:
        self.lab, self.root, self.given = lab, root, given
        self.dice = random.Random(given.seed)
        self.faults = Faults(lab, self.dice)
        self.until = time.monotonic() + 60 * given.minutes
        self.count: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        """Have there been enough faults, or was it long enough?"""
        return self.injected.total() >= self.given.faults or time.monotonic() > self.until

    def run(self) -> None:
        """Make productions until there were enough faults."""
        while not self.over or not self.count["productions"]:
            number = self.count["productions"] = self.count["productions"] + 1
            part = large.Part(*(max(1, round(n * self.given.scale)) for n in PART))
            jobs = {**JOBS, "seed": self.given.seed + number}
            runner = Path(os.environ.get("LSTLUIGI_BENCHMARK_RUNNER", HERE / "real_runner.py"))
            site = Site(
                self.root / f"p{number}", self.lab, part, 2, jobs, SLURM, None, OPTIONS, runner
            )
            with (site.root / "environment.sh").open("a") as environment:
                environment.write("export LSTLUIGI_BENCHMARK_JOB=1\n")
            self.count["steps"] += site.steps
            self._make(site)
            self._judge(site)

    def _make(self, site: Site) -> None:
        """One production, typed again until it is complete."""
        process, endings = site.start(), 0
        patience = time.monotonic() + 60 * self.given.patience
        while endings < self.given.runs and time.monotonic() < patience:
            if process.poll() is not None:
                if process.returncode == 0:
                    return
                endings += process.returncode > 0
                self.count["typed again"] += 1
                process = site.start()
            if self.over:
                time.sleep(0.5)
                continue
            name = self.dice.choice(["the_run_is_killed", *self.faults.names])
            self.injected[name] += 1
            print(f"{time.strftime('%H:%M:%S')} fault {self.injected.total()}: {name}", flush=True)
            if name == "the_run_is_killed":
                end(process)
            else:
                fault: Callable[[], None] = getattr(self.faults, name)
                fault()
            time.sleep(self.dice.uniform(*PAUSE))
            patience = time.monotonic() + 60 * self.given.patience
        end(process)
        self.count["productions lost"] += 1
        print(f"not complete: {site.root}\n{site.said(30)}")

    def _left(self) -> int:
        """Jobs that go on though everything is made; those that are about to end are let end."""
        for _ in range(10):
            left = self.lab.run("squeue", "-h", "-r", "-t", "pending,running", "-o", "%i %j").stdout
            if not left:
                return 0
            time.sleep(1)
        print(f"in the queue:\n{left}")
        return len(left.splitlines())

    def _judge(self, site: Site) -> None:
        """Count what is missing, half done, or done twice."""
        finals, missing = site.products()
        broken = [file for file in finals if file.exists() and file.read_text() != "".join(HALVES)]
        lines = site.jobs_done()
        starts = Counter(item for _, word, _, item in lines if word == "start")
        published = Counter(item for _, word, _, item in lines if word == "published")
        twice = [file for file, count in published.items() if count > 1]
        self.count["products"] += len(finals)
        self.count["items"] += len(starts)
        self.count["starts"] += starts.total()
        self.count["missing products"] += len(missing)
        self.count["partial products"] += len(broken)
        self.count["published twice"] += len(twice)
        self.count["jobs left in the queue"] += self._left()
        self.count["calls of sbatch"] += sum(name == "sbatch" for _, name in site.calls())
        for what, files in (("missing", missing), ("broken", broken), ("twice", twice)):
            for file in files[:3]:
                print(f"{what}: {file}")


def main() -> int:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--faults", type=int, default=200, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the nodes and lines")
    parser.add_argument("--minutes", type=float, default=60, help="no faults after that")
    parser.add_argument(
        "--patience", type=float, default=6, help="minutes for a production to end without faults"
    )
    parser.add_argument(
        "--runs", type=int, default=8, help="of a production, not killed, until it counts as lost"
    )
    given = parser.parse_args()
    started = time.monotonic()
    with workplace(given) as root, start_lab(root, NODES, CPUS) as lab:
        campaign = Campaign(lab, root, given)
        campaign.run()
    count, injected = campaign.count, campaign.injected
    report = Report(f"{injected.total()} faults, seed {given.seed}")
    report.add("took", f"{(time.monotonic() - started) / 60:.1f} min")
    for name, times in sorted(injected.items()):
        report.add(f"  {name.replace('_', ' ')}", times)
    for name in ("productions", "steps", "products", "typed again", "calls of sbatch"):
        report.add(name, count[name])
    report.add("starts of items", f"{count['starts']} for {count['items']} items")
    for name in GOALS:
        report.add(name, count[name], "0")
    report.facts.update(faults=dict(injected), **count)
    report.tell(given.json)
    return int(any(count[name] for name in GOALS) or not count["starts"])


if __name__ == "__main__":
    sys.exit(main())
