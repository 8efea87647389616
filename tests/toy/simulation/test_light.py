"""Light and images against energy and geometry."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ctapipe_io_lst")

from lstluigi.toy.simulation.camera import EFFECTIVE_FOCAL_LENGTH, lst_camera
from lstluigi.toy.simulation.light import (
    N_SLICES,
    TRIGGER_TIME,
    Cascades,
    Photoelectrons,
    develop,
    draw_photoelectrons,
    visible_light,
)
from lstluigi.toy.simulation.showers import Beam, Particle, Pointing, throw

POINTING = Pointing(23.161, 99.261)


def test_light_grows_with_energy_and_falls_with_impact() -> None:
    rng = np.random.default_rng(6)
    mean = {}
    for energy, impact in [(0.1, 80.0), (1.0, 80.0), (1.0, 300.0)]:
        beam = Beam(Particle.GAMMA, (energy, 1.001 * energy), max_impact=impact)
        showers = throw(beam, Pointing(20, 180), 300, rng)
        far = showers.impact > 0.8 * impact
        cascades = develop(showers, Particle.GAMMA, rng)
        light = visible_light(cascades, len(showers), Pointing(20, 180))
        mean[energy, impact] = light[far].mean()
    assert 5 < mean[1.0, 80.0] / mean[0.1, 80.0] < 20
    assert mean[1.0, 300.0] < 0.3 * mean[1.0, 80.0]


def test_proton_splits_into_cascades_that_share_its_energy() -> None:
    rng = np.random.default_rng(7)
    beam = Beam(Particle.PROTON, (1.0, 1.001), max_impact=50.0)
    showers = throw(beam, Pointing(20, 180), 200, rng)
    cascades = develop(showers, Particle.PROTON, rng)
    assert (np.bincount(cascades.shower) >= 2).all()
    gammas = develop(showers, Particle.GAMMA, rng)
    light = [visible_light(c, 200, Pointing(20, 180)).mean() for c in (cascades, gammas)]
    assert light[0] < 0.7 * light[1]


def source_cascade(direction: np.ndarray) -> Cascades:
    """One thin bright cascade that hits the telescope."""
    return Cascades(
        shower=np.array([0]),
        axis=direction[np.newaxis],
        foot=np.zeros((1, 3)),
        width=np.array([1.0]),
        edges=np.linspace(9000, 11000, N_SLICES + 1)[np.newaxis],
        light=np.full((1, N_SLICES), 100.0),
    )


def test_image_of_a_shower_on_the_telescope_lies_at_its_direction() -> None:
    u = pytest.importorskip("astropy.units")
    coordinates = pytest.importorskip("ctapipe.coordinates")
    from astropy.coordinates import AltAz, SkyCoord

    beam = Beam(Particle.GAMMA, viewcone=(0.9, 0.9))
    showers = throw(beam, POINTING, 4, np.random.default_rng(8))
    frame = AltAz()
    telescope = SkyCoord(alt=POINTING.alt * u.rad, az=POINTING.az * u.rad, frame=frame)
    sky = SkyCoord(alt=showers.alt * u.rad, az=showers.az * u.rad, frame=frame)
    expected = sky.transform_to(
        coordinates.CameraFrame(
            focal_length=EFFECTIVE_FOCAL_LENGTH * u.m, telescope_pointing=telescope
        )
    )
    camera, rng = lst_camera(), np.random.default_rng(9)
    for direction, place in zip(showers.direction, expected, strict=True):
        image = draw_photoelectrons(source_cascade(direction), slice(0, 1), POINTING, camera, rng)
        # 2400 p.e. spread over about one pixel of 0.05 m
        assert camera.pixel_x[image.pixel].mean() == pytest.approx(place.x.to_value("m"), abs=0.005)
        assert camera.pixel_y[image.pixel].mean() == pytest.approx(place.y.to_value("m"), abs=0.005)
        assert np.median(image.time) == pytest.approx(TRIGGER_TIME, abs=0.5)


def test_bright_showers_are_drawn_with_a_weight() -> None:
    cascade = source_cascade(POINTING.axes[0])
    bright = Cascades(
        cascade.shower,
        cascade.axis,
        cascade.foot,
        cascade.width,
        cascade.edges,
        cascade.light * 1000,
    )
    rng = np.random.default_rng(10)
    image = draw_photoelectrons(bright, slice(0, 1), POINTING, lst_camera(), rng)
    assert image.weight > 1
    assert image.weight * len(image.pixel) == pytest.approx(2.4e6, rel=0.05)


@pytest.mark.parametrize(
    ("pixels", "triggers"),
    [
        (np.repeat([5, 6, 7], 40), True),
        (np.repeat([5, 6, 7], 9), False),  # too faint in all
        (np.full(500, 5), False),  # one bright pixel only
    ],
)
def test_trigger(pixels: np.ndarray, triggers: bool) -> None:
    image = Photoelectrons(pixels, np.zeros(len(pixels)), 1.0)
    assert image.triggers(1855) is triggers
