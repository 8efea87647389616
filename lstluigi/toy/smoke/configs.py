"""Configs of the small productions that a smoke test runs, with all paths below its directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lstluigi.config import OWN_CONFIG, Step
from lstluigi.files import write_text

Steps = Mapping[str, Sequence[Mapping[str, Any]]]


def moved(path: str, root: Path) -> str:
    """An absolute path below another root."""
    return f"{root}{path}"


def moved_step(step: Step, root: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """A step as a config has it, with its paths below another root.

    What it asks of Slurm is left out, and the share of files that may fail: of the one or two files
    that a step has here, none may.

    Parameters
    ----------
    step : Step
    root : Path
    arguments : sequence of str
        For its command, instead of its own.
    """

    def there(paths: str | Mapping[str, str]) -> str | dict[str, str]:
        if isinstance(paths, str):
            return moved(paths, root)
        return {name: moved(path, root) for name, path in paths.items()}

    entry: dict[str, Any] = {"input": there(step.input), "output": there(step.output)}
    extra = {**step.extra, **({"path_model": step.path_model} if step.path_model else {})}
    entry.update(
        # a config is read where it lies, as that of the production is
        {key: path if key == OWN_CONFIG else moved(path, root) for key, path in extra.items()}
    )
    if step.settings:
        entry["options"] = {name: str(value) for name, value in step.settings.items()}
    elif arguments:
        entry["options"] = list(arguments)
    return entry


def write_config(
    path: Path, prod_id: str, steps: Steps, configs: Mapping[str, Path], workflow: str
) -> None:
    """Write a production config that runs on this machine.

    Parameters
    ----------
    path : Path
        The file.
    prod_id : str
    steps : mapping of str to sequence of mapping
        The steps of each stage, in the order in which the stages are listed.
    configs : mapping of str to Path
        The configs of the tools that jobs call, by tool.
    workflow : str
        Its kind.
    """
    content: dict[str, Any] = {"workflow_kind": workflow, "prod_id": prod_id}
    content |= {f"{tool}_config": str(config) for tool, config in configs.items()}
    content |= {"backend": "local", "stages_to_run": list(steps), "stages": dict(steps)}
    write_text(str(path), yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
