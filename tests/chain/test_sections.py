"""What a stage does not read of the lstchain config changes nothing in its product.

Real lstchain is given configs in which each top-level key that the stage's table calls unread is
a text that no command could use.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from chain_compare import assert_same_fits, assert_same_tables, leaves
from chain_config import (
    DL0_FILES,
    DL1_FILES,
    DL2,
    IRF,
    IRF_OPTIONS,
    MERGED_TEST,
    MERGED_TRAINING,
    MODEL_NAMES,
    MODELS,
    TESTED,
)
from chain_runs import Production, by_hand, in_parallel

from lstluigi.stages import WORKFLOWS

pytestmark = [pytest.mark.chain, pytest.mark.slow]
TOY = next(name for name in DL0_FILES if TESTED["gamma_file"].place in name)


def without_what_is_unread(production: Production, stage: str, where: Path) -> Path:
    """The production's lstchain config, with a text for each key that a stage does not read."""
    content = json.loads(production.lstchain_config.read_text())
    unread = WORKFLOWS["lstchain"][stage].unread
    assert unread & content.keys()
    path = where / "config.json"
    path.write_text(json.dumps({**content, **dict.fromkeys(unread, "nothing reads this")}))
    return path


def test_r0_to_dl1(production: Production, dl0: Path, tmp_path: Path) -> None:
    config = without_what_is_unread(production, "r0_to_dl1", tmp_path)
    call = ("lstchain_mc_r0_to_dl1", "-f", dl0 / TOY, "-o", ".", "-c", config)
    in_parallel([by_hand(tmp_path, *call)])
    made = DL1_FILES[TOY]
    assert_same_tables(tmp_path / Path(made).name, production / made)


def test_dl1ab(production: Production, tmp_path: Path) -> None:
    config = without_what_is_unread(production, "dl1ab", tmp_path)
    call = ("lstchain_dl1ab", "-f", production / DL1_FILES[TOY])
    configs = {"a.h5": production.lstchain_config, "b.h5": config}
    in_parallel(by_hand(tmp_path, *call, "-o", name, "-c", c) for name, c in configs.items())
    assert_same_tables(tmp_path / "b.h5", tmp_path / "a.h5")


def test_train_pipe(production: Production, tmp_path: Path) -> None:
    import joblib

    config = without_what_is_unread(production, "train_pipe", tmp_path)
    gamma, proton = (production / MERGED_TRAINING[name] for name in ("gamma", "proton"))
    call = ("lstchain_mc_trainpipe", "--fg", gamma, "--fp", proton, "-o", ".", "-c", config)
    first = str(production / MODELS / MODEL_NAMES[-1])
    configs = {"a": production.lstchain_config, "b": config}
    in_parallel(
        by_hand(tmp_path / name, *call[:-1], c, product=first) for name, c in configs.items()
    )
    for name in MODEL_NAMES:
        ours, theirs = (joblib.load(tmp_path / place / name) for place in "ab")
        assert len(ours.estimators_) == len(theirs.estimators_)
        for one, other in zip(ours.estimators_, theirs.estimators_, strict=True):
            np.testing.assert_array_equal(one.tree_.threshold, other.tree_.threshold)
            np.testing.assert_array_equal(one.tree_.value, other.tree_.value)


def test_dl1_to_dl2(production: Production, tmp_path: Path) -> None:
    config = without_what_is_unread(production, "dl1_to_dl2", tmp_path)
    merged = production / MERGED_TEST["gamma_file"]
    call = ("lstchain_dl1_to_dl2", "-f", merged, "-p", production / MODELS, "-o", ".")
    in_parallel([by_hand(tmp_path, *call, "-c", config)])
    made = production / DL2["gamma_file"]
    assert leaves(made)
    assert_same_tables(tmp_path / made.name, made, rtol=1e-12)


def test_dl2_to_irfs(production: Production, tmp_path: Path) -> None:
    config = without_what_is_unread(production, "dl2_to_irfs", tmp_path)
    files = ("-g", production / DL2["gamma_file"], "-o", "irf.fits.gz")
    call = ("lstchain_create_irf_files", *files, "--config", config, *IRF_OPTIONS.split())
    in_parallel([by_hand(tmp_path, *call)])
    assert_same_fits(tmp_path / "irf.fits.gz", production / IRF)


def test_every_stage_with_such_keys_is_here() -> None:
    declared = {name for name, stage in WORKFLOWS["lstchain"].items() if stage.unread}
    assert {f"test_{name}" for name in declared} <= set(globals())
