"""What a production has cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from lab import Lab, full, small

from lstluigi.config import load_config
from lstluigi.jobs.ledger import Attempt, Share, note
from lstluigi.jobs.slurm.accounting import Account, parse_accounts
from lstluigi.jobspec import ArrayFiles, Resources
from lstluigi.production.cost import StageCost, cost_of, described, joined, suggested, yaml_lines
from lstluigi.stages import SHAPES

A, B = "r0_to_dl1-1/a.simtel.gz", "r0_to_dl1-1/b.simtel.gz"


def attempt(**facts: float | str) -> Attempt:
    asked = Resources(cpus=2, memory_mb=4000)
    share = Share(ArrayFiles("a", "/nowhere"), job="7", asked=asked)
    known = {"wall_s": 100.0, "cpu_s": 150.0, "memory_mb": 1000.0, "state": "ok"}
    return Attempt("x", share, 0, **{**known, **facts})  # type: ignore[arg-type]


def test_sums_and_efficiency() -> None:
    cost = StageCost()
    cost.take(attempt())
    cost.take(attempt(state="failed", wall_s=50.0, cpu_s=60.0, memory_mb=3000.0))
    assert (cost.attempts, cost.failed, cost.wall_s, cost.cpu_s) == (2, 1, 150, 210)
    assert (cost.lost_s, cost.longest_s, cost.peak_mb, cost.asked_mb) == (50, 100, 3000, 4000)
    assert cost.efficiency == pytest.approx(210 / (2 * 150))


def test_what_was_not_measured_is_counted_apart() -> None:
    cost = StageCost()
    cost.take(Attempt("x", Share(ArrayFiles("a", "/d")), 0, state="failed"))
    assert (cost.unmeasured, cost.wall_s, cost.efficiency, cost.peak_mb) == (1, 0, None, None)
    assert suggested(cost) == {}


def test_suggestions_load_as_a_config(lab: Lab) -> None:
    small(lab)
    cost = StageCost(per_file=True)
    cost.take(attempt())
    cost.add_job(Account(3600.0))
    # 1000 MB and 30 % more, in steps of 500; 1 h and half as much again
    assert suggested(cost) == {"mem": "1500M", "time": "0-01:30:00"}
    text = "\n".join(yaml_lines({"r0_to_dl1": cost}))
    lab.config.write_text(f"{lab.config.read_text()}\n{text}\n")
    config = load_config(lab.config, SHAPES)
    asked = config.slurm.stages["r0_to_dl1"]
    assert dict(asked) == {"mem": "1500M", "time": "0-01:30:00"}


def test_queue_time_is_from_submission_to_beginning(lab: Lab) -> None:
    small(lab)
    node = lab.plan().steps[0]
    directory = lab.root / "array"
    directory.mkdir()
    facts = {"backend": "slurm", "directory": str(directory), "asked": {"cpus": 1}}
    note(node.places.ledger, "submitting", array="a", chunks={"0": [A, B]}, **facts)
    note(node.places.ledger, "submitted", array="a", job="7")
    text = Path(node.places.ledger).read_text()
    lines = [json.loads(line) | {"time": "2026-01-01T00:00:00Z"} for line in text.splitlines()]
    Path(node.places.ledger).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    for item in (A, B):
        note(node.places.ledger, "ended", array="a", item=item, state="ok", wall_s=10, cpu_s=5)
    times = {"started": "2026-01-01T00:10:00Z", "ended": "2026-01-01T00:11:00Z"}
    (directory / "chunk-0.json").write_text(json.dumps({**times, "items": {}}))
    cost = cost_of(lab.plan())["r0_to_dl1"]
    assert (cost.jobs, cost.queued, cost.mean_queue_s, cost.job_s) == (1, 1, 600.0, 60.0)
    by_sacct = cost_of(lab.plan(), {("7", 0): Account(65.0, 500.0)})["r0_to_dl1"]
    assert (by_sacct.mean_queue_s, by_sacct.job_s) == (500.0, 65.0)
    (directory / "chunk-0.json").write_text("{")
    unknown = cost_of(lab.plan())["r0_to_dl1"]
    assert (unknown.jobs, unknown.mean_queue_s, unknown.wall_s) == (0, None, 20.0)


@pytest.mark.parametrize("told", ["ended", "stopped", "cancelled"])
def test_what_a_job_never_came_to_was_not_tried(lab: Lab, told: str) -> None:
    small(lab)
    node = lab.plan().steps[0]
    directory = lab.root / "array"
    directory.mkdir()
    facts = {"backend": "local", "directory": str(directory), "asked": {"cpus": 1}}
    c = A.replace("a.simtel", "c.simtel")
    note(node.places.ledger, "submitting", array="a", chunks={"0": [A, B, c]}, **facts)
    note(node.places.ledger, "ended", array="a", item=A, state="ok", wall_s=10, cpu_s=5)
    if told == "ended":
        for item in (B, c):
            note(node.places.ledger, "ended", array="a", item=item, state="failed", cause="time")
    else:
        word = {"stopped": "abandoned"}.get(told, told)
        note(node.places.ledger, word, array="a", backend="local")
    result = directory / "chunk-0.json"
    items = {A: {"state": "ok"}, B: {"state": "running"}}
    result.write_text(json.dumps({"items": items}))
    cost = cost_of(lab.plan())["r0_to_dl1"]
    assert (cost.attempts, cost.failed, cost.unmeasured, cost.wall_s) == (2, 1, 1, 10.0)
    # its runner was told to stop, and said what it had used
    items[B] = {"state": "failed", "wall_s": 4.0, "cpu_s": 2.0, "max_rss_mb": 70.0}
    result.write_text(json.dumps({"items": items}))
    cost = cost_of(lab.plan())["r0_to_dl1"]
    assert (cost.attempts, cost.failed, cost.unmeasured) == (2, 1, 0)
    assert (cost.wall_s, cost.lost_s, cost.cpu_s, cost.peak_mb) == (14.0, 4.0, 7.0, 70.0)
    result.unlink()  # a job that never began to run
    cost = cost_of(lab.plan())["r0_to_dl1"]
    assert (cost.attempts, cost.failed) == (1, 0)
    result.write_text("{")  # who knows
    cost = cost_of(lab.plan())["r0_to_dl1"]
    assert (cost.attempts, cost.failed, cost.unmeasured) == (3, 2, 2)


def test_lines_of_sacct() -> None:
    times = "2026-01-01T00:00:00|2026-01-01T00:01:40|2026-01-01T01:01:40"
    row = f"7_[0-1]|a|name|long|acc|COMPLETED|0:0|{times}|01:00:00|1|4000M||00:50:00|cp01"
    waiting = row.replace("2026-01-01T00:01:40", "Unknown").replace("7_", "8_")
    found = parse_accounts(["JobID|JobName", row, waiting, "", "7_0|x"])
    assert found == {("7", 0): Account(3600.0, 100.0), ("7", 1): Account(3600.0, 100.0)}


def test_kept_with_the_production(lab: Lab) -> None:
    full(lab)
    lab.ok()
    kept = json.loads((lab.prod_logs / "logs_test_prod" / "cost_test_prod.json").read_text())
    assert (kept["format"], kept["prod_id"]) == (1, "test_prod")
    assert kept["stages"]["r0_to_dl1"]["attempts"] == 6
    assert kept["total"].keys() == {"wall_h", "cpu_h"}


def test_it_is_kept_beside_the_products_and_of_stages_that_are_no_longer_run(lab: Lab) -> None:
    full(lab)
    lab.ok()
    kept = sorted(lab.root.rglob("job_logs_*/cost_test_prod.json"))
    assert {path.parent.name for path in kept} == {
        node.stage.logs for node in lab.plan().steps
    }  # one for each stage, at its first step
    records = [json.loads(path.read_text()) for path in kept]
    assert all(record == records[0] for record in records)
    stages = yaml.safe_load(lab.config.read_text())["stages"]
    assert set(records[0]["stages"]) == set(stages)
    # DL1 has gone, and only what is behind it is run again
    rest = {name: steps for name, steps in stages.items() if name != "r0_to_dl1"}
    lab.write(rest)
    models = next(path for path in kept if path.parent.name == "job_logs_train_pipe")
    (irf,) = (step["output"] for step in rest["dl2_to_irfs"])
    Path(irf).unlink()
    assert lab.ok() == [irf]
    again = json.loads(models.read_text())
    assert again["stages"]["dl2_to_irfs"]["attempts"] == 2
    assert again["stages"]["r0_to_dl1"] == records[0]["stages"]["r0_to_dl1"]
    assert again["total"]["wall_h"] == pytest.approx(
        sum(stage["wall_s"] for stage in again["stages"].values()) / 3600, abs=1e-4
    )


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        [],
        {"format": 1, "prod_id": "x", "stages": [1], "suggested": {}},
        {"format": 1, "prod_id": "x", "stages": {"a": 1}, "suggested": {}},
        {"format": 1, "prod_id": "other", "stages": {"a": {"wall_s": 1, "cpu_s": 1}}},
        {"format": 1, "prod_id": "x", "stages": {"a": {"wall_s": "1"}}, "suggested": {}},
    ],
)
def test_a_record_that_is_damaged_or_of_another_counts_for_nothing(earlier: object) -> None:
    now = described("x", {"r0_to_dl1": StageCost(attempts=1)}, "now")
    assert joined(earlier, now) == now


def test_a_production_that_never_ran_writes_nothing_beside_its_products(lab: Lab) -> None:
    small(lab)
    lab.ok()
    for path in lab.root.rglob("*.ledger.jsonl"):
        path.unlink()
    for path in lab.root.rglob("job_logs_*/cost_*.json"):
        path.unlink()
    lab.ok()
    assert not list(lab.root.rglob("job_logs_*/cost_*.json"))
