"""The path in one night."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from astropy.utils import iers

from lstluigi.errors import LstluigiError
from lstluigi.layouts import sky
from lstluigi.request.suggest import Source, read_date
from lstluigi.request.suggest.night import night

CRAB = Source("Crab", 83.633, 22.014)


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What astropy does without: it would only warn where a download fails."""
    asked: list[str] = []

    def refuse(url: str, *args: Any, **kwargs: Any) -> None:
        asked.append(url)
        raise OSError("no network")

    monkeypatch.setattr(iers.iers, "download_file", refuse)
    monkeypatch.setattr(iers.IERS_Auto, "iers_table", None)
    for year in (1950, 2099):
        assert night(CRAB, date(year, 12, 10), 70.0).tracks
    assert asked == []


def test_the_track_is_that_of_the_declination() -> None:
    """Within what precession has moved since 2000: 50 arcsec a year at most."""
    found = night(CRAB, date(2026, 12, 10), 70.0)
    (track,) = found.tracks
    zenith, azimuth = sky.horizontal(track.hour_angle, CRAB.dec)
    np.testing.assert_allclose(track.zenith, zenith, atol=27 * 50 / 3600)
    assert track.zenith.max() <= 70
    assert len(found.times) == track.zenith.size
    assert azimuth[0] < 180 < azimuth[-1]
    # a point of the sky comes back after 23 h 56 min
    turned = np.diff(track.hour_angle) * 86164.1 / 360
    np.testing.assert_allclose(turned, 30, atol=0.2)


def test_it_culminates_at_midnight_opposite_the_sun() -> None:
    """At RA 83.6 the sun stands in the middle of June, so the Crab is highest at midnight of
    mid-December; at La Palma that is 12 min after 1 h UTC, but for the equation of time."""
    found = night(CRAB, date(2026, 12, 15), 70.0)
    (track,) = found.tracks
    moment = found.times[int(track.zenith.argmin())]
    hours = int(moment[:2]) + int(moment[3:]) / 60
    assert hours == pytest.approx(1.2, abs=0.3)
    assert track.zenith.min() == pytest.approx(sky.culmination(22.03), abs=0.05)


def test_half_a_year_later_the_sun_is_there() -> None:
    assert night(CRAB, date(2026, 6, 15), 70.0).tracks == ()


def test_dark_hours() -> None:
    """The sun is 18 deg below the horizon for this long, by the sunrise equation.

    Its declination is 23.44 deg at the solstices.
    """
    for evening, dec in ((date(2026, 6, 21), 23.44), (date(2026, 12, 21), -23.44)):
        lat, tilt = np.radians(sky.LATITUDE), np.radians(dec)
        cosine = (np.sin(np.radians(-18)) - np.sin(lat) * np.sin(tilt)) / (
            np.cos(lat) * np.cos(tilt)
        )
        expected = 24 - 2 * np.degrees(np.arccos(cosine)) / 15
        assert night(CRAB, evening, 70.0).dark_hours == pytest.approx(expected, abs=0.05)


def test_what_sets_and_rises_again_has_two_pieces() -> None:
    """With the sun at its right ascension it is lowest at midnight."""
    found = night(Source("x", 258.0, 61.66), date(2026, 12, 10), 70.0)
    evening, morning = found.tracks
    assert evening.zenith[-1] == pytest.approx(70, abs=0.1)
    assert morning.zenith[0] == pytest.approx(70, abs=0.1)
    assert evening.azimuth[0] > 180 > morning.azimuth[0]
    assert len(found.times) == evening.zenith.size + morning.zenith.size


def test_hour_angles_go_on_through_the_lower_culmination() -> None:
    (track,) = night(Source("x", 258.0, 80.0), date(2026, 12, 10), 80.0).tracks
    assert (np.diff(track.hour_angle) > 0).all()
    assert track.hour_angle[-1] > 180


@pytest.mark.parametrize("text", ["2026-13-01", "yesterday", "", "1949-12-31", "2100-01-01"])
def test_no_dates(text: str) -> None:
    with pytest.raises(LstluigiError):
        read_date(text)
