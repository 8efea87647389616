"""The scheduler inside the process: same choices as Luigi's, at linear cost."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from luigi.scheduler import Scheduler
from luigi.task_status import DONE, FAILED, PENDING

from lstluigi.scheduler.ready_queue import ReadyQueueScheduler

WORKER = "worker"


def add(scheduler: Scheduler, name: str, **more: Any) -> None:
    scheduler.add_task(worker=more.pop("worker", WORKER), task_id=name, **more)


def drain(scheduler: Scheduler, end: Callable[[str], str] = lambda name: DONE) -> list[str]:
    """Run everything one at a time; return the order."""
    order: list[str] = []
    while (task := scheduler.get_work(worker=WORKER)["task_id"]) is not None:
        order.append(task)
        add(scheduler, task, status=end(task))
    return order


@pytest.fixture
def scheduler() -> ReadyQueueScheduler:
    return ReadyQueueScheduler(retry_delay=-1)


def test_priority_comes_before_age(scheduler: ReadyQueueScheduler) -> None:
    for name, priority in (("old", 0), ("high", 5), ("young", 0), ("low", -1)):
        add(scheduler, name, priority=priority)
    assert drain(scheduler) == ["high", "old", "young", "low"]


def test_requirements_inherit_priority(scheduler: ReadyQueueScheduler) -> None:
    add(scheduler, "plain")
    add(scheduler, "required")
    add(scheduler, "urgent", priority=9, deps=["required"])
    assert drain(scheduler) == ["required", "urgent", "plain"]


@pytest.mark.parametrize("seed", range(40))
def test_same_order_as_luigi(seed: int) -> None:
    """Random graphs, priorities, failures and resources, against Luigi's own scheduler."""
    rng = random.Random(seed)
    graph = [
        {
            "deps": [f"t{j}" for j in range(i) if rng.random() < 0.15],
            "priority": rng.choice([0, 0, 1, 7]),
            "resources": {"disk": 1} if rng.random() < 0.1 else {},
        }
        for i in range(30)
    ]
    failing = {f"t{i}" for i in range(30) if rng.random() < 0.1}
    order = rng.sample(range(30), 30)
    orders = []
    for kind in (Scheduler, ReadyQueueScheduler):
        scheduler = kind(retry_delay=-1)
        for i in order:
            add(scheduler, f"t{i}", **graph[i])
        orders.append(drain(scheduler, lambda name: FAILED if name in failing else DONE))
    assert orders[0] == orders[1]


def test_what_depends_on_a_failure_never_runs(scheduler: ReadyQueueScheduler) -> None:
    add(scheduler, "bad")
    add(scheduler, "next", deps=["bad"])
    add(scheduler, "last", deps=["next"])
    add(scheduler, "free")
    assert drain(scheduler, lambda name: FAILED if name == "bad" else DONE) == ["bad", "free"]


def test_requirements_found_while_running(scheduler: ReadyQueueScheduler) -> None:
    add(scheduler, "dynamic")
    assert scheduler.get_work(worker=WORKER)["task_id"] == "dynamic"
    add(scheduler, "found")
    add(scheduler, "dynamic", status=PENDING, new_deps=["found"])
    assert drain(scheduler) == ["found", "dynamic"]


def test_a_task_that_is_no_longer_done_holds_up_its_dependents() -> None:
    scheduler = ReadyQueueScheduler(stable_done_cooldown_secs=0)
    add(scheduler, "first", status=DONE)
    add(scheduler, "second", deps=["first"])
    add(scheduler, "first", status=PENDING)
    assert drain(scheduler) == ["first", "second"]


def test_resources_limit_what_runs_at_once(scheduler: ReadyQueueScheduler) -> None:
    for name in "ab":
        add(scheduler, name, resources={"tape": 1})
    add(scheduler, "c")
    work = [scheduler.get_work(worker=WORKER)["task_id"] for _ in range(3)]
    assert sorted(filter(None, work)) == ["a", "c"]
    add(scheduler, "a", status=DONE)
    assert scheduler.get_work(worker=WORKER)["task_id"] == "b"


def test_batches_are_luigis_business(scheduler: ReadyQueueScheduler) -> None:
    scheduler.add_task_batcher(worker=WORKER, task_family="F", batched_args=["x"])
    for x in "12":
        add(scheduler, f"F_{x}", family="F", params={"x": x}, batchable=True)
    reply = scheduler.get_work(worker=WORKER)
    assert sorted(reply["batch_task_ids"]) == ["F_1", "F_2"]


def test_two_workers_get_only_their_own(scheduler: ReadyQueueScheduler) -> None:
    add(scheduler, "mine")
    add(scheduler, "yours", worker="other")
    assert scheduler.get_work(worker="other")["task_id"] == "yours"
    assert scheduler.get_work(worker=WORKER)["task_id"] == "mine"


def test_a_task_nobody_can_run_is_not_handed_out(scheduler: ReadyQueueScheduler) -> None:
    add(scheduler, "external", runnable=False)
    assert scheduler.get_work(worker=WORKER)["task_id"] is None
    assert scheduler.get_work(worker=WORKER)["n_pending_tasks"] == 0


def test_counts_when_nothing_runs_are_luigis(scheduler: ReadyQueueScheduler) -> None:
    add(scheduler, "bad")
    add(scheduler, "next", deps=["bad"])
    drain(scheduler, lambda name: FAILED)
    reply = scheduler.get_work(worker=WORKER)
    # luigi leaves out a failed task's worker only when it is disabled
    assert reply["n_pending_tasks"] == 2


def calls(count: int) -> int:
    """Return how many Python functions a star of tasks costs, above one common requirement."""
    scheduler = ReadyQueueScheduler(retry_delay=-1, prune_on_get_work=True)
    counted = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        add(scheduler, "base")
        for i in range(count):
            add(scheduler, f"t{i}", deps=["base"])
        add(scheduler, "root", deps=[f"t{i}" for i in range(count)])
        assert len(drain(scheduler)) == count + 2
    finally:
        sys.setprofile(None)
    return counted


def test_cost_is_linear() -> None:
    # ten times the tasks: ten times the calls, where the square would be a hundred times
    assert calls(1000) < 15 * calls(100)
