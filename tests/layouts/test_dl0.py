"""Which nodes have DL0: scanned or of the catalogue, matched by angle, told where they differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_sky import GAMMAS, PROTONS, TEST, simtel, sky

from lstluigi.errors import LstluigiError
from lstluigi.layouts.dl0 import DL0, TOLERANCE, paired
from lstluigi.layouts.nodes import Node, catalogue, declinations, separation


def places(root: Path | str, line: str) -> dict[str, str]:
    return {
        particle: f"{root}/mc/DL0/LSTProd2/TrainingDataset/{particle}/{line}"
        "/sim_telarray/{pointing}/output_v1.4/"
        for particle in ("GammaDiffuse", "Protons")
    }


def test_pointings_match_by_angle_in_order_of_altitude() -> None:
    gammas = [Node("g1", 10.0, 359.9999), Node("g2", 50.0, 10.0), Node("g3", 50.0, 350.0)]
    protons = [Node("p3", 50.0004, 350.0), Node("p2", 49.9996, 10.0004), Node("p1", 10.0, 0.0001)]
    pointings, alone = paired({"gamma": gammas, "proton": protons})
    found = [(row["gamma"].name, row["proton"].name) for row in pointings]
    assert found == [("g2", "p2"), ("g3", "p3"), ("g1", "p1")]
    assert alone == []


def test_nodes_of_one_particle_stay_alone() -> None:
    gammas = [Node("g1", 10.0, 0.0), Node("g2", 20.0, 0.0)]
    protons = [Node("p2", 20.0, 0.0), Node("p3", 20.0, 0.0 + 20 * TOLERANCE)]
    pointings, alone = paired({"gamma": gammas, "proton": protons})
    assert [row["proton"].name for row in pointings] == ["p2"]
    assert [(particle, node.name) for particle, node in alone] == [
        ("gamma", "g1"),
        ("proton", "p3"),
    ]


def test_the_nearest_of_several_is_taken_once() -> None:
    close = [Node("near", 30.0, 0.001), Node("far", 30.0, 0.012)]
    gammas = [Node("a", 30.0, 0.0), Node("b", 30.0, 0.011)]
    pointings, alone = paired({"gamma": gammas, "proton": close})
    assert [row["proton"].name for row in pointings] == ["near", "far"]
    assert alone == []


@pytest.mark.parametrize("line", declinations())
def test_the_tolerance_tells_nodes_apart(line: str) -> None:
    """It is wider than names are rounded (0.0005 deg each way) and closer than any two nodes."""
    nodes = catalogue("TrainingDataset", "GammaDiffuse", line)
    nearest = min(separation(a, b) for i, a in enumerate(nodes) for b in nodes[:i])
    assert 3 * 0.0005 < TOLERANCE < nearest / 2


def test_scan_where_the_tree_is(tmp_path: Path) -> None:
    dl0 = DL0(sky(tmp_path))
    found = dl0.training("dec_2276", places(tmp_path, "dec_2276"))
    assert [row["GammaDiffuse"].name for row in found] == list(GAMMAS)
    assert [row["Protons"].name for row in found] == list(PROTONS)
    assert dl0.notices[0] == f"The nodes are those with simtel files below {dl0.tree}."


def test_catalogue_where_it_is_not(tmp_path: Path) -> None:
    dl0 = DL0(str(tmp_path))
    assert len(dl0.training("dec_2276", places(tmp_path, "dec_2276"))) == 19
    (notice,) = dl0.notices
    assert "catalogue" in notice
    assert f"{tmp_path}/mc/DL0/LSTProd2 does not exist" in notice


def test_catalogue_as_asked_for(tmp_path: Path) -> None:
    dl0 = DL0(sky(tmp_path), "catalogue")
    assert len(dl0.training("dec_2276", places(tmp_path, "dec_2276"))) == 19
    assert dl0.notices == ["The nodes are those of the catalogue in lstluigi (as asked for)."]


def test_nothing_to_scan(tmp_path: Path) -> None:
    with pytest.raises(LstluigiError, match="no DL0 to scan"):
        DL0(str(tmp_path), "scan").training("dec_2276", places(tmp_path, "dec_2276"))


def test_what_differs_from_the_catalogue_is_named(tmp_path: Path) -> None:
    known = [node.name for node in catalogue("TrainingDataset", "Protons", "dec_931")]
    simtel(tmp_path, "TrainingDataset/Protons/dec_931", [*known[1:], "node_theta_3.0_az_3.0_"])
    dl0 = DL0(str(tmp_path))
    dl0.nodes("TrainingDataset", "Protons", "dec_931", places(tmp_path, "dec_931")["Protons"])
    _, new, gone = dl0.notices
    one = "1 Protons training node of dec_931 is"
    assert new == (f"{one} on disk and not in the catalogue, and is taken: node_theta_3.0_az_3.0_.")
    assert gone == f"{one} in the catalogue and not on disk, and is left out: {known[0]}."


def test_several_nodes_that_differ_are_named(tmp_path: Path) -> None:
    known = [node.name for node in catalogue("TrainingDataset", "Protons", "dec_931")]
    simtel(tmp_path, "TrainingDataset/Protons/dec_931", known[2:-1])
    simtel(tmp_path, "TrainingDataset/Protons/dec_931", known[-1:], files=0)
    dl0 = DL0(str(tmp_path))
    dl0.nodes("TrainingDataset", "Protons", "dec_931", places(tmp_path, "dec_931")["Protons"])
    _, empty, gone = dl0.notices
    assert empty.startswith(f"1 node without simtel files is left out: {known[-1]} in ")
    assert gone == (
        "3 Protons training nodes of dec_931 are in the catalogue and not on disk, and are left "
        f"out: {', '.join([*known[:2], known[-1]])}."
    )


def test_of_many_nodes_that_differ_some_are_named(tmp_path: Path) -> None:
    known = [node.name for node in catalogue("TestDataset", "Gamma", "")]
    simtel(tmp_path, "TestDataset", known[-1:])
    simtel(tmp_path, "TestDataset", [f"node_theta_1.0_az_{n}.0_" for n in range(10, 30)], files=0)
    dl0 = DL0(str(tmp_path))
    dl0.test("Gamma", f"{dl0.tree}/TestDataset/sim_telarray/{{pointing}}/output_v1.4/")
    _, empty, gone = dl0.notices
    assert empty.startswith("20 nodes without simtel files are left out, such as node_theta_1.0_")
    assert empty.count("node_theta") == 3
    assert gone == (
        f"{len(known) - 1} Gamma test nodes are in the catalogue and not on disk, and are left "
        f"out, such as {known[0]}, {known[1]} and {known[2]}."
    )


def test_nodes_without_simtel_files_are_named(tmp_path: Path) -> None:
    simtel(tmp_path, "TestDataset", TEST[:1])
    simtel(tmp_path, "TestDataset", TEST[1:], files=0)
    dl0 = DL0(str(tmp_path))
    place = f"{dl0.tree}/TestDataset/sim_telarray/{{pointing}}/output_v1.4/"
    (pointing,) = dl0.test("Gamma", place)
    assert pointing["Gamma"].name == TEST[0]
    assert any(TEST[1] in notice and "simtel" in notice for notice in dl0.notices)


def test_a_node_of_one_particle_is_named_and_left_out(tmp_path: Path) -> None:
    simtel(tmp_path, "TrainingDataset/GammaDiffuse/dec_931", GAMMAS)
    simtel(tmp_path, "TrainingDataset/Protons/dec_931", PROTONS[:2])
    dl0 = DL0(str(tmp_path))
    found = dl0.training("dec_931", places(tmp_path, "dec_931"))
    assert [row["GammaDiffuse"].name for row in found] == list(GAMMAS[:2])
    (notice,) = (notice for notice in dl0.notices if "GammaDiffuse alone" in notice)
    assert notice == (
        f"1 node of dec_931 is left out, as GammaDiffuse alone has it within 0.01 deg: {GAMMAS[2]}."
    )


def test_a_line_of_one_particle_is_named(tmp_path: Path) -> None:
    sky(tmp_path)
    simtel(tmp_path, "TrainingDataset/GammaDiffuse/dec_5573", GAMMAS)
    dl0 = DL0(str(tmp_path))
    dl0.training("dec_2276", places(tmp_path, "dec_2276"))
    assert any("dec_5573 has GammaDiffuse only" in notice for notice in dl0.notices)
    with pytest.raises(LstluigiError, match=r"'dec_5573' has no training nodes .* but for Gamma"):
        dl0.training("dec_5573", places(tmp_path, "dec_5573"))
    with pytest.raises(LstluigiError, match=r"catalogue .it was simulated for GammaDiffuse "):
        DL0("/nowhere").training("dec_5573", places(tmp_path, "dec_5573"))


def test_a_line_that_is_not_there_names_those_that_are_nearest_first(tmp_path: Path) -> None:
    dl0 = DL0(sky(tmp_path, ("dec_931", "dec_min_413", "dec_3476", "dec_2276")))
    with pytest.raises(LstluigiError) as caught:
        dl0.training("dec_2267", places(tmp_path, "dec_2267"))
    there = str(caught.value).partition("nearest first, ")[2]
    assert there == "dec_2276, dec_3476, dec_931, dec_min_413"
    with pytest.raises(LstluigiError, match="known here: dec_min_413, dec_931"):
        dl0.training("crab", places(tmp_path, "crab"))


def test_no_pointing_in_common(tmp_path: Path) -> None:
    simtel(tmp_path, "TrainingDataset/GammaDiffuse/dec_931", GAMMAS[:1])
    simtel(tmp_path, "TrainingDataset/Protons/dec_931", PROTONS[1:])
    with pytest.raises(LstluigiError, match="no training node of 'dec_931' is there for all"):
        DL0(str(tmp_path)).training("dec_931", places(tmp_path, "dec_931"))


def test_no_test_nodes(tmp_path: Path) -> None:
    simtel(tmp_path, "TrainingDataset/Protons/dec_931", PROTONS)
    dl0 = DL0(str(tmp_path))
    with pytest.raises(LstluigiError, match="no test node of Gamma"):
        dl0.test("Gamma", f"{dl0.tree}/TestDataset/sim_telarray/{{pointing}}/output_v1.4/")
