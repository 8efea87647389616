"""The base class, the file it writes, and classes of one's own written for lstmcpipe."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_sky import PROD, SHAPES, TEST, planned, simtel, sky

from lstluigi.config import load_config
from lstluigi.errors import LstluigiError
from lstluigi.layouts import (
    PathConfig,
    PathConfigAllSkyFull,
    PathConfigAllSkyFullSplitDiffuse,
    PathConfigAllSkyTesting,
    PathConfigAllSkyTestingGammaDiffuse,
    PathConfigAllSkyTraining,
)
from lstluigi.layouts.base import Step


class Small(PathConfig):
    """A property for one stage, as in lstmcpipe, and a method for the other."""

    def __init__(self, prod_id: str, **where: Any) -> None:
        super().__init__(prod_id, **where)
        self.stages = ["r0_to_dl1", "merge_dl1"]

    @property
    def r0_to_dl1(self) -> list[Step]:
        slurm = {"time": "11:30:00", "nice": 10}
        return [{"input": "/dl0", "output": "/dl1/node", "extra_slurm_options": slurm}]

    def merge_dl1(self) -> list[Step]:
        return [{"input": "/dl1", "output": "/m/m.h5", "options": "--pattern '*/*.h5'"}]


def test_the_file_is_a_config(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.yml"
    Small(PROD).save_yml(file)
    config = load_config(file, SHAPES)
    assert config.workflow_kind == "lstchain"
    assert config.prod_id == PROD
    assert config.source_environment is not None
    assert config.source_environment.conda_env == "lstchain-v0.12.3"
    assert config.source_environment.source_file is not None
    assert config.source_environment.source_file.endswith("/conda/etc/profile.d/conda.sh")
    assert config.slurm.account == "dpps"
    assert config.metadata == {"prod_type": "Small"}
    assert config.stages_to_run == ("r0_to_dl1", "merge_dl1")
    assert config.notices == ()
    first, second = config.steps
    assert first.slurm == {"time": "11:30:00", "nice": "10"}
    assert second.arguments == ("--pattern", "*/*.h5")


def test_old_and_new_yaml_read_the_same(tmp_path: Path) -> None:
    """What PyYAML (1.1) reads is what was meant, with no time taken for a number."""
    config = Small("20261101")
    config.save_yml(tmp_path / "c.yml")
    text = (tmp_path / "c.yml").read_text()
    read = yaml.safe_load(text)
    assert read["prod_id"] == "20261101"
    assert read["stages"] == config.paths
    assert read["stages_to_run"] == config.stages
    assert "&id" not in text
    assert list(read) == [
        *("workflow_kind", "prod_id", "source_environment", "slurm_config"),
        *("prod_type", "stages_to_run", "stages"),
    ]
    assert list(read["stages"]["r0_to_dl1"][0]) == ["input", "output", "extra_slurm_options"]


def test_an_existing_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_text("mine")
    with pytest.raises(LstluigiError, match="exists"):
        Small(PROD).save_yml(file)
    assert file.read_text() == "mine"
    Small(PROD).save_yml(str(file), overwrite=True)
    assert load_config(file, SHAPES).prod_id == PROD
    assert os.listdir(tmp_path) == ["c.yml"]


def test_nothing_is_written_where_nothing_can_be_made(tmp_path: Path) -> None:
    with pytest.raises(LstluigiError):
        PathConfigAllSkyTraining(PROD, "dec_1").save_yml(tmp_path / "c.yml")
    (tmp_path / "file").touch()
    with pytest.raises(LstluigiError, match="cannot be written"):
        Small(PROD).save_yml(tmp_path / "file" / "c.yml")
    assert os.listdir(tmp_path) == ["file"]


def test_paths_may_be_changed_before_they_are_written(tmp_path: Path) -> None:
    config = Small(PROD)
    config.generate()["r0_to_dl1"][0]["max_failed_fraction"] = 0.02
    config.save_yml(tmp_path / "c.yml")
    assert load_config(tmp_path / "c.yml", SHAPES).steps[0].max_failed_fraction == 0.02


@pytest.mark.parametrize(
    "prod_id",
    ["", ".", "..", "a/b", "a\nb", "a\u202eb", "a" * 151, "*", "a b", "$HOME", ".a", "é", 5, None],
)
def test_names_that_are_none(prod_id: Any) -> None:
    with pytest.raises(LstluigiError, match=r"^the prod_id ") as caught:
        Small(prod_id)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"nodes": "scann"}, "write 'scan'"),
        ({"layout": "until-2024"}, "write 'until-2024-08'"),
        ({"root": "~/data"}, "not expanded"),
        ({"root": ""}, "empty"),
    ],
)
def test_settings_that_do_not_fit(where: dict[str, Any], words: str) -> None:
    with pytest.raises(LstluigiError, match=re.escape(words)):
        Small(PROD, **where)


def test_stages_without_a_method() -> None:
    config = Small(PROD)
    config.stages.append("dl1_to_dl3")
    with pytest.raises(LstluigiError, match=r"'dl1_to_dl3' and has no method"):
        config.generate()
    config.stages.clear()
    with pytest.raises(LstluigiError, match="names no stages"):
        config.generate()


def test_a_stage_gives_a_list() -> None:
    class Mapping(Small):
        @property
        def r0_to_dl1(self) -> Any:
            return {"input": "/dl0", "output": "/dl1"}

    with pytest.raises(LstluigiError, match="r0_to_dl1 of Mapping gives a dict"):
        Mapping(PROD).generate()


def test_notices_of_all_parts_are_told_once(tmp_path: Path) -> None:
    config = PathConfigAllSkyFull(PROD, ["dec_2276", "dec_931"], root=str(tmp_path))
    config.generate()
    assert len(config.notices) == 1


def test_directories_are_listed_once(tmp_path: Path) -> None:
    config = PathConfigAllSkyFullSplitDiffuse(PROD, ["dec_2276", "dec_931"], root=sky(tmp_path))
    for part in config.parts:
        assert part.dl0 is config.dl0
    for diffuse in config.test_diffuse_config.values():
        assert isinstance(diffuse, PathConfigAllSkyTestingGammaDiffuse)
        assert diffuse.train_config.dl0 is config.dl0


# as people have written them for lstmcpipe, with the import changed


class TwoHalves(PathConfigAllSkyTraining):
    """A stage more, and one that builds upon the parent's."""

    def __init__(self, prod_id, dec):  # type: ignore[no-untyped-def]
        super().__init__(prod_id, dec)
        self.stages.insert(1, "train_test_split")

    @property
    def train_test_split(self):  # type: ignore[no-untyped-def]
        paths = []
        for particle in self.training_particles:
            for pointing in self.pointing_dirs(particle):
                dl1 = self.dl1_dir(particle, pointing)
                halves = {"train": dl1 + "/train", "test": dl1 + "/test"}
                paths.append({"input": dl1, "output": halves})
        return paths

    @property
    def merge_dl1(self):  # type: ignore[no-untyped-def]
        paths = super().merge_dl1
        for step in paths:
            step["options"] = "--pattern */train/*.h5 --no-image"
        return paths


class OtherNodes(PathConfigAllSkyTesting):
    """Test nodes of a source, which lie elsewhere."""

    def __init__(self, prod_id, dec, root):  # type: ignore[no-untyped-def]
        super().__init__(prod_id, dec, root=root)
        self.testing_dir = root + "/mc/DL0/LSTProd2/Source/sim_telarray/{pointing}/output_v1.4/"


def test_a_class_of_ones_own_with_a_stage_more(tmp_path: Path) -> None:
    plan = planned(TwoHalves(PROD, "dec_931"), tmp_path)
    assert plan.graph.problems == ()
    stages = [node.step.stage for node in plan.steps]
    merge = stages.index("merge_dl1")
    assert {stages[i] for i in plan.graph.producers[merge]} == {"train_test_split"}
    assert plan.external(plan.steps[merge]) == []


def test_a_class_of_ones_own_with_dl0_elsewhere(tmp_path: Path) -> None:
    root = sky(tmp_path)
    simtel(tmp_path, "Source", TEST[:1])
    steps = OtherNodes(PROD, "dec_931", root).r0_to_dl1
    directory = f"{root}/mc/DL0/LSTProd2/Source/sim_telarray/{TEST[0]}/output_v1.4/"
    assert [step["input"] for step in steps] == [directory]


def test_a_class_of_ones_own_put_together_of_others(tmp_path: Path) -> None:
    class Halves(PathConfigAllSkyFull):
        def __init__(self, prod_id, dec_list):  # type: ignore[no-untyped-def]
            super().__init__(prod_id, dec_list)
            self.stages = ["train_test_split", "merge_dl1"]
            self.train_configs = {dec: TwoHalves(prod_id, dec) for dec in dec_list}

    config = Halves(PROD, ["dec_931"])
    paths = config.generate()
    assert len(paths["train_test_split"]) == 40
    assert paths["merge_dl1"][0]["options"] == "--pattern */train/*.h5 --no-image"
    assert any("catalogue" in notice for notice in config.notices)


def test_pointings_may_be_chosen(tmp_path: Path) -> None:
    config = PathConfigAllSkyTraining(PROD, "dec_931", root=sky(tmp_path))
    config.pointings = [row for row in config.pointings if row["Protons"].zenith < 20]
    assert len(config.r0_to_dl1) == 2
