"""One toy DL0 file, from thrown showers to EventIO."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

from . import simtel
from .camera import lst_camera
from .eventio import write_file
from .light import TRIGGER_PE, develop, draw_photoelectrons, visible_light
from .showers import Beam, Pointing, Showers, throw

#: Showers that are developed at once, which bounds the memory.
BATCH = 5000
#: Showers with less expected light than this share of the trigger threshold are not drawn.
HOPELESS = 0.5


def simulate_file(
    path: str | Path,
    *,
    beam: Beam,
    pointing: Pointing,
    n_showers: int,
    seed: int,
    run_number: int = 1,
    noise_everywhere: bool = False,
    nsb: float = 1.0,
    true_images: bool = False,
) -> int:
    """Write one file of toy LST-1 DL0. Toy simulation, not CORSIKA, not for science.

    The file depends on the arguments alone, byte for byte.

    Parameters
    ----------
    path : path-like
        Ends in ``.simtel.gz`` or ``.simtel.zst``; appears once it is whole.
    beam : Beam
        What is thrown: particle, spectrum, view cone, impact.
    pointing : Pointing
    n_showers : int
        Thrown showers. Only those that trigger are written, all are counted.
    seed : int
        Of the random generator.
    run_number : int
        Becomes the observation id.
    noise_everywhere : bool
        Night-sky background in all pixels, not only around the image, and the true image beside
        it (ten times larger files; needed where noise itself is measured, as by
        ``lstchain_tune_nsb``).
    nsb : float
        Night-sky background, 1 for a dark field.
    true_images : bool
        The photoelectrons themselves beside each event, also without that noise (ctapipe
        processes DL1 again only where it comes from files with them).

    Returns
    -------
    int
        Number of triggered events.
    """
    run = simtel.Run(run_number, pointing, beam, n_showers, seed)
    counter = _Counter()
    # one thread: files are shared out among processes, and sums come out the same everywhere
    with threadpool_limits(1):
        shown = true_images or noise_everywhere
        write_file(Path(path), _objects(run, noise_everywhere, nsb, shown, counter))
    return counter.triggered


class _Counter:
    triggered = 0


def _objects(
    run: simtel.Run, noise_everywhere: bool, nsb: float, true_images: bool, counter: _Counter
) -> Iterator[bytes]:
    camera = lst_camera()
    rng = np.random.default_rng(run.seed)
    showers = throw(run.beam, run.pointing, run.n_showers, rng)
    yield from simtel.file_header(run, camera)
    for start in range(0, run.n_showers, BATCH):
        batch = _select(showers, slice(start, start + BATCH))
        cascades = develop(batch, run.beam.particle, rng)
        light = visible_light(cascades, len(batch), run.pointing)
        firsts = np.searchsorted(cascades.shower, np.arange(len(batch) + 1))
        for index in np.flatnonzero(light >= HOPELESS * TRIGGER_PE):
            rows = slice(firsts[index], firsts[index + 1])
            image = draw_photoelectrons(cascades, rows, run.pointing, camera, rng)
            if not image.triggers(camera.n_pixels):
                continue
            light_seen = (image.pixel, image.time, image.weight)
            adc = camera.digitise(*light_seen, rng, noise_everywhere=noise_everywhere, nsb=nsb)
            counter.triggered += 1
            true_image = image if true_images else None
            yield from simtel.event(run, showers, start + int(index), adc, true_image)
    yield simtel.thrown_histogram(run, showers)


def _select(showers: Showers, rows: slice) -> Showers:
    return Showers(
        showers.energy[rows],
        showers.direction[rows],
        showers.core[rows],
        showers.impact[rows],
        showers.first_depth[rows],
    )
