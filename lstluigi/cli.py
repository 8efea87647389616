"""The `lstluigi` command: thin, each command hands over to the module that does the work."""

from __future__ import annotations

import sys
from typing import Any

import click

from lstluigi._version import __version__
from lstluigi.errors import LstluigiError


class _Sentences(click.Group):
    """Errors that the user can mend are told in sentences, never as tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LstluigiError as error:
            click.echo(f"lstluigi: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("lstluigi: interrupted", err=True)
            ctx.exit(130)
        except BrokenPipeError:
            ctx.exit(1)
        except OSError as error:
            click.echo(f"lstluigi: {error.filename or 'a file'}: {error.strerror}", err=True)
            ctx.exit(2)


@click.group(cls=_Sentences)
@click.version_option(__version__)
def main() -> None:
    """Productions of models and instrument responses for the LST, as a graph of tasks."""


@main.command()
@click.argument("config", type=click.Path())
@click.option(
    "--backend",
    type=click.Choice(["config", "local", "slurm", "auto"]),
    default="config",
    show_default=True,
    help="Where jobs run: what the config says (auto if nothing), or this.",
)
@click.option(
    "--environment",
    type=click.Choice(["config", "current"]),
    default="config",
    show_default=True,
    help="Environment of the jobs: the one the config names, or lstluigi's own.",
)
@click.option(
    "--lstchain-config",
    type=click.Path(),
    default=None,
    help="lstchain config, if the production config does not name it.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, show the plan, run nothing.")
@click.option(
    "--accept-changed",
    is_flag=True,
    help="Keep products that were made differently from what the config says now.",
)
@click.option(
    "--remake",
    multiple=True,
    metavar="PATTERN",
    help="Make again: an output (wildcards allowed), a stage, or STAGE:NUMBER, "
    "with all that follows. May be given several times, or as a list separated by commas; one "
    "that holds a comma stands in double quotes.",
)
@click.option(
    "--site",
    type=click.Path(),
    default=None,
    help="Site profile, instead of the one the config names (default: $LSTLUIGI_SITE).",
)
@click.option(
    "--on-interrupt",
    type=click.Choice(["detach", "cancel"]),
    default="detach",
    show_default=True,
    help="What Ctrl-C does with jobs on a cluster: let them go on, or end them.",
)
@click.option(
    "--detach",
    is_flag=True,
    help="Check everything here, then go on as a process that survives this terminal.",
)
@click.option(
    "--submit-controller",
    is_flag=True,
    help="Check everything here, then go on as a small, long job on Slurm.",
)
@click.option(
    "--controller-time",
    default=None,
    metavar="TIME",
    help="Time that job asks for, in Slurm's notation (default: what its partition allows, "
    "a week at most).",
)
@click.option(
    "--controller-partition",
    default=None,
    metavar="NAME",
    help="Partition of that job (default: long).",
)
def run(
    config: str,
    backend: str,
    environment: str,
    lstchain_config: str | None,
    dry_run: bool,
    accept_changed: bool,
    remake: tuple[str, ...],
    site: str | None,
    on_interrupt: str,
    detach: bool,
    submit_controller: bool,
    controller_time: str | None,
    controller_partition: str | None,
) -> None:
    """Make what is missing of the production that CONFIG describes.

    Example: lstluigi run lstmcpipe_config.yml --dry-run
    """
    from lstluigi.run import as_job, as_process, run_production, send_off

    wishes = {"time": controller_time, "partition": controller_partition}
    asked = {name: value for name, value in wishes.items() if value is not None}
    if detach and submit_controller:
        raise click.UsageError("--detach and --submit-controller exclude each other")
    if asked and not submit_controller:
        raise click.UsageError("--controller-... go with --submit-controller")
    if submit_controller:
        if backend == "local":
            raise click.UsageError("--submit-controller is for Slurm, not for --backend local")
        backend = "slurm"
    options = {
        "backend": backend,
        "environment": environment,
        "lstchain_config": lstchain_config or "",
        "accept_changed": accept_changed,
        "remake": ",".join(remake),
        "site": site or "",
        "on_interrupt": on_interrupt,
    }
    if dry_run or not (detach or submit_controller):
        sys.exit(run_production(config, options, dry_run=dry_run))
    sys.exit(send_off(config, options, as_job(asked) if submit_controller else as_process))


@main.command()
@click.argument("config", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Say what would be ended, end nothing.")
def cancel(config: str, dry_run: bool) -> None:
    """End the run of the production that CONFIG describes, and its jobs on Slurm.

    What jobs have finished is kept. Example: lstluigi cancel lstmcpipe_config.yml
    """
    from lstluigi.cancel import cancel as cancel_production

    cancel_production(config, click.echo, dry_run=dry_run)


@main.command()
@click.argument("root", type=click.Path())
@click.option(
    "--layout",
    type=click.Choice(["allsky", "prod5"]),
    default="allsky",
    show_default=True,
    help="How the files are laid out below ROOT/mc/DL0.",
)
@click.option(
    "--preset",
    type=click.Choice(["demo", "tiny"]),
    default="demo",
    show_default=True,
    help="Nodes and amounts, where not given.",
)
@click.option(
    "--declination",
    default="dec_2276",
    show_default=True,
    help="Name of the training line (allsky).",
)
@click.option(
    "--training-node",
    "training_nodes",
    multiple=True,
    metavar="ZENITH,AZIMUTH",
    help="Pointing of a training node in degrees; may be given several times.",
)
@click.option(
    "--test-node",
    "test_nodes",
    multiple=True,
    metavar="ZENITH,AZIMUTH",
    help="Pointing of a test node in degrees; may be given several times.",
)
@click.option("--files", type=click.IntRange(1), default=None, help="Files per sample and node.")
@click.option("--showers", type=click.IntRange(1), default=None, help="Thrown showers per file.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="The same seed gives the same bytes.",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=None, help="Processes; all cores if not given."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["gz", "zst"]),
    default="gz",
    show_default=True,
    help="Compression of the simtel files.",
)
def simulate(root: str, jobs: int | None, **choices: Any) -> None:
    """Write toy DL0 below ROOT: a toy simulation, not CORSIKA, not for science.

    Example: lstluigi simulate toy --preset tiny --training-node 20,180 --test-node 10,102
    """
    from lstluigi.simulation import run as simulate_dataset

    report = simulate_dataset(choices.pop("layout"), root, n_jobs=jobs, **choices)
    for line in report.lines():
        click.echo(line)


if __name__ == "__main__":
    main()
