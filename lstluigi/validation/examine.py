"""Reading a production: what a user chose, the plan that follows, and what is wrong with it."""

from __future__ import annotations

import os
from typing import Any

from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import ConfigError, Problem
from lstluigi.jobs.slurm import commands
from lstluigi.jobs.slurm.commands import Run
from lstluigi.production.load import Choices, readable, stages_of
from lstluigi.production.plan import Plan
from lstluigi.production.status.model import (
    ProductionState,
)
from lstluigi.production.status.state import Look
from lstluigi.validation import preflight
from lstluigi.validation.notes import warnings


def examine(choices: Choices) -> tuple[Plan, list[Problem]]:
    """Plan a production and find everything that is wrong whatever the file system holds.

    Steps that lack a path are not in the plan.

    Raises
    ------
    ConfigError
        Where there is nothing to plan: no config, or none in the current format.
    """
    config, problems = readable(choices)
    configs = {}
    for tool, path in config.tool_configs.items():
        if path.is_file():
            try:
                configs[tool] = ToolConfig.read(tool, path)
            except ConfigError as error:
                problems += error.problems
    plan = Plan(config, stages_of(config), configs)
    return plan, [*problems, *preflight.config_problems(plan)]


def production_state(config: str, ask: Run = commands.run, **choices: Any) -> ProductionState:
    """Find out where a production stands.

    Parameters
    ----------
    config
        Path of the production config.
    ask
        Runs a command of Slurm.
    choices
        As for `lstluigi.validation.examine.Choices`; only those matter that name files.

    Raises
    ------
    LstluigiError
        When the config cannot be run, so that nobody can say what should be there; or when a
        directory cannot be listed, without which there would be wrong numbers.
    """
    plan, problems = examine(Choices(os.path.abspath(config), **choices))
    if problems:
        raise ConfigError(problems)
    return state_of(plan, ask)


def state_of(plan: Plan, ask: Run = commands.run) -> ProductionState:
    """Find out where the production of a plan stands; see `production_state`."""
    return Look(plan, ask, warnings).state()
