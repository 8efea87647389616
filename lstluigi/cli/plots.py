"""`lstluigi plot-irfs`, `compare-irfs`, `plot-models-importance` and `graph`."""

from __future__ import annotations

import sys
from typing import Any

import click

from lstluigi.cli.options import beside_config, command, config_argument
from lstluigi.errors import LstluigiError

_OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace files that are there.")
_OFFSET = click.option(
    "--offset",
    type=click.FloatRange(0),
    default=0.4,
    show_default=True,
    metavar="DEGREES",
    help="Of the source in the field of view, for files that hold several offsets.",
)


@command("plot-irfs")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    default=None,
    metavar="PATH",
    help="Image, .png, .pdf or .svg, of one FILE; or a directory for those of several (default: "
    "a PNG of each here).",
)
@_OFFSET
@_OVERWRITE
def plot_irfs(files: tuple[str, ...], output: str | None, offset: float, overwrite: bool) -> None:
    """Draw instrument responses and sensitivities, an image for each file.

    Example: lstluigi plot-irfs sensitivity.fits.gz -o sensitivity.pdf
    """
    from lstluigi.display import free_to_write, images_for, save
    from lstluigi.report.plots import irfs, performance

    labels = performance.labels(files)
    images = images_for(files, labels, output)
    for image in images:
        free_to_write(image, overwrite)
    bad = 0
    for file, image, label in zip(files, images, labels, strict=True):
        try:
            save(irfs.summary(performance.read(file, offset), label), image)
            click.echo(f"wrote {image}")
        except LstluigiError as error:  # a bad file costs its own image only
            bad += 1
            click.echo(f"lstluigi: {error}", err=True)
    if bad:
        sys.exit(2)


@command("compare-irfs")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option(
    "--add-cta-north", is_flag=True, help="Add the published performance of CTAO's northern array."
)
@click.option(
    "-o",
    "--output",
    multiple=True,
    type=click.Path(),
    default=("compare_irfs.png",),
    show_default=True,
    metavar="FILE",
    help="Where to: .png, .pdf or .svg; may be given several times.",
)
@_OFFSET
@_OVERWRITE
def compare_irfs(
    files: tuple[str, ...],
    add_cta_north: bool,
    output: tuple[str, ...],
    offset: float,
    overwrite: bool,
) -> None:
    """Draw instrument responses and sensitivities of several files into one figure.

    Example: lstluigi compare-irfs node_*/sensitivity_*.fits.gz --add-cta-north
    """
    from lstluigi.display import free_to_write, save
    from lstluigi.report.plots import irfs, performance

    for image in output:
        free_to_write(image, overwrite)
    found = [performance.read(file, offset) for file in files]
    reference = irfs.cta_north() if add_cta_north else None
    drawing = irfs.compare(found, performance.labels(files), reference)
    for image in output:
        save(drawing, image)
        click.echo(f"wrote {image}")


@command("plot-models-importance")
@click.argument("directory", type=click.Path(), metavar="DIR")
@click.option(
    "-c",
    "--config",
    type=click.Path(),
    default=None,
    metavar="FILE",
    help="lstchain config of the training (default: the one kept beside the models by lstluigi).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    default="rf_importance.png",
    show_default=True,
    metavar="FILE",
    help="Where to: .png, .pdf or .svg.",
)
@_OVERWRITE
def plot_models_importance(
    directory: str, config: str | None, output: str, overwrite: bool
) -> None:
    """Draw the importance of each feature in the random forests of a directory.

    Models are pickles, which run code when they are loaded: name only directories you trust.

    Example: lstluigi plot-models-importance models/20240101/dec_2276
    """
    from lstluigi.display import free_to_write
    from lstluigi.report.plots.importance import draw_importance

    free_to_write(output, overwrite)
    draw_importance(directory, output, config)
    click.echo(f"wrote {output}")


@command()
@config_argument
@click.option(
    "--dec",
    "line",
    default="",
    metavar="LINE",
    help="Each step of this declination line and of what it needs, such as dec_2276 (default: all "
    "steps, joined by stage and kind of data).",
)
@click.option(
    "-o",
    "--output",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Where to: .svg, .png, .pdf or .mmd (Mermaid); may be given several times (default: "
    "Mermaid, printed).",
)
@beside_config
@_OVERWRITE
def graph(config: str, line: str, output: tuple[str, ...], overwrite: bool, **tools: Any) -> None:
    """Draw the steps of a production, what each reads, and where they stand.

    Example: lstluigi graph lstluigi_config.yml -o graph.svg
    """
    from lstluigi.display import free_to_write
    from lstluigi.report.graph import boxes, graphs
    from lstluigi.validation.examine import production_state
    from lstluigi.validation.notes import damaged

    for file in output:
        free_to_write(file, overwrite, graphs.FORMATS)
    state = production_state(config, **tools)
    for note in damaged(state.plan):
        click.echo(f"note: {note}", err=True)
    statuses = [step.status for step in state.steps]
    picture = boxes.drawing(state.plan, line=line, statuses=statuses)
    title = " ".join(filter(None, [state.prod_id, line]))
    for file in output:
        graphs.draw(picture, title, file)
        click.echo(f"wrote {file}")
    if not output:
        click.echo(graphs.mermaid(picture, title), nl=False)
