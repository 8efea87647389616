"""`lstluigi simulate`."""

from __future__ import annotations

from typing import Any

import click

from lstluigi.cli.options import command


@command()
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
    type=click.Choice(["demo", "tiny", "noise", "wobble"]),
    default="demo",
    show_default=True,
    help="Nodes, amounts and skies, where not given; noise: what tuning the noise "
    "takes; wobble (with prod5): a point source off axis.",
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
@click.option(
    "--nsb",
    type=float,
    default=None,
    metavar="FACTOR",
    help="Night-sky background in all pixels, 1 for a dark field, and true images (files ten times "
    "larger): for tuning the noise. Not given: a dark field, around the image only.",
)
@click.option(
    "--data-nsb",
    type=float,
    default=None,
    metavar="FACTOR",
    help="Write DL1 that stands for real data, too, below ROOT/real: the sky that noise is tuned "
    "to.",
)
def simulate(root: str, jobs: int | None, **choices: Any) -> None:
    """Write toy DL0 below ROOT: a toy simulation, not CORSIKA, not for science.

    Example: lstluigi simulate toy --preset tiny --training-node 20,180 --test-node 10,102
    """
    from lstluigi.toy.simulation import run as simulate_dataset

    report = simulate_dataset(choices.pop("layout"), root, n_jobs=jobs, **choices)
    for line in report.lines():
        click.echo(line)
