"""Options that several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

_TOOLS = {
    "lstchain": "lstchain config, if the production config does not name it.",
    "ctapipe": "ctapipe config, in the workflow ctapipe.",
    "rta": "Config of HiPeRTA, in the workflow hiperta.",
}
_BESIDE_A_CONFIG = (
    *(
        click.option(f"--{tool}-config", type=click.Path(), default="", help=told)
        for tool, told in _TOOLS.items()
    ),
    click.option(
        "--site",
        type=click.Path(),
        default="",
        help="Site profile, instead of the one the config names (default: $LSTLUIGI_SITE).",
    ),
)
_OF_JOBS = (
    click.option(
        "--backend",
        type=click.Choice(["config", "local", "slurm", "auto"]),
        default="config",
        show_default=True,
        help="Where jobs run: what the config says (auto if nothing), or this.",
    ),
    click.option(
        "--environment",
        type=click.Choice(["config", "current"]),
        default="config",
        show_default=True,
        help="Environment of the jobs: the one the config names, or lstluigi's own.",
    ),
)


def beside_config(command: Command) -> Command:
    """Add the options that name files read beside a production config.

    They arrive as `<tool>_config` and `site`, empty if not given.
    """
    return _with(_BESIDE_A_CONFIG, command)


def of_a_run(command: Command) -> Command:
    """Add the options of whatever starts a run: where its jobs run, and `beside_config`."""
    return _with((*_OF_JOBS, *_BESIDE_A_CONFIG), command)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
