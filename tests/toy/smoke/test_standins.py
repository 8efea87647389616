"""Toy data where the steps look for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.production.paths import Read, matches
from lstluigi.toy.smoke.standins import StandIn
from lstluigi.toy.smoke.toy import Level, Toy


def links_below(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_symlink())


@pytest.mark.parametrize("pattern", ["*.h5", "*/*.h5", "*/train/*.h5", "node_*/*.h5", "**/*.h5"])
def test_files_lie_where_the_pattern_finds_them(tmp_path: Path, pattern: str) -> None:
    toy = Toy(tmp_path / "toy", files=2)
    StandIn("/dl1/GammaDiffuse", pattern, Level.DL1, "gamma-diffuse").place(toy, tmp_path / "root")
    links = links_below(tmp_path / "root")
    assert [link.readlink() for link in links] == toy.files(Level.DL1, "gamma-diffuse")
    read = Read(f"{tmp_path}/root/dl1/GammaDiffuse", pattern)
    assert all(matches(read, str(link)) for link in links)


def test_a_file_has_the_name_that_the_step_reads(tmp_path: Path) -> None:
    toy = Toy(tmp_path / "toy", files=2)
    stand_in = StandIn("/dl1/dl1_merged.h5", None, Level.DL1, "proton")
    stand_in.place(toy, tmp_path / "root")
    stand_in.place(toy, tmp_path / "root")  # several steps read the same
    (link,) = links_below(tmp_path)
    assert link == tmp_path / "root" / "dl1" / "dl1_merged.h5"
    assert link.readlink() == toy.files(Level.DL1, "proton")[0]


def test_each_level_is_made_of_the_one_before(tmp_path: Path) -> None:
    toy = Toy(tmp_path, files=1)
    wanted = [(Level.DL2, "electron")]
    assert toy.particles(wanted) == {"electron", "gamma-diffuse", "proton"}
    steps = toy.steps(wanted)
    assert list(steps) == ["r0_to_dl1", "train_pipe", "dl1_to_dl2"]
    made = {step["output"] for step in steps["r0_to_dl1"]}
    assert {str(Path(file).parent) for file in steps["train_pipe"][0]["input"].values()} <= made
    (dl2,) = steps["dl1_to_dl2"]
    assert dl2["path_model"] == steps["train_pipe"][0]["output"]
    assert str(Path(dl2["input"]).parent) in made
    assert toy.files(Level.DL2, "electron")[0].parent == Path(dl2["output"])


def test_dl0_needs_no_production(tmp_path: Path) -> None:
    assert Toy(tmp_path, files=1).steps([(Level.DL0, "proton")]) == {}
