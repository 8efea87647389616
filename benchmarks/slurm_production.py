"""A production of the size of NSB-0.07 through real Slurm: what it costs the scheduler and us.

3,375 steps, 52,100 empty simtel files, bodies that only make files (`trivial_runner.py`).
``--lines 2 --training 3 --testing 4 --files 60`` makes a small part of it.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import large
from cluster import (
    Report,
    Site,
    Watched,
    arguments,
    cpu,
    intervals,
    most_within,
    start_lab,
    watch,
    workplace,
)

STAGES = ("r0_to_dl1", "train_test_split", "merge_dl1", "train_pipe", "dl1_to_dl2", "dl2_to_irfs")
#: What lstmcpipe 0.11.5 does with the same config (`docs/from-lstmcpipe.md`).
LSTMCPIPE_SBATCH, LSTMCPIPE_LOADS = 3385, 1153


def submitted(log: Path) -> Counter[str]:
    """Chunks that were handed to Slurm, by stage."""
    found: Counter[str] = Counter()
    for spec in log.glob("logs_*/jobs/*/chunk-*.spec.json"):
        with spec.open(encoding="utf-8") as stream:
            head = stream.read(100_000)
        found[head.partition('"id": "')[2].partition("/")[0].rpartition("-")[0]] += 1
    return found


def add_figures(report: Report, site: Site, watched: Watched, interval: float) -> None:
    """Add what was counted."""
    calls = site.calls()
    count = Counter(name for _, name in calls)
    queries = [when for when, name in calls if name in ("squeue", "sacct")]
    chunks = submitted(site.root / "logs")
    took = time.time() - watched.started
    last = max(when for when, name in calls if name == "sbatch") - watched.started
    report.add("steps", site.steps, steps=site.steps, files=site.files)
    report.add("calls of sbatch", count["sbatch"], f"150; lstmcpipe {LSTMCPIPE_SBATCH}")
    report.add("array elements", sum(chunks.values()))
    for stage in STAGES:
        report.add(f"  {stage}", chunks[stage])
    report.add("queries in all", f"{count['squeue']} squeue, {count['sacct']} sacct")
    within = most_within(queries, interval)
    mean = len(queries) * interval / took
    report.add(f"queries in {interval:g} s", f"{mean:.2f} on average, {within} at most", "2")
    report.add("loads of models", chunks["dl1_to_dl2"], f"200; lstmcpipe {LSTMCPIPE_LOADS}")
    report.add("start to last submission", f"{last:.0f} s")
    report.add("start to end", f"{took:.0f} s")
    report.add("peak memory", f"{watched.pss:.0f} MB PSS, {watched.rss:.0f} MB RSS", "150 MB")
    report.facts.update(
        calls=dict(count), chunks=dict(chunks), queries_at_most=within, queries_mean=mean,
        last_submission_s=last, took_s=took, pss_mb=watched.pss, rss_mb=watched.rss,
    )  # fmt: skip


def main() -> int:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--lines", type=int, default=0, help="lines of nodes (default: all)")
    parser.add_argument("--training", type=int, default=3, help="nodes of each line")
    parser.add_argument("--testing", type=int, default=4, help="test nodes")
    parser.add_argument("--files", type=int, default=large.FILES_PER_NODE, help="files a node")
    parser.add_argument("--interval", type=float, default=30.0, help="between queries (s)")
    parser.add_argument("--by", choices=["lstluigi", "luigi"], default="lstluigi")
    parser.add_argument("--luigid", action="store_true", help="with a luigid that shows the run")
    given = parser.parse_args()
    part = large.Part(given.lines, given.training, given.testing) if given.lines else None
    interval = given.interval
    slurm = intervals(interval)
    with (
        workplace(given) as root,
        start_lab(root, nodes=2, cpus=64) as lab,
        contextlib.ExitStack() as exits,
    ):
        site = Site(root / "production", lab, part, given.files, slurm=slurm)
        if given.luigid:
            exits.enter_context(site.luigid())
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = site.start(given.by)
        last = (0.0, 0.0)

        def look() -> bool:
            nonlocal last
            with contextlib.suppress(OSError, IndexError):
                last = cpu(process.pid)
            return False

        watched, ended = watch(process, 3600, then=look)
        if not ended or process.returncode != 0:
            print(site.said())
            return 1
        site.require_products()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with_luigid = " with a luigid" if given.luigid else ""
        report = Report(f"NSB-0.07 on Slurm by {given.by}{with_luigid}, interval {interval:g} s")
        add_figures(report, site, watched, interval)
        whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        report.add("CPU of the run", f"{last[0]:.1f} s; with Slurm's commands {whole:.1f} s")
        report.facts.update(cpu_s=last[0], cpu_with_commands_s=whole)
        report.tell(given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
