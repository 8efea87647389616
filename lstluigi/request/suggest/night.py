"""Where a source passes in one night, by astropy; nothing is downloaded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts import sky
from lstluigi.layouts.sky import Track
from lstluigi.request.suggest.source import Source

__all__ = ["Night", "night", "read_date"]

STEP_S = 30
#: The sun is lower than this in the dark hours (astronomical twilight), in degrees.
DARK = -18.0
#: Noon at La Palma, where nights are counted from, in UTC.
NOON = "13:00"


@dataclass(frozen=True)
class Night:
    """The path of a source in the dark hours of a night.

    Parameters
    ----------
    date : date
        Of its evening.
    dark_hours : float
        Length of astronomical darkness.
    tracks : tuple of Track
        The path; more than one piece if the source sets and rises again.
    times : tuple of str
        UTC of all its points, as ``HH:MM``.
    """

    date: date
    dark_hours: float
    tracks: tuple[Track, ...]
    times: tuple[str, ...]


def read_date(text: str) -> date:
    """Read a date.

    Raises
    ------
    LstluigiError
        It is none of the years 1950 to 2100, for which the rotation of the earth is known or
        can be foretold to a minute or so.
    """
    try:
        value = date.fromisoformat(text)
    except ValueError:
        raise LstluigiError(f"{shown(text)} is not a date; write 2026-11-25") from None
    if not 1950 <= value.year < 2100:
        raise LstluigiError(f"{shown(text)} is not between 1950 and 2100")
    return value


def night(source: Source, evening: date, max_zenith: float) -> Night:
    """Follow a source from dusk to dawn.

    Parameters
    ----------
    source : Source
        What is followed.
    evening : date
        The night begins on it.
    max_zenith : float
        Points further from the zenith do not count, in degrees.
    """
    from astropy import units
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
    from astropy.coordinates.erfa_astrom import ErfaAstromInterpolator, erfa_astrom
    from astropy.time import Time

    # exact every five minutes, and better than an arcsecond between
    with _offline(), erfa_astrom.set(ErfaAstromInterpolator(300 * units.s)):
        start = Time(f"{evening.isoformat()} {NOON}", scale="utc")
        times = start + np.arange(0, timedelta(days=1).total_seconds(), STEP_S) * units.s
        place = EarthLocation.from_geodetic(
            sky.LONGITUDE * units.deg, sky.LATITUDE * units.deg, sky.HEIGHT_M * units.m
        )
        frame = AltAz(obstime=times, location=place)
        dark = get_sun(times).transform_to(frame).alt.deg < DARK
        seen: Any = SkyCoord(source.ra, source.dec, unit="deg").transform_to(frame)
        zenith, azimuth = 90 - seen.alt.deg, seen.az.deg
        hour_angle, _ = sky.equatorial(zenith, azimuth)
        up = np.flatnonzero(dark & (zenith <= max_zenith))
        clock = tuple(moment[11:16] for moment in times[up].isot)
    pieces = np.split(up, np.flatnonzero(np.diff(up) > 1) + 1) if up.size else []
    tracks = tuple(
        Track(source.name, _unwrapped(hour_angle[at]), zenith[at], azimuth[at]) for at in pieces
    )
    return Night(evening, float(dark.sum()) * STEP_S / 3600, tracks, clock)


def _unwrapped(angles: sky.Floats) -> sky.Floats:
    return np.asarray(np.unwrap(angles, period=360), dtype=np.float64)


@contextmanager
def _offline() -> Iterator[None]:
    """Keep astropy from downloading how the earth turns: the tables it brings will do here."""
    from astropy.utils import iers

    with ExitStack() as stack:
        stack.enter_context(iers.conf.set_temp("auto_download", False))
        stack.enter_context(iers.conf.set_temp("iers_degraded_accuracy", "ignore"))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # that years to come are foretold
        yield
