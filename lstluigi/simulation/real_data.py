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

import sys
from pathlib import Path
from typing import Any

import numpy as np

EVENTS = 100
PEDESTAL = 2
MONITORING = "/dl1/event/telescope/monitoring"


def noise_charges(simtel: Path, content: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Charges (p.e.) of pixels without Cherenkov light, as pedestals and as showers are read."""
    from ctapipe.calib.camera import CameraCalibrator
    from ctapipe.io import EventSource
    from traitlets.config import Config

    pedestals = content["LSTCalibrationCalculator"]["PedestalIntegrator"]
    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    with EventSource(input_url=simtel, config=Config(content)) as source:
        calibrators = []
        for name, config in (
            (pedestals["charge_product"], pedestals),
            (content["image_extractor"], content),
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


def write_data_dl1(simtel: Path, content: dict[str, Any], path: Path) -> None:
    """Write the stand-in, as bright as a toy DL0 file."""
    import tables
    from astropy.table import Table
    from ctapipe.io import write_table

    fixed, showers = noise_charges(simtel, content)
    rng = np.random.default_rng(1)
    pixels = 1855
    images = rng.choice(showers, (EVENTS, pixels)).astype(np.float32)
    both_gains = np.ones((2, 2, pixels))  # calibration run and interleaved events
    tables_of = {
        f"{MONITORING}/calibration": {
            "unusable_pixels": np.zeros(both_gains.shape, bool),
            "dc_to_pe": both_gains,
        },
        f"{MONITORING}/pedestal": {
            "charge_std": both_gains * fixed.std(),
            "calibration_id": np.zeros(2, int),
        },
        f"{MONITORING}/flatfield": {
            "charge_mean": both_gains * 75,
            "calibration_id": np.zeros(2, int),
        },
        "/dl1/event/telescope/parameters/LST_LSTCam": {
            "event_type": np.full(EVENTS, PEDESTAL),
            "tel_id": np.ones(EVENTS, int),
        },
        "/dl1/event/telescope/image/LST_LSTCam": {"image": images},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tables.open_file(str(path), "w") as h5:
        for name, columns in tables_of.items():
            write_table(Table(columns), h5, name)


if __name__ == "__main__":
    import json

    write_data_dl1(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]))
