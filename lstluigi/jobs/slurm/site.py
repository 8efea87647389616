"""What this site's Slurm allows, asked once at the start of a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from lstluigi.errors import LstluigiError
from lstluigi.jobs.slurm.commands import Answer, Run, run, user_name
from lstluigi.jobspec import Partition, parse_memory, parse_time

SINFO_FORMAT = "%R|%l|%L|%m|%c|%D"


@dataclass(frozen=True)
class Site:
    """Limits of a site, as far as they can be learnt.

    Attributes
    ----------
    user
        Who submits.
    partitions
        By name; empty where sinfo does not tell.
    default_time_s
        Time (s) of a job that asks for none, by partition.
    nodes
        How many nodes each partition has.
    memory_mb
        Memory of a job that asks for none; None if unknown.
    largest_array
        Elements of the largest array.
    arrays
        Whether the site has arrays of jobs; else each chunk is a job of its own.
    accounting
        Whether sacct can be asked.
    max_jobs
        Array elements that this user may have in the queue; None if unknown or unlimited.
    """

    user: str = ""
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    default_time_s: Mapping[str, int] = field(default_factory=dict)
    nodes: Mapping[str, int] = field(default_factory=dict)
    memory_mb: int | None = None
    largest_array: int = 1000
    arrays: bool = True
    accounting: bool = False
    max_jobs: int | None = None


def answers() -> bool:
    """Does this machine belong to a cluster? Also where its controller is down just now."""
    if shutil.which("sbatch") is None or shutil.which("squeue") is None:
        return False
    ping = run(["scontrol", "ping"])
    return ping.code == 0 or "DOWN" in ping.out


def probe(ask: Run = run) -> Site:
    """Learn what this site allows; what cannot be learnt is left open.

    Raises
    ------
    LstluigiError
        Where there is no Slurm, or where it does not answer now.
    """
    user = user_name()
    shown = ask(["scontrol", "show", "config"])
    if shown.code == 127:
        raise LstluigiError(
            f"there is no Slurm on this machine ({shown.words}); use --backend local, or run "
            "where sbatch is"
        )
    if shown.silent:
        raise LstluigiError(f"Slurm does not answer now ({shown.words}); try again when it does")
    settings = parse_settings(shown.out)
    limits = ask(["sinfo", "--noheader", "--all", f"--format={SINFO_FORMAT}"])
    partitions, times, nodes = parse_partitions(limits.out if limits.code == 0 else "")
    accounting = ask(["sacct", "--noheader", "--allocations", f"--user={user}", "--name=lstluigi"])
    memory = settings.get("DefMemPerCPU") or settings.get("DefMemPerNode")
    size = settings.get("MaxArraySize", "")
    largest = int(size) if size.isdecimal() else 1000
    return Site(
        user=user,
        partitions=partitions,
        default_time_s=times,
        nodes=nodes,
        memory_mb=_number(memory),
        # the highest index is one less; MaxArraySize=0 disables arrays
        largest_array=max(1, largest),
        arrays=largest > 1,
        # a database that is down now may be up when it is needed
        accounting="disabled" not in accounting.err and accounting.code != 127,
        max_jobs=_max_jobs(ask, user, settings),
    )


def _max_jobs(ask: Run, user: str, settings: Mapping[str, str]) -> int | None:
    found = []
    if "slurmdbd" in settings.get("AccountingStorageType", ""):
        asked = ["sacctmgr", "--noheader", "--parsable2", "--immediate", "show", "associations"]
        found = parse_max_submit(ask([*asked, f"user={user}", "format=MaxSubmitJobs"]))
    count = _number(settings.get("MaxJobCount"))
    if count is not None:
        found.append(max(1, count - 1))  # where it is reached, sbatch blocks for two minutes
    return min(found, default=None)


def parse_settings(out: str) -> dict[str, str]:
    """Settings that ``scontrol show config`` prints."""
    pairs = (line.partition("=") for line in out.splitlines())
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def parse_partitions(
    out: str,
) -> tuple[dict[str, Partition], dict[str, int], dict[str, int]]:
    """Partitions that sinfo prints in `SINFO_FORMAT`, with the limits of their largest nodes.

    The other two are the time of a job that asks for none, and the number of nodes.
    """
    nodes: dict[str, int] = {}
    found: dict[str, Partition] = {}
    times: dict[str, int] = {}
    for line in out.splitlines():
        fields = line.strip().split("|")
        if len(fields) != 6 or not fields[0]:
            continue
        name, longest, usual, memory, cpus, count = fields
        known = found.get(name, Partition(name))
        found[name] = Partition(
            name,
            time_s=_time(longest),
            memory_mb=_largest(known.memory_mb, memory),
            cpus=_largest(known.cpus, cpus),
        )
        if (seconds := _time(usual)) is not None:
            times[name] = seconds
        if count.isdecimal():
            nodes[name] = nodes.get(name, 0) + int(count)
    return found, times, nodes


def parse_max_submit(answer: Answer) -> list[int]:
    """Limits on submitted jobs that sacctmgr prints, one a line; an empty line is no limit."""
    lines = answer.out.splitlines() if answer.code == 0 else []
    return [int(line.strip()) for line in lines if line.strip().isdecimal()]


def _time(text: str) -> int | None:
    try:
        return parse_time(text)
    except LstluigiError:  # n/a
        return None


def _largest(known: int | None, text: str) -> int | None:
    try:
        here = parse_memory(text.rstrip("+"))
    except LstluigiError:
        return known
    return here if known is None else max(known, here)


def _number(text: str | None) -> int | None:
    word = (text or "").split(" ")[0]
    return int(word) if word.isdecimal() and int(word) > 0 else None
