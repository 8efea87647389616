"""Small faults put right where one thing can be meant, and the files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lstluigi.config import ProductionConfig, Step, load_config
from lstluigi.config.model import Place
from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.library.upgrade import upgrade
from lstluigi.library.upgrade.comments import comments_of
from lstluigi.stages import SHAPES

CORPUS = Path(__file__).parents[4] / "shared" / "data" / "production_corpus"
HEAD = "workflow_kind: lstchain\nprod_id: p\nstages_to_run: [merge_dl1]\n"
STEP = "input: /dl1/x\n    output: /dl1/dl1_m.h5\n"


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "old.yml"
    path.write_text(text)
    return path


def new_of(tmp_path: Path, text: str) -> tuple[ProductionConfig, list[str]]:
    said = upgrade(config(tmp_path, text), tmp_path / "new.yml")
    return load_config(tmp_path / "new.yml", SHAPES), said


def test_slurm_options_become_extra_slurm_options(tmp_path: Path) -> None:
    line = "    slurm_options: -p xxl --mem=100G --cpus-per-task=16\n"
    new, said = new_of(tmp_path, f"{HEAD}stages:\n  merge_dl1:\n  - {STEP}{line}")
    assert new.steps[0].slurm == {"partition": "xxl", "mem": "100G", "cpus-per-task": "16"}
    assert "slurm_options:" not in (tmp_path / "new.yml").read_text().replace("extra_slurm", "")
    assert any("stage merge_dl1, step 1, key 'slurm_options'" in sentence for sentence in said)


def test_a_stage_that_is_a_mapping_is_its_only_step(tmp_path: Path) -> None:
    new, said = new_of(tmp_path, f"{HEAD}stages:\n  merge_dl1:\n    {STEP}")
    assert [step.output for step in new.steps] == ["/dl1/dl1_m.h5"]
    assert any("list of one" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("output:", "ouput:"),
        ("merge_dl1:", "merge_dll:"),
        ("[merge_dl1]", "[merge_d1]"),
        ("workflow_kind", "worflow_kind"),
        ("stages_to_run", "stage_to_run"),
        ("extra_slurm_options", "extra_slurm_option"),
    ],
)
def test_a_misspelt_key_is_put_right(tmp_path: Path, right: str, wrong: str) -> None:
    text = f"{HEAD}stages:\n  merge_dl1:\n  - {STEP}    extra_slurm_options: {{mem: 5G}}\n"
    new, said = new_of(tmp_path, text.replace(right, wrong))
    (step,) = new.steps
    assert (step.output, step.slurm) == ("/dl1/dl1_m.h5", {"mem": "5G"})
    assert any(right.strip("[]:") in sentence for sentence in said)


@pytest.mark.parametrize(
    "keys",
    [
        "nonsense: 1",  # like nothing
        "ouput: /dl1/other.h5",  # the right one is there, too
        "otpions: -a\n    optoins: -b",  # two misspelt forms of one key
    ],
)
def test_what_is_in_doubt_is_left_and_said(tmp_path: Path, keys: str) -> None:
    with pytest.raises(ConfigError, match="the key is unknown"):
        new_of(tmp_path, f"{HEAD}stages:\n  merge_dl1:\n  - {STEP}    {keys}\n")
    assert os.listdir(tmp_path) == ["old.yml"]


def test_times_and_numbers_stay_what_they_are(tmp_path: Path) -> None:
    line = "    extra_slurm_options: {time: 11:30:00}\n    options: '--x 0.10'\n"
    new, said = new_of(tmp_path, f"{HEAD}stages:\n  merge_dl1:\n  - {STEP}{line}")
    assert new.steps[0].slurm == {"time": "11:30:00"}
    assert new.steps[0].arguments == ("--x", "0.10")
    assert said == ["Nothing had to be put right."]


def test_comments_are_kept_together(tmp_path: Path) -> None:
    text = (
        f"# why\n{HEAD}stages: # all\n  merge_dl1:\n  - {STEP}    options: '-p a#b' # not in it\n"
    )
    _, said = new_of(tmp_path, text)
    assert any("3 comment(s)" in sentence for sentence in said)
    header = (tmp_path / "new.yml").read_text().split("\n\n")[0]
    assert [word for word in ("why", "all", "not in it", "a#b") if word in header] == [
        *("why", "all", "not in it")
    ]


def test_comments_of_a_text() -> None:
    text = 'a: "x # no" # one\n# -----\nb: |\n  # no\n  text\nc: d#no # two\n'
    assert comments_of(text) == [(1, "one"), (6, "two")]


def test_files_are_left_alone(tmp_path: Path) -> None:
    old = config(tmp_path, f"{HEAD}stages:\n  merge_dl1:\n  - {STEP}")
    before = old.read_bytes()
    new = tmp_path / "new.yml"
    new.write_text("mine")
    with pytest.raises(LstluigiError, match="--overwrite"):
        upgrade(old, new)
    assert new.read_text() == "mine"
    upgrade(old, new, overwrite=True)
    assert new.read_text() != "mine"
    with pytest.raises(LstluigiError, match="is not changed"):
        upgrade(old, old, overwrite=True)
    with pytest.raises(LstluigiError, match="no directory"):
        upgrade(old, tmp_path / "nowhere" / "new.yml")
    assert old.read_bytes() == before


def test_elsewhere_the_same_files_are_meant(tmp_path: Path) -> None:
    old = config(tmp_path, f"{HEAD}stages:\n  merge_dl1:\n  - {STEP}")
    (tmp_path / "lstchain_config.json").write_text("{}")
    (tmp_path / "other").mkdir()
    upgrade(old, tmp_path / "other" / "new.yml")
    new = load_config(tmp_path / "other" / "new.yml", SHAPES)
    assert new.tool_configs["lstchain"] == tmp_path / "lstchain_config.json"
    config(tmp_path, f"{HEAD}stages:\n  merge_dl1:\n  - {STEP}".replace("/dl1/x", "dl1/x"))
    with pytest.raises(LstluigiError, match="relative path 'dl1/x'"):
        upgrade(old, tmp_path / "other" / "newer.yml")


def test_elsewhere_the_config_of_another_tool_is_not_lstchains(tmp_path: Path) -> None:
    """Which file lies alone beside a config is seen as when the config is loaded."""
    for name in ("lstchain", "rta"):
        (tmp_path / f"{name}.json").write_text("{}")
    (tmp_path / "other").mkdir()
    for number, rta in enumerate((tmp_path / "rta.json", f"{tmp_path}//./rta.json")):
        text = f"{HEAD}rta_config: {rta}\nstages:\n  merge_dl1:\n  - {STEP}"
        old = config(tmp_path, text.replace("kind: lstchain", "kind: hiperta"))
        new = tmp_path / "other" / f"{number}.yml"
        upgrade(old, new)
        before, after = load_config(old, SHAPES), load_config(new, SHAPES)
        assert after.tool_configs == before.tool_configs
        assert set(after.tool_configs) == {"lstchain", "rta"}


# ---- real configs

CONFIGS = sorted(path for path in CORPUS.rglob("*") if path.suffix in (".yml", ".yaml"))
LEGACY = [path for path in CONFIGS if "stages_to_be_run" in path.read_text()]
#: Has no paths yet: it is there to be filled in.
UNFILLED = "template_prod"


def bare(steps: tuple[Step, ...]) -> list[Step]:
    """Steps without where they stand in their file."""
    return [replace(step, line=0, place=Place("")) for step in steps]


@pytest.mark.skipif(not CONFIGS, reason="../shared/data/production_corpus is absent")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_real_config_loads_and_means_the_same(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    if path.parent.name == UNFILLED:
        with pytest.raises(ConfigError, match="the value is missing"):
            upgrade(path, tmp_path / "new.yml")
        return
    upgrade(path, tmp_path / "new.yml")
    new = load_config(tmp_path / "new.yml", SHAPES)
    assert new.steps
    assert "lstchain" in new.tool_configs
    assert path.read_bytes() == before
    try:
        old = load_config(path, SHAPES)
    except ConfigError:
        return  # what it was refused for has been put right
    assert bare(new.steps) == bare(old.steps)
    assert (new.prod_id, new.slurm, new.metadata) == (old.prod_id, old.slurm, old.metadata)
    assert new.source_environment == old.source_environment


@pytest.mark.skipif(not LEGACY, reason="../shared/data/production_corpus is absent")
def test_there_are_real_ones_of_2021() -> None:
    assert len(LEGACY) == 5
