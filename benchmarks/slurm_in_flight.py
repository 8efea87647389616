"""Thousands of jobs in Slurm's queue, followed by one run: its memory, processes and CPU time.

The r0_to_dl1 stage of NSB-0.07 (52,100 files), with 17 files a job, so 3,065 jobs or a few more, on
a cluster of 4 cores: the first jobs hold it, the others wait. Nothing changes then, and the run is
watched for a while, once as `lstluigi run` and once as `luigi --module lstluigi Production`, which
finds the same jobs again after the first was killed. ``--files 300 --per-job 50`` has as many jobs
for three times as many files.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter

import large
from cluster import (
    Report,
    Site,
    Watched,
    arguments,
    children,
    cpu,
    end,
    intervals,
    most_within,
    start_lab,
    watch,
    workplace,
)
from slurm_lab import SlurmLab

#: Steps of r0_to_dl1.
NODES = 521
#: The bodies outlast the benchmark.
JOBS = {"seconds": {"r0_to_dl1": [36_000, 36_000]}}
#: A run that has taken next to no CPU for so many seconds has begun to wait.
QUIET = 10
#: Other stages want more cores than a node has; they never come to it.
OPTIONS = {"cpus-per-task": "1"}


def in_queue(lab: SlurmLab) -> int:
    """Array elements that have not ended."""
    answer = lab.run("squeue", "-h", "-r", "-t", "pending,running", "-o", "%i", check=False)
    return len(answer.stdout.split())


def follow(site: Site, by: str, given: argparse.Namespace, report: Report) -> bool:
    """Start a run, wait until all jobs are in the queue, and watch it; has it kept on?"""
    begun, process = time.time(), site.start(by)
    known, used = -1, [0.0]

    def settled() -> bool:
        """Are all jobs there, has the run asked for them since, and is it idle?"""
        nonlocal known
        with contextlib.suppress(OSError):
            used.append(cpu(process.pid)[0])
        if known < given.jobs:
            known = in_queue(site.lab)
            return False
        asked = [when for when, name in site.calls() if name == "squeue" and when > begun]
        return len(asked) > 1 and used[-1] - used[-QUIET:][0] < 0.1

    watched, ended = watch(process, 900, every=1, then=settled)
    if not ended:
        peak = watched.pss
        calls, before, start = len(site.calls()), cpu(process.pid), time.time()
        watched, ended = watch(process, given.seconds)
    if ended:
        print(f"{by} has ended with {process.returncode}:\n{site.said()}")
        return False
    add_figures(report, by, peak, watched, (process.pid, before, start), site.calls()[calls:])
    jobs = in_queue(site.lab)
    report.add("jobs in flight", jobs, ">= 3,000", jobs=jobs)
    end(process)
    if jobs < given.jobs:
        print(f"{jobs} of {given.jobs} jobs came into the queue:\n{site.said()}")
    return jobs >= given.jobs


def add_figures(
    report: Report,
    by: str,
    peak: float,
    watched: Watched,
    at: tuple[int, tuple[float, float], float],
    calls: list[tuple[float, str]],
) -> None:
    """Add what was seen while nothing changed."""
    pid, before, start = at
    took, after = time.time() - start, cpu(pid)
    own = 100 * (after[0] - before[0]) / took
    whole = 100 * (sum(after) - sum(before)) / took
    count = Counter(name for _, name in calls)
    within = most_within([when for when, _ in calls], 30)
    report.add(f"by {by}, watched for", f"{took:.0f} s")
    report.add("memory (PSS)", f"{watched.pss:.0f} MB, while submitting {peak:.0f} MB", "< 150 MB")
    report.add("processes", f"{1 + len(children(pid))}, {watched.processes} with Slurm's", "1")
    report.add("CPU", f"{own:.2f} % of a core, {whole:.2f} % with Slurm's commands", "< 2 %")
    report.add("calls", f"{dict(count)}, {within} in 30 s at most", "2 in 30 s")
    report.facts[by] = {
        "pss_mb": watched.pss, "peak_pss_mb": peak, "cpu_percent": own,
        "cpu_with_commands_percent": whole, "calls": dict(count), "in_30_s": within,
    }  # fmt: skip


def main() -> int:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=large.FILES_PER_NODE, help="files a node")
    parser.add_argument("--per-job", type=int, default=17, help="files of a job")
    parser.add_argument("--seconds", type=float, default=150.0, help="how long to watch")
    parser.add_argument("--interval", type=float, default=30.0, help="between queries (s)")
    given = parser.parse_args()
    given.jobs = -(-NODES * given.files // given.per_job)  # those of several nodes share jobs
    interval = given.interval
    slurm = intervals(interval)
    with workplace(given) as root, start_lab(root, nodes=2, cpus=2) as lab:
        site = Site(
            root / "production", lab, None, given.files, JOBS, slurm, given.per_job, OPTIONS
        )
        report = Report(f"{given.jobs} jobs, {site.files} files in flight, interval {interval:g} s")
        good = all(follow(site, by, given, report) for by in ("lstluigi", "luigi"))
        if good:
            report.tell(given.json)
        lab.run("scancel", "--user=root", check=False)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
