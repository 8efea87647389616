"""Toy DL1 "of real data": what lstchain's noise tuning reads of such a file, made of toy DL0.

A stand-in, not a file that lstchain's r0_to_dl1 of real data would write. Of a real file
``calculate_noise_parameters`` and ``get_pix_median_charges`` (lstchain/image/modifier.py) read:

- ``monitoring/{calibration,pedestal,flatfield}``: row 0 of the calibration run, then one for each
  set of interleaved events; gains by pixels, high gain first. Here charges are in p.e. already, so
  ``dc_to_pe`` is 1.
- ``parameters`` and ``image``: the images of events of type 2 (pedestals).

A pedestal event is made of pixels that no Cherenkov light has reached, drawn from the events of a
toy DL0 file that was simulated under a brighter sky.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstluigi.files import written

from .camera import FloatArray
from .showers import Beam, Pointing
from .simulate import simulate_file

#: Pedestal events of a file.
EVENTS = 400
#: lstchain's number of their type.
PEDESTAL = 2
PIXELS = 1855
#: Mean charge (p.e.) of the flat-field events, which no result depends on.
FLAT_FIELD = 75.0
_LEVEL = "/dl1/event/telescope"


def simulate_data(
    path: str | Path, *, beam: Beam, pointing: Pointing, n_showers: int, seed: int, nsb: float
) -> int:
    """Write DL1 that stands for real data under a sky of some brightness.

    Charges are those that lstchain's standard config for Monte Carlo finds.

    Parameters
    ----------
    path : path-like
        Appears once it is whole.
    beam, pointing, n_showers, seed
        Of the showers between whose images the sky is seen; see `simulate_file`.
    nsb : float
        Night-sky background, 1 for a dark field.

    Returns
    -------
    int
        Number of pedestal events.
    """
    from lstchain.io.config import get_mc_config  # type: ignore[import-untyped, unused-ignore]

    with tempfile.TemporaryDirectory() as scratch:
        dl0 = Path(scratch) / "sky.simtel.gz"
        sky = {"beam": beam, "pointing": pointing, "n_showers": n_showers, "seed": seed}
        simulate_file(dl0, **sky, noise_everywhere=True, nsb=nsb)  # type: ignore[arg-type]
        write_data_dl1(dl0, get_mc_config(), path)
    return EVENTS


def noise_charges(simtel: Path, lstchain: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
    """Charges (p.e.) of pixels without Cherenkov light, as pedestals and as showers are read.

    Parameters
    ----------
    simtel : Path
        DL0 with true images, and noise in all pixels.
    lstchain : mapping
        An lstchain config.

    Returns
    -------
    ndarray, ndarray
        Of equal length: by the extractor for pedestals, and by that for showers.
    """
    from ctapipe.calib.camera import CameraCalibrator  # type: ignore[import-untyped, unused-ignore]
    from ctapipe.io import EventSource  # type: ignore[import-untyped, unused-ignore]
    from traitlets.config import Config  # type: ignore[import-untyped, unused-ignore]

    pedestals = lstchain["LSTCalibrationCalculator"]["PedestalIntegrator"]
    found: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    with EventSource(input_url=simtel, config=Config(lstchain)) as source:
        calibrators = []
        for name, config in (
            (pedestals["charge_product"], pedestals),
            (lstchain["image_extractor"], lstchain),
        ):
            calibrator = CameraCalibrator(
                image_extractor_type=name, config=Config(config), subarray=source.subarray
            )
            calibrator.image_extractors[name].apply_integration_correction = True
            calibrators.append(calibrator)
        for event in source:
            dark = event.simulation.tel[1].true_image == 0
            for charges, calibrator in zip(found, calibrators, strict=True):
                calibrator(event)
                charges.append(event.dl1.tel[1].image[dark])
    return np.concatenate(found[0]), np.concatenate(found[1])


def write_data_dl1(simtel: Path, lstchain: Mapping[str, Any], path: str | Path) -> None:
    """Write the stand-in, as bright as a toy DL0 file.

    Parameters
    ----------
    simtel, lstchain
        As for `noise_charges`.
    path : path-like
        Appears once it is whole.
    """
    import tables  # type: ignore[import-untyped, unused-ignore]
    from astropy.table import Table
    from ctapipe.io import write_table

    fixed, showers = noise_charges(simtel, lstchain)
    images = np.random.default_rng(1).choice(showers, (EVENTS, PIXELS))
    with written(Path(path)) as half, tables.open_file(str(half), "w") as h5:
        for name, columns in _columns(images, float(fixed.std())).items():
            write_table(Table(columns), h5, f"{_LEVEL}/{name}")


def _columns(images: FloatArray, spread: float) -> dict[str, dict[str, Any]]:
    """Columns of the tables: `spread` is that of pedestals (p.e.)."""
    both_gains = np.ones((2, 2, PIXELS))  # calibration run and interleaved events
    calibration_id = np.zeros(2, int)
    return {
        "monitoring/calibration": {
            "unusable_pixels": np.zeros(both_gains.shape, bool),
            "dc_to_pe": both_gains,
        },
        "monitoring/pedestal": {
            "charge_std": both_gains * spread,
            "calibration_id": calibration_id,
        },
        "monitoring/flatfield": {
            "charge_mean": both_gains * FLAT_FIELD,
            "calibration_id": calibration_id,
        },
        "parameters/LST_LSTCam": {
            "event_type": np.full(EVENTS, PEDESTAL),
            "tel_id": np.ones(EVENTS, int),
        },
        "image/LST_LSTCam": {"image": images.astype(np.float32)},
    }
