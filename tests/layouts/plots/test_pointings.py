"""Figures of pointings: what is in them, and where."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from lstluigi.display import save
from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.layouts import sky
from lstluigi.layouts.nodes import Node, catalogue
from lstluigi.layouts.plots.pointings import (
    PROJECTIONS,
    PointingSet,
    draw,
    figure,
    pointing_sets,
    pointing_sets_of_config,
)
from lstluigi.layouts.plots.sets import styles, zenith_limit

LINE = PointingSet(
    "training dec_2276", "training", catalogue("TrainingDataset", "Protons", "dec_2276"), "dec_2276"
)
TEST = PointingSet("test", "test", catalogue("TestDataset", "Gamma"))
DL0 = "/fefs/aswg/data/mc/DL0/LSTProd2"
CONFIG = f"""
# - input: {DL0}/TestDataset/sim_telarray/node_theta_1.0_az_2.0_/output_v1.4
stages:
  r0_to_dl1:
  - input: {DL0}/TrainingDataset/Protons/dec_2276/sim_telarray/node_theta_6.0_az_180.0_/out
    output: /x/TrainingDataset/Protons/dec_2276/node_theta_6.0_az_180.0_
  - input: {DL0}/TrainingDataset/GammaDiffuse/dec_2276/node_corsika_theta_6.0_az_180.00_
  - input: {DL0}/TestDataset/sim_telarray/node_theta_10.0_az_102.199_/output_v1.4
  merge_dl1:
  - input: /x/TrainingDataset/dec_931/Protons
    output: /x/dl1_dec_931.h5
"""


# ---- sets


def test_nodes_of_a_config(tmp_path: Path) -> None:
    """Each pointing once, whatever the particles call it; comments are not in it."""
    config = tmp_path / "config.yml"
    config.write_text(CONFIG)
    training, test = pointing_sets_of_config(config)
    assert (training.label, training.kind, training.line) == (
        "training dec_2276",
        "training",
        "dec_2276",
    )
    assert [(node.zenith, node.azimuth) for node in training.nodes] == [(6.0, 180.0)]
    assert training.declination == 22.76
    assert (test.label, test.kind, test.declination) == ("test", "test", None)
    assert [(node.zenith, node.azimuth) for node in test.nodes] == [(10.0, 102.199)]
    assert pointing_sets_of_config(config, "x")[0].label == "x training dec_2276"


def test_lines_come_by_declination_and_tests_last() -> None:
    paths = [
        *("x/TestingDataset/Gamma/node_theta_1.0_az_2.0_", "no/node/here"),
        *(
            f"x/TrainingDataset/{line}/node_theta_1.0_az_2.0_"
            for line in ("dec_931", "dec_min_413")
        ),
    ]
    assert [one.line for one in pointing_sets(paths)] == ["dec_min_413", "dec_931", ""]


def test_what_is_no_place_in_the_sky_is_passed_over() -> None:
    many = "9" * 400
    names = ("theta_95.0_az_1", "theta_-5_az_1", f"theta_{many}_az_1", f"theta_1_az_{many}")
    assert pointing_sets(f"/x/TestDataset/node_{name}_" for name in names) == ()
    round_ = ("theta_5_az_-10", "theta_5.0_az_350")
    (one,) = pointing_sets(f"/x/TestDataset/node_{name}_" for name in round_)
    assert len(one.nodes) == 1


def test_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        pointing_sets_of_config(tmp_path / "absent.yml")


# ---- looks


def test_training_and_test_differ_without_colour() -> None:
    training, test = styles([LINE, TEST])
    assert (training.filled, test.filled) == (True, False)
    assert training.marker != test.marker


def test_no_two_lines_look_the_same() -> None:
    sets = [PointingSet(f"{i}", "training", (Node("n", 1.0, 2.0),)) for i in range(30)]
    looks = {(style.colour, style.marker) for style in styles(sets)}
    assert len(looks) == 30
    # neighbours differ in both, so colours are not needed to tell them apart
    given = styles(sets)
    assert all(a.marker != b.marker for a, b in pairwise(given))


def test_limit_holds_everything() -> None:
    low = PointingSet("low", "test", (Node("n", 82.155, 79.1),))
    assert zenith_limit([LINE]) == 70
    assert zenith_limit([LINE, low]) == 90
    assert zenith_limit([], [sky.track(0.0, 75.0)]) == 80
    assert zenith_limit([]) == 70


# ---- figures


def lines_of(drawing: Figure) -> list[Any]:
    return drawing.axes[0].get_lines()


def test_polar_is_a_compass() -> None:
    drawing = figure([LINE, TEST])
    (axes,) = drawing.axes
    assert axes.name == "polar"
    # east (90 deg) is to the right of the middle, north above it
    middle, east, north = (
        axes.transData.transform(point) for point in ((0, 0), (math.pi / 2, 50), (0, 50))
    )
    assert east[0] > middle[0]
    assert east[1] == pytest.approx(middle[1])
    assert north[1] > middle[1]
    assert [text.get_text() for text in axes.get_xticklabels()][:3:2] == ["N 0°", "E 90°"]


def test_every_node_is_there_and_training_lies_on_its_track() -> None:
    track, training, test = lines_of(figure([LINE, TEST]))
    for drawn, one in ((training, LINE), (test, TEST)):
        np.testing.assert_allclose(drawn.get_ydata(), [node.zenith for node in one.nodes])
        np.testing.assert_allclose(
            np.degrees(drawn.get_xdata()), [node.azimuth for node in one.nodes]
        )
    assert track.get_color() == training.get_color()
    assert (training.get_markerfacecolor(), test.get_markerfacecolor()) == (
        training.get_color(),
        "none",
    )
    _, decs = sky.equatorial(track.get_ydata(), np.degrees(track.get_xdata()))
    np.testing.assert_allclose(decs, 22.76)


def test_lines_can_be_named() -> None:
    assert len(lines_of(figure([LINE], lines=()))) == 1
    other, own, _ = lines_of(figure([LINE], lines=(22.76, -4.13)))
    assert own.get_color() != other.get_color()


def test_tracks_stand_out_and_are_named_once() -> None:
    piece = sky.track(22.0, 70.0, "Crab")
    drawing = figure([], tracks=[piece, piece])
    assert len(lines_of(drawing)) == 2
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Crab"]


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_projections(projection: str, tmp_path: Path) -> None:
    drawing = figure([LINE, TEST], projection, tracks=[sky.track(61.66, 70.0, "north")])
    save(drawing, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000


@pytest.mark.parametrize("projection", ["rectilinear", "mollweide"])
def test_a_path_does_not_cross_the_map_from_side_to_side(projection: str) -> None:
    """What culminates in the south crosses no rim; in the north it leaves and comes in again."""
    for dec in (10.0, 50.0):
        (line,) = lines_of(figure([], projection, lines=[dec]))
        x = np.asarray(line.get_xdata())
        width = 360 if projection == "rectilinear" else 2 * math.pi
        steps = np.abs(np.diff(x))
        assert not (steps > width / 2).any()
        # 0 of rectilinear is north, the middle of a map is south: both break in the north
        assert np.isnan(x).sum() == (1 if dec > sky.LATITUDE else 0)


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_a_node_on_the_edge_is_drawn_whole(projection: str) -> None:
    """An azimuth of 0 is the edge of a map that looks to the south."""
    edge = PointingSet("edge", "test", (Node("n", 60.0, 0.0),))
    (axes,) = figure([edge], projection).axes
    (markers,) = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert not markers.get_clip_on()


def test_an_unknown_projection() -> None:
    with pytest.raises(LstluigiError, match=r"'polarr' is not known; take one of polar"):
        figure([], "polarr")


def test_a_dollar_is_no_formula(tmp_path: Path) -> None:
    odd = PointingSet("a$\\frac{$", "test", TEST.nodes)
    save(figure([odd], title="$\\frac{$"), tmp_path / "x.png")


# ---- files


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.png", b"\x89PNG"),
        ("b.pdf", b"%PDF"),
        ("c.SVG", b"<?xml"),
        ("d.html", b"<!DOCTYPE html>"),
    ],
)
def test_formats(name: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "new" / name
    draw(path, [LINE])
    assert path.read_bytes().lstrip().startswith(start)
    assert [file.name for file in path.parent.iterdir()] == [name]
