"""The toy air shower: where showers come from and which photoelectrons LST-1 sees of them.

A shower is one electromagnetic cascade (gamma, electron) or several (proton). A cascade is a line
in space along which Cherenkov light is emitted around the depth of its maximum, with a lateral
spread. Photoelectrons are drawn from it and projected into the camera, so that the position,
length, orientation and time gradient of an image follow from geometry. The yield is tuned by hand
to give images of about the right size. This is a toy, not CORSIKA, and not for science.

Coordinates are metres north, east and up from the telescope.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from .camera import EFFECTIVE_FOCAL_LENGTH, Camera, FloatArray, IntArray

#: Raised whenever the same arguments give other files.
MODEL_VERSION = 1
SPEED_OF_LIGHT = 0.299792458  # m / ns
#: Height of the site above sea level in m (La Palma, as in LSTProd2).
OBSERVATION_HEIGHT = 2158.0
#: Isothermal atmosphere: overburden in g/cm2 at sea level, scale height in m.
OVERBURDEN = 1030.0
SCALE_HEIGHT = 8000.0
#: Refractivity of air at sea level.
REFRACTIVITY = 2.8e-4
#: Radiation length (g/cm2) and critical energy (TeV) of air (Particle Data Group).
RADIATION_LENGTH = 36.6
CRITICAL_ENERGY = 8.5e-5
#: Spread in depth (g/cm2) of the emission along a cascade.
DEPTH_SPREAD = 95.0
#: Transverse momentum (TeV, one axis) of the cascades of a hadronic shower.
TRANSVERSE_MOMENTUM = 5e-4
#: Slices of equal probability that a cascade is divided into.
N_SLICES = 24
#: p.e. of a cascade of 1 TeV whose light reaches the mirror from YIELD_DISTANCE (m).
YIELD = 9000.0
YIELD_DISTANCE = 9000.0
#: Angle (deg) to the axis up to which light is emitted fully at sea level, and the fall beyond it.
CHERENKOV_ANGLE = 1.3
EMISSION_FALL = 0.3
#: Optical point-spread function (deg, one axis) and spread of arrival times (ns).
OPTICAL_SPREAD = 0.03
TIME_SPREAD = 0.6
#: Where in the readout window (ns) the median photoelectron is put.
TRIGGER_TIME = 15.0
#: Radius of the field of view (deg).
FIELD_RADIUS = 2.3
#: Trigger: p.e. in the image, and pixels with PIXEL_PE or more.
TRIGGER_PE = 70.0
TRIGGER_PIXELS = 3
PIXEL_PE = 8.0
#: Photoelectrons drawn for one shower; brighter ones are drawn with a weight.
MAX_DRAWN = 20_000


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
    """

    particle: Particle
    energy_range: tuple[float, float] = (0.01, 50.0)
    spectral_index: float = -2.0
    viewcone: tuple[float, float] = (0.0, 0.0)
    max_impact: float = 500.0


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


@dataclass(frozen=True)
class Cascades:
    """Electromagnetic cascades in slices along their axes.

    Attributes
    ----------
    shower : ndarray of int, shape (n,)
        The shower each belongs to, ascending.
    axis : ndarray, shape (n, 3)
        Unit vectors towards the origin.
    foot : ndarray, shape (n, 3)
        Where the axis meets the height of the telescope, in m.
    width : ndarray, shape (n,)
        Lateral scale of the emission in m.
    edges : ndarray, shape (n, N_SLICES + 1)
        Distances in m along the axis from the foot to the borders of the slices.
    light : ndarray, shape (n, N_SLICES)
        Expected p.e. of each slice.
    """

    shower: IntArray
    axis: FloatArray
    foot: FloatArray
    width: FloatArray
    edges: FloatArray
    light: FloatArray


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
    direction = local @ pointing.axes

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


def develop(showers: Showers, particle: Particle, rng: np.random.Generator) -> Cascades:
    """Let showers develop into cascades and compute the light each slice sends to the telescope."""
    if particle is Particle.PROTON:
        return _hadronic(showers, rng)
    n = len(showers)
    # the light does not follow the primary exactly, least so in small showers
    spread = np.deg2rad(0.08) * (0.1 / showers.energy) ** 0.3
    maximum = showers.depth_of_maximum
    axis, foot = _tilt(showers.direction, showers.core, maximum, spread, rng)
    energy = showers.energy * rng.lognormal(0.0, 0.08, n)
    start = showers.first_depth
    width = 7.0 * rng.lognormal(0.0, 0.25, n)
    return _slice(
        shower=np.arange(n), energy=energy, axis=axis, foot=foot, start=start, width=width
    )


def _tilt(
    axis: FloatArray,
    foot: FloatArray,
    depth: FloatArray,
    spread: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Turn axes by a random angle (rad, one axis) about their points at a slant depth."""
    first, second = perpendicular(axis)
    kick = rng.standard_normal((2, len(axis))) * np.minimum(spread, 0.03)
    tilted = axis + kick[0][:, np.newaxis] * first + kick[1][:, np.newaxis] * second
    tilted /= np.linalg.norm(tilted, axis=1, keepdims=True)
    height = height_at(depth, axis[:, 2]) - OBSERVATION_HEIGHT
    origin = foot + axis * (height / axis[:, 2])[:, np.newaxis]
    return tilted, origin - tilted * (origin[:, 2] / tilted[:, 2])[:, np.newaxis]


def _hadronic(showers: Showers, rng: np.random.Generator) -> Cascades:
    """Neutral pions of the first interactions: some share of the energy, and sideways momentum."""
    number = 2 + rng.poisson(3.0 * np.maximum(showers.energy, 0.03) ** 0.2)
    shower = np.repeat(np.arange(len(showers)), number)
    share = rng.gamma(0.6, 1.0, len(shower)) + 1e-6
    share /= np.bincount(shower, share)[shower]
    electromagnetic = rng.beta(4.0, 5.0, len(showers))
    energy = showers.energy[shower] * electromagnetic[shower] * share

    start = showers.first_depth[shower] + rng.exponential(60.0, len(shower))
    axis, foot = _tilt(
        showers.direction[shower], showers.core[shower], start, TRANSVERSE_MOMENTUM / energy, rng
    )
    width = 12.0 * rng.lognormal(0.0, 0.25, len(shower))
    return _slice(shower=shower, energy=energy, axis=axis, foot=foot, start=start, width=width)


def _slice(
    *,
    shower: IntArray,
    energy: FloatArray,
    axis: FloatArray,
    foot: FloatArray,
    start: FloatArray,
    width: FloatArray,
) -> Cascades:
    steps = ndtri(np.linspace(0.01, 0.99, N_SLICES + 1))
    maximum = start + depth_to_maximum(energy)
    depth = np.maximum(maximum[:, np.newaxis] + DEPTH_SPREAD * steps, start[:, np.newaxis])
    cos_zenith = axis[:, 2:]
    height = height_at(depth, cos_zenith)
    edges = np.maximum(height - OBSERVATION_HEIGHT, 1.0) / cos_zenith

    middle = (edges[:, 1:] + edges[:, :-1]) / 2
    point = foot[:, np.newaxis] + middle[:, :, np.newaxis] * axis[:, np.newaxis]
    distance = np.linalg.norm(point, axis=2)
    cos_angle = np.clip(np.einsum("nsk,nk->ns", point, axis) / distance, -1, 1)
    angle = np.rad2deg(np.arccos(cos_angle))
    density = np.exp(-(middle * cos_zenith + OBSERVATION_HEIGHT) / SCALE_HEIGHT)
    beyond = np.maximum(angle - CHERENKOV_ANGLE * np.sqrt(density), 0.0)
    light = YIELD * energy[:, np.newaxis] / N_SLICES * (YIELD_DISTANCE / distance) ** 2
    # the last kilometre has little air left to radiate in and would dominate by its closeness
    light *= np.exp(-beyond / EMISSION_FALL) * (middle > 1000.0)
    return Cascades(shower, axis, foot, width, edges, light)


def visible_light(cascades: Cascades, n_showers: int, pointing: Pointing) -> FloatArray:
    """Expected p.e. of each shower from slices inside the field of view, shape (n_showers,)."""
    middle = (cascades.edges[:, 1:] + cascades.edges[:, :-1]) / 2
    point = cascades.foot[:, np.newaxis] + middle[:, :, np.newaxis] * cascades.axis[:, np.newaxis]
    cos_angle = (point @ pointing.axes[0]) / np.linalg.norm(point, axis=2)
    seen = cos_angle > np.cos(np.deg2rad(FIELD_RADIUS))
    total = (cascades.light * seen).sum(axis=1)
    return np.bincount(cascades.shower, total, minlength=n_showers).astype(np.float64)


@dataclass(frozen=True)
class Photoelectrons:
    """Photoelectrons of one shower in the camera: pixel, time (ns) and how many each stands for."""

    pixel: IntArray
    time: FloatArray
    weight: float

    def triggers(self, n_pixels: int) -> bool:
        """Whether the image is bright enough in all and in some pixels."""
        charge = self.weight * np.bincount(self.pixel, minlength=n_pixels)
        bright = np.count_nonzero(charge >= PIXEL_PE)
        return bool(charge.sum() >= TRIGGER_PE and bright >= TRIGGER_PIXELS)


def draw_photoelectrons(
    cascades: Cascades,
    rows: slice,
    pointing: Pointing,
    camera: Camera,
    rng: np.random.Generator,
) -> Photoelectrons:
    """Draw the photoelectrons of the shower that owns the given rows of the cascades."""
    light = cascades.light[rows]
    weight = max(1.0, float(light.sum()) / MAX_DRAWN)
    counts = rng.poisson(light / weight)
    row, step = (np.repeat(i, counts.ravel()) for i in np.indices(counts.shape).reshape(2, -1))
    edges = cascades.edges[rows]
    along = edges[row, step] + rng.random(len(row)) * (edges[row, step + 1] - edges[row, step])

    axis = cascades.axis[rows]
    first, second = perpendicular(axis)
    radius = cascades.width[rows][row] * rng.gamma(2.0, 1.0, len(row))
    angle = 2 * np.pi * rng.random(len(row))
    point = cascades.foot[rows][row] + along[:, np.newaxis] * axis[row]
    point += (radius * np.cos(angle))[:, np.newaxis] * first[row]
    point += (radius * np.sin(angle))[:, np.newaxis] * second[row]
    pixel, inside = _project(point, pointing, camera, rng)
    time = _arrival_times(point, along)[inside]
    if len(time):
        time += TRIGGER_TIME - np.median(time)
    time += TIME_SPREAD * rng.standard_normal(len(time))
    return Photoelectrons(pixel, time, weight)


def _project(
    point: FloatArray, pointing: Pointing, camera: Camera, rng: np.random.Generator
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    along, lon, lat = pointing.axes @ point.T
    fov_lon = np.arctan2(lon, along)
    fov_lat = np.arcsin(lat / np.linalg.norm(point, axis=1))
    blur = np.deg2rad(OPTICAL_SPREAD) * rng.standard_normal((2, len(point)))
    # ctapipe's CameraFrame: x is to growing altitude, y to growing azimuth, equidistant
    x = EFFECTIVE_FOCAL_LENGTH * (fov_lat + blur[0])
    y = EFFECTIVE_FOCAL_LENGTH * (fov_lon + blur[1])
    pixel = camera.find_pixels(x, y)
    inside = pixel >= 0
    return pixel[inside], inside


def _arrival_times(point: FloatArray, along: FloatArray) -> FloatArray:
    """Light starts when the front, at the speed of light, passes, and flies through air."""
    height = np.maximum(point[:, 2], 1.0)
    mean_density = (1 - np.exp(-height / SCALE_HEIGHT)) * SCALE_HEIGHT / height
    mean_density *= np.exp(-OBSERVATION_HEIGHT / SCALE_HEIGHT)
    distance = np.linalg.norm(point, axis=1)
    return np.asarray(
        (distance * (1 + REFRACTIVITY * mean_density) - along) / SPEED_OF_LIGHT, dtype=np.float64
    )
