"""What a production has cost, stage by stage, and what to ask for next time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json
from lstluigi.jobs.ledger import Attempt, Ledger, read_ledger, seconds
from lstluigi.jobs.slurm.accounting import Account, parse_accounts
from lstluigi.jobspec import format_time
from lstluigi.production.places import directory_of
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep

__all__ = ["StageCost", "accounts", "cost_of", "described", "joined", "suggested", "yaml_lines"]

#: Of the record that is kept.
FORMAT = 1
#: What is asked for beyond the most that was used: a factor, and a step (MB) to round up to.
MEMORY_MARGIN, MEMORY_STEP = 1.3, 500
#: The same for time (s).
TIME_MARGIN, TIME_STEP = 1.5, 1800
#: Account of a chunk by the id of its job and its index.
Accounts = Mapping[tuple[str, int], Account]


@dataclass
class StageCost:
    """What the jobs of a stage have used.

    Attributes
    ----------
    attempts, failed, unmeasured
        Tries at items, those of them that ended badly, and those of which nothing is known. What
        a job had not come to when it ended was not tried.
    wall_s, cpu_s
        Time that items took, and the CPU time they used.
    core_s
        Wall time multiplied with the cores that were asked for, where that is known.
    lost_s
        Part of `wall_s` that went into items that ended badly.
    longest_s
        The longest item that ended well.
    peak_mb, asked_mb
        The most memory that an item used, and the most that a job asked for.
    jobs, job_s, longest_job_s
        Jobs (elements of arrays) that began, their time from beginning to end, the longest.
    queued, queue_s, longest_queue_s
        Jobs whose time in the queue is known, that time added up, the longest.
    per_file
        Whether an item is a file, not a step.
    """

    attempts: int = 0
    failed: int = 0
    unmeasured: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    core_s: float = 0.0
    lost_s: float = 0.0
    longest_s: float = 0.0
    peak_mb: float | None = None
    asked_mb: int | None = None
    jobs: int = 0
    job_s: float = 0.0
    longest_job_s: float = 0.0
    queued: int = 0
    queue_s: float = 0.0
    longest_queue_s: float = 0.0
    per_file: bool = field(default=False, repr=False)

    @property
    def efficiency(self) -> float | None:
        """CPU time by time of the cores asked for; None where either is not known."""
        return self.cpu_s / self.core_s if self.core_s > 0 else None

    @property
    def mean_queue_s(self) -> float | None:
        """Mean time in the queue; None where it is not known of any job."""
        return self.queue_s / self.queued if self.queued else None

    def take(self, attempt: Attempt) -> None:
        """Count an attempt that has ended."""
        self.attempts += 1
        well = attempt.state == "ok"
        self.failed += not well
        asked = attempt.share.asked
        if asked is not None and asked.memory_mb is not None:
            self.asked_mb = max(self.asked_mb or 0, asked.memory_mb)
        if attempt.wall_s is None:
            self.unmeasured += 1
            return
        self.wall_s += attempt.wall_s
        self.lost_s += 0.0 if well else attempt.wall_s
        if well:
            self.longest_s = max(self.longest_s, attempt.wall_s)
        if attempt.cpu_s is not None and asked is not None:
            self.core_s += attempt.wall_s * asked.cpus
        self.cpu_s += attempt.cpu_s or 0.0
        if attempt.memory_mb:
            self.peak_mb = max(self.peak_mb or 0.0, attempt.memory_mb)

    def add_job(self, account: Account) -> None:
        """Count a job."""
        self.jobs += 1
        self.job_s += account.wall_s
        self.longest_job_s = max(self.longest_job_s, account.wall_s)
        if account.queue_s is not None:
            self.queued += 1
            self.queue_s += account.queue_s
            self.longest_queue_s = max(self.longest_queue_s, account.queue_s)


def cost_of(
    plan: Plan,
    accounts: Accounts | None = None,
    ledger_of: Callable[[PlannedStep], Ledger] | None = None,
) -> dict[str, StageCost]:
    """What a production has cost by its ledgers and the runner's result files, by stage.

    Parameters
    ----------
    accounts
        What Slurm's accounting says of jobs, where there is one; it beats the result files.
    ledger_of
        Ledger of a step, where they have been read already.
    """
    found: dict[str, StageCost] = {}
    seen: set[tuple[str, str, int]] = set()
    read = lru_cache(maxsize=8)(_Job.read)  # attempts of a job follow each other
    for node in plan.steps:
        cost = found.setdefault(node.step.stage, StageCost(per_file=node.stage.per_file))
        ledger = ledger_of(node) if ledger_of else read_ledger(node.places.ledger)
        for attempt in ledger.attempts:
            if attempt.open:
                continue
            share, chunk = attempt.share, attempt.chunk
            job = share.files.result(chunk), share.submitted
            key = node.step.stage, share.files.id, chunk
            if key not in seen:
                seen.add(key)
                account = (accounts or {}).get((share.job, chunk)) or read(*job).account
                if account is not None:
                    cost.add_job(account)
            tried = attempt if attempt.wall_s is not None else read(*job).completed(attempt)
            if tried is not None:
                cost.take(tried)
    return {stage: cost for stage, cost in found.items() if cost.attempts}


@dataclass(frozen=True)
class _Job:
    """A job as the runner wrote it down.

    Attributes
    ----------
    account
        Its times; None where they were not written, or not to the end.
    items
        How the items ended that it came to; None where the file is damaged.
    """

    account: Account | None
    items: Mapping[str, Mapping[str, Any]] | None

    @classmethod
    def read(cls, path: str, submitted: float) -> _Job:
        """Read a result file; one that is not there tells of a job that never came to anything."""
        try:
            content = read_json(path)
        except LstluigiError:
            return cls(None, None)
        content = {"items": {}} if content is None else content
        if not isinstance(content, dict) or not isinstance(content.get("items"), dict):
            return cls(None, None)
        items = {k: item for k, item in content["items"].items() if isinstance(item, dict)}
        started, ended = seconds(content.get("started")), seconds(content.get("ended"))
        if not started or ended < started:
            return cls(None, items)
        queue = max(0.0, started - submitted) if submitted else None
        return cls(Account(ended - started, queue), items)

    def completed(self, attempt: Attempt) -> Attempt | None:
        """An attempt that the ledger knows no end of, by the runner's word; None if never begun."""
        if self.items is None:
            return attempt
        item = self.items.get(attempt.item)
        return None if item is None else attempt.told(item)


def described(prod_id: str, costs: Mapping[str, StageCost], stamp: str) -> dict[str, Any]:
    """The cost of a production for JSON."""
    stages = {}
    for stage, cost in costs.items():
        kept = {key: value for key, value in asdict(cost).items() if key != "per_file"}
        kept = {k: round(v, 3) if isinstance(v, float) else v for k, v in kept.items()}
        efficiency = cost.efficiency
        kept["efficiency"] = None if efficiency is None else round(efficiency, 4)
        stages[stage] = kept
    suggestion = {stage: options for stage, cost in costs.items() if (options := suggested(cost))}
    return {
        "format": FORMAT,
        "prod_id": prod_id,
        "time": stamp,
        "total": _total(stages.values()),
        "stages": stages,
        "suggested": suggestion,
    }


def joined(earlier: Any, now: Mapping[str, Any]) -> dict[str, Any]:
    """What `described` gave, with the stages that only an earlier record of the production has.

    Parameters
    ----------
    earlier
        What is kept at the place; something else than such a record counts for nothing.
    now
        As it is today, of the stages that are run today.
    """
    try:
        same = [earlier["format"], earlier["prod_id"]] == [FORMAT, now["prod_id"]]
        parts = {name: {**earlier[name], **now[name]} for name in ("stages", "suggested")}
        total = _total(parts["stages"].values())
    except (LookupError, TypeError):
        return dict(now)
    return {**now, **parts, "total": total} if same else dict(now)


def _total(stages: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    listed = list(stages)
    return {
        f"{kind}_h": round(sum(stage[f"{kind}_s"] for stage in listed) / 3600, 4)
        for kind in ("wall", "cpu")
    }


def suggested(cost: StageCost) -> dict[str, str]:
    """Memory and time to ask for in the next config; nothing where nothing ended well.

    Time is that of a job where items are files, else that of a step: so `slurm_config` takes it.
    """
    options = {}
    if cost.peak_mb and cost.longest_s:
        options["mem"] = f"{_rounded(cost.peak_mb * MEMORY_MARGIN, MEMORY_STEP)}M"
    longest = cost.longest_job_s if cost.per_file else cost.longest_s
    if longest > 0 and cost.longest_s:
        options["time"] = format_time(_rounded(longest * TIME_MARGIN, TIME_STEP))
    return options


def _rounded(value: float, step: int) -> int:
    return max(1, -int(-value // step)) * step


def yaml_lines(costs: Mapping[str, StageCost]) -> Iterable[str]:
    """Lines of YAML for the next config."""
    asked: Sequence[tuple[str, dict[str, str]]] = [(s, suggested(c)) for s, c in costs.items()]
    asked = [(stage, options) for stage, options in asked if options]
    if asked:
        yield "slurm_config:"
        yield "  stages:"
    for stage, options in asked:
        inner = ", ".join(f"{key}: {value}" for key, value in options.items())
        yield f"    {stage}: {{{inner}}}"


def accounts(prod_id: str) -> dict[tuple[str, int], Account]:
    """What Slurm's accounting said of a production's jobs at the end of its last run."""
    path = Path(directory_of(prod_id), f"check_{prod_id}.txt")
    try:
        return parse_accounts(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return {}
