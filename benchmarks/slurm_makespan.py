"""The graph against the barrier: makespan of a small production on real Slurm.

A part of NSB-0.07 with jobs of uneven, seeded lengths (sleeps), one step a job, on a cluster with
few slots:

Of `r0_to_dl1` each file is a job, since a node needs two files to be split.

- graph: lstluigi submits a step as soon as what it reads is there;
- barrier: lstmcpipe's schedule, the same jobs submitted stage by stage, each with ``afterok`` on
  all jobs of the stage before;
- shared: lstluigi as it is, where small steps share chunks, one after the other.

No schedule can be shorter than the longest line of jobs, nor than all work over the slots. Slurm's
own time for a job is measured with empty ones and counted into that bound, too.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import large
from cluster import Report, Site, arguments, end, start_lab, watch, workplace
from slurm_lab import SlurmLab
from trivial_runner import seconds

from lstluigi.production.plan import Plan

#: The shortest and the longest job (s) of each stage, in the proportions of a production.
LENGTHS = {
    "r0_to_dl1": [1, 10],
    "train_test_split": [1, 2],
    "merge_dl1": [1, 4],
    "train_pipe": [10, 20],
    "dl1_to_dl2": [3, 15],
    "dl2_to_irfs": [1, 5],
}
#: One core a job: the slots are the cluster's cores.
OPTIONS = {"cpus-per-task": "1", "mem": "100M"}
SETTINGS = {"gather": 0.2, "latency_wait": 5.0}
EMPTY = 40
#: Simtel files of each node.
FILES = 2


def lengths(plan: Plan, jobs: dict[str, Any]) -> dict[int, float]:
    """Length of each job of a step."""
    steps = plan.steps
    return {n.index: seconds(jobs, f"{n.step.stage}-{n.step.number}/") for n in steps}


def jobs_of(plan: Plan, index: int) -> int:
    """How many jobs a step has."""
    return FILES if plan.steps[index].step.stage == "r0_to_dl1" else 1


def bound(plan: Plan, length: dict[int, float], slots: int) -> tuple[float, float]:
    """The longest line of jobs, and all work over the slots (s)."""
    finished: dict[int, float] = {}
    for index in plan.graph.order:
        before = [finished[p.index] for p in plan.producers(plan.steps[index])]
        finished[index] = max(before, default=0.0) + length[index]
    work = sum(jobs_of(plan, index) * each for index, each in length.items())
    return max(finished.values()), work / slots


def overhead(lab: SlurmLab, slots: int) -> float:
    """Slurm's time (s) for an empty job: from one to the next in a slot."""
    started = time.monotonic()
    lab.wait_ended(lab.submit(":", f"--array=0-{EMPTY - 1}", "--mem=100M"), timeout=300)
    return (time.monotonic() - started) / (EMPTY / slots)


def by_graph(site: Site) -> float:
    """Makespan (s) of a run of lstluigi, from its first submission."""
    process = site.start()
    _, ended = watch(process, 1800)
    if not ended or process.returncode != 0:
        end(process)
        raise SystemExit(f"the run did not end well:\n{site.said()}")
    site.require_products()
    first = min(when for when, name in site.calls() if name == "sbatch")
    return max(float(line[0]) for line in site.jobs_done()) - first


def by_barrier(lab: SlurmLab, plan: Plan, length: dict[int, float], log: Path) -> float:
    """Makespan (s) of the same jobs, stage by stage."""
    stages: dict[str, list[int]] = {}
    for node in plan.steps:
        stages.setdefault(node.step.stage, []).append(node.index)

    def array(index: int) -> list[str]:
        count = jobs_of(plan, index)
        return [f"--array=1-{count}"] if count > 1 else []

    started, before = time.time(), list[str]()
    for stage in plan.config.stages_to_run:
        after = [f"--dependency=afterok:{':'.join(before)}"] if before else []
        body = "sleep {:.3f}; date +%s.%N >> {}"
        before = [
            lab.submit(body.format(length[index], log), "--mem=100M", *array(index), *after)
            for index in stages[stage]
        ]
    for job in before:
        lab.wait_ended(job, timeout=1800)
    return max(map(float, log.read_text().split())) - started


def main() -> int:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--lines", type=int, default=2, help="lines of nodes")
    parser.add_argument("--training", type=int, default=3, help="nodes of each line")
    parser.add_argument("--testing", type=int, default=4, help="test nodes")
    parser.add_argument("--slots", type=int, default=4, help="cores of the cluster")
    parser.add_argument("--interval", type=float, default=1.0, help="between queries (s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all lengths")
    given = parser.parse_args()
    part = large.Part(given.lines, given.training, given.testing)
    scaled = {stage: [given.scale * x for x in span] for stage, span in LENGTHS.items()}
    jobs = {"seconds": scaled, "seed": given.seed}
    slurm = {**SETTINGS, "interval": given.interval, "longest_interval": given.interval}
    with workplace(given) as root, start_lab(root, nodes=1, cpus=given.slots) as lab:
        each = overhead(lab, given.slots)
        alone = Site(root / "alone", lab, part, FILES, jobs, slurm, 1, OPTIONS)
        plan = large.open_session(alone.config).plan
        length = lengths(plan, jobs)
        made = {"graph": by_graph(alone)}
        made["barrier"] = by_barrier(lab, plan, length, root / "barrier.log")
        made["shared"] = by_graph(
            Site(root / "shared", lab, part, FILES, jobs, slurm, None, OPTIONS)
        )
        plain = max(bound(plan, length, given.slots))
        least = max(bound(plan, {i: s + each for i, s in length.items()}, given.slots))
        line, work = bound(plan, length, given.slots)
    count = sum(jobs_of(plan, index) for index in length)
    report = Report(
        f"{count} jobs of {min(length.values()):.1f} to {max(length.values()):.1f} s on "
        f"{given.slots} slots, interval {given.interval:g} s"
    )
    report.add("longest line, work over slots", f"{line:.1f} s, {work:.1f} s")
    report.add("Slurm's time for an empty job", f"{each:.2f} s", overhead_s=each)
    report.add("lower bound", f"{plain:.1f} s; with Slurm's time {least:.1f} s")
    for name, took in made.items():
        goal = "1.10 of the latter" if name == "graph" else ""
        report.add(name, f"{took:.1f} s: {took / plain:.2f}, {took / least:.2f}", goal)
    report.facts.update(bound_s=plain, bound_with_slurm_s=least, makespan_s=made, seed=given.seed)
    report.tell(given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
