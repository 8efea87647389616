"""Declinations over the sky: against spherical trigonometry, astropy and the nodes themselves."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, HADec, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from lstluigi.layouts import sky
from lstluigi.layouts.nodes import catalogue, declination, declinations


def test_against_astropy() -> None:
    """Between hour angle and altitude there is a rotation only, whatever the time."""
    hours, decs = np.meshgrid(np.linspace(-175, 175, 36), np.linspace(-89, 89, 25))
    place = EarthLocation.from_geodetic(sky.LONGITUDE * u.deg, sky.LATITUDE * u.deg)
    with iers.conf.set_temp("auto_download", False):
        fixed = {"obstime": Time("2020-01-01"), "location": place}
        given = SkyCoord(hours.ravel() * u.deg, decs.ravel() * u.deg, frame=HADec(**fixed))
        expected = given.transform_to(AltAz(**fixed))
    zenith, azimuth = sky.horizontal(hours.ravel(), decs.ravel())
    found = SkyCoord(azimuth * u.deg, (90 - zenith) * u.deg, frame=expected.frame)
    # astropy has polar motion and diurnal aberration in it
    assert found.separation(expected).max() < 1 * u.arcsec


def test_there_and_back() -> None:
    hours, decs = np.meshgrid(np.linspace(-179, 179, 60), np.linspace(-89.9, 89.9, 60))
    back = sky.equatorial(*sky.horizontal(hours, decs))
    np.testing.assert_allclose(back, (hours, decs), atol=1e-9)


def test_directions() -> None:
    """A star of the equator rises due east and sets due west; what is west has passed."""
    zenith, azimuth = sky.horizontal([-90.0, 0.0, 90.0], 0.0)
    np.testing.assert_allclose(zenith, [90, sky.LATITUDE, 90])
    np.testing.assert_allclose(azimuth, [90, 180, 270])
    assert sky.horizontal(0.0, 60.0)[1] % 360 == pytest.approx(0)


@pytest.mark.parametrize("line", declinations())
@pytest.mark.parametrize("particle", ["GammaDiffuse", "Protons"])
def test_training_nodes_lie_on_their_line(line: str, particle: str) -> None:
    nodes = catalogue("TrainingDataset", particle, line)
    _, decs = sky.equatorial([n.zenith for n in nodes], [n.azimuth for n in nodes])
    np.testing.assert_allclose(decs, declination(line), atol=0.02)


def test_culmination_of_the_crab() -> None:
    assert sky.culmination(22.014) == pytest.approx(28.7614 - 22.014)
    track = sky.track(22.014, 70)
    assert track.zenith.min() == pytest.approx(28.7614 - 22.014)
    assert track.azimuth[track.zenith.argmin()] == pytest.approx(180)


@pytest.mark.parametrize("dec", [-55.0, -10.0, 0.0, 22.0, 60.0])
def test_rising_and_setting(dec: float) -> None:
    """At the horizon cos(h) = -tan(latitude) tan(declination)."""
    track = sky.track(dec)
    half = np.degrees(np.arccos(-np.tan(np.radians(sky.LATITUDE)) * np.tan(np.radians(dec))))
    np.testing.assert_allclose(track.hour_angle[[0, -1]], [-half, half])
    np.testing.assert_allclose(track.zenith[[0, -1]], 90)
    assert track.azimuth[0] < 180 < track.azimuth[-1]
    assert np.diff(track.hour_angle).max() <= 0.05 + 1e-9


@pytest.mark.parametrize("dec", [62.0, 89.0, 90.0])
def test_what_never_sets_goes_all_around(dec: float) -> None:
    track = sky.track(dec)
    np.testing.assert_allclose(track.hour_angle[[0, -1]], [-180, 180])
    assert track.zenith.max() == pytest.approx(180 - sky.LATITUDE - dec)


def test_the_pole_stands_still() -> None:
    np.testing.assert_allclose(sky.track(90.0).zenith, 90 - sky.LATITUDE)


@pytest.mark.parametrize(("dec", "limit"), [(-61.3, 90.0), (-90.0, 90.0), (90.0, 60.0)])
def test_what_never_comes_so_high_has_no_track(dec: float, limit: float) -> None:
    assert sky.track(dec, limit).zenith.size == 0
