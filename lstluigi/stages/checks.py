"""When is a product whole? An exit code of 0 does not tell.

Facts measured on lstchain 0.12.3, and on ctapipe 0.25.1 for the workflow `ctapipe`.

A truncated or killed run leaves readable files behind; each check names what is written last, or
what a reader needs. `scripts/runner` carries the checks out on the compute side.
"""

from __future__ import annotations

from lstluigi.jobspec import Check

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
RUN = "/simulation/run_config"
THROWN = "/simulation/thrown_event_distribution"
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"

#: DL1 of simulations: the histogram of thrown events is written last. A file without events is
#: whole: nothing has triggered, and its showers count.
DL1: Check = {"hdf5": [THROWN], "absent": ["/_temp_table"], "events": PARAMETERS}
DL1_WITH_IMAGES: Check = {**DL1, "of_events": [IMAGES]}
#: DL1 of which something is to be learnt or reconstructed.
DL1_WITH_EVENTS: Check = {**DL1, "nonempty": [PARAMETERS]}
#: Real DL1 that noise is measured in, by interleaved events: what lstchain_tune_nsb reads.
REAL_DL1: Check = {
    "hdf5": [
        IMAGES,
        PARAMETERS,
        *(f"/dl1/event/telescope/monitoring/{x}" for x in ("calibration", "pedestal", "flatfield")),
    ]
}
#: DL0: whether it is whole, only the command that reads it to its end can tell.
DL0: Check = {"simtel": True}
#: DL0 by which noise is tuned: without true images lstchain_tune_nsb finds a wrong number, and 0.
TRUE_IMAGES: Check = {"true_images": True}
#: The config of a tool.
CONFIG: Check = {"json": []}
#: A merged file: a file that lstchain leaves out, or a killed merge, costs rows, not the exit code.
MERGED: Check = {**DL1, "sum_of_links": [PARAMETERS, RUN, THROWN]}
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
SENSITIVITY: Check = {
    "fits": ["SENSITIVITY", "GH_CUTS", "ANGULAR_RESOLUTION"],
    "values": {"SENSITIVITY": ["flux_sensitivity", "n_background"]},
}
PLOT: Check = {"png": True}
TABLE: Check = {"file": True}
LINK: Check = {"link": True}

# ---- ctapipe

TRIGGER = "/dl1/event/subarray/trigger"
CTAPIPE_PARAMETERS = "/dl1/event/telescope/parameters"
CTAPIPE_IMAGES = "/dl1/event/telescope/images"
TRUTH = "/simulation/event/telescope/parameters"
SHOWERS = "/simulation/service/shower_distribution"
CTAPIPE_RUN = "/configuration/simulation/run"
#: Attribute of the reference metadata, which are written when all tables are.
METADATA = "CTA PRODUCT ID"

#: The distribution of thrown showers stands at the end of a simtel file: ctapipe-process takes a
#: truncated one for whole, and writes DL1 without the distribution.
CTAPIPE_DL1: Check = {
    "hdf5": [SHOWERS],
    "attributes": [METADATA],
    "events": TRIGGER,
    "of_events": [CTAPIPE_PARAMETERS],
}
CTAPIPE_DL1_WITH_EVENTS: Check = {**CTAPIPE_DL1, "nonempty": [TRIGGER]}
#: ctapipe 0.25 reads images of simulations again only if it finds those without noise beside them.
CTAPIPE_DL1_WITH_IMAGES: Check = {**CTAPIPE_DL1, "of_events": [CTAPIPE_IMAGES, TRUTH]}
#: ctapipe-merge can be told to skip files, and takes a first one without showers.
CTAPIPE_MERGED: Check = {**CTAPIPE_DL1, "sum_of_links": [TRIGGER, CTAPIPE_RUN, SHOWERS]}
#: Models are applied one after the other, in chunks of events: a killed run leaves short tables.
CTAPIPE_DL2: Check = {
    **CTAPIPE_DL1_WITH_EVENTS,
    "hdf5": [f"/dl2/event/subarray/{p}" for p in ("energy", "geometry", "particle_type")],
    "full": {"/dl2/event/subarray": TRIGGER},
}
CUTS: Check = {"fits": ["GH_CUTS", "RAD_MAX"]}
_RESOLUTIONS = dict.fromkeys(("ENERGY BIAS RESOLUTION", "ANGULAR RESOLUTION"), "N_EVENTS")
BENCHMARKS: Check = {"fits": list(_RESOLUTIONS), "values": _RESOLUTIONS}
BENCHMARKS_WITH_SENSITIVITY: Check = {
    "fits": [*_RESOLUTIONS, "SENSITIVITY"],
    "values": {**_RESOLUTIONS, "SENSITIVITY": "FLUX_SENSITIVITY"},
}

#: What to do where filters leave nothing.
NO_EVENT_LEFT = (
    "no event is left: widen the filters of the config (lstchain's events_filters), or simulate "
    "more showers"
)
#: What to do where images are wanted and not there.
IMAGES_MISSING = dict.fromkeys(
    (IMAGES, CTAPIPE_IMAGES), "take DL1 with images; a merge with --no-image leaves them out"
)


def irf(background: bool, psf: bool) -> Check:
    """Responses with numbers above zero in each.

    Parameters
    ----------
    background
        Whether particles for a rate of background are given.
    psf
        Whether the region of the source is open: point-like responses have no point spread.
    """
    columns = {"EFFECTIVE AREA": "EFFAREA", "ENERGY DISPERSION": "MATRIX"}
    if background:
        columns["BACKGROUND"] = "BKG"
    if psf:
        columns["PSF"] = "RPSF"
    return {"fits": list(columns), "values": columns}


def wants_images(check: Check) -> bool:
    """Must a file have images?"""
    needed = {*check.get("hdf5", ()), *check.get("of_events", ())}
    return not IMAGES_MISSING.keys().isdisjoint(needed)
