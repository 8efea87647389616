"""The production through real Slurm: the products of the local backend, also through faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from chain_compare import assert_same_production
from chain_config import small_config
from chain_runs import Production, Running, wait_for
from slurm_lab import SlurmLab

pytestmark = [pytest.mark.chain, pytest.mark.slurm, pytest.mark.slow]
Start = Callable[..., Running]

QUICK = {"interval": 0.5, "longest_interval": 1, "latency_wait": 5, "gather": 0.5}


def written(place: Production, dl0: Path) -> Production:
    """The small production with settings for a cluster of this one machine."""
    asked = {"options": {"mem": "1500M", "cpus-per-task": "1"}}
    stages = {name: {"mem": "1500M", "cpus-per-task": "1"} for name in ("train_pipe",)}
    slurm = {**QUICK, **asked, "stages": stages}
    return place.write({**small_config(dl0), "slurm_config": slurm})


def test_the_same_products(
    slurm: SlurmLab, place: Production, production: Production, dl0: Path, start: Start
) -> None:
    run = start(written(place, dl0), *place.command("--backend", "slurm"))
    ended = run.wait()
    assert ended.code == 0, ended.text
    assert_same_production(place, production)
    assert place.left_over() == []
    assert {job.state for job in slurm.jobs()} == {"COMPLETED"}


def test_killed_while_jobs_run(
    slurm: SlurmLab, place: Production, production: Production, dl0: Path, start: Start
) -> None:
    command = written(place, dl0).command("--backend", "slurm")
    run = start(place, *command)
    wait_for(lambda: any(job.state == "RUNNING" for job in slurm.jobs()))
    run.kill()
    ended = start(place, *command).wait()
    assert ended.code == 0, ended.text
    assert_same_production(place, production)
    assert place.left_over() == []
