"""A suggestion for people and for programs."""

from __future__ import annotations

import io
import json
import re
import shlex
from datetime import date
from importlib.metadata import requires

from rich.console import Console

from lstluigi.library.model import Production
from lstluigi.request.suggest import Source, Suggestion, suggest
from lstluigi.request.suggest import suggestion as report
from lstluigi.request.suggest.earlier import Earlier

TODAY = date(2026, 11, 25)
CRAB = Source("Crab Nebula", 83.633, 22.014)


EARLIER = Production(
    "2024/x", "/lib/2024/x", prod_id="x", date="2024-01-01", lstchain="0.10.4", levels=[0.07]
)


def shown(found: Suggestion, *productions: Production, terminal: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=80)
    report.show(found, Earlier(productions), TODAY, console)
    return stream.getvalue()


def test_what_to_type() -> None:
    words = report.command(suggest(CRAB), TODAY)
    assert shlex.join(words) == (
        "lstluigi generate-config PathConfigAllSkyFull --prod_id 20261125_v0.12.3_dec_2276 "
        "--dec_list dec_2276"
    )
    assert shlex.join(words) in shown(suggest(CRAB))
    # productions are public
    assert "rab" not in shlex.join(words)


def test_nothing_to_type_for_what_is_not_visible() -> None:
    found = suggest(Source("x", 0.0, -70.0))
    assert report.command(found, TODAY) == ()
    assert "generate-config" not in shown(found)
    assert "warning: it never rises at La Palma" in shown(found)


def test_the_version_is_the_one_that_is_installed_with_lstluigi() -> None:
    (pinned,) = [one for one in requires("lstluigi") or () if one.startswith("lstchain")]
    assert re.match(r"lstchain==([\d.]+)", pinned)[1] == report.LSTCHAIN_VERSION  # type: ignore[index]


def test_a_file_has_whole_names_and_a_terminal_is_not_left() -> None:
    for evening in (None, TODAY):
        found = suggest(CRAB, evening)
        for text in (shown(found), shown(found, terminal=True)):
            plain = re.sub(r"\x1b\[[\d;]*m", "", text)
            rows = [line for line in plain.splitlines() if line.startswith(" node_")]
            assert [row.split()[0] for row in rows] == [one.node.name for one in found.nodes]
            assert max(map(len, rows)) <= 80
            assert "…" not in plain
    assert "\x1b" not in shown(found)


def test_a_hostile_name_is_no_markup() -> None:
    assert "[red]x[/red]: the nearest" in shown(suggest(Source("[red]x[/red]", 1.0, 2.0)))


def test_json() -> None:
    found = suggest(CRAB, TODAY)
    text = json.dumps(report.as_json(found, Earlier((EARLIER,)), TODAY))
    value = json.loads(text)
    assert value["lines"][0] == {"name": "dec_2276", "declination": 22.76, "distance": 0.746}
    assert value["culmination_zenith"] == 6.747
    assert value["night"]["date"] == "2026-11-25"
    (one,) = value["productions"]
    assert (one["directory"], one["nsb"]) == ("/lib/2024/x", [0.07])
    assert value["command"][0] == "lstluigi"
    assert [one["name"] for one in value["test_nodes"]] == [n.node.name for n in found.nodes]
    assert report.as_json(suggest(CRAB), Earlier(), TODAY)["night"] is None


def test_productions_are_named() -> None:
    text = shown(suggest(CRAB), EARLIER)
    assert "  2024/x (lstchain 0.10.4, NSB 0.07)\n" in text
    assert "To ask for another:" in text
    many = shown(suggest(CRAB), *[EARLIER] * 12)
    assert many.count("  2024/x") == 10
    assert "and 2 more (--json has all)" in many
