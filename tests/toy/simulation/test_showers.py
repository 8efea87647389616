"""Thrown showers against the distributions they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ctapipe_io_lst")

from scipy import stats

from lstluigi.toy.simulation.showers import (
    Beam,
    Particle,
    Pointing,
    draw_energies,
    height_at,
    throw,
)

POINTING = Pointing(23.161, 99.261)


def separation(directions: np.ndarray, pointing: Pointing) -> np.ndarray:
    cos = np.clip(directions @ pointing.axes[0], -1, 1)
    return np.rad2deg(np.arccos(cos))


def test_node_name() -> None:
    assert POINTING.node == "node_theta_23.161_az_99.261_"
    assert Pointing(6, 180).node == "node_theta_6.000_az_180.000_"


def test_axes_are_orthonormal() -> None:
    assert POINTING.axes @ POINTING.axes.T == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize("index", [-2.0, -2.7, -1.0])
def test_energies_follow_the_power_law(index: float) -> None:
    low, high = 0.01, 50.0
    beam = Beam(Particle.GAMMA, (low, high), index)
    energy = draw_energies(beam, 5000, np.random.default_rng(1))

    def cumulative(e: np.ndarray) -> np.ndarray:
        if index == -1:
            return np.log(e / low) / np.log(high / low)
        power = index + 1
        return (e**power - low**power) / (high**power - low**power)

    assert stats.kstest(energy, cumulative).pvalue > 1e-3


def test_diffuse_showers_are_uniform_in_solid_angle() -> None:
    beam = Beam(Particle.GAMMA, viewcone=(0.0, 3.0))
    showers = throw(beam, POINTING, 5000, np.random.default_rng(2))
    cos = np.cos(np.deg2rad(separation(showers.direction, POINTING)))
    edge = np.cos(np.deg2rad(3.0))
    assert stats.kstest((1 - cos) / (1 - edge), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_ring_and_point_have_one_offset(offset: float) -> None:
    beam = Beam(Particle.GAMMA, viewcone=(offset, offset))
    showers = throw(beam, POINTING, 200, np.random.default_rng(3))
    assert separation(showers.direction, POINTING) == pytest.approx(offset, abs=1e-5)
    assert np.linalg.norm(showers.direction, axis=1) == pytest.approx(1)
    if offset:
        offsets = showers.direction @ POINTING.axes[1:].T
        angle = np.arctan2(offsets[:, 1], offsets[:, 0])
        assert stats.kstest(angle / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3


def test_cores_fill_the_disc_perpendicular_to_the_shower() -> None:
    beam = Beam(Particle.PROTON, viewcone=(0.0, 4.0), max_impact=300.0)
    showers = throw(beam, POINTING, 5000, np.random.default_rng(4))
    assert showers.core[:, 2] == pytest.approx(0, abs=1e-9)
    distance = np.linalg.norm(np.cross(showers.core, showers.direction), axis=1)
    assert distance == pytest.approx(showers.impact)
    assert stats.kstest((distance / 300.0) ** 2, "uniform").pvalue > 1e-3


def test_directions_are_given_as_altitude_and_azimuth() -> None:
    showers = throw(Beam(Particle.GAMMA), POINTING, 5, np.random.default_rng(5))
    assert np.rad2deg(showers.alt) == pytest.approx(90 - 23.161)
    assert np.rad2deg(showers.az) == pytest.approx(99.261)


def test_height_falls_with_depth() -> None:
    heights = height_at(np.array([100.0, 300.0, 1030.0]), np.ones(3))
    assert (np.diff(heights) < 0).all()
    assert heights[-1] == pytest.approx(0, abs=1e-6)
