"""`lstluigi validate`."""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="DIR|CONFIG...")
@click.option(
    "--check-paths",
    is_flag=True,
    help="What is read from outside must be there and outputs writable, as for a run here.",
)
@click.option(
    "--lstchain-config",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="lstchain config, if the production config does not name it.",
)
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON, one entry a config.")
def validate(
    paths: tuple[str, ...], check_paths: bool, lstchain_config: str | None, as_json: bool
) -> None:
    """Say whether productions will run, and what is odd about them; nothing is run or changed.

    Exit code 2 if something keeps one from running, else 0.
    Example: lstluigi validate production_configs/20261101_v0.12.3_crab
    """
    import json
    from pathlib import Path

    from lstluigi.validation import config_files
    from lstluigi.validation import validate as validate_config

    configs = [config for path in paths for config in config_files(Path(path))]
    reports = [validate_config(config, check_paths, lstchain_config or "") for config in configs]
    if as_json:
        click.echo(json.dumps([report.as_json() for report in reports], indent=1))
    else:
        for report in reports:
            for line in report.lines():
                click.echo(line)
    sys.exit(2 if any(report.errors for report in reports) else 0)
