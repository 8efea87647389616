"""`lstluigi status`, `lstluigi logs` and `lstluigi report`."""

from __future__ import annotations

import click

from lstluigi.cli.options import beside_config, command, config_argument


@command()
@config_argument
@click.option("--watch", is_flag=True, help="Look again and again, until nothing is under way.")
@click.option(
    "--interval",
    type=click.FloatRange(min=1.0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How often --watch looks; less often where a look takes long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it for programs, with every step.")
@click.option("--tree", is_flag=True, help="By declination and node, too.")
@click.option("--cost", is_flag=True, help="What it has cost, and what to ask for next time, too.")
@beside_config
def status(
    config: str,
    watch: bool,
    interval: float,
    as_json: bool,
    tree: bool,
    cost: bool,
    **tools: str,
) -> None:
    """Show where the production that CONFIG describes stands, whether a run is going on or not.

    Example: lstluigi status lstluigi_config.yml --watch
    """
    from lstluigi.report.watching import Wanted, print_json, print_once, watch_on

    if as_json and watch:
        raise click.UsageError("--json and --watch exclude each other")
    if as_json:
        print_json(config, tools)
    elif watch:
        watch_on(config, tools, Wanted(tree, cost), interval)
    else:
        print_once(config, tools, Wanted(tree, cost))


@command()
@config_argument
@click.argument("step", default="")
@click.option("--all", "every", is_flag=True, help="Every log of the steps, not the first few.")
@click.option(
    "--lines",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many lines of each log.",
)
@beside_config
def logs(config: str, step: str, every: bool, lines: int, **tools: str) -> None:
    """Print the path and the end of the logs of steps: those that failed, if there are any.

    STEP is STAGE:NUMBER, a stage, or an output (wildcards allowed); without it, all that failed.
    Example: lstluigi logs lstluigi_config.yml r0_to_dl1:3
    """
    from lstluigi.report.logs import logs_of

    for line in logs_of(config, step, tools, every=every, lines=lines):
        click.echo(line)


@command()
@config_argument
@click.option(
    "-o",
    "--output",
    default=None,
    type=click.Path(),
    metavar="DIR",
    help="Where it is written [default: report_<prod_id> in this directory].",
)
@click.option("--overwrite", is_flag=True, help="Replace a report that is there.")
@click.option(
    "--checksums",
    type=click.FloatRange(min=0.0),
    default=10.0,
    show_default=True,
    metavar="GB",
    help="Read so much at most for checksums, small files first.",
)
@beside_config
def report(
    config: str, output: str | None, overwrite: bool, checksums: float, **tools: str
) -> None:
    """Write what was made and how good it is: a page that needs no other file, and provenance.

    Example: lstluigi report lstluigi_config.yml -o report
    """
    from lstluigi.report.document import write

    written = write(config, output, tools, overwrite=overwrite, checksums=checksums)
    for sentence in written.missing:
        click.echo(sentence)
    if written.unreadable:
        click.echo(f"warning: {written.unreadable}", err=True)
    if written.without_checksum:
        click.echo(
            f"{written.without_checksum} file(s) have no checksum: more than {checksums:g} GB "
            "would have to be read (--checksums)"
        )
    click.echo(f"{written.page} and {written.provenance} are written")
