"""Scheduling alone: steps whose jobs end at once, under lstluigi and under stock Luigi."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from conftest import Cost, Lines, cost_of

#: A graph as wide as a production's: ten steps share what they need, two deep.
TASKS = """
import sys, logging
import luigi

made = set()

class Step(luigi.Task):
    number = luigi.IntParameter()
    def requires(self):
        return [Step(number=self.number // 10)] if self.number else []
    def complete(self):
        return self.number in made
    def run(self):
        made.add(self.number)

class Waiting(Step):
    pump = None
    def requires(self):
        return [Waiting(number=self.number // 10)] if self.number else []
    def handle(self):
        return self
    def start(self):
        made.add(self.number)
    def poll(self):
        from lstluigi.jobs.handle import Outcome
        return Outcome(True)
    def detach(self):
        pass

class Everything(luigi.WrapperTask):
    kind = luigi.Parameter()
    count = luigi.IntParameter()
    def requires(self):
        return [globals()[self.kind](number=n) for n in range(self.count)]

kind, count = sys.argv[1], int(sys.argv[2])
task = Everything(kind=kind, count=count)
if kind == "Waiting":
    from lstluigi.scheduler import exit_code, run_tasks
    sys.exit(exit_code(run_tasks([task], local_scheduler=True)))
logging.disable(logging.CRITICAL)
sys.exit(not luigi.build([task], local_scheduler=True))
"""


def cost(kind: str, count: int) -> Cost:
    setup = "import lstluigi\n" if kind == "Waiting" else ""
    return cost_of([sys.executable, "-c", setup + TASKS, kind, str(count)], dict(os.environ))


@pytest.mark.parametrize("count", [1_000, 3_000, 10_000])
def test_lstluigi(benchmark: Any, results: Lines, miniature: bool, count: int) -> None:
    costs, count = [], count // (100 if miniature else 1)
    benchmark.pedantic(lambda: costs.append(cost("Waiting", count)), rounds=1)
    results.say(f"lstluigi, {count} steps: {costs[0].cpu:.1f} s of CPU")


@pytest.mark.parametrize("count", [1_000, 3_000])
def test_stock_luigi(benchmark: Any, results: Lines, miniature: bool, count: int) -> None:
    costs, count = [], count // (100 if miniature else 1)
    benchmark.pedantic(lambda: costs.append(cost("Step", count)), rounds=1)
    results.say(f"stock Luigi, {count} steps: {costs[0].cpu:.1f} s of CPU")
