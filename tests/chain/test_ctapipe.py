"""The workflow `ctapipe` on toy DL0, held against ctapipe's tools typed by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from chain_compare import assert_irf_opens, assert_same_fits, assert_same_tables, leaves
from chain_config import (
    DL1_FILES,
    DL2,
    IRF,
    MERGED_TEST,
    MERGED_TRAINING,
    MODELS,
    TESTED,
    TRAINING_GAMMAS,
    TRAINING_PROTONS,
    config_of,
    small_config,
)
from chain_runs import ROOT, Production, Running, by_hand, in_parallel

pytestmark = pytest.mark.chain

TRIGGER = "/dl1/event/subarray/trigger"
PARAMETERS = "/dl1/event/telescope/parameters/tel_001"
IMAGES = "/dl1/event/telescope/images/tel_001"
NAMES = ("energy_regressor.pkl", "disp_reconstructor.pkl", "particle_classifier.pkl")
NO_IMAGES = ("--no-dl1-images", "--no-true-images")
CUTS, BENCHMARKS = "irf/irf_cuts.fits", "irf/irf_benchmarks.fits.gz"


def small_ctapipe_config() -> dict[str, Any]:
    """The standard config with forests that grow in seconds."""
    text = (ROOT / "configs" / "ctapipe_lst.yml").read_text()
    content: dict[str, Any] = yaml.safe_load(text)
    for model in ("EnergyRegressor", "DispReconstructor", "ParticleClassifier"):
        for key, value in content[model].items():
            if key.endswith("_config"):
                value.update(n_estimators=10, max_depth=10)
    content["CrossValidator"]["n_cross_validations"] = 2
    return content


def written(place: Production, stages: dict[str, Any], ctapipe: dict[str, Any]) -> Production:
    """A production of ctapipe's workflow, with its config."""
    config = config_of(stages, "chain_ctapipe")
    place.write({**config, "workflow_kind": "ctapipe", "ctapipe_config": "ctapipe.yml"})
    (place / "ctapipe.yml").write_text(yaml.safe_dump(ctapipe))
    return place


def of(name: str, options: str = "") -> dict[str, Any]:
    """A step of r0_to_dl1 for a directory of DL0."""
    return {"input": name, "output": f"dl1/{Path(name).parent.name}", "options": options}


def test_from_dl0_to_irfs(dl0: Path, tmp_path: Path, start: Callable[..., Running]) -> None:
    """The shortest way, without merging; background only where there are protons."""
    gamma, proton, test = (
        next(s for s in samples) for samples in (TRAINING_GAMMAS, TRAINING_PROTONS, TESTED.values())
    )
    dl1 = {s.name: f"dl1/{s.name}/{Path(DL1_FILES[s.file(1)]).name}" for s in (gamma, proton, test)}
    name = Path(dl1[test.name]).name.replace("dl1", "dl2", 1)
    stages = {
        "r0_to_dl1": [of(f"{dl0}/{s.place}", "--no-write-images") for s in (gamma, proton, test)],
        "train_pipe": [
            {"input": {"gamma": dl1[gamma.name], "proton": dl1[proton.name]}, "output": "models"}
        ],
        "dl1_to_dl2": [{"input": dl1[test.name], "path_model": "models", "output": "dl2"}],
        "dl2_to_irfs": [{"input": {"gamma_file": f"dl2/{name}"}, "output": IRF}],
    }
    place = written(Production(tmp_path / "own"), stages, small_ctapipe_config())
    ended = start(place).wait()
    assert ended.code == 0, ended.text
    assert place.left_over() == []
    events = leaves(place / f"dl2/{name}")
    assert IMAGES not in events
    energy = events["/dl2/event/subarray/energy/RandomForestRegressor"]
    assert len(energy) == len(events[TRIGGER])
    truth = events["/simulation/event/subarray/shower"]["true_energy"]
    valid = energy["RandomForestRegressor_is_valid"]
    both = np.log10([energy["RandomForestRegressor_energy"][valid], truth[valid]])
    assert np.corrcoef(both)[0, 1] > 0.5
    assert_irf_opens(place / IRF)


@pytest.fixture(scope="module")
def made(chain_root: Path, dl0: Path) -> Production:
    """The small production of the other chain tests, in ctapipe's workflow."""
    stages = small_config(dl0)["stages"]
    del stages["dl2_to_sensitivity"]
    stages["dl2_to_irfs"] = [{"input": dict(DL2), "output": IRF}]
    place = Production(chain_root / "ctapipe")
    ended = written(place, stages, small_ctapipe_config()).run()
    assert ended.code == 0, ended.text
    return place


@pytest.fixture
def hand(tmp_path: Path, made: Production) -> Callable[..., None]:
    """Type a command of ctapipe in a directory of its own."""

    def typed(*command: object) -> None:
        in_parallel([by_hand(tmp_path, *command, "-c", made / "ctapipe.yml")])

    return typed


@pytest.mark.slow
def test_dl1_by_hand(
    made: Production, dl0: Path, tmp_path: Path, hand: Callable[..., None]
) -> None:
    name, product = next(iter(DL1_FILES.items()))
    hand("ctapipe-process", "-i", dl0 / name, "-o", "x.h5")
    assert_same_tables(made / product, tmp_path / "x.h5")


@pytest.mark.slow
def test_merged_by_hand(made: Production, tmp_path: Path, hand: Callable[..., None]) -> None:
    files = sorted((made / "dl1/GammaDiffuse").glob("*/train/*.h5"))
    hand("ctapipe-merge", *NO_IMAGES, *files, "-o", "x.h5")
    assert_same_tables(made / MERGED_TRAINING["gamma"], tmp_path / "x.h5")
    assert IMAGES not in leaves(tmp_path / "x.h5")


@pytest.mark.slow
def test_trained_by_hand(made: Production, tmp_path: Path, hand: Callable[..., None]) -> None:
    """Models say the same of events, and were trained in ctapipe's order."""
    gamma, proton = (made / MERGED_TRAINING[p] for p in ("gamma", "proton"))
    energy, disp, particle = NAMES
    apply = ("ctapipe-apply-models", *NO_IMAGES)
    hand("ctapipe-train-energy-regressor", "-i", gamma, "-o", energy)
    hand(*apply, "-i", gamma, "-o", "g1.h5", "-r", energy)
    hand("ctapipe-train-disp-reconstructor", "-i", "g1.h5", "-o", disp)
    hand(*apply, "-i", "g1.h5", "-o", "g2.h5", "-r", disp)
    hand(*apply, "-i", proton, "-o", "p2.h5", "-r", energy, "-r", disp)
    sides = ("--signal", "g2.h5", "--background", "p2.h5")
    hand("ctapipe-train-particle-classifier", *sides, "-o", particle)
    models = [word for name in NAMES for word in ("-r", name)]
    hand(*apply, "-i", made / MERGED_TEST["gamma_file"], "-o", "x.h5", *models)
    assert_same_tables(made / DL2["gamma_file"], tmp_path / "x.h5", rtol=1e-12)


@pytest.mark.slow
def test_dl2_by_hand(made: Production, tmp_path: Path, hand: Callable[..., None]) -> None:
    models = [word for name in NAMES for word in ("-r", made / MODELS / name)]
    merged = made / MERGED_TEST["proton_file"]
    hand("ctapipe-apply-models", *NO_IMAGES, "-i", merged, "-o", "x.h5", *models)
    assert_same_tables(made / DL2["proton_file"], tmp_path / "x.h5", rtol=1e-12)


@pytest.mark.slow
def test_irfs_by_hand(made: Production, tmp_path: Path, hand: Callable[..., None]) -> None:
    files = [w for k, name in DL2.items() for w in (f"--{k.replace('_', '-')}", made / name)]
    hand("ctapipe-optimize-event-selection", *files, "--output", "cuts.fits")
    outputs = ("--output", "irf.fits.gz", "--benchmark-output", "benchmarks.fits.gz")
    hand("ctapipe-compute-irf", *files, "--cuts", "cuts.fits", *outputs)
    for ours, theirs in ((CUTS, "cuts.fits"), (IRF, outputs[1]), (BENCHMARKS, outputs[3])):
        assert_same_fits(made / ours, tmp_path / theirs)
    assert_irf_opens(made / IRF)


@pytest.mark.slow
def test_dl1ab_then_merge_of_unique_observations(
    tmp_path: Path, start: Callable[..., Running]
) -> None:
    """Two nodes whose files have one number, with images without noise; then a harder cleaning."""
    from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file

    for node, seed in (("a", 1), ("b", 2)):
        simulate_file(
            tmp_path / f"dl0/{node}/run1.simtel.gz",
            beam=Beam(Particle.GAMMA, (0.05, 20.0), -1.8, (0.0, 2.0)),
            pointing=Pointing(6.0, 180.0),
            n_showers=150,
            seed=seed,
            true_images=True,
        )
    nodes = [str(tmp_path / f"dl0/{node}") for node in "ab"]
    first = {
        "r0_to_dl1": [
            {"input": n, "output": f"dl1/{Path(n).name}", "options": "--unique-obs-id"}
            for n in nodes
        ]
    }
    place = written(Production(tmp_path / "own"), first, small_ctapipe_config())
    ended = start(place).wait()
    assert ended.code == 0, ended.text
    hard = small_ctapipe_config()
    hard["TailcutsImageCleaner"].update(picture_threshold_pe=12, boundary_threshold_pe=6)
    second = {
        "dl1ab": [{"input": str(place / f"dl1/{n}"), "output": f"new/{n}"} for n in "ab"],
        "merge_dl1": [
            {"input": "new", "output": "new/dl1_merged.h5", "options": "--pattern */*.h5"}
        ],
    }
    again = written(Production(tmp_path / "again"), second, hard)
    ended = start(again).wait()
    assert ended.code == 0, ended.text
    call = ("ctapipe-process", "--recompute-dl1", "--no-write-images")
    files = ("-i", place / "dl1/a/dl1_run1.h5", "-o", "x.h5", "-c", again / "ctapipe.yml")
    in_parallel([by_hand(tmp_path, *call, *files)])
    assert_same_tables(again / "new/a/dl1_run1.h5", tmp_path / "x.h5")
    old, new = (leaves(p / "dl1_run1.h5") for p in (place / "dl1/a", again / "new/a"))
    assert IMAGES in old
    assert IMAGES not in new
    assert len(old[TRIGGER]) == len(new[TRIGGER])
    pixels = [table[PARAMETERS]["morphology_n_pixels"].sum() for table in (old, new)]
    assert pixels[1] < pixels[0]
    merged = leaves(again / "new/dl1_merged.h5")
    assert len(np.unique(merged[TRIGGER]["obs_id"])) == 2


@pytest.mark.slow
def test_truncated_dl0_is_found_though_ctapipe_ends_well(
    dl0: Path, tmp_path: Path, start: Callable[..., Running]
) -> None:
    whole = dl0 / next(iter(DL1_FILES))
    (tmp_path / "dl0/x").mkdir(parents=True)
    cut = tmp_path / "dl0/x/cut.simtel.gz"
    cut.write_bytes(whole.read_bytes()[:60_000])
    shutil.copy(whole, tmp_path / "dl0/x/whole.simtel.gz")
    place = written(
        Production(tmp_path / "own"), {"r0_to_dl1": [of(str(cut.parent))]}, small_ctapipe_config()
    )
    ended = start(place).wait()
    assert ended.code != 0
    assert "cut.simtel.gz is truncated or damaged" in ended.sentences
    assert [path.name for path in (place / "dl1").rglob("*.h5")] == ["dl1_whole.h5"]
