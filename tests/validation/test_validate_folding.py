"""Many findings of a kind are told as a few, with their number and how to see all."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from right_production import Production, step

from lstluigi.cli import main
from lstluigi.errors import FEW, SHOWN, shortened


def lines(production: Production, *words: str) -> list[str]:
    production.write()
    done = CliRunner().invoke(main, ["validate", *words, str(production.directory)])
    assert done.exit_code == 2
    return done.output.splitlines()


def errors(told: list[str]) -> list[str]:
    return [line for line in told if line.startswith("error:")]


def test_many_unknown_stages(production: Production) -> None:
    names = [f"strange_{letter}" for letter in "abcdefghij"]
    production.production["stages_to_run"] += names
    told = errors(lines(production))
    assert [name for name in names if any(name in line for line in told)] == names[:SHOWN]
    assert told[-1] == "error: 10 are of this kind; --all shows each."
    every = errors(lines(production, "--all"))
    assert [name for name in names if any(name in line for line in every)] == names
    assert len(every) == len(names)


def test_many_missing_paths(production: Production) -> None:
    """One of each of the first directories, whatever their order in the config."""
    nodes = [f"node_theta_{n}.000_az_180.000_" for n in range(9)]
    kinds = ("gamma", "proton", "electron")
    production.run(
        {"r0_to_dl1": [step(f"dl0/{kind}/{n}", f"dl1/{kind}/{n}") for kind in kinds for n in nodes]}
    )
    told = errors(lines(production, "--check-paths"))
    assert len(told) == SHOWN + 1
    for kind, line in zip(kinds, told, strict=False):
        first = production.directory / "dl0" / kind / nodes[0]
        assert f"{first} does not exist" in line
        assert line.endswith(f"(8 more: {Path(first).parent}/*)")
    assert told[-1] == "error: 27 are of this kind; --all shows each."
    assert len(errors(lines(production, "--check-paths", "--all"))) == 27
    (all_of_it,) = json.loads("\n".join(lines(production, "--check-paths", "--json")))
    assert len(all_of_it["errors"]) == 27


def test_few_are_all_told() -> None:
    told = [(f"/a/{n} is absent", f"error: /a/{n} is absent.") for n in range(FEW)]
    assert list(shortened(told, "--all")) == [sentence for _, sentence in told]


def test_other_kinds_are_told_beside() -> None:
    many = [(f"the stage 'x{n}' is unknown", f"error: the stage 'x{n}'.") for n in range(50)]
    one = ("the key 'y' is unknown", "error: the key 'y'.")
    assert list(shortened([*many, one], "--all"))[-1] == one[1]
    assert len(list(shortened([*many, one], "--all"))) == SHOWN + 2
