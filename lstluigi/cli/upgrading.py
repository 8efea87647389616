"""`lstluigi upgrade-config`."""

from __future__ import annotations

import click

from lstluigi.cli.options import command


@command(name="upgrade-config")
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Replace NEW if it is there.")
def upgrade_config(old: str, new: str, overwrite: bool) -> None:
    """Write the older config OLD in the current format to NEW.

    Configs of 2021-22 get their stages and paths, younger ones what is beyond doubt put right.
    What the old one does not say is said here and in NEW. OLD is not changed.

    Example: lstluigi upgrade-config config_MC_prod.yml lstluigi_config.yml
    """
    from lstluigi.library.upgrade import upgrade

    for sentence in upgrade(old, new, overwrite=overwrite):
        click.echo(sentence)
    click.echo(f"{new} is written.")
