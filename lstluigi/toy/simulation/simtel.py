"""The sim_telarray objects of a file with one LST, in the order in which they are written.

Versions and field orders are those that pyeventio 1.16 and ctapipe 0.25 read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import camera as cam
from .camera import Camera
from .eventio import (
    array,
    container,
    data,
    differential,
    f32,
    i16,
    i32,
    signed_varint,
    string,
    unsigned_varint,
    var_string,
)
from .light import Photoelectrons
from .showers import OBSERVATION_HEIGHT, Beam, Pointing, Showers

TEL_ID = 1
#: What every file says of itself.
LABEL = "toy simulation by lstluigi, not CORSIKA, not sim_telarray, not for science"
#: All times are this fixed moment (2020-01-01 UTC) plus the number of the event in seconds.
START_TIME = 1577836800
#: Geomagnetic field at La Palma: total (uT), inclination and declination (rad), as in prod5.
MAGNETIC_FIELD = (38.773, 0.64819, -0.07534)
LATITUDE, LONGITUDE = 28.7615, -17.8915
N_GAINS = 2
N_DRAWERS = 1


@dataclass(frozen=True)
class Run:
    """What describes one file: run number, pointing, beam and the number of thrown showers."""

    number: int
    pointing: Pointing
    beam: Beam
    n_showers: int
    seed: int


def file_header(run: Run, camera: Camera) -> Iterator[bytes]:
    """Yield everything that stands before the first event."""
    yield _history(run)
    yield _global_meta()
    yield _run_header(run)
    yield _mc_run_header(run)
    yield _input_card(run)
    yield _camera_settings(camera)
    yield _camera_organization(camera)
    yield _pixel_settings(camera)
    yield data(2005, 0, TEL_ID, i32(0, 0))  # no disabled pixels
    yield data(2006, 0, TEL_ID, i32(*[0] * 15))  # camera software settings
    yield data(2007, 0, TEL_ID, i32(0, 0))  # no pointing correction
    yield data(2008, 0, TEL_ID, i16(0, 0), f32(*[0.0] * 12))  # drive settings
    yield _camera_monitoring(camera)
    yield _laser_calibration(camera)


def event(
    run: Run,
    showers: Showers,
    index: int,
    adc: npt.NDArray[np.uint16],
    true_image: Photoelectrons | None = None,
) -> Iterator[bytes]:
    """Yield the objects of one triggered shower.

    Parameters
    ----------
    run : Run
    showers : Showers
        All thrown showers of the run.
    index : int
        Which one; its number in the file is one more.
    adc : ndarray of uint16, shape (2, n_pixels, n_samples)
        What `Camera.digitise` returns.
    true_image : Photoelectrons, optional
        What the shower alone has brought to the camera; not written if not given.
    """
    number = index + 1
    event_id = 100 * number  # the last two digits count the uses of a shower
    yield _mc_shower(run, showers, index)
    north, east, _ = showers.core[index]
    yield data(2021, 1, event_id, i32(number), f32(north, -east))  # x north, y west
    if true_image is not None:
        photoelectrons = _photoelectrons(true_image, adc.shape[1])
        yield container(1204, 0, event_id, data(1208, 2, TEL_ID - 1, *photoelectrons))
    yield _array_event(run.pointing, event_id, number, adc)


def _history(run: Run) -> bytes:
    command = f"lstluigi simulate # {LABEL}"
    config = f"# run {run.number}, seed {run.seed}: {LABEL}"
    return container(
        70,
        1,
        0,
        data(71, 1, 0, i32(START_TIME), string(command)),
        data(72, 1, 0, i32(START_TIME), string(config)),
    )


def _global_meta() -> bytes:
    meta = {
        "LABEL": LABEL,
        "ARRAY_CONFIG_NAME": "toy LST-1",
        "SIMTEL_VERSION": LABEL,
        "*LATITUDE": str(LATITUDE),
        "*LONGITUDE": str(LONGITUDE),
        "ALTITUDE": str(OBSERVATION_HEIGHT),
    }
    pairs = b"".join(var_string(key) + var_string(value) for key, value in meta.items())
    return data(75, 0, -1, unsigned_varint(len(meta)), pairs)


def _run_header(run: Run) -> bytes:
    return data(
        2000,
        0,
        run.number,
        i32(run.number, START_TIME, -1, 0),  # Monte Carlo, tracking in azimuth and altitude
        f32(run.pointing.az, run.pointing.alt, 0.0, 0.0, 0.0),
        i32(1),
        i16(TEL_ID),
        f32(0.0, 0.0, 0.0),
        i32(1, 1),
        string(LABEL),
        string("lstluigi"),
    )


def _mc_run_header(run: Run) -> bytes:
    beam, pointing = run.beam, run.pointing
    return data(
        2001,
        4,
        run.number,
        i32(0, 0, START_TIME, 0, 0, START_TIME),
        f32(OBSERVATION_HEIGHT),
        i32(run.n_showers, 1, 1),
        f32(0.0, beam.max_impact, pointing.alt, pointing.alt, pointing.az, pointing.az),
        i32(int(beam.viewcone[1] > 0)),
        f32(*beam.viewcone, *beam.energy_range, beam.spectral_index, *MAGNETIC_FIELD, -1.0),
        i32(0, 0, 0, 0),
        f32(0.0, 300.0, 600.0),
        i32(0, 0),
    )


def _input_card(run: Run) -> bytes:
    beam, pointing = run.beam, run.pointing
    lines = (
        f"* {LABEL}",
        f"RUNNR  {run.number}",
        f"NSHOW  {run.n_showers}",
        f"SEED   {run.seed}",
        f"* particle {beam.particle.name.lower()}",
        f"* energy {beam.energy_range[0]:g} to {beam.energy_range[1]:g} TeV, "
        f"index {beam.spectral_index:g}",
        f"* zenith {pointing.zenith_deg:g} deg, azimuth {pointing.azimuth_deg:g} deg, "
        f"view cone {beam.viewcone[0]:g} to {beam.viewcone[1]:g} deg",
        f"* impact up to {beam.max_impact:g} m",
    )
    return data(1212, 0, 0, i32(len(lines)), *map(string, lines))


def _camera_settings(camera: Camera) -> bytes:
    x, y = camera.stored_pixels()
    hexagon = np.sqrt(3) / 2 * cam.PIXEL_PITCH**2
    return data(
        2002,
        5,
        TEL_ID,
        i32(camera.n_pixels),
        f32(cam.FOCAL_LENGTH, cam.EFFECTIVE_FOCAL_LENGTH),
        array(x, "f4"),
        array(y, "f4"),
        # flat camera, parallel pixels, one shape: hexagons with flat sides along y
        *map(signed_varint, (0, 1, 1, 3)),
        f32(hexagon, cam.PIXEL_PITCH),
        i32(cam.N_MIRRORS),
        f32(cam.MIRROR_AREA, cam.CAMERA_ROTATION),
    )


def _camera_organization(camera: Camera) -> bytes:
    n = camera.n_pixels
    # drawer; card, chip and channel of both gains; then an empty trigger sector list per pixel
    return data(
        2003,
        1,
        TEL_ID,
        i32(n, N_DRAWERS, N_GAINS, 0),
        array(np.zeros(n), "i2"),
        array(np.zeros((3, n, N_GAINS)), "i2"),
        array(np.zeros(n), "i2"),
    )


def _pixel_settings(camera: Camera) -> bytes:
    return data(
        2004,
        2,
        TEL_ID,
        i32(0, 0, 3, camera.n_pixels),
        array(np.zeros(camera.n_pixels), "i4"),
        i32(N_DRAWERS, 0, N_DRAWERS),
        i16(0, cam.N_SAMPLES),
        f32(camera.sample_width),
        i32(cam.N_SAMPLES),
        *map(signed_varint, camera.pulse.shape),
        f32(camera.pulse_step),
        array(camera.pulse, "f2"),
    )


def _camera_monitoring(camera: Camera) -> bytes:
    shape = (N_GAINS, camera.n_pixels)
    noise = np.broadcast_to(np.array(cam.ELECTRONIC_NOISE)[:, np.newaxis], shape)
    return data(
        2022,
        0,
        TEL_ID | 0x04 << 8,  # only pedestals and noise are given
        i16(0x04, 0x04),
        i32(0, START_TIME, 0),
        i16(0, camera.n_pixels, N_DRAWERS, N_GAINS),
        i32(START_TIME, 0),
        i16(cam.N_SAMPLES),
        array(np.full(shape, cam.PEDESTAL * cam.N_SAMPLES), "f4"),
        array(noise, "f4"),
    )


def _laser_calibration(camera: Camera) -> bytes:
    return data(
        2023,
        2,
        TEL_ID,
        i16(camera.n_pixels, N_GAINS),
        i32(0),
        array(camera.pe_per_adc, "f4"),
        f32(*[0.0] * 2 * N_GAINS),
        array(np.zeros_like(camera.pe_per_adc), "f4"),
    )


def _mc_shower(run: Run, showers: Showers, index: int) -> bytes:
    return data(
        2020,
        0,
        index + 1,
        i32(run.beam.particle.value),
        f32(showers.energy[index], showers.az[index], showers.alt[index]),
        f32(showers.first_height[index], showers.depth_of_maximum[index]),
        i16(0),
    )


def _photoelectrons(image: Photoelectrons, n_pixels: int) -> Iterator[bytes]:
    """Number and times of the photoelectrons of each pixel that has some."""
    drawn = np.bincount(image.pixel, minlength=n_pixels)
    counts = np.rint(image.weight * drawn).astype(np.int64)
    times = np.split(image.time[np.argsort(image.pixel, kind="stable")], np.cumsum(drawn)[:-1])
    lit = np.flatnonzero(counts)
    yield i32(int(counts.sum()), n_pixels)
    yield i16(0)  # neither amplitudes nor photons
    yield i32(len(lit))
    for pixel in lit:
        yield i16(int(pixel))
        yield i32(int(counts[pixel]))
        # one that was drawn with a weight stands for several at its time
        yield array(np.resize(times[pixel], counts[pixel]), "f4")


def _array_event(
    pointing: Pointing, event_id: int, number: int, adc: npt.NDArray[np.uint16]
) -> bytes:
    time = i32(START_TIME + number, 0)
    tel_trigger = i16(1, TEL_ID) + f32(0.0) + i16(1, TEL_ID) + unsigned_varint(1)
    trigger = data(2009, 2, event_id, time, time, i32(1, 1), tel_trigger)
    n_gains, n_pixels, n_samples = adc.shape
    samples = data(
        2013,
        3,
        TEL_ID << 12,
        i32(n_pixels),
        i16(n_gains, n_samples),
        differential(adc.reshape(-1, n_samples)),
    )
    header = data(2011, 0, TEL_ID, i32(number, event_id), time, time, i16(0))
    telescope = container(2200 + TEL_ID, 1, event_id, header, samples)
    tracking = data(2100 + TEL_ID, 0, TEL_ID | 0x100, f32(pointing.az, pointing.alt))
    return container(2010, 0, event_id, trigger, telescope, tracking)


def thrown_histogram(run: Run, showers: Showers) -> bytes:
    """Return the histogram (number 6) of all thrown showers in core distance and log10 energy."""
    x_bins, y_bins = (200, 0.0, max(1000.0, run.beam.max_impact)), (120, -3.0, 3.0)
    log_energy = np.log10(showers.energy)
    counts, _, _ = np.histogram2d(
        log_energy,
        showers.impact,
        bins=(y_bins[0], x_bins[0]),
        range=(y_bins[1:], x_bins[1:]),
    )
    n = len(showers)
    title = "Events, without weights (Ra3d, log10(E))"
    axes = [
        i32(0, 0) + f32(low, high, float(values.sum()), float(values.sum()))
        for (_, low, high), values in ((x_bins, showers.impact), (y_bins, log_energy))
    ]
    return data(
        100,
        2,
        0,
        i16(1),
        b"F",
        string(title),
        bytes(1 - len(title) % 2),  # a pad byte after a title of even length
        i32(6),
        i16(x_bins[0], y_bins[0]),
        i32(n, n),
        *axes,
        f32(n, n, *[0.0] * 8),
        array(counts, "f4"),
    )
