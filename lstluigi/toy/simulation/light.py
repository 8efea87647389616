"""The toy air shower, second part: cascades, and the photoelectrons LST-1 sees of them.

A shower is one electromagnetic cascade (gamma, electron) or several (proton). A cascade is a line
in space along which Cherenkov light is emitted around the depth of its maximum, with a lateral
spread. Photoelectrons are drawn from it and projected into the camera, so that the position,
length, orientation and time gradient of an image follow from geometry. The yield is tuned by hand
to give images of about the right size. This is a toy, not CORSIKA, and not for science.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from .camera import EFFECTIVE_FOCAL_LENGTH, Camera, FloatArray, IntArray
from .showers import (
    OBSERVATION_HEIGHT,
    SCALE_HEIGHT,
    Particle,
    Pointing,
    Showers,
    depth_to_maximum,
    height_at,
    perpendicular,
)

#: Raised whenever the same arguments give other files.
MODEL_VERSION = 2
SPEED_OF_LIGHT = 0.299792458  # m / ns
#: Refractivity of air at sea level.
REFRACTIVITY = 2.8e-4
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
