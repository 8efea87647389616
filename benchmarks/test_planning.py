"""From process start to the first job ready, and to "nothing to do", for 3,375 steps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cost, Lines, cost_of

pytest.importorskip("lstluigi")
import large

pytestmark = pytest.mark.skipif(not large.NSB.exists(), reason="the corpus is not here")

#: Runs a production and leaves as soon as the first array would start.
FIRST_JOB = """
import os, sys
from lstluigi.jobs.local import LocalBackend
LocalBackend.submit = lambda backend, array: os._exit(0)
from lstluigi.run.start import run_production
run_production(sys.argv[1], {"environment": "current"})
sys.exit("no job was submitted")
"""
#: The same as the luigi command does it.
LUIGI = """
import os, sys
import luigi.cmdline
from lstluigi.jobs.local import LocalBackend
LocalBackend.submit = lambda backend, array: os._exit(0)
luigi.cmdline.luigi_run(sys.argv[1:])
"""
MEMORY = "import resource, lstluigi; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


Rounds = Callable[[list[str]], list[Cost]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    logs = tmp_path_factory.mktemp("logs")
    return {**os.environ, "LSTLUIGI_PROD_LOGS": str(logs)}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory, miniature: bool) -> Path:
    config = large.write_config(tmp_path_factory.mktemp("nsb") / "data")
    if miniature:
        large.change_config(config, large.Part(lines=1, training=1, testing=1), {}, {})
    files = large.write_dl0(config)
    assert miniature or files == 52_100
    return config


@pytest.fixture
def rounds(benchmark: Any, environment: dict[str, str], miniature: bool) -> Rounds:
    def several(command: list[str]) -> list[Cost]:
        costs: list[Cost] = []
        count = 1 if miniature else 3
        benchmark.pedantic(lambda: costs.append(cost_of(command, environment)), rounds=count)
        return costs

    return several


def told(results: Lines, what: str, costs: list[Cost], limit: str) -> None:
    best = min(costs, key=lambda cost: cost.wall)
    results.say(f"{what}: {best.wall:.2f} s of wall clock, {best.cpu:.2f} s of CPU ({limit})")


def test_import(rounds: Rounds, results: Lines) -> None:
    costs = rounds([sys.executable, "-c", "import lstluigi"])
    kilobytes = subprocess.check_output([sys.executable, "-c", MEMORY], text=True)
    told(results, f"import lstluigi, {int(kilobytes) / 1024:.0f} MB", costs, "0.5 s, 60 MB")


def test_first_job(rounds: Rounds, results: Lines, production: Path) -> None:
    command = [sys.executable, "-c", FIRST_JOB, str(production)]
    told(results, "first job ready", rounds(command), "3 s")


def test_first_job_of_luigi(
    rounds: Rounds, results: Lines, environment: dict[str, str], production: Path
) -> None:
    arguments = ["--module", "lstluigi", "Production", "--environment", "current", "--config"]
    command = [sys.executable, "-c", LUIGI, *arguments, str(production)]
    costs = rounds(command)
    bare = min(cost_of([sys.executable, "-c", "import luigi"], environment).wall for _ in range(3))
    told(results, "first job ready by `luigi --module`", costs, f"import luigi alone {bare:.2f} s")


def test_nothing_to_do(rounds: Rounds, results: Lines, production: Path) -> None:
    large.finish(production)
    command = [sys.executable, "-m", "lstluigi.cli", "run", str(production)]
    command += ["--environment", "current"]
    told(results, "nothing to do", rounds(command), "3 s")
