"""`lstluigi productions`: what has been asked for before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lstluigi.cli.options import Group

if TYPE_CHECKING:
    from lstluigi.library.model import Production

_F = TypeVar("_F", bound=Callable[..., Any])

_places = click.option(
    "--dir",
    "places",
    multiple=True,
    metavar="PATH",
    help="A library, such as production_configs of a checkout of lstmcpipe; several times. "
    "Without it: the one of this checkout, and those in $LSTLUIGI_LIBRARY.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_near = click.option(
    "--near-config",
    metavar="FILE",
    help="Compare with this production config (nodes and lstchain settings) or lstchain config.",
)


def _filters(command: _F) -> _F:
    """Give a command the options that choose productions."""
    options = (
        click.option("--dec", multiple=True, metavar="LINE", help="Training line: dec_2276."),
        click.option("--nsb", type=float, metavar="LEVEL", help="NSB level: 0.14."),
        click.option("--lstchain", metavar="VERSION", help="Version, or its beginning: 0.10."),
        click.option("--stage", multiple=True, help="A stage that is run: dl2_to_irfs."),
        click.option("--text", multiple=True, help="In a name or in the readme."),
        _near,
        _places,
        _json,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(cls=Group)
def productions() -> None:
    """Look up productions that exist already.

    Example: lstluigi productions search --dec dec_2276 --text crab
    """


@productions.command("list")
@_filters
def list_(**choices: Any) -> None:
    """List the productions of the libraries, all or those that the options choose.

    Example: lstluigi productions list --dir lstmcpipe/production_configs
    """
    _list(**choices)


@productions.command()
@click.argument("words", nargs=-1)
@_filters
def search(words: tuple[str, ...], **choices: Any) -> None:
    """Find productions; WORDS are as --text.

    Example: lstluigi productions search crab --near-config my_config.yml
    """
    choices["text"] = (*words, *choices["text"])
    asked = ("dec", "lstchain", "stage", "text", "near_config")
    if choices["nsb"] is None and not any(choices[name] for name in asked):
        raise click.UsageError("say what to search for: words, or one of the options")
    _list(**choices)


@productions.command()
@click.argument("name")
@click.option(
    "--paths",
    type=click.Choice(["models", "dl2", "irf", "sensitivity"]),
    help="Print nothing but these paths, one a line.",
)
@_near
@_places
@_json
def show(
    name: str, paths: str | None, near_config: str | None, places: Sequence[str], as_json: bool
) -> None:
    """Show the production NAME: its directory, its prod_id, or a part that no other has.

    Example: lstluigi productions show NSB-0.07 --paths irf
    """
    from lstluigi.files import Listing
    from lstluigi.library import near
    from lstluigi.library import show as texts
    from lstluigi.library.read import contents
    from lstluigi.library.search import find

    production = find(_productions(places), name)
    listing = Listing()
    if near_config is not None:
        likes, _ = near.likenesses([production], near.request_of(Path(near_config)))
        if as_json:
            _print_json([texts.like_data(like) for like in likes])
        for line in () if as_json else texts.like_lines(likes, listing, every=True):
            click.echo(line)
        if not likes:
            click.echo("its lstchain config is not known or cannot be read", err=True)
        return
    made = contents(production)
    if paths is not None:
        found, absent = texts.where(production, made.files, paths, listing)
        for path in found:
            click.echo(path)
        if absent or not found:
            click.echo(f"{absent} of these {len(found)} are not there", err=True)
    elif as_json:
        _print_json(texts.as_data(production, listing, made))
    else:
        for line in texts.details(production, made, listing):
            click.echo(line)


@productions.command()
@click.option("-o", "--output", required=True, metavar="DIR", help="Where the page goes.")
@_places
def html(output: str, places: Sequence[str]) -> None:
    """Write the libraries as a page that needs no network and no server.

    Example: lstluigi productions html -o library
    """
    from lstluigi.library.page import write

    found = _productions(places)
    absent = [name for name in ("numpy", "matplotlib") if find_spec(name) is None]
    if absent:
        said = f"without pointing plots: {' and '.join(absent)} is not installed"
        click.echo(f"{said} (pip install 'lstluigi[analysis]' brings it)", err=True)
        page = write(found, Path(output))
    else:
        from lstluigi.library.pointings import draw_production

        page = write(found, Path(output), draw_production)
    click.echo(page)


def _productions(places: Sequence[str]) -> list[Production]:
    """Return the productions of all libraries, each directory once."""
    from lstluigi.errors import LstluigiError
    from lstluigi.library import index

    searched = list(places) or index.default_places()
    found = index.every_production(searched)
    if not found:
        raise LstluigiError(f"there is no production in {', '.join(searched)}; check --dir")
    return found


def _list(near_config: str | None, places: Sequence[str], as_json: bool, **choices: Any) -> None:
    from lstluigi.files import Listing
    from lstluigi.library import index
    from lstluigi.library.search import Filters, alone, known, select

    filters = Filters(**choices)
    every = _productions(places)
    if told := index.unnamed(every):
        click.echo(told, err=True)
    chosen = select(every, filters)
    if not chosen:
        none = f"none of {len(every)} productions is like this"
        said = "; ".join([none, *alone(every, filters), *known(every, filters)])
        click.echo(said, err=True)
    if near_config is not None:
        _list_near(near_config, chosen, as_json)
        return
    from lstluigi.library import show as texts

    listing = Listing()
    if as_json:
        _print_json([texts.as_data(production, listing) for production in chosen])
    elif chosen:
        for line in texts.table(chosen, listing):
            click.echo(line)


def _list_near(near_config: str, chosen: Sequence[Production], as_json: bool) -> None:
    from lstluigi.files import Listing
    from lstluigi.library import near
    from lstluigi.library import show as texts

    made = [production for production in chosen if not production.example]
    likes, others = near.likenesses(made, near.request_of(Path(near_config)))
    close = [like for like in likes if like.near]
    if as_json:
        _print_json([texts.like_data(like) for like in close])
        return
    for line in texts.like_lines(close or likes[:1], Listing()):
        click.echo(line)
    if not close:
        click.echo(
            "no production is equal or nearly so; the nearest, if any, stands above", err=True
        )
    if others:
        click.echo(f"not compared, without a readable lstchain config: {len(others)}", err=True)
    if len(made) < len(chosen):
        examples = len(chosen) - len(made)
        click.echo(f"not compared, as they are examples that nobody made: {examples}", err=True)


def _print_json(data: Any) -> None:
    import json

    click.echo(json.dumps(data, indent=1))
