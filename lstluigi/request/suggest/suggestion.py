"""A suggestion as people read it, and as programs do."""

from __future__ import annotations

import shlex
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from lstluigi.files import Listing
from lstluigi.layouts import sky
from lstluigi.library.show import called, plain
from lstluigi.request.suggest.choice import Suggestion
from lstluigi.request.suggest.earlier import Earlier

__all__ = ["LSTCHAIN_VERSION", "as_json", "command", "show"]

#: The one that lstluigi is made for.
LSTCHAIN_VERSION = "0.12.3"
#: Lines that are named beside the nearest.
OTHERS = 2
#: Productions that are named.
SHOWN = 10
#: Characters in a line that nobody sees on a terminal: enough for any name.
FILE_WIDTH = 160


def command(suggestion: Suggestion, today: date) -> tuple[str, ...]:
    """Words to type for a production of that line; none if the source cannot be observed.

    The prod_id does not name the source, as productions are public.
    """
    if not suggestion.tracks:
        return ()
    line = suggestion.line.name
    prod_id = f"{today:%Y%m%d}_v{LSTCHAIN_VERSION}_{line}"
    words = ("lstluigi", "generate-config", "PathConfigAllSkyFull")
    return (*words, "--prod_id", prod_id, "--dec_list", line)


def as_json(suggestion: Suggestion, there: Earlier, today: date) -> dict[str, Any]:
    """Return everything, angles in degrees and rounded to a thousandth."""
    night = suggestion.night
    return {
        "source": {
            "name": suggestion.source.name,
            "ra": round(suggestion.source.ra, 5),
            "dec": round(suggestion.source.dec, 5),
        },
        "lines": [
            {
                "name": line.name,
                "declination": line.declination,
                "distance": round(line.distance, 3),
            }
            for line in suggestion.lines
        ],
        "culmination_zenith": round(sky.culmination(suggestion.source.dec), 3),
        "max_zenith": suggestion.max_zenith,
        "hours": round(suggestion.hours, 2),
        "night": night and {"date": f"{night.date}", "dark_hours": round(night.dark_hours, 2)},
        "test_nodes": [
            {
                "name": found.node.name,
                "zenith": found.node.zenith,
                "azimuth": found.node.azimuth,
                "separation": round(found.separation, 3),
                "hour_angle": round(found.hour_angle, 3),
                "utc": found.utc or None,
            }
            for found in suggestion.nodes
        ],
        "productions": [
            {
                "name": one.name,
                "directory": one.directory,
                "prod_id": one.prod_id,
                "date": one.date,
                "lstchain": one.lstchain,
                "nsb": one.levels,
                "lines": one.lines,
            }
            for one in there.productions
        ],
        "command": list(command(suggestion, today)) or None,
        "warnings": [*suggestion.warnings, *filter(None, [there.unnamed])],
    }


def show(suggestion: Suggestion, there: Earlier, today: date, console: Console) -> None:
    """Tell people: the line, the nodes in a table, what speaks against it, what to type."""

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    line, others = suggestion.line, suggestion.lines[1 : OTHERS + 1]
    next_ones = ", ".join(f"{other.name} ({other.distance:.2f}°)" for other in others)
    say(
        f"{suggestion.source.name}: the nearest training line is {line.name} "
        f"({line.declination:+.2f}°), {line.distance:.2f}° away; next: {next_ones}"
    )
    if suggestion.tracks:
        say(_when(suggestion))
    for warning in suggestion.warnings:
        say(f"warning: {warning}", "yellow")
    if suggestion.nodes:
        say("Test nodes along its path:")
        console.print(_table(suggestion), width=None if console.is_terminal else FILE_WIDTH)
    productions = there.productions
    if there.unnamed:
        say(there.unnamed)
    if productions:
        say(f"Productions of the library with {line.name}, the latest first:")
    listing = Listing()
    for one in productions[:SHOWN]:
        levels = f", NSB {', '.join(map(str, one.levels))}" if one.levels else ""
        say(f"  {called(one, listing)} (lstchain {plain(one.lstchain or 'unknown')}{levels})")
    if len(productions) > SHOWN:
        say(f"  and {len(productions) - SHOWN} more (--json has all)")
    if words := command(suggestion, today):
        say(f"To ask for {'another' if productions else 'one'}: {shlex.join(words)}")


def _when(suggestion: Suggestion) -> str:
    highest = sky.culmination(suggestion.source.dec)
    night = suggestion.night
    span = (
        f"in the {night.dark_hours:.1f} dark hours of the night of {night.date}"
        if night
        else "a day"
    )
    return (
        f"It culminates at zenith distance {highest:.1f}° and is within "
        f"{suggestion.max_zenith:g}° of the zenith for {suggestion.hours:.1f} h {span}."
    )


def _table(suggestion: Suggestion) -> Table:
    """Return the nodes as a table of 80 characters at most."""
    table = Table(box=None)
    table.add_column("test node", no_wrap=True)
    for column in ("zenith", "azimuth", "off path", "hour angle"):
        table.add_column(column, justify="right", no_wrap=True)
    if suggestion.night:
        table.add_column("UTC", no_wrap=True)
    for found in suggestion.nodes:
        node = found.node
        cells = [
            node.name,
            f"{node.zenith:.3f}°",
            f"{node.azimuth:.3f}°",
            f"{found.separation:.1f}°",
            f"{found.hour_angle / 15:+.1f} h",
        ]
        table.add_row(*cells, *([found.utc] if suggestion.night else []))
    return table
