"""The toy LST-1 camera: pixels, pulse shape, night-sky background and digitisation.

The pixel positions and the single photoelectron pulse are those that ``ctapipe_io_lst`` ships;
calibration constants are rounded from a sim_telarray LST-1 model of 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstluigi.errors import LstluigiError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Focal lengths in m: of the mirror, and as seen by an off-axis point source (coma included).
FOCAL_LENGTH = 28.0
EFFECTIVE_FOCAL_LENGTH = 29.30565
MIRROR_AREA = 386.73
N_MIRRORS = 198
#: Rotation in rad between the pixel rows as built and the camera frame.
CAMERA_ROTATION = 0.19011871
PIXEL_PITCH = 0.05
N_SAMPLES = 40
#: Pedestal in ADC counts per sample; high and low gain.
PEDESTAL = 400
#: p.e. per (ADC count x sample), high and low gain, of a pixel of mean gain.
PE_PER_ADC = (0.0108, 0.213)
#: Relative spread of the gain among pixels. Without one, the steps of a count would coincide in all
#: pixels, and the peak of a histogram of charges would lie where most steps fall into a bin.
GAIN_SPREAD = 0.05
#: Electronic noise in ADC counts per sample, high and low gain.
ELECTRONIC_NOISE = (4.0, 1.0)
ADC_MAX = 4095
#: Night-sky background of a dark field in p.e. per ns and pixel.
NSB_RATE = 0.25
#: Relative spread of the amplitude of one photoelectron.
SPE_SPREAD = 0.45
#: Fine time bins per sample, in which photoelectrons are collected.
FINE = 4
#: Samples before the first one from which pulses still leak in.
LEAD_SAMPLES = 8
#: Pixels with this many Cherenkov p.e. get night-sky background around them.
CORE_PE = 3.0
#: Rings of neighbours around them that get it too.
NOISE_RINGS = 2
#: Size in m of the cells of the map from positions to pixels.
_CELL = 0.004


@dataclass(frozen=True)
class Camera:
    """Pixels and readout.

    Attributes
    ----------
    pixel_x, pixel_y : ndarray, shape (n_pixels,)
        Positions in m in ctapipe's CameraFrame (derotated).
    neighbors : ndarray of int, shape (n_pixels, 6)
        Indices of the neighbouring pixels; ``n_pixels`` stands for "none".
    pixel_map : ndarray of int, shape (n_cells, n_cells)
        Pixel at each cell of a square grid centred on the camera; -1 outside.
    pulse : ndarray, shape (2, n_steps)
        Reference pulse of high and low gain, maximum near 1.
    pulse_step, sample_width : float
        In ns.
    templates : ndarray, shape (2, n_fine, N_SAMPLES)
        Response in p.e. of each sample to one p.e. in each fine time bin.
    pe_per_adc : ndarray, shape (2, n_pixels)
        p.e. per (ADC count x sample) of high and low gain.
    """

    pixel_x: FloatArray
    pixel_y: FloatArray
    neighbors: IntArray
    pixel_map: IntArray
    pulse: FloatArray
    pulse_step: float
    sample_width: float
    templates: FloatArray
    pe_per_adc: FloatArray

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return len(self.pixel_x)

    @property
    def n_fine(self) -> int:
        """Number of fine time bins."""
        return int(self.templates.shape[1])

    def stored_pixels(self) -> tuple[FloatArray, FloatArray]:
        """Pixel positions in m before derotation, as sim_telarray stores them."""
        c, s = np.cos(CAMERA_ROTATION), np.sin(CAMERA_ROTATION)
        return c * self.pixel_x + s * self.pixel_y, c * self.pixel_y - s * self.pixel_x

    def find_pixels(self, x: FloatArray, y: FloatArray) -> IntArray:
        """Return the pixel that each position (in m) falls into, -1 outside the camera."""
        half = len(self.pixel_map) // 2
        i = np.floor(x / _CELL).astype(np.int64) + half
        j = np.floor(y / _CELL).astype(np.int64) + half
        inside = (i >= 0) & (j >= 0) & (i < 2 * half) & (j < 2 * half)
        found = np.full(len(x), -1, dtype=np.int64)
        found[inside] = self.pixel_map[i[inside], j[inside]]
        return found

    def grow(self, pixels: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Add the neighbours of the given pixels."""
        padded = np.append(pixels, False)
        return pixels | padded[self.neighbors].any(axis=1)

    def digitise(
        self,
        pixel: IntArray,
        time: FloatArray,
        weight: float,
        rng: np.random.Generator,
        *,
        noise_everywhere: bool = False,
        nsb: float = 1.0,
    ) -> npt.NDArray[np.uint16]:
        """Turn photoelectrons into ADC samples.

        To keep files small, night-sky background and electronic noise are added only around the
        image, unless asked for everywhere; the other pixels stay at the pedestal.

        Parameters
        ----------
        pixel : ndarray of int, shape (n_pe,)
        time : ndarray, shape (n_pe,)
            In ns from the start of the readout window.
        weight : float
            How many p.e. each entry stands for.
        rng : numpy.random.Generator
        noise_everywhere : bool
            Noise in all pixels (about ten times larger files).
        nsb : float
            Night-sky background in units of `NSB_RATE`.

        Returns
        -------
        ndarray of uint16, shape (2, n_pixels, N_SAMPLES)
        """
        charge = weight * np.bincount(pixel, minlength=self.n_pixels)
        noisy = np.full(self.n_pixels, noise_everywhere) | (charge >= CORE_PE)
        for _ in range(NOISE_RINGS):
            noisy = self.grow(noisy)
        active = np.flatnonzero(noisy | (charge > 0))

        signal = weight * self._fine_counts(pixel, time, active)
        fine_width = self.sample_width / FINE
        nsb_mean = nsb * NSB_RATE * fine_width
        # the readout is AC-coupled: the mean of the background does not show
        sky = rng.poisson(nsb_mean, signal.shape) - nsb_mean
        n_pe = signal + sky
        n_pe += SPE_SPREAD * np.sqrt(signal + sky + nsb_mean) * rng.standard_normal(signal.shape)

        adc = np.full((2, self.n_pixels, N_SAMPLES), PEDESTAL, dtype=np.uint16)
        for gain, template in enumerate(self.templates):
            trace = PEDESTAL + n_pe @ template / self.pe_per_adc[gain, active, np.newaxis]
            trace += ELECTRONIC_NOISE[gain] * rng.standard_normal(trace.shape)
            adc[gain, active] = np.clip(np.rint(trace), 0, ADC_MAX)
        return adc

    def _fine_counts(self, pixel: IntArray, time: FloatArray, active: IntArray) -> FloatArray:
        fine = np.floor(time * FINE / self.sample_width).astype(np.int64) + FINE * LEAD_SAMPLES
        seen = (fine >= 0) & (fine < self.n_fine)
        row = np.searchsorted(active, pixel[seen])
        flat = np.bincount(row * self.n_fine + fine[seen], minlength=len(active) * self.n_fine)
        return flat.reshape(len(active), self.n_fine).astype(np.float64)


def _resource(name: str) -> Path:
    # found without importing the package, which takes seconds
    spec = find_spec("ctapipe_io_lst")
    if spec is None or spec.origin is None:
        raise LstluigiError(
            "The toy simulation needs the package ctapipe_io_lst, which comes with lstchain: "
            "run it in an lstchain environment."
        )
    return Path(spec.origin).parent / "resources" / name


def _read_pixels() -> tuple[FloatArray, FloatArray]:
    from astropy.io import fits

    with fits.open(_resource("LSTCam.camgeom.fits.gz")) as hdus:
        table = hdus[1].data
        order = np.argsort(table["pix_id"])
        x = np.asarray(table["pix_x"], dtype=np.float64)[order]
        y = np.asarray(table["pix_y"], dtype=np.float64)[order]
    return x, y


def _read_pulse() -> tuple[FloatArray, float, float]:
    name = "oversampled_pulse_LST_8dynode_pix6_20200204.dat"
    rows = np.loadtxt(_resource(name))
    return rows[1:].T.copy(), float(rows[0, 1]), float(rows[0, 0])


def _pulse_templates(pulse: FloatArray, step: float, width: float) -> FloatArray:
    n_fine = FINE * (N_SAMPLES + LEAD_SAMPLES)
    p_e = (np.arange(n_fine) + 0.5) / FINE - LEAD_SAMPLES
    samples = np.arange(N_SAMPLES)
    # the pulse of a photoelectron peaks, in high gain, at its time
    age = (samples - p_e[:, np.newaxis]) * width + pulse[0].argmax() * step
    grid = np.arange(pulse.shape[1]) * step
    shapes = [np.interp(age, grid, p, left=0, right=0) * width / (p.sum() * step) for p in pulse]
    return np.array(shapes, dtype=np.float64)


def _pe_per_adc(n_pixels: int) -> FloatArray:
    """Both gains of a pixel differ from the mean alike: they see one photomultiplier."""
    spread = 1 + GAIN_SPREAD * np.random.default_rng(1).standard_normal(n_pixels)
    return np.asarray(np.outer(PE_PER_ADC, spread), dtype=np.float64)


@lru_cache(maxsize=1)
def lst_camera() -> Camera:
    """Return the toy LST-1 camera (built once per process)."""
    from scipy.spatial import cKDTree

    x, y = _read_pixels()
    tree = cKDTree(np.column_stack([x, y]))
    _, near = tree.query(tree.data, k=7, distance_upper_bound=1.2 * PIXEL_PITCH)
    half = int(np.ceil((np.hypot(x, y).max() + PIXEL_PITCH) / _CELL))
    centres = (np.arange(-half, half) + 0.5) * _CELL
    distance, nearest = tree.query(np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1))
    pulse, step, width = _read_pulse()
    return Camera(
        pixel_x=x,
        pixel_y=y,
        neighbors=near[:, 1:],
        pixel_map=np.where(distance < 0.55 * PIXEL_PITCH, nearest, -1),
        pulse=pulse,
        pulse_step=step,
        sample_width=width,
        templates=_pulse_templates(pulse, step, width),
        pe_per_adc=_pe_per_adc(len(x)),
    )
