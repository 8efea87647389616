"""dl1ab from DL1 with images, then merge: a second config over the products of the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chain_compare import (
    DL1_PARAMETERS,
    IMAGES,
    assert_irf_opens,
    assert_same_tables,
    leaves,
    rows,
)
from chain_config import (
    DL1_FILES,
    IRF,
    IRF_OPTIONS,
    MERGED_TEST,
    MODELS,
    TESTED,
    TRAINING_GAMMAS,
    TRAINING_PROTONS,
    config_of,
)
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


@pytest.mark.slow
def test_from_dl1_with_images_to_irfs(
    place: Production, production: Production, start: Callable[..., Running], tmp_path: Path
) -> None:
    """Directories of DL1 files for the training, a single merged file for the test."""
    tested = TESTED["gamma_file"]
    merged = "base/dl1_TestGamma_merged.h5"
    keep_images = {"input": str(production / f"dl1/{tested.place}"), "output": merged}
    base = place.write(config_of({"merge_dl1": [keep_images]}, "chain_images")).run()
    assert base.code == 0, base.text
    training = [*TRAINING_GAMMAS, *TRAINING_PROTONS]
    joined = {
        particle: f"dl1ab/dl1_{name}_merged.h5"
        for particle, name in (("gamma", "GammaDiffuse"), ("proton", "Protons"))
    }
    stages = {
        "dl1ab": [
            *(
                {"input": str(production / f"dl1/{s.place}"), "output": f"dl1ab/{s.place}"}
                for s in training
            ),
            {"input": merged, "output": "dl1ab/test"},
        ],
        "merge_dl1": [
            {
                "input": f"dl1ab/{Path(path).name.split('_')[1]}",
                "output": path,
                "options": "--pattern */*.h5 --no-image",
            }
            for path in joined.values()
        ],
        "train_pipe": [{"input": joined, "output": MODELS}],
        "dl1_to_dl2": [
            {"input": f"dl1ab/test/{Path(merged).name}", "path_model": MODELS, "output": "dl2"}
        ],
        "dl2_to_irfs": [
            {
                "input": {"gamma_file": "dl2/dl2_TestGamma_merged.h5"},
                "output": IRF,
                "options": IRF_OPTIONS,
            }
        ],
    }
    content = small_lstchain_config()
    content["tailcut"].update(picture_thresh=7, boundary_thresh=4)
    place.write(config_of(stages, "chain_from_dl1"), content)
    run = start(place)
    hand = tmp_path / "hand"
    call = ("lstchain_dl1ab", "-f", place / merged, "-o", Path(merged).name, "--no-image")
    in_parallel([by_hand(hand, *call, "-c", place.lstchain_config)])
    ended = run.wait()
    assert ended.code == 0, ended.text
    assert_same_tables(place / "dl1ab/test" / Path(merged).name, hand / Path(merged).name)
    assert_irf_opens(place / IRF)
    # every event of the training DL1 is in what the forests grew from
    for particle, path in joined.items():
        samples = TRAINING_GAMMAS if particle == "gamma" else TRAINING_PROTONS
        files = [s.file(n) for s in samples for n in range(1, s.files + 1)]
        assert rows(place / path) == sum(rows(production / DL1_FILES[f]) for f in files)
    assert place.run().sentences.count("0 of") == 1  # nothing is left to do


def test_merged_without_images(place: Production, production: Production) -> None:
    """Refused before anything is submitted, and by validate."""
    merged = str(production / MERGED_TEST["electron_file"])
    place.write(config_of({"dl1ab": [{"input": merged, "output": "dl1ab"}]}))
    ended = place.run()
    assert ended.code == 2
    assert f"input {merged} is not whole: it lacks {IMAGES}" in ended.sentences
    assert "take DL1 with images" in ended.sentences
    assert place.jobs() == []
    assert not (place / "dl1ab").exists()
