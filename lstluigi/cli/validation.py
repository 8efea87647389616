"""`lstluigi validate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from lstluigi.cli.options import beside_config, command


@command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="DIR|CONFIG...")
@click.option(
    "--check-paths",
    is_flag=True,
    help="What is read from outside must be there and outputs writable, as for a run here.",
)
@beside_config
@click.option(
    "--smoke",
    is_flag=True,
    help="Try every stage with its own settings on toy data, in lstluigi's own environment (takes "
    "a minute or two).",
)
@click.option(
    "--keep", is_flag=True, help="Keep what --smoke has made, also where everything works."
)
@click.option(
    "--all", "every", is_flag=True, help="Tell each finding and path, where they are many, too."
)
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON, one entry a config.")
def validate(
    paths: tuple[str, ...],
    check_paths: bool,
    smoke: bool,
    keep: bool,
    every: bool,
    as_json: bool,
    **tools: str,
) -> None:
    """Say whether productions will run, and what is odd about them; what they name is not touched.

    Exit code 2 if something keeps one from running, else 0.
    Example: lstluigi validate production_configs/20261101_v0.12.3_crab --smoke
    """
    from lstluigi.config.find import config_files
    from lstluigi.validation import validate as validate_config

    if keep and not smoke:
        raise click.UsageError("--keep goes with --smoke")
    told, fine = [], True
    for config in (config for path in paths for config in config_files(Path(path))):
        report = validate_config(config, check_paths, tools)
        told.append(report.as_json())
        if not as_json:
            _echo(report.lines(every))
        fine = fine and not report.errors
        if smoke:
            tried = _smoke(config, tools, keep, as_json)
            told[-1]["smoke"] = tried
            fine = fine and bool(tried["ok"])
    if as_json:
        click.echo(json.dumps(told, indent=1))
    sys.exit(0 if fine else 2)


def _smoke(config: Path, tools: Mapping[str, str], keep: bool, as_json: bool) -> dict[str, Any]:
    """Try the stages of a config and say how they went, as JSON too."""
    from lstluigi.errors import ConfigError
    from lstluigi.toy.smoke import smoke

    say = partial(click.echo, err=as_json)
    try:
        outcome = smoke(config, tools, say, keep=keep)
    except ConfigError:
        say("smoke: not tried; the errors come first")
        return {"ok": False, "trouble": "not tried; the errors come first", "stages": []}
    if not as_json:
        _echo(outcome.lines())
    return outcome.as_json()


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
