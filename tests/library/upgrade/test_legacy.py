"""Configs of 2021-22: the paths of facts/layouts.md, the stages of today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lstluigi.config import ProductionConfig, load_config
from lstluigi.errors import ConfigError
from lstluigi.library.upgrade import upgrade
from lstluigi.production.plan import Plan
from lstluigi.stages import SHAPES, STAGES

PROD = "20210923_v0.7.5_prod5_trans_80_dynamic_cleaning"
OBS = "20200629_prod5_trans_80"
PLACE = "zenith_20deg/south_pointing"
MC = "/fefs/aswg/data/mc"
OLD: dict[str, Any] = {
    "workflow_kind": "lstchain",
    "prod_id": "dynamic_cleaning",
    "base_path_dl0": MC,
    "prod_type": "prod5",
    "obs_date": OBS,
    "zenith": "zenith_20deg",
    "pointing": "south_pointing",
    "particles": ["electron", "gamma", "gamma-diffuse", "proton"],
    "offset_gammas": ["off0.0deg", "off0.4deg"],
    "source_environment": {"source_file": "/virtual_env/.bashrc", "conda_env": "cta"},
    "slurm_config": {"user_account": "dpps"},
    "stages_to_be_run": [
        *("r0_to_dl1", "merge_and_copy_dl1", "train_pipe", "dl1_to_dl2"),
        *("dl2_to_irfs", "dl2_to_sensitivity"),
    ],
    "merging_options": {"no_image": True},
}
STEPS = {
    "r0_to_dl1": 5,
    "train_test_split": 5,
    "merge_dl1": 7,
    "train_pipe": 1,
    "dl1_to_dl2": 5,
    "dl2_to_irfs": 2,
    "dl2_to_sensitivity": 2,
}


def upgraded(
    tmp_path: Path, directory: str = PROD, **changes: Any
) -> tuple[ProductionConfig, list[str]]:
    """The new config of an old one with changes; a key that becomes None is left out."""
    home = tmp_path / directory
    home.mkdir()
    content = {key: value for key, value in {**OLD, **changes}.items() if value is not None}
    (home / "old.yml").write_text(yaml.safe_dump(content))
    said = upgrade(home / "old.yml", home / "new.yml")
    return load_config(home / "new.yml", SHAPES), said


def steps(config: ProductionConfig, stage: str) -> list[Any]:
    return [step for step in config.steps if step.stage == stage]


def test_every_stage_with_the_paths_of_prod5(tmp_path: Path) -> None:
    config, _ = upgraded(tmp_path)
    assert {stage: len(steps(config, stage)) for stage in config.stages_to_run} == STEPS
    assert config.prod_id == PROD
    dl0 = {step.input for step in steps(config, "r0_to_dl1")}
    assert f"{MC}/DL0/{OBS}/gamma/{PLACE}/off0.4deg" in dl0
    assert f"{MC}/DL0/{OBS}/proton/{PLACE}" in dl0
    merged = {step.output for step in steps(config, "merge_dl1")}
    diffuse = f"{MC}/DL1/{OBS}/gamma-diffuse/{PLACE}/{PROD}"
    assert f"{diffuse}/dl1_gamma-diffuse_{PROD}_train.h5" in merged
    (train,) = steps(config, "train_pipe")
    assert train.output == f"/fefs/aswg/data/models/{OBS}/{PLACE}/{PROD}"
    irfs = {step.output for step in steps(config, "dl2_to_irfs")}
    assert f"{MC}/IRF/{OBS}/{PLACE}/{PROD}/off0.0deg/irf_{PROD}_off0.0deg.fits.gz" in irfs
    assert config.slurm.account == "dpps"
    assert config.source_environment is not None
    assert config.source_environment.conda_env == "cta"


def test_the_graph_is_whole(tmp_path: Path) -> None:
    """Only DL0 comes from outside, no product is made twice, the offsets stay apart."""
    config, _ = upgraded(tmp_path)
    plan = Plan(config, STAGES, {})
    assert not plan.graph.problems
    outside = {r.path.split("/mc/")[1][:3] for node in plan.steps for r in plan.external(node)}
    assert outside == {"DL0"}
    for step in steps(config, "dl2_to_sensitivity"):
        offset = step.output.split("/")[-2]
        assert f"/{offset}/" in step.path("input", "gamma_file")


def test_tuning_reads_the_production_of_reference(tmp_path: Path) -> None:
    reference = "20220215_v0.9.1_prod5_trans_80_local_tailcut_8_4"
    stages = ["dl1ab", *OLD["stages_to_be_run"][1:]]
    changes = {"base_path_dl0": None, "base_path": MC, "dl1_reference_id": reference}
    config, said = upgraded(tmp_path, stages_to_be_run=stages, **changes)
    assert "r0_to_dl1" not in config.stages_to_run
    assert "train_test_split" not in config.stages_to_run
    tuned = {step.input: step.output for step in steps(config, "dl1ab")}
    here = f"{MC}/DL1/{OBS}/proton/{PLACE}"
    assert tuned[f"{here}/{reference}/train"] == f"{here}/{PROD}/train"
    assert any(reference in sentence and "images" in sentence for sentence in said)
    assert not Plan(config, STAGES, {}).graph.problems


def test_the_name_of_the_directories_is_found_or_its_absence_said(tmp_path: Path) -> None:
    config, said = upgraded(tmp_path, directory="anything")
    assert config.prod_id == "dynamic_cleaning"
    assert any("day and version are not known" in sentence for sentence in said)


def test_irfs_as_the_config_wants_them(tmp_path: Path) -> None:
    irf = {"point_like": True, "gamma_offset": "0.0deg"}
    config, _ = upgraded(tmp_path, irf_config=irf)
    (step,) = steps(config, "dl2_to_irfs")
    assert "/off0.0deg/" in step.output
    assert step.arguments == ("--point-like",)


def test_what_cannot_be_made_is_left_out_and_said(tmp_path: Path) -> None:
    config, said = upgraded(tmp_path, particles=["gamma", "gamma-diffuse", "proton"])
    assert "dl2_to_sensitivity" not in config.stages_to_run
    assert any("dl2_to_sensitivity is left out" in sentence for sentence in said)


def test_every_sentence_stands_in_the_new_file(tmp_path: Path) -> None:
    _, said = upgraded(tmp_path)
    text = (tmp_path / PROD / "new.yml").read_text()
    assert said
    assert all(f"# - {sentence}\n" in text for sentence in said)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stages_to_be_run": ["r0_to_dl2"]}, "stage 'r0_to_dl2' is unknown"),
        ({"obs_date": None}, "key 'obs_date': the key is missing"),
        ({"zenyth": "zenith_20deg"}, "write 'zenith'"),
        ({"workflow_kind": "lstchian"}, "'lstchian' is unknown"),
        ({"prod_id": "a/b"}, "cannot be part of a file name"),
        ({"particles": ["gamma", "/etc"]}, "cannot be part of a file name"),
        ({"merging_options": {"no_images": True}}, "write 'no_image'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        upgraded(tmp_path, **changes)
    assert reason in str(caught.value)
    assert [path.name for path in (tmp_path / PROD).iterdir()] == ["old.yml"]
