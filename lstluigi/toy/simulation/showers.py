"""The toy air shower, first part: pointings, beams and thrown showers.

Coordinates are metres north, east and up from the telescope.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from .camera import FloatArray

#: Height of the site above sea level in m (La Palma, as in LSTProd2).
OBSERVATION_HEIGHT = 2158.0
#: Isothermal atmosphere: overburden in g/cm2 at sea level, scale height in m.
OVERBURDEN = 1030.0
SCALE_HEIGHT = 8000.0
#: Radiation length (g/cm2) and critical energy (TeV) of air (Particle Data Group).
RADIATION_LENGTH = 36.6
CRITICAL_ENERGY = 8.5e-5


class Particle(Enum):
    """Primary particles; the value is the CORSIKA/sim_telarray code."""

    #: One cascade; first interaction after 9/7 radiation lengths.
    GAMMA = 0
    #: One cascade; first interaction after less than a radiation length.
    ELECTRON = 1
    #: Several cascades with transverse momentum.
    PROTON = 101


@dataclass(frozen=True)
class Pointing:
    """A telescope pointing, in degrees; the azimuth counts from north to east."""

    zenith_deg: float
    azimuth_deg: float

    @property
    def node(self) -> str:
        """Name of the node directory, e.g. ``node_theta_10.000_az_102.199_``."""
        return f"node_theta_{self.zenith_deg:.3f}_az_{self.azimuth_deg:.3f}_"

    @property
    def alt(self) -> float:
        """Altitude in rad."""
        return float(np.deg2rad(90 - self.zenith_deg))

    @property
    def az(self) -> float:
        """Azimuth in rad."""
        return float(np.deg2rad(self.azimuth_deg))

    @property
    def axes(self) -> FloatArray:
        """Unit vectors along the pointing, to growing azimuth and to growing altitude."""
        ca, sa, cz, sz = np.cos(self.alt), np.sin(self.alt), np.cos(self.az), np.sin(self.az)
        return np.array([[ca * cz, ca * sz, sa], [-sz, cz, 0.0], [-sa * cz, -sa * sz, ca]])


@dataclass(frozen=True)
class Beam:
    """What is thrown.

    Attributes
    ----------
    particle : Particle
    energy_range : tuple of float
        In TeV.
    spectral_index : float
        Of the power law in energy, negative.
    viewcone : tuple of float
        Smallest and largest angle (deg) to the pointing; (0, 0) is a point source on axis.
    max_impact : float
        Radius in m of the disc perpendicular to the shower in which cores are thrown.
    offset : float
        Angle (deg) by which the middle of the view cone is above the pointing, as in the wobble
        files of prod5, whose headers do not say so.
    """

    particle: Particle
    energy_range: tuple[float, float] = (0.01, 50.0)
    spectral_index: float = -2.0
    viewcone: tuple[float, float] = (0.0, 0.0)
    max_impact: float = 500.0
    offset: float = 0.0


@dataclass(frozen=True)
class Showers:
    """Thrown showers.

    Attributes
    ----------
    energy : ndarray, shape (n,)
        In TeV.
    direction : ndarray, shape (n, 3)
        Unit vectors towards the origin.
    core : ndarray, shape (n, 3)
        Where the axis meets the height of the telescope, in m.
    impact : ndarray, shape (n,)
        Distance of the axis from the telescope in m.
    first_depth : ndarray, shape (n,)
        Slant depth of the first interaction in g/cm2.
    """

    energy: FloatArray
    direction: FloatArray
    core: FloatArray
    impact: FloatArray
    first_depth: FloatArray

    def __len__(self) -> int:
        return len(self.energy)

    @cached_property
    def alt(self) -> FloatArray:
        """Altitude in rad, shape (n,)."""
        return np.asarray(np.arcsin(self.direction[:, 2]))

    @cached_property
    def az(self) -> FloatArray:
        """Azimuth in rad from north to east in [0, 2 pi), shape (n,)."""
        return np.asarray(np.arctan2(self.direction[:, 1], self.direction[:, 0]) % (2 * np.pi))

    @cached_property
    def first_height(self) -> FloatArray:
        """Height of the first interaction above sea level in m, shape (n,)."""
        return height_at(self.first_depth, self.direction[:, 2])

    @cached_property
    def depth_of_maximum(self) -> FloatArray:
        """Slant depth of the maximum of a cascade of the whole energy in g/cm2, shape (n,)."""
        return self.first_depth + depth_to_maximum(self.energy)


def height_at(depth: FloatArray, cos_zenith: FloatArray) -> FloatArray:
    """Height above sea level (m) at a slant depth (g/cm2)."""
    vertical = np.maximum(depth, 1.0) * cos_zenith
    return np.asarray(SCALE_HEIGHT * np.log(OVERBURDEN / vertical))


def depth_to_maximum(energy: FloatArray) -> FloatArray:
    """Depth (g/cm2) from the start to the maximum of a cascade of some TeV (Heitler model)."""
    return np.asarray(RADIATION_LENGTH * np.log(np.maximum(energy / CRITICAL_ENERGY, np.e)))


def perpendicular(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors perpendicular to each axis and to each other, shape (n, 3) each."""
    reference = np.where(np.abs(axis[:, 2:]) > 0.9, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]])
    first: FloatArray = np.cross(axis, reference)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.asarray(np.cross(axis, first), dtype=np.float64)


def draw_energies(beam: Beam, n: int, rng: np.random.Generator) -> FloatArray:
    """Draw energies in TeV from the power law of the beam."""
    low, high = beam.energy_range
    u = rng.random(n)
    power = beam.spectral_index + 1
    if power == 0:
        return np.asarray(low * (high / low) ** u)
    return np.asarray((low**power + u * (high**power - low**power)) ** (1 / power))


def throw(beam: Beam, pointing: Pointing, n: int, rng: np.random.Generator) -> Showers:
    """Throw n showers, uniform in solid angle within the view cone and in area within the disc."""
    energy = draw_energies(beam, n, rng)
    cos_low, cos_high = np.cos(np.deg2rad(beam.viewcone))
    cos_offset = cos_low + (cos_high - cos_low) * rng.random(n)
    sin_offset = np.sqrt(np.maximum(0.0, 1 - cos_offset**2))
    angle = 2 * np.pi * rng.random(n)
    local = np.stack([cos_offset, sin_offset * np.cos(angle), sin_offset * np.sin(angle)], axis=1)
    middle = Pointing(pointing.zenith_deg - beam.offset, pointing.azimuth_deg)
    direction = local @ middle.axes

    impact = beam.max_impact * np.sqrt(rng.random(n))
    angle = 2 * np.pi * rng.random(n)
    first, second = perpendicular(direction)
    offset = impact[:, np.newaxis] * (
        np.cos(angle)[:, np.newaxis] * first + np.sin(angle)[:, np.newaxis] * second
    )
    core = offset - direction * (offset[:, 2] / direction[:, 2])[:, np.newaxis]
    mean_depth = {Particle.GAMMA: 9 / 7 * RADIATION_LENGTH, Particle.ELECTRON: 18.0}
    depth = rng.exponential(mean_depth.get(beam.particle, 85.0), n)
    return Showers(energy, direction, core, impact, np.maximum(depth, 1.0))
