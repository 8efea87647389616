"""Config classes, asked and read back: what they generate is looked at before anyone sees it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lstluigi.config import load_config
from lstluigi.errors import ConfigError, LstluigiError, shown
from lstluigi.layouts import registry
from lstluigi.layouts.base import PathConfig
from lstluigi.plan import Plan
from lstluigi.preflight import config_problems
from lstluigi.stages import SHAPES, STAGES

__all__ = ["create", "read_back", "sentences", "step_counts"]


@contextmanager
def sentences(name: str) -> Iterator[None]:
    """Tell what a config class raises in a sentence, whatever it is: it may be the user's own.

    Raises
    ------
    LstluigiError
        It raised.
    """
    try:
        yield
    except LstluigiError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {shown(str(error))[1:-1]}"
        raise LstluigiError(f"{name} cannot make its config ({reason}); mend the class") from error


def create(name: str, given: Mapping[str, Any]) -> PathConfig:
    """Make a config of a class.

    Parameters
    ----------
    name : str
        Name of the class, as `registry.find` takes it.
    given : mapping
        Its arguments by name.
    """
    kind = registry.find(name)
    with sentences(kind.__name__):
        return registry.create(kind, given)


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
            plan = Plan(load_config(path, SHAPES, {"lstchain": path}), STAGES, {})
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
