"""When is a product whole? An exit code of 0 does not tell: facts measured on lstchain 0.12.3.

A truncated or killed run leaves readable files behind; each check names what is written last, or
what a reader needs. `scripts/runner.py` carries the checks out on the compute side.
"""

from __future__ import annotations

from lstluigi.jobs.spec import Check

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
THROWN = "/simulation/thrown_event_distribution"
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"

#: DL1 of simulations: the histogram of thrown events is written last; no row means no trigger.
DL1: Check = {"hdf5": [THROWN], "absent": ["/_temp_table"], "nonempty": [PARAMETERS]}
DL1_WITH_IMAGES: Check = {**DL1, "hdf5": [THROWN, IMAGES]}
#: Real DL1 that noise is measured in, by interleaved events: what lstchain_tune_nsb reads.
REAL_DL1: Check = {
    "hdf5": [
        IMAGES,
        PARAMETERS,
        *(f"/dl1/event/telescope/monitoring/{x}" for x in ("calibration", "pedestal", "flatfield")),
    ]
}
#: The config of a tool.
CONFIG: Check = {"json": []}
#: A merged file: a file that lstchain leaves out, or a killed merge, costs rows, not the exit code.
MERGED: Check = {**DL1, "sum_of_links": PARAMETERS}
#: DL1 of HiPeRTA, of the one telescope it was told to do.
HIPERTA_DL1: Check = {"hdf5": ["/dl1/event/telescope/parameters/tel_001"]}
#: DL2: a failure leaves a file that holds provenance only.
DL2: Check = {"hdf5": [DL2_PARAMETERS], "nonempty": [DL2_PARAMETERS]}
#: What was reconstructed for assumed positions of the source has a table of its own, written last.
_OF_A_SOURCE = "/dl2/event/telescope/parameters_src_dependent/LST_LSTCam"
DL2_OF_A_SOURCE: Check = {
    "hdf5": [DL2_PARAMETERS, _OF_A_SOURCE],
    "nonempty": [DL2_PARAMETERS, _OF_A_SOURCE],
}
#: A random forest: tens of GB at production scale, so it is not loaded.
MODEL: Check = {"joblib": True}
IRF: Check = {"fits": ["EFFECTIVE AREA", "ENERGY DISPERSION"]}
SENSITIVITY: Check = {"fits": ["SENSITIVITY", "GH_CUTS", "ANGULAR_RESOLUTION"]}
PLOT: Check = {"png": True}
TABLE: Check = {"file": True}
LINK: Check = {"link": True}
