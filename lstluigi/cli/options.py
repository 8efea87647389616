"""Options that several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_TOOLS = {
    "lstchain": "lstchain config, if the production config does not name it.",
    "ctapipe": "ctapipe config, in the workflow ctapipe.",
    "rta": "Config of HiPeRTA, in the workflow hiperta.",
}


def tool_configs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name configs of tools; they arrive as `<tool>_config`, empty if none."""
    for tool, told in reversed(_TOOLS.items()):
        option = click.option(f"--{tool}-config", type=click.Path(), default="", help=told)
        command = option(command)
    return command
