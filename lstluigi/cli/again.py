"""`lstluigi retry`, `lstluigi remake` and `lstluigi clean`."""

from __future__ import annotations

import sys
from typing import Any

import click

from lstluigi.cli.options import beside_config, command, config_argument, of_a_run


@command()
@config_argument
@click.argument("pattern", default="")
@click.option("--dry-run", is_flag=True, help="Say what would be tried again, run nothing.")
@of_a_run
def retry(config: str, pattern: str, dry_run: bool, **options: str) -> None:
    """Try again what failed of the production that CONFIG describes, and nothing else.

    PATTERN is an output (wildcards allowed), a stage or STAGE:NUMBER; without it, all that failed.
    What follows from these steps is made by `lstluigi run`.
    Example: lstluigi retry lstluigi_config.yml r0_to_dl1
    """
    from lstluigi.run.remake import retry as try_again

    sys.exit(try_again(config, pattern, options, click.echo, dry_run=dry_run))


@command()
@config_argument
@click.argument("pattern", default="")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted and made, do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before products are deleted.")
@click.option("--accept-changed", is_flag=True, help="Keep what else is outdated.")
@of_a_run
def remake(config: str, pattern: str, dry_run: bool, yes: bool, **options: Any) -> None:
    """Delete products of the production that CONFIG describes, and make them again.

    PATTERN is an output (wildcards allowed), a stage or STAGE:NUMBER, and means all that follows
    from it, too; without it, what is outdated.
    Example: lstluigi remake lstluigi_config.yml train_pipe:1 --dry-run
    """
    from lstluigi.run.remake import remake as make_again

    def confirm(question: str) -> bool:
        try:
            return yes or click.confirm(question)
        except click.Abort:  # no answer
            click.echo()
            return False

    sys.exit(make_again(config, pattern, options, click.echo, dry_run=dry_run, confirm=confirm))


@command()
@config_argument
@click.option(
    "--intermediate",
    multiple=True,
    metavar="PATTERN",
    help="Delete products, too: a stage, STAGE:NUMBER or an output (wildcards allowed), if all "
    "that is made of them is there. May be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, delete nothing.")
@beside_config
def clean(config: str, intermediate: tuple[str, ...], dry_run: bool, **tools: str) -> None:
    """Delete what dead runs of the production that CONFIG describes left in scratch directories.

    Example: lstluigi clean lstluigi_config.yml --intermediate r0_to_dl1 --dry-run
    """
    from lstluigi.run.clean import clean as clean_production

    clean_production(config, intermediate, tools, click.echo, dry_run=dry_run)
