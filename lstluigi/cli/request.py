"""`lstluigi generate-config` and `lstluigi generate-nsb-grid`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lstluigi.cli.options import command
from lstluigi.cli.typed_as import AsInLstmcpipe, Several, pairs

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

#: Options that say where files go or come from, not what is in them: not for a public readme.
_NOT_KEPT = ("output", "lstchain_conf", "overwrite")


def _together(*decorators: Decorator) -> Decorator:
    def decorated(function: Callable[..., None]) -> Callable[..., None]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorated


_lstchain_options = _together(
    click.option(
        "--environment",
        default="current",
        show_default=True,
        metavar="ENV",
        help="The environment whose lstchain writes the lstchain config: a Python, the directory "
        "of an environment, or the name of a conda environment; `current` is lstluigi's own. With "
        "`none` it is the same, and the jobs use it, too: the config names no environment.",
    ),
    click.option(
        "--lstchain_base",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="Start from this lstchain config instead; no lstchain is needed then.",
    ),
    click.option(
        "--merge",
        type=click.Path(exists=True, dir_okay=False),
        multiple=True,
        metavar="FILE",
        help="Put this partial lstchain config on top, or what lstchain_tune_nsb has printed. "
        "May be given several times.",
    ),
)
_site_options = _together(
    click.option(
        "--account",
        metavar="NAME",
        help="The account that jobs are charged to [default: dpps, La Palma's; with --site or "
        "--environment none, what the site profile or Slurm takes].",
    ),
    click.option(
        "--site",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="The site profile that the config names.",
    ),
)
_place_options = _together(
    click.option(
        "--root",
        metavar="DIR",
        help="Directory that holds mc and models [default: /fefs/aswg/data].",
    ),
    click.option(
        "--nodes",
        type=click.Choice(["auto", "scan", "catalogue"]),
        help="Where nodes are looked up: in DL0 below the root, in lstluigi's catalogue, or in DL0 "
        "where there is some [default: auto].",
    ),
    click.option(
        "--layout",
        type=click.Choice(["current", "until-2024-08"]),
        help="Directories and names of an all-sky production [default: current].",
    ),
    click.option("--overwrite", is_flag=True, help="Replace files that exist."),
)


@command("generate-config", cls=AsInLstmcpipe)
@click.argument("config_class", metavar="CLASS")
@click.option("--prod_id", required=True, help="Name of the production.")
@click.option("--dec_list", cls=Several, metavar="DEC ...", help="Training declination lines.")
@click.option("--source_prod_id", help="Production whose DL1 this one starts from.")
@click.option(
    "--kwargs", cls=Several, metavar="NAME=VALUE ...", help="Further arguments of the class."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="The config to write, or a directory for all files [default: a directory named after the "
    "prod_id].",
)
@click.option(
    "--lstchain_conf",
    type=click.Path(),
    metavar="FILE",
    help="The lstchain config to write [default: lstchain_config.json beside the config].",
)
@click.option(
    "--nsb",
    type=float,
    metavar="GHZ",
    help="Noise of the night sky to add to waveforms; 0 for none.",
)
@_lstchain_options
@_site_options
@_place_options
def generate_config(
    config_class: str,
    prod_id: str,
    dec_list: tuple[str, ...],
    source_prod_id: str | None,
    kwargs: tuple[str, ...],
    output: str | None,
    lstchain_conf: str | None,
    nsb: float | None,
    overwrite: bool,
    **choices: Any,
) -> None:
    """Write the config of a production, the lstchain config and a readme to fill in.

    CLASS is the name of a pipeline, or MODULE:CLASS for one of your own.

    \b
    Examples:
      lstluigi generate-config PathConfigAllSkyFull --prod_id 20261101_line --dec_list dec_2276
      lstluigi generate-config PathConfigProd5Trans80 --prod_id 20261101_prod5
    """
    from lstluigi.request.pipelines import create
    from lstluigi.request.places import places
    from lstluigi.request.write import write_request

    named = {
        "prod_id": prod_id,
        "dec_list": list(dec_list) or None,
        "source_prod_id": source_prod_id,
    }
    given = _once(pairs(kwargs), _given(named) | _where(choices))
    config = create(config_class, given, _spelled, click.echo)
    where = places(config.prod_id, output, lstchain_conf)
    report = write_request(
        config,
        _begin(choices),
        where,
        _typed(where.config.parent),
        nsb=nsb,
        overwrite=overwrite,
    )
    _tell(report.lines())


@command("generate-nsb-grid", cls=AsInLstmcpipe)
@click.option(
    "--nsb",
    cls=Several,
    type=float,
    required=True,
    metavar="GHZ ...",
    help="Levels of noise to add; 0 for the production without.",
)
@click.option("--prod_id_prefix", required=True, help="What the prod_id of each level starts with.")
@click.option(
    "--dec_list",
    cls=Several,
    metavar="DEC ...",
    help="Training declination lines [default: all with gammas and protons, but for the one of "
    "high density].",
)
@click.option(
    "-c",
    "--config_class",
    metavar="CLASS",
    default="PathConfigAllSkyFullSplitDiffuse",
    show_default=True,
    help="The class of each level.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="DIR",
    help="Directory for all of it [default: PREFIX_allsky_nsb_grid].",
)
@_lstchain_options
@_site_options
@_place_options
def generate_nsb_grid(
    nsb: tuple[float, ...],
    prod_id_prefix: str,
    dec_list: tuple[str, ...],
    config_class: str,
    output: str | None,
    overwrite: bool,
    **choices: Any,
) -> None:
    """Write a production for each level of noise from the night sky: a directory with both configs.

    \b
    Example:
      lstluigi generate-nsb-grid --nsb 0.00 0.07 --prod_id_prefix 20261101 --dec_list dec_2276
    """
    from lstluigi.request.grid import trained_lines, write_grid
    from lstluigi.request.pipelines import create

    where = _where(choices)
    given = {**where, "dec_list": list(dec_list) or trained_lines(where)}
    directory = Path(output or f"{prod_id_prefix}_allsky_nsb_grid")
    report = write_grid(
        lambda prod_id: create(config_class, {"prod_id": prod_id, **given}, _spelled),
        nsb,
        prod_id_prefix,
        _begin(choices),
        directory,
        _typed(directory),
        overwrite=overwrite,
    )
    _tell(report.lines())


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not given: a class of one's own may not take it."""
    return {key: value for key, value in values.items() if value is not None}


def _once(further: dict[str, str], given: dict[str, Any]) -> dict[str, Any]:
    """Put together what --kwargs and the options say.

    Raises
    ------
    LstluigiError
        Both say something about one argument.
    """
    from lstluigi.errors import LstluigiError

    for name in further:
        if name in given:
            raise LstluigiError(
                f"{name} is given twice, with --{name} and with --kwargs {name}=...; give it once"
            )
    return {**further, **given}


def _spelled(name: str) -> str:
    """Say how an argument of a class is given on the command line."""
    options = {parameter.name for parameter in click.get_current_context().command.params}
    option = {"dec": "dec_list"}.get(name, name)
    if option in options:
        return f"{name} (--{option})"
    return f"{name} (--kwargs {name}=...)" if "kwargs" in options else name


def _where(choices: dict[str, Any]) -> dict[str, Any]:
    return _given({key: choices[key] for key in ("root", "nodes", "layout")})


def _begin(choices: dict[str, Any]) -> Callable[[], Any]:
    """Ask lstchain, or read files, when it is time to."""
    from lstluigi.request.draft import start

    base, site = (Path(p) if p else None for p in (choices["lstchain_base"], choices["site"]))
    merge = [Path(file) for file in choices["merge"]]
    return lambda: start(choices["environment"], base, merge, choices["account"], site)


def _tell(lines: Any) -> None:
    for line in lines:
        click.echo(line)


def _typed(home: Path) -> list[str]:
    """Return the command line as it would be typed in the directory around `home`, nothing private.

    What says where files go is left out, and so are paths of environments. Other files are named
    from that directory where they lie below it, and by their names elsewhere.
    """
    from lstluigi.request.environments import is_private

    context = click.get_current_context()
    around = os.path.dirname(os.path.abspath(home))
    words = ["lstluigi", context.command.name or ""]
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        value = context.params[name]
        if source is not click.core.ParameterSource.COMMANDLINE or name in _NOT_KEPT:
            continue
        if name == "environment" and is_private(value):
            continue
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(parameter.type, click.Path):
            values = tuple(_public(path, around) for path in values)
        if isinstance(parameter, click.Argument):
            words += map(str, values)
        elif isinstance(parameter, Several):
            words += [parameter.opts[0], *map(str, values)]
        else:
            words += [word for one in values for word in (parameter.opts[0], str(one))]
    return words


def _public(path: str, around: str) -> str:
    relative = os.path.relpath(os.path.abspath(path), around)
    return os.path.basename(path) if relative.startswith("..") else relative
