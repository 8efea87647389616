"""Failures alike are one group."""

from __future__ import annotations

import pytest
from lab import Lab, small

from lstluigi.report.failures import folded
from lstluigi.report.state import production_state


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cannot read /fefs/a/run1.h5 at 0x7f", "cannot read /home/b.h5 at 0xab"),
        ("dl1_gamma_run1.h5 lacks /dl1/event", "dl1_proton_run22.h5 lacks /dl1/event"),
        ("exit code 1 after 3.5e2 s", "exit code 1 after 17 s"),
        ("'/a b/c' is missing", "'/x y/z' is missing"),
    ],
)
def test_paths_and_numbers_are_folded(one: str, other: str) -> None:
    assert folded(one) == folded(other)


def test_other_words_are_another_cause() -> None:
    assert folded("KeyError: 'a'") != folded("KeyError: 'b'")


def test_groups_by_what_was_wrong(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated", d="truncated", e="exit 3")
    lab.run()
    groups = production_state(str(lab.config)).groups
    assert [len(group.failures) for group in groups] == [2, 1]
    assert {failure.item[0] for failure in groups[0].failures} == {"c", "d"}


def test_without_the_result_file_the_ledger_tells(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    with_it = production_state(str(lab.config)).groups[0]
    for path in lab.prod_logs.rglob("chunk-*.json"):
        path.unlink()
    without = production_state(str(lab.config)).groups[0]
    assert (without.cause, without.failures[0].reason) == (
        with_it.cause,
        with_it.failures[0].reason,
    )
