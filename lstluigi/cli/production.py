"""`lstluigi run` and `lstluigi cancel`."""

from __future__ import annotations

import sys

import click

from lstluigi.cli.options import beside_config, command, config_argument, of_a_run


@command()
@config_argument
@of_a_run
@click.option("--dry-run", is_flag=True, help="Check everything, show the plan, run nothing.")
@click.option(
    "--accept-changed",
    is_flag=True,
    help="Keep outdated products: the config has changed since they were produced.",
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
    dry_run: bool,
    accept_changed: bool,
    remake: tuple[str, ...],
    on_interrupt: str,
    detach: bool,
    submit_controller: bool,
    controller_time: str | None,
    controller_partition: str | None,
    **given: str,
) -> None:
    """Make what is missing of the production that CONFIG describes.

    Example: lstluigi run lstluigi_config.yml --dry-run
    """
    from lstluigi.production import selection
    from lstluigi.run.start import as_job, as_process, run_production, send_off

    for patterns in remake:
        if not selection.split(patterns):
            raise click.UsageError(f"--remake {patterns!r} names nothing")
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
        **given,
        "backend": backend,
        "accept_changed": accept_changed,
        "remake": ",".join(remake),
        "on_interrupt": on_interrupt,
    }
    if dry_run or not (detach or submit_controller):
        sys.exit(run_production(config, options, dry_run=dry_run))
    sys.exit(send_off(config, options, as_job(asked) if submit_controller else as_process))


@command()
@config_argument
@click.argument("pattern", default="")
@click.option("--dry-run", is_flag=True, help="Say what would be ended, end nothing.")
@beside_config
def cancel(config: str, pattern: str, dry_run: bool, **beside: str) -> None:
    """End the run of the production that CONFIG describes, and its jobs on Slurm.

    With PATTERN (an output, wildcards allowed, a stage or STAGE:NUMBER), only jobs of these steps.
    What jobs have finished is kept. Example: lstluigi cancel lstluigi_config.yml
    """
    from lstluigi.run.cancel import cancel as cancel_production

    cancel_production(config, click.echo, pattern=pattern, dry_run=dry_run, **beside)
