"""Where a source is, from coordinates or, where there is a network, from its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstluigi.errors import LstluigiError, shown

__all__ = ["Source", "named", "read_coordinates"]

#: Seconds a server may take.
TIMEOUT_S = 5
EXAMPLE = "write 83.63 22.01, or 05h34m31.9s +22d00m52s"


@dataclass(frozen=True)
class Source:
    """A place on the sky.

    Parameters
    ----------
    name : str
        For people.
    ra, dec : float
        ICRS, in degrees.
    """

    name: str
    ra: float
    dec: float


def read_coordinates(words: Sequence[str]) -> Source:
    """Read right ascension and declination.

    Parameters
    ----------
    words : sequence of str
        Two texts, or both in one. Plain numbers are degrees; ``h``, ``d``, ``m`` and ``s`` or
        colons make it sexagesimal, a right ascension with colons being in hours.

    Raises
    ------
    LstluigiError
        They are not two such angles, or out of range.
    """
    text = " ".join(words)
    parts = text.replace(",", " ").split()
    if len(parts) != 2:
        raise LstluigiError(
            f"{shown(text)} is not one right ascension and one declination; {EXAMPLE}"
        )
    ra = _degrees(parts[0], "right ascension", hours=":" in parts[0])
    dec = _degrees(parts[1], "declination")
    if not 0 <= ra <= 360:
        raise LstluigiError(f"the right ascension {shown(parts[0])} is not between 0 and 360 deg")
    if not -90 <= dec <= 90:
        raise LstluigiError(f"the declination {shown(parts[1])} is not between -90 and 90 deg")
    return Source(f"RA {ra:.3f}°, Dec {dec:+.3f}°", ra, dec)


def _degrees(text: str, what: str, hours: bool = False) -> float:
    from astropy.coordinates import Angle

    try:
        value = float(text) if _plain(text) else Angle(text, "hourangle" if hours else "deg").deg
    except ValueError:  # astropy's errors of units and of angles are such
        value = math.nan
    if not math.isfinite(value):
        raise LstluigiError(f"the {what} {shown(text)} cannot be read; {EXAMPLE}")
    return float(value)


def _plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def named(name: str) -> Source:
    """Ask the name servers of the CDS.

    Raises
    ------
    LstluigiError
        The name is not known, or nobody answers.
    """
    from astropy.coordinates import SkyCoord
    from astropy.coordinates.name_resolve import NameResolveError
    from astropy.utils.data import conf

    try:
        with conf.set_temp("remote_timeout", TIMEOUT_S):
            place: Any = SkyCoord.from_name(name)
    except NameResolveError as error:
        if "Unable to find" in str(error):
            raise LstluigiError(
                f"no catalogue of the CDS knows {shown(name)}; give --coordinates RA DEC"
            ) from None
        raise _no_answer(name) from None
    except OSError:
        raise _no_answer(name) from None
    return Source(name, float(place.ra.deg), float(place.dec.deg))


def _no_answer(name: str) -> LstluigiError:
    return LstluigiError(
        f"the name {shown(name)} cannot be looked up, as no name server answers from here; "
        "give --coordinates RA DEC"
    )
