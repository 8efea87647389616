"""`lstluigi plot-pointings` and `lstluigi suggest`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lstluigi.cli.options import command

if TYPE_CHECKING:
    from lstluigi.request.suggest import Suggestion


@command("plot-pointings")
@click.argument("what", nargs=-1, metavar="CONFIG|CLASS|LINE...")
@click.option(
    "--dec_list",
    "lines",
    multiple=True,
    metavar="LINE...",
    help="Only the training nodes of these lines, such as dec_2276 dec_3476.",
)
@click.option(
    "--projection",
    default="polar",
    show_default=True,
    help="polar, rectilinear, aitoff, hammer, lambert or mollweide; pages are polar.",
)
@click.option(
    "-o",
    "--output",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Where to: .png, .pdf, .svg or .html; may be given several times (default: a PNG and "
    "an HTML page here).",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
def plot_pointings(
    what: tuple[str, ...],
    lines: tuple[str, ...],
    projection: str,
    output: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Draw the training and test nodes of production configs, or of config classes, over the sky.

    Lines alone stand for their nodes in the catalogue.

    Example: lstluigi plot-pointings lstluigi_config.yml --dec_list dec_2276 dec_3476
    """
    from lstluigi.display import free_to_write
    from lstluigi.layouts.plots import asked
    from lstluigi.layouts.plots.pointings import FORMATS, draw

    # after `--dec_list dec_2276` the next line reads like an argument
    lines = (*lines, *(word for word in what if asked.is_line(word)))
    words = [word for word in what if not asked.is_line(word)]
    if not (words or lines):
        raise click.UsageError("name production configs, config classes, or lines such as dec_2276")
    names = asked.names_of(words or lines)
    name = asked.name_for_files(names)
    files = output or (f"{name}.png", f"{name}.html")
    for file in files:
        free_to_write(file, overwrite, FORMATS)
    sets = asked.asked(words, lines, names)
    for file in files:
        draw(file, sets, projection, title=asked.title_of(names))
        click.echo(f"wrote {file}")


@command()
@click.option("--source", metavar="NAME", default=None, help="Name, looked up over the network.")
@click.option(
    "--coordinates",
    nargs=2,
    metavar="RA DEC",
    default=None,
    help="ICRS: 83.63 22.01 in degrees, or 05h34m31.9s +22d00m52s.",
)
@click.option(
    "--date",
    "evening",
    metavar="DATE",
    default=None,
    help="Count the dark hours of the night that begins on this date only.",
)
@click.option(
    "--max-zenith",
    type=click.FloatRange(0, 90, min_open=True),
    default=70.0,
    show_default=True,
    help="Zenith distance where observations end, in degrees.",
)
@click.option(
    "--within",
    type=click.FloatRange(0),
    default=None,
    metavar="DEGREES",
    help="All test nodes this near to the path (default: those nearest to some part of it).",
)
@click.option(
    "--dir",
    "directories",
    multiple=True,
    metavar="LIBRARY",
    help="Library to look through, such as production_configs of a checkout of lstmcpipe; may be "
    "given several times. Without it: as for `lstluigi productions`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--plot",
    "plot_file",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="Draw it: .png, .pdf, .svg or .html.",
)
@click.option("--overwrite", is_flag=True, help="Replace that file.")
def suggest(
    source: str | None,
    coordinates: tuple[str, str] | None,
    evening: str | None,
    max_zenith: float,
    within: float | None,
    directories: tuple[str, ...],
    as_json: bool,
    plot_file: str | None,
    overwrite: bool,
) -> None:
    """Say which training line and which test nodes serve a source.

    Example: lstluigi suggest --coordinates 83.63 22.01 --date 2026-12-10
    """
    from datetime import date

    from rich.console import Console

    from lstluigi.display import free_to_write
    from lstluigi.layouts.plots.pointings import FORMATS
    from lstluigi.request import suggest as room
    from lstluigi.request.suggest import suggestion
    from lstluigi.request.suggest.earlier import earlier

    if (source is None) == (coordinates is None):
        raise click.UsageError("give either --source NAME or --coordinates RA DEC")
    if plot_file is not None:
        free_to_write(plot_file, overwrite, FORMATS)
    day = room.read_date(evening) if evening is not None else None
    place = room.named(source) if source is not None else room.read_coordinates(coordinates or ())
    found = room.suggest(place, day, max_zenith, within)
    there = earlier(found.line.name, directories)
    if as_json:
        click.echo(json.dumps(suggestion.as_json(found, there, date.today()), indent=1))
    else:
        suggestion.show(found, there, date.today(), Console())
    if plot_file is not None:
        _draw(found, plot_file)
        click.echo(f"wrote {plot_file}", err=True)


def _draw(found: Suggestion, file: str) -> None:
    """Draw the path of the source, the nodes of its line and the test nodes along the path."""
    from lstluigi.layouts.nodes import catalogue
    from lstluigi.layouts.plots.pointings import PointingSet, draw

    line = found.line.name
    training = catalogue("TrainingDataset", "GammaDiffuse", line)
    sets = (
        PointingSet(f"training {line}", "training", training, line),
        PointingSet("test, along the path", "test", tuple(one.node for one in found.nodes)),
    )
    night = f", night of {found.night.date}" if found.night else ""
    draw(file, sets, tracks=found.tracks, title=f"{found.source.name}{night}")
