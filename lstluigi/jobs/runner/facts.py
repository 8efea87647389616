"""What HDF5 files of events say of themselves; `meeting` compares files by it.

A command may merge, train with or compare files that do not belong together, without a word. Each
file says which runs it holds, which showers were thrown in them from where, which particles, for
which telescopes, and which lstchain made it: that is read once for each file, and compared.
"""

from __future__ import annotations

import math
import os
from typing import Any, List, Tuple

from .base import Json, Unsound
from .hdf5 import open_hdf5, rows

# Of lstchain, and of ctapipe.
RUNS = ("/simulation/run_config", "/configuration/simulation/run")
EVENTS = (
    ("/dl2/event/telescope/parameters/LST_LSTCam", "mc_type"),
    ("/dl1/event/telescope/parameters/LST_LSTCam", "mc_type"),
    ("/simulation/event/subarray/shower", "true_shower_primary_id"),
)
TELESCOPES = "/configuration/instrument/subarray/layout"
MAKERS = {"LSTCHAIN_VERSION": "lstchain", "CTA ACTIVITY SOFTWARE VERSION": "ctapipe"}
# Primary particles in the numbering of sim_telarray.
PARTICLES = {0: "gamma", 1: "electron", 101: "proton"}
SAMPLE = 12  # rows of a table that are looked at for the particle of a product
ENERGIES = ("mc_energy", "true_energy")
FIRST = 5  # events by which a run is known
# What lstchain does not ask to be the same in all runs of a file that IRFs are made of.
MAY_DIFFER = ("run_number", "n_showers", "shower_prog_start", "detector_prog_start", "obs_id")
DEGREE = math.pi / 180
# Nearer than this (degrees) to the zenith, all azimuths are one; pointings are compared as rounded
# to it, since they are stored as 32-bit numbers.
PRECISION = 0.01
Run = Tuple[int, int, str]  # number, thrown showers, pointing


class Facts:
    """What a file says of itself.

    Attributes
    ----------
    path
        The file.
    runs
        Number, thrown showers and pointing of each run.
    particles, telescopes
        Names of particles; telescopes with their cameras. Empty where the file does not say.
    version
        Program that made it, and its version to the second number.
    events
        Rows of the table of events.
    twice
        Events that the file holds more than once.
    series
        Series of events with rising numbers: one for each run that has events.
    begin
        Numbers and energies of the first events, by which a copy is known.
    mixed
        Columns in which runs differ that were not simulated alike.
    old
        Whether its runs are described as lstchain did until 0.9.
    """

    def __init__(self, path: str, identities: bool = True) -> None:
        self.path = path
        self.runs: List[Run] = []
        self.particles: List[str] = []
        self.telescopes: List[str] = []
        self.version = ""
        self.events = self.twice = self.series = 0
        self.begin: Tuple[Any, ...] = ()
        self.mixed: List[str] = []
        self.old = False
        with open_hdf5(path) as h5:
            self._read(h5, identities)

    def _read(self, h5: Any, identities: bool) -> None:
        attributes = h5.root._v_attrs
        made_by = [name for name in MAKERS if name in attributes][:1]
        for name in made_by:
            numbers = str(attributes[name]).split(".")[:2]
            self.version = f"{MAKERS[name]} {'.'.join(numbers)}"
        for place in RUNS:
            if place in h5:
                config = h5.get_node(place).read()
                self.runs += map(run_of, config)
                self.old |= "n_showers" not in config.dtype.names
                self.mixed += [
                    n for n in config.dtype.names if n not in MAY_DIFFER and differs(config[n])
                ]
        if TELESCOPES in h5:
            layout = h5.get_node(TELESCOPES)
            self.telescopes = sorted(set(map(telescope_of, layout.read())))
        tables = [(place, column) for place, column in EVENTS if rows(h5, place)]
        for place, column in tables[:1]:
            table = h5.get_node(place)
            self.events = int(table.nrows)
            if column in table.colnames:
                step = 1 if identities else max(1, self.events // SAMPLE)
                found = set(table.read(step=step, field=column).tolist())
                self.particles = sorted(PARTICLES.get(n, f"primary {n}") for n in found)
            if identities:
                self.begin = first_events(table)
                twice, self.series = read_identities(table)
                self.twice = twice if len(self.pointings) <= 1 else 0  # numbers repeat elsewhere

    @property
    def pointings(self) -> List[str]:
        """The pointings of its runs, each once."""
        return sorted({pointing for _, _, pointing in self.runs})

    @property
    def showers(self) -> int:
        """Thrown showers of all runs."""
        return sum(showers for _, showers, _ in self.runs)

    def as_json(self) -> Json:
        """In short, for the result file."""
        return {
            "runs": len(self.runs),
            "showers": self.showers,
            "events": self.events,
            "pointings": self.pointings[:3],
            "particles": self.particles,
            "telescopes": self.telescopes[:3],
            "version": self.version,
        }


def run_of(row: Any) -> Run:
    """Return what a row of the table of runs says; an unknown number is 0."""
    names = row.dtype.names
    showers = int(row["n_showers"]) if "n_showers" in names else 0
    if not showers and "num_showers" in names:  # lstchain until 0.9
        showers = int(row["num_showers"])
    uses = int(row["shower_reuse"]) if "shower_reuse" in names else 1
    pointing = ""
    if {"min_alt", "max_alt", "min_az", "max_az"} <= set(names):
        alt, az = ((row[f"min_{x}"] + row[f"max_{x}"]) / 2 for x in ("alt", "az"))
        pointing = pointing_of(float(alt), float(az))
    return int(row["obs_id"]) if "obs_id" in names else 0, showers * uses, pointing


def pointing_of(alt: float, az: float) -> str:
    """Name a pointing (radians): at the zenith all azimuths are one, and 360 degrees are 0."""
    zenith = round(90 - alt / DEGREE, 2) + 0.0
    azimuth = round(az / DEGREE % 360, 2) % 360 if zenith >= PRECISION else 0.0
    return f"zenith {zenith:.2f}, azimuth {azimuth:.2f}"


def telescope_of(row: Any) -> str:
    """Return number and camera of a telescope."""
    names = row.dtype.names
    camera = row["camera_name"].decode() if "camera_name" in names else ""
    return f"{int(row['tel_id'])} {camera}".strip()


def read_identities(table: Any) -> Tuple[int, int]:
    """Count the events that are there more than once, and the runs by the order of events.

    sim_telarray numbers the events of a run upwards, and lstchain keeps their order. So a number
    that is lower than the one before it begins another run, even if both have one `obs_id`.
    """
    if not {"obs_id", "event_id"} <= set(table.colnames):
        return 0, 0
    import numpy

    run, event = (table.col(name).astype("int64") for name in ("obs_id", "event_id"))
    begins = (numpy.diff(run) != 0) | (numpy.diff(event) < 0)
    telescope = table.col("tel_id").astype("int64") if "tel_id" in table.colnames else 0
    _, number = numpy.unique(run, return_inverse=True)  # a run's own may have more than 32 bits
    found = (number.astype("int64") << 40) ^ (event << 8) ^ telescope  # of 23, 32 and 8 bits
    return int(len(found) - len(numpy.unique(found))), 1 + int(begins.sum())


def first_events(table: Any) -> Tuple[Any, ...]:
    """Return numbers and energies of the first events, which no other run has alike."""
    energy = next((name for name in ENERGIES if name in table.colnames), None)
    if energy is None or table.nrows < FIRST or "event_id" not in table.colnames:
        return ()
    head = table.read(stop=FIRST)
    return tuple((int(row["event_id"]), float(row[energy])) for row in head)


def differs(values: Any) -> bool:
    """Say whether not all values of a column are one."""
    return bool((values != values[:1]).any())


def facts_of(products: List[Json]) -> Json:
    """Return what products say of themselves, by their names: only HDF5 files with runs do."""
    found = {}
    for product in products[:3]:
        check = product["check"]
        if not any(key in check for key in ("events", "nonempty")):
            continue
        try:
            facts = Facts(product["made"], identities=False)
        except Unsound:  # of another kind
            continue
        if facts.runs:
            found[os.path.basename(product["final"])] = facts.as_json()
    return found
