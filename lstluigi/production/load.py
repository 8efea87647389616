"""Reading a production: the choices of a user, and the config that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lstluigi.config import ProductionConfig, load_config
from lstluigi.config.tool_config import TOOLS
from lstluigi.errors import ConfigError, Problem
from lstluigi.production.noise_tuning import with_noise_tuning
from lstluigi.production.step import planned, tools_needed
from lstluigi.stages import SHAPES, STAGES, WORKFLOWS
from lstluigi.stages.base import Stage

#: Names the site profile of a machine, for everyone who uses it.
SITE = "LSTLUIGI_SITE"


@dataclass(frozen=True)
class Choices:
    """What a user chose for a run, beside the config itself.

    Attributes
    ----------
    config, lstchain_config, ctapipe_config, rta_config
        Paths; no config of a tool means the one the config names or that lies beside it.
    backend
        `local`, `slurm` or `auto`; `config` means the config's choice, else `auto`.
    environment
        `config`, or `current` to run jobs with the python that runs lstluigi.
    accept_changed
        Keep outdated products.
    remake
        Patterns of outputs (or `stage`, or `stage:number`) to make again with all that follows.
    site
        Path of a site profile; nothing means the config's, or `$LSTLUIGI_SITE`.
    on_interrupt
        What becomes of jobs on a cluster when the run is interrupted: `detach` or `cancel`.
    """

    config: str
    lstchain_config: str = ""
    ctapipe_config: str = ""
    rta_config: str = ""
    backend: str = "config"
    environment: str = "config"
    accept_changed: bool = False
    remake: tuple[str, ...] = ()
    site: str = ""
    on_interrupt: str = "detach"


def stages_of(config: ProductionConfig) -> Mapping[str, Stage]:
    """The stages of a production's workflow; lstchain's if its kind is unknown."""
    return WORKFLOWS.get(config.workflow_kind, STAGES)


def readable(choices: Choices) -> tuple[ProductionConfig, list[Problem]]:
    """Read a production config as far as it can be read, and say what is wrong with the rest.

    Raises
    ------
    ConfigError
        Where there is nothing to read: no config, or none in the current format.
    """
    named = {tool: getattr(choices, f"{tool}_config") for tool in TOOLS}
    given = {tool: Path(path) for tool, path in named.items() if path}
    site = choices.site or os.environ.get(SITE)
    try:
        profile = Path(site) if site else None
        config = load_config(Path(choices.config), SHAPES, given, profile, _tools_needed)
    except ConfigError as error:
        if not isinstance(error.read, ProductionConfig):
            raise
        return with_noise_tuning(_without_refused(error.read)), list(error.problems)
    return with_noise_tuning(config), []


def _tools_needed(config: ProductionConfig) -> set[str]:
    """Tools whose config some step reads, of those that could be read."""
    stages, steps = stages_of(config), _without_refused(config).steps
    return tools_needed(planned(i, step, stages[step.stage]) for i, step in enumerate(steps))


def _without_refused(config: ProductionConfig) -> ProductionConfig:
    """A config that has been read as far as it could be, without steps that lack a path."""
    stages = stages_of(config)
    steps = tuple(step for step in config.steps if stages[step.stage].shape.fits(step))
    return replace(config, steps=steps)
