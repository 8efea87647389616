"""dl1ab from DL1 with images, then merge: a second config over the products of the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chain_compare import DL1_PARAMETERS, assert_same_tables, leaves
from chain_config import DL1_FILES, TESTED, config_of
from chain_runs import Production, Running, by_hand, in_parallel, small_lstchain_config

pytestmark = pytest.mark.chain

SAMPLE = TESTED["electron_file"]
DL1 = DL1_FILES[SAMPLE.file(1)]
NAME = Path(DL1).name


def test_dl1ab_and_merge(
    place: Production, production: Production, start: Callable[..., Running], tmp_path: Path
) -> None:
    """The same events with a harder cleaning."""
    stages = {
        "dl1ab": [{"input": str((production / DL1).parent), "output": "dl1ab/node"}],
        "merge_dl1": [
            {"input": "dl1ab/node", "output": "dl1ab/dl1_merged.h5", "options": "--no-image"}
        ],
    }
    content = small_lstchain_config()
    content["tailcut"].update(picture_thresh=12, boundary_thresh=6)
    place.write(config_of(stages, "chain_dl1ab"), content)
    run = start(place)
    made, hand = place / f"dl1ab/node/{NAME}", tmp_path / "hand"
    files = ("-f", production / DL1, "-o", NAME)
    call = ("lstchain_dl1ab", *files, "-c", place.lstchain_config, "--no-image")
    in_parallel([by_hand(hand, *call)])
    ended = run.wait()
    assert ended.code == 0, ended.text
    assert_same_tables(made, hand / NAME)
    assert not any("/image/" in name for name in leaves(made))
    pixels = [leaves(path)[DL1_PARAMETERS]["n_pixels"] for path in (made, production / DL1)]
    assert np.nansum(pixels[0]) < np.nansum(pixels[1])
    # a merge of one file has that file's events
    merged = leaves(place / "dl1ab/dl1_merged.h5")[DL1_PARAMETERS]
    np.testing.assert_array_equal(merged["n_pixels"], pixels[0])
