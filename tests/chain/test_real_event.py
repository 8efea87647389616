"""A real sim_telarray event, seen by four LSTs."""

from __future__ import annotations

from pathlib import Path

import pytest
from chain_tools import (
    REAL_EVENT,
    Production,
    assert_same_tables,
    by_hand,
    config_of,
    in_parallel,
    need_lstchain,
    rows,
)

pytestmark = [
    pytest.mark.chain,
    pytest.mark.skipif(not REAL_EVENT.exists(), reason=f"needs {REAL_EVENT}"),
]


def test_a_real_event_gives_what_the_command_gives(place: Production, tmp_path: Path) -> None:
    need_lstchain()
    (tmp_path / "dl0").mkdir()
    simtel = tmp_path / "dl0" / REAL_EVENT.name
    simtel.symlink_to(REAL_EVENT.resolve())
    place.write(config_of({"r0_to_dl1": [{"input": str(simtel.parent), "output": "dl1"}]}))
    ended = place.run()
    assert ended.code == 0, ended.text
    config = place.lstchain_config
    hand = tmp_path / "hand"
    call = ("lstchain_mc_r0_to_dl1", "-f", simtel, "-o", ".", "-c", config)
    in_parallel([by_hand(hand, *call)])
    (made,) = (place / "dl1").glob("*.h5")
    (expected,) = hand.glob("*.h5")
    assert made.name == expected.name
    assert rows(made) == 1
    assert_same_tables(made, expected)
