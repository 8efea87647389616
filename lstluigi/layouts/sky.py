"""Where a declination passes over LST-1 at the Roque de los Muchachos, La Palma.

Horizontal coordinates are those of the nodes: zenith distance, and azimuth from geographic north
through east. Refraction is left out, as in the simulations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "HEIGHT_M",
    "LATITUDE",
    "LONGITUDE",
    "Track",
    "culmination",
    "equatorial",
    "horizontal",
    "track",
]

#: Of LST-1 in degrees. All training nodes of the catalogue lie within 0.02 deg of the declination
#: that their line is named after if the latitude is this.
LATITUDE = 28.7614
LONGITUDE = -17.8915
HEIGHT_M = 2184.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """A path over the sky.

    Parameters
    ----------
    label : str
        What passes there.
    hour_angle, zenith, azimuth : array of float, shape (n,)
        Its points in degrees, in order of time.
    """

    label: str
    hour_angle: Floats
    zenith: Floats
    azimuth: Floats


def horizontal(hour_angle: npt.ArrayLike, declination: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Zenith distance and azimuth of equatorial coordinates, all in degrees.

    Parameters
    ----------
    hour_angle : array_like
        From the meridian westwards.
    declination : array_like
        Of the same shape, or one value.
    """
    hour, dec, lat = np.radians(hour_angle), np.radians(declination), np.radians(LATITUDE)
    north = np.sin(dec) * np.cos(lat) - np.cos(dec) * np.cos(hour) * np.sin(lat)
    east = -np.cos(dec) * np.sin(hour)
    up = np.sin(dec) * np.sin(lat) + np.cos(dec) * np.cos(hour) * np.cos(lat)
    zenith = np.degrees(np.arctan2(np.hypot(north, east), up))
    return zenith, np.degrees(np.arctan2(east, north)) % 360


def equatorial(zenith: npt.ArrayLike, azimuth: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Hour angle (-180 to 180) and declination of a pointing, all in degrees.

    Turning north into up is its own inverse, so this is `horizontal` of the altitude.
    """
    distance, hour = horizontal(azimuth, 90 - np.asarray(zenith, dtype=float))
    return (hour + 180) % 360 - 180, 90 - distance


def culmination(declination: float) -> float:
    """Smallest zenith distance in degrees that a declination reaches."""
    return abs(LATITUDE - declination)


def track(
    declination: float, max_zenith: float = 90.0, label: str = "", step: float = 0.05
) -> Track:
    """Path of a declination over the sky, from where it rises to where it sets.

    Parameters
    ----------
    declination : float
        In degrees.
    max_zenith : float
        Zenith distance below which it counts as risen, in degrees.
    label : str
        Name of the path.
    step : float
        Distance of its points in hour angle, at most, in degrees.

    Returns
    -------
    Track
        Without points if the declination never comes so high.
    """
    name = label or f"declination {declination:+.2f}°"
    if culmination(declination) > max_zenith:
        nothing = np.zeros(0)
        return Track(name, nothing, nothing, nothing)
    dec, lat = np.radians(declination), np.radians(LATITUDE)
    # cos(zenith) falls with the hour angle on both sides of the meridian
    rise = (np.cos(np.radians(max_zenith)) - np.sin(lat) * np.sin(dec)) / (
        np.cos(lat) * np.cos(dec)
    )
    limit = np.degrees(np.arccos(np.clip(rise, -1, 1)))
    hours = np.linspace(-limit, limit, 2 * max(1, int(np.ceil(limit / step))) + 1)
    return Track(name, hours, *horizontal(hours, declination))
