"""Options as lstmcpipe's users type them."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from lstluigi.cli.typed_as import AsInLstmcpipe, Several, pairs


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    """What the command below was called with."""
    return []


@pytest.fixture
def command(seen: list[dict[str, Any]]) -> click.Command:
    @click.command(cls=AsInLstmcpipe)
    @click.argument("name")
    @click.option("--prod_id")
    @click.option("--dec_list", cls=Several)
    @click.option("--nsb", cls=Several, type=float)
    @click.option("-o", "--output")
    @click.option("--overwrite", is_flag=True)
    def typed(**given: Any) -> None:
        seen.append({key: value for key, value in given.items() if value})

    return typed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("A --prod_id x", {"name": "A", "prod_id": "x"}),
        ("A --prod-id x", {"name": "A", "prod_id": "x"}),
        ("A --dec_list a", {"name": "A", "dec_list": ("a",)}),
        ("A --dec_list a b c", {"name": "A", "dec_list": ("a", "b", "c")}),
        ("A --dec-list a b --dec_list=c d", {"name": "A", "dec_list": ("a", "b", "c", "d")}),
        ("--dec_list a b -o f A", {"name": "A", "dec_list": ("a", "b"), "output": "f"}),
        ("--dec_list a b --overwrite A", {"name": "A", "dec_list": ("a", "b"), "overwrite": True}),
        ("--dec_list a -- A", {"name": "A", "dec_list": ("a",)}),
        ("A --nsb 0.00 0.07 1e-1", {"name": "A", "nsb": (0.0, 0.07, 0.1)}),
        ("A --nsb -0.07 0.1 -.2", {"name": "A", "nsb": (-0.07, 0.1, -0.2)}),
    ],
)
def test_several_values_stand_behind_one_name(
    command: click.Command, seen: list[dict[str, Any]], words: str, expected: dict[str, Any]
) -> None:
    done = CliRunner().invoke(command, words.split())
    assert done.exit_code == 0, done.output
    assert seen == [expected]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("A --dec_list", "requires an argument"),
        ("A --dec_list --overwrite", "--dec_list has no value"),
        ("--dec_list a A", "Missing argument"),
        ("A --nsb 0.1 x", "not a valid float"),
        ("A --prodid x", "No such option"),
        ("A b", "unexpected extra argument"),
    ],
)
def test_what_is_wrong_is_told(command: click.Command, words: str, told: str) -> None:
    done = CliRunner().invoke(command, words.split())
    assert done.exit_code == 2
    assert told in done.output


def test_pairs_may_hold_any_value() -> None:
    assert pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("texts", [["a"], ["=1"], ["a=1", "a=2"]])
def test_what_is_no_pair_is_refused(texts: list[str]) -> None:
    with pytest.raises(click.BadParameter):
        pairs(texts)
