"""Failures alike are one group."""

from __future__ import annotations

import pytest
from lab import Lab, full, small

from lstluigi.production.status.failures import folded
from lstluigi.report.show import failures
from lstluigi.validation.examine import production_state


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cannot read /fefs/a/run1.h5 at 0x7f", "cannot read /home/b.h5 at 0xab"),
        ("dl1_gamma_run1.h5 lacks /dl1/event", "dl1_proton_run22.h5 lacks /dl1/event"),
        ("exit code 1 after 3.5e2 s", "exit code 1 after 17 s"),
        ("'/a b/c' is missing", "'/x y/z' is missing"),
        ("node_theta_14.9_az_175.1_ lacks it", "node_theta_23.161_az_9_ lacks it"),
        ("it has 0 rows, its inputs 1352", "it has 7 rows, its inputs 12"),
    ],
)
def test_paths_and_numbers_are_folded(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'a'", "KeyError: 'b'"),
        ("No object named /dl1/event/a in the file", "No object named /dl1/event/b in the file"),
        ("IndexError: simulation/run_config", "IndexError: simulation/shower"),
        ("KeyError: 'lh_fit1'", "KeyError: 'lh_fit2'"),
        ("no models of dec_931", "no models of dec_2276"),
        ("lstchain_r0_to_dl1 ended", "lstchain_dl1_to_dl2 ended"),
    ],
)
def test_other_words_are_another_cause(one: str, other: str) -> None:
    """Digits of a name are part of it."""
    assert folded(one) == one
    assert folded(other) == other


def test_a_line_that_all_have_stays_whole(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", c="exit 3", d="exit 4")
    lab.run()
    groups = production_state(str(lab.config)).groups
    assert [group.line for group in groups] == [group.failures[0].line for group in groups]


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


def test_what_to_change_is_said_with_the_failure(lab: Lab) -> None:
    """By the run, and by status afterwards."""
    full(lab)
    lab.fault(lstchain_create_irf_files="few events")
    option = "--DL3Cuts.min_event_p_en_bin"
    assert option in lab.run().text
    state = production_state(str(lab.config))
    (group,) = state.groups
    assert option in state.mend(group.failures[0])
    assert any(option in line.plain for line in failures(state))
