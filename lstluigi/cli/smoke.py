"""`lstluigi smoke`."""

from __future__ import annotations

import sys

import click


@click.command(hidden=True)
@click.argument("config", type=click.Path())
@click.option("--lstchain-config", type=click.Path(), default=None, help="lstchain config.")
@click.option("--keep", is_flag=True, help="Keep what was made.")
def smoke(config: str, lstchain_config: str | None, keep: bool) -> None:
    """Try the stages of CONFIG on toy data."""
    from lstluigi.smoke import smoke as try_stages

    outcome = try_stages(config, lstchain_config, click.echo, keep=keep)
    for line in outcome.lines():
        click.echo(line)
    sys.exit(0 if outcome.ok else 2)
