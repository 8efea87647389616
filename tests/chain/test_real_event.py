"""A real sim_telarray event, seen by four LSTs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from chain_compare import assert_same_tables, rows
from chain_config import REAL_EVENT, config_of
from chain_runs import Production, Running, by_hand, in_parallel, need_lstchain

pytestmark = [
    pytest.mark.chain,
    pytest.mark.skipif(not REAL_EVENT.exists(), reason=f"needs {REAL_EVENT}"),
]


def test_a_real_event_gives_what_the_command_gives(
    place: Production, start: Callable[..., Running], tmp_path: Path
) -> None:
    need_lstchain()
    (tmp_path / "dl0").mkdir()
    simtel = tmp_path / "dl0" / REAL_EVENT.name
    simtel.symlink_to(REAL_EVENT.resolve())
    place.write(config_of({"r0_to_dl1": [{"input": str(simtel.parent), "output": "dl1"}]}))
    run = start(place)
    hand = tmp_path / "hand"
    call = ("lstchain_mc_r0_to_dl1", "-f", simtel, "-o", ".", "-c", place.lstchain_config)
    in_parallel([by_hand(hand, *call)])
    ended = run.wait()
    assert ended.code == 0, ended.text
    (made,) = (place / "dl1").glob("*.h5")
    (expected,) = hand.glob("*.h5")
    assert made.name == expected.name
    assert rows(made) == 1
    assert_same_tables(made, expected)
