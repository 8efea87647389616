"""Config classes, asked and read back: what they generate is looked at before anyone sees it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstluigi.config import load_config
from lstluigi.errors import ConfigError, LstluigiError, Problem, shown
from lstluigi.layouts import registry
from lstluigi.layouts.base import PathConfig
from lstluigi.plan import Plan
from lstluigi.preflight import config_problems
from lstluigi.stages import STAGES

__all__ = ["checked", "generated", "pipeline", "steps"]

_SHAPES = {name: stage.shape for name, stage in STAGES.items()}


def generated(name: str, prod_id: str, given: Mapping[str, Any]) -> PathConfig:
    """Make a config class and let it generate.

    Parameters
    ----------
    name : str
        Name of the class, as `registry.find` takes it.
    prod_id : str
        Name of the production.
    given : mapping
        Further arguments of the class.

    Raises
    ------
    LstluigiError
        The class is not known, or does not take these arguments.
    """
    raise NotImplementedError


def checked(config: PathConfig) -> tuple[str, Plan]:
    """Return the text of a generated config, and the production that is read back from it.

    Raises
    ------
    LstluigiError
        What is read is no sound production, which is the class's fault.
    """
    name = type(config).__name__
    with tempfile.TemporaryDirectory(prefix="lstluigi-") as directory:
        path = Path(directory, f"{name}.yml")
        config.save_yml(path)
        try:
            plan = Plan(load_config(path, _SHAPES), STAGES, None)
            problems = list(config_problems(plan))
        except ConfigError as error:
            problems = list(error.problems)
        if problems:
            raise LstluigiError(_not_sound(name, problems))
        return path.read_text(encoding="utf-8"), plan
