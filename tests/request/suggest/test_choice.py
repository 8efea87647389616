"""Lines by distance, nodes along a path, and what speaks against a source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from lstluigi.layouts import sky
from lstluigi.layouts.nodes import Node, catalogue, separation
from lstluigi.request.suggest import Source, Suggestion, suggest
from lstluigi.request.suggest.choice import lines_by_distance, nodes_along

GRID = catalogue("TestDataset", "Gamma")


def at(dec: float, **more: float) -> Suggestion:
    return suggest(Source("x", 83.633, dec), **more)  # type: ignore[arg-type]


def test_the_crab() -> None:
    found = at(22.014)
    assert found.line.name == "dec_2276"
    assert found.line.distance == pytest.approx(22.76 - 22.014)
    assert [line.name for line in found.lines[1:3]] == ["dec_931", "dec_3476"]
    assert found.warnings == ()
    # arccos((cos 70 - sin 28.7614 sin 22.014) / (cos 28.7614 cos 22.014)) = 78.5 deg of the sky
    assert found.hours == pytest.approx(2 * 78.5 / 15.04, abs=0.02)


def test_usual_nodes_before_more_of_them() -> None:
    names = [line.name for line in lines_by_distance(61.0)]
    assert names[:2] == ["dec_6166", "dec_6166_high_density"]


def test_nodes_are_those_nearest_to_some_part_of_the_path() -> None:
    """By the distances of another formula, in each point."""
    found = at(-10.0)
    names = {one.node.name for one in found.nodes}
    (track,) = found.tracks
    nearest = set()
    for zenith, azimuth in zip(track.zenith[::20], track.azimuth[::20], strict=True):
        here = Node("here", float(zenith), float(azimuth))
        nearest.add(min(GRID, key=lambda node: separation(node, here)).name)
    assert nearest <= names
    assert len(names - nearest) <= 1  # one that is nearest for less than 20 points


def test_nodes_on_the_path_come_in_order_of_time() -> None:
    """41 nodes of the catalogue lie on the line of 61.66 deg within 70 deg of the zenith."""
    on_it = [
        node
        for node in GRID
        if node.zenith < 70 and abs(sky.equatorial(node.zenith, node.azimuth)[1] - 61.66) < 0.02
    ]
    found = {one.node.name: one for one in at(61.66).nodes}
    assert len(on_it) > 30
    for node in on_it:
        assert found[node.name].separation < 0.03
        hour, _ = sky.equatorial(node.zenith, node.azimuth)
        assert found[node.name].hour_angle == pytest.approx(float(hour), abs=0.1)
    hours = [one.hour_angle for one in at(61.66).nodes]
    assert hours == sorted(hours)


def grid(*pointings: tuple[float, float]) -> Sequence[Node]:
    return [Node(f"node_theta_{z}_az_{a}_", z, a) for z, a in pointings]


def test_separation_is_that_of_the_nearest_point() -> None:
    """From the meridian: the difference of declinations; beyond the end: to the end."""
    track = sky.track(0.0, 60.0)
    south = nodes_along([track], grid((sky.LATITUDE + 5, 180.0)))
    assert south[0].separation == pytest.approx(5, abs=1e-3)
    assert south[0].hour_angle == pytest.approx(0, abs=0.03)
    zenith, azimuth = sky.horizontal(float(track.hour_angle[-1]) + 7, 0.0)
    west = nodes_along([track], grid((float(zenith), float(azimuth))))
    assert west[0].separation == pytest.approx(7, abs=1e-3)


def test_within() -> None:
    found = at(22.014, within=5.0)
    assert max(one.separation for one in found.nodes) <= 5
    far = [n for n in GRID if n.name not in {one.node.name for one in found.nodes}]
    (track,) = found.tracks
    points = [
        Node("", float(z), float(a))
        for z, a in zip(track.zenith[::10], track.azimuth[::10], strict=True)
    ]
    assert all(min(separation(node, point) for point in points) > 5 for node in far)
    assert at(22.014, within=0.0).nodes == ()


@pytest.mark.parametrize(
    ("dec", "limit", "words"),
    [
        (-61.3, 70.0, ["never rises"]),
        (-90.0, 90.0, ["never rises"]),
        (
            -45.0,
            70.0,
            ["73.8°, which is more than the largest one wanted, 70°", "dec_min_2924 is 15.8° away"],
        ),
        (-43.0, 72.0, ["dec_min_2924 is 13.8° away"]),
        (
            90.0,
            60.0,
            ["61.2°, which is more than the largest one wanted, 60°", "dec_6676 is 23.2° away"],
        ),
        (16.0, 70.0, []),  # between two lines
        (55.7, 70.0, ["dec_5573 is nearer (0.03°) and was simulated for GammaDiffuse only"]),
        (80.0, 70.0, ["dec_6676 is 13.2° away", "the test nodes are far from its path"]),
    ],
)
def test_warnings(dec: float, limit: float, words: list[str]) -> None:
    found = at(dec, max_zenith=limit)
    assert len(found.warnings) == len(words)
    for warning, word in zip(found.warnings, words, strict=True):
        assert word in warning
    risen = sky.culmination(dec) <= limit
    assert bool(found.tracks) is bool(found.nodes) is risen


def test_how_far_the_nodes_are_from_the_path() -> None:
    """From the pole, which stands still at the latitude, just one distance."""
    pole = Node("", 90 - sky.LATITUDE, 0.0)
    distance = min(separation(node, pole) for node in GRID)
    warning = at(90.0).warnings[-1]
    assert f"the nearest one is {distance:.1f}° away or more, up to {distance:.1f}°" in warning
    nearest = [min(separation(a, b) for b in GRID if a is not b) for a in GRID]
    assert f"it is {max(nearest) / 2:.1f}° at most" in warning


def test_the_pole() -> None:
    found = at(90.0)
    assert found.hours == pytest.approx(23.93, abs=0.01)
    np.testing.assert_allclose(found.tracks[0].zenith, 90 - sky.LATITUDE)
    # the nodes nearest to it are the most northern ones
    assert all(one.node.azimuth < 45 or one.node.azimuth > 315 for one in found.nodes)


def test_a_night() -> None:
    found = suggest(Source("Crab", 83.633, 22.014), date(2026, 12, 10))
    assert found.night is not None
    assert 0 < found.hours < found.night.dark_hours
    assert all(one.utc for one in found.nodes)
    # from dusk to dawn
    after_noon = [(int(one.utc[:2]) - 12) % 24 for one in found.nodes]
    assert after_noon == sorted(after_noon)


def test_a_night_without_it() -> None:
    found = suggest(Source("Crab", 83.633, 22.014), date(2026, 6, 10))
    (warning,) = found.warnings
    assert "night of 2026-06-10" in warning
    assert found.nodes == ()
