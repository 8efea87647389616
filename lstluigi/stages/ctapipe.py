"""What the stages of the workflow `ctapipe` have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from lstluigi.config import Step
from lstluigi.jobspec import Command
from lstluigi.stages.base import CTAPIPE_CONFIG, fits_stem

#: Models, in the order in which they are trained and applied.
ENERGY, DISP, PARTICLE = MODELS = (
    *("energy_regressor.pkl", "disp_reconstructor.pkl"),
    "particle_classifier.pkl",
)
#: lstluigi's own option: ctapipe merges no files with one number, and nodes count from 1 again.
UNIQUE = "--unique-obs-id"
#: Options of ctapipe's tools that leave out what takes most of a file.
NO_IMAGES = ("--no-dl1-images", "--no-true-images")
#: What to do where ctapipe does not find the telescope it is told to read.
NO_TELESCOPE = {
    "UnknownTelescopeID": "write one that the file has as allowed_tels of the EventSource, or "
    "whatever else names telescopes in the ctapipe config"
}


def observation(simtel: str) -> int:
    """Number of a simtel file, made of its path: 48 bits."""
    return int(hashlib.sha256(simtel.encode()).hexdigest()[:12], 16)


def numbered(arguments: Sequence[str], simtel: str) -> list[str]:
    """The arguments, with the number of the file in place of lstluigi's own option."""
    number = f"--SimTelEventSource.override_obs_id={observation(simtel)}"
    return [number if argument == UNIQUE else argument for argument in arguments]


def process(source: str, made: str, options: Sequence[str]) -> Command:
    """How ctapipe makes DL1 of a file."""
    return ("ctapipe-process", *options, "-i", source, "-o", made, "-c", CTAPIPE_CONFIG)


def apply_models(source: str, made: str, models: Sequence[str]) -> Command:
    """How ctapipe applies models to the events of a file; their images are not copied."""
    named = [word for model in models for word in ("-r", model)]
    return ("ctapipe-apply-models", *NO_IMAGES, *named, "-i", source, "-o", made)


def irf_paths(step: Step) -> tuple[str, str, str]:
    """Paths of the IRFs, and beside them, under the same name, of the cuts and benchmarks."""
    stem = fits_stem(step.path("output"))
    return step.path("output"), f"{stem}_cuts.fits", f"{stem}_benchmarks.fits.gz"
