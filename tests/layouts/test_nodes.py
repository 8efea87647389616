"""Pointing nodes: names, angles, catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.layouts.nodes import (
    Node,
    Sample,
    catalogue,
    declination,
    declinations,
    node,
    sample,
    scan,
    separation,
)


def test_both_forms_of_a_name() -> None:
    plain = node("node_theta_14.984_az_175.158_")
    assert plain == Node("node_theta_14.984_az_175.158_", 14.984, 175.158)
    assert node("node_corsika_theta_6.166_az_180.0_") is not None
    assert node("sim_telarray") is None


@pytest.mark.parametrize(
    ("line", "degrees"),
    [
        ("dec_2276", 22.76),
        ("dec_min_413", -4.13),
        ("dec_931", 9.31),
        ("dec_6166_high_density", 61.66),
        ("crab", None),
    ],
)
def test_declination_by_name(line: str, degrees: float | None) -> None:
    assert declination(line) == degrees


def test_separation() -> None:
    zenith = Node("a", 0.0, 123.0)
    assert separation(zenith, Node("b", 0.0, 3.0)) == 0
    assert separation(Node("a", 90.0, 10.0), Node("b", 90.0, 350.0)) == pytest.approx(20)
    assert separation(Node("a", 30.0, 0.0), Node("b", 30.0, 180.0)) == pytest.approx(60)
    assert separation(Node("a", 20.0, 0.0), Node("b", 20.001, 0.0)) == pytest.approx(0.001)


def test_scan_takes_directories_of_nodes_only(tmp_path: Path) -> None:
    for name in ("node_theta_10.0_az_102.199_", "node_corsika_theta_10_az_5_", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "node_theta_1.0_az_2.0_").touch()
    assert [found.zenith for found in scan(str(tmp_path))] == [10, 10]
    assert scan(str(tmp_path / "absent")) == ()


def test_the_catalogue() -> None:
    assert len(catalogue("TestDataset", "Gamma")) == 105
    assert len(catalogue("TrainingDataset", "Protons", "dec_6166_high_density")) == 435
    assert declinations()[0] == "dec_min_2924"
    assert len(declinations()) == 10
    for line in declinations():
        for found in catalogue("TrainingDataset", "GammaDiffuse", line):
            assert node(found.name) == found


def test_what_a_path_says() -> None:
    name = "node_theta_10.0_az_102.199_"
    path = (
        f"/d/mc/DL2/AllSky/2024_dec_931_x/TestingDataset/Gamma/dec_2276/{name}/dl2_{name}_merged.h5"
    )
    assert sample(path) == Sample(node(name), "dec_2276", "test")
    assert sample("/d/models/AllSky/2024_dec_931_x/dec_6166_high_density") == Sample(
        line="dec_6166_high_density"
    )
    merged = f"/d/mc/DL1/AllSky/p/TestingDataset/dl1_p_{name}_merged.h5"
    assert sample(merged) == Sample(node(name), None, "test")
    assert sample("/elsewhere") == Sample()
