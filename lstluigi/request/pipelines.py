"""Config classes, asked and read back: what they generate is looked at before anyone sees it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from lstluigi.config import load_config
from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.layouts.base import PathConfig
from lstluigi.plan import Plan
from lstluigi.preflight import config_problems
from lstluigi.stages import STAGES

__all__ = ["read_back", "step_counts"]

_SHAPES = {name: stage.shape for name, stage in STAGES.items()}


def read_back(config: PathConfig, text: str) -> Plan:
    """Read the text of a generated config as a run would, and look at its graph.

    Raises
    ------
    LstluigiError
        It is no sound production, which is its class's fault.
    """
    name = type(config).__name__
    with tempfile.TemporaryDirectory(prefix="lstluigi-") as directory:
        # where a run names the file, what is wrong is told with the class
        path = Path(directory, name)
        path.write_text(text, encoding="utf-8")
        try:
            # which lstchain config it needs is said by its graph: it is not there yet
            plan = Plan(load_config(path, _SHAPES, lstchain_config=path), STAGES, None)
            problems = list(config_problems(plan))
        except ConfigError as error:
            problems = list(error.problems)
    if problems:
        told = "\n".join(str(problem).replace(f"{directory}/", "") for problem in problems[:10])
        more = f"\n... and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise LstluigiError(
            f"what {name} generates is no config that can run; mend the class:\n{told}{more}"
        )
    return plan


def step_counts(plan: Plan) -> Mapping[str, int]:
    """Count the steps of each stage, in the order of the config."""
    counts = dict.fromkeys(plan.config.stages_to_run, 0)
    for node in plan.steps:
        counts[node.step.stage] += 1
    return counts
