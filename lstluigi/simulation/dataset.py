"""Toy DL0 data sets, laid out as LSTProd2 (all-sky) or prod5 data are on the cluster.

All-sky, below ``<root>/mc/DL0/LSTProd2``::

    TrainingDataset/{GammaDiffuse,Protons}/DEC/sim_telarray/NODE/output_v1.4/
    TestDataset/sim_telarray/NODE/output_v1.4/                       gammas, ring of 0.4 deg
    TestDataset/{Protons,Electrons}/sim_telarray/NODE/output_v1.4/   for the sensitivity

prod5, below ``<root>/mc/DL0/20200629_prod5_trans_80``::

    {gamma-diffuse,proton,electron}/zenith_20deg/south_pointing/
    gamma/zenith_20deg/south_pointing/{off0.0deg,off0.4deg}/

The protons and electrons of the all-sky test nodes are an addition: LSTProd2 has none there.
Toy simulation, not CORSIKA, not for science.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from lstluigi.errors import LstluigiError

from .eventio import FORMATS
from .showers import MODEL_VERSION, Beam, Particle, Pointing
from .simtel import LABEL

#: Written at the root: the parameters the data set was made with.
PARAMETERS_FILE = "toy_dataset.json"
PROD5 = "20200629_prod5_trans_80"
PROD5_POINTING = Pointing(20.0, 180.0)
#: Offset of the source in ring data sets (deg).
RING = 0.4

Layout = Literal["allsky", "prod5"]
Preset = Literal["demo", "tiny"]


class SimulationError(LstluigiError):
    """A toy data set cannot be made as asked."""


#: Harder than the E^-2 of LSTProd2, so that few events reach to high energies.
INDEX = -1.8
#: Beams by the name of the sample.
BEAMS: Mapping[str, Beam] = {
    "gamma-diffuse": Beam(Particle.GAMMA, (0.02, 50.0), INDEX, (0.0, 3.0)),
    "gamma-ring": Beam(Particle.GAMMA, (0.02, 50.0), INDEX, (RING, RING)),
    "gamma-point": Beam(Particle.GAMMA, (0.02, 50.0), INDEX, (0.0, 0.0)),
    "proton": Beam(Particle.PROTON, (0.05, 100.0), INDEX, (0.0, 4.0), max_impact=600.0),
    "electron": Beam(Particle.ELECTRON, (0.02, 50.0), INDEX, (0.0, 4.0)),
}


@dataclass(frozen=True)
class Amount:
    """How many files a sample has and how many showers are thrown in each."""

    files: int
    showers: int


@dataclass(frozen=True)
class Size:
    """Pointings and amounts of a data set."""

    training_nodes: tuple[Pointing, ...]
    test_nodes: tuple[Pointing, ...]
    training: Mapping[str, Amount]
    test: Mapping[str, Amount]


_TRAINING_NODES = (Pointing(6.0, 180.0), Pointing(23.161, 99.261))
_TEST_NODES = (Pointing(14.984, 175.158),)

PRESETS: Mapping[str, Size] = {
    #: A whole production in minutes, with a sensitivity at its end.
    "demo": Size(
        _TRAINING_NODES,
        _TEST_NODES,
        training={"gamma-diffuse": Amount(2, 11_000), "proton": Amount(2, 30_000)},
        test={
            "gamma": Amount(2, 12_000),
            "proton": Amount(2, 35_000),
            "electron": Amount(1, 16_000),
        },
    ),
    #: For tests: seconds.
    "tiny": Size(
        _TRAINING_NODES,
        _TEST_NODES,
        training={"gamma-diffuse": Amount(1, 2_500), "proton": Amount(1, 5_000)},
        test={
            "gamma": Amount(1, 1_500),
            "proton": Amount(1, 4_000),
            "electron": Amount(1, 2_000),
        },
    ),
}


@dataclass(frozen=True)
class FilePlan:
    """One file to write."""

    path: str
    beam: Beam
    pointing: Pointing
    n_showers: int
    run_number: int
    seed: int


@dataclass
class Report:
    """What a run did: files written with their triggered events, and files left alone."""

    root: Path
    written: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    @property
    def events(self) -> int:
        """Triggered events in the files written."""
        return sum(self.written.values())

    def lines(self) -> list[str]:
        """Return one line per directory and a total, for the terminal."""
        totals: dict[str, list[int]] = {}
        for path, events in self.written.items():
            total = totals.setdefault(str(Path(path).parent), [0, 0])
            total[0] += 1
            total[1] += events
        lines = [f"{d}: {files} files, {events} events" for d, (files, events) in totals.items()]
        return [
            *lines,
            f"{self.root}: {len(self.written)} files written with {self.events} events, "
            f"{len(self.kept)} already there ({LABEL})",
        ]


def parse_pointing(text: str) -> Pointing:
    """Read ``zenith,azimuth`` in degrees.

    Raises
    ------
    SimulationError
        If the text is something else, or the zenith angle is not in [0, 75] deg.
    """
    try:
        zenith, azimuth = (float(part) for part in text.split(","))
    except ValueError:
        raise SimulationError(
            f"Pointing {text!r}: give zenith and azimuth in degrees, as in 20,180."
        ) from None
    if not 0 <= zenith <= 75 or not 0 <= azimuth <= 360:
        raise SimulationError(
            f"Pointing {text!r}: the zenith angle lies between 0 and 75 deg, "
            "the azimuth between 0 and 360 deg."
        )
    return Pointing(zenith, azimuth)


def plan_allsky(size: Size, declination: str, *, seed: int, format_: str) -> list[FilePlan]:
    """List the files of an all-sky data set."""
    base = "mc/DL0/LSTProd2"
    samples: list[tuple[str, str, Pointing, Amount]] = []
    directories = {"gamma-diffuse": "GammaDiffuse", "proton": "Protons"}
    for sample, amount in size.training.items():
        top = f"{base}/TrainingDataset/{directories[sample]}/{declination}/sim_telarray"
        samples += [
            (sample, f"{top}/{node.node}/output_v1.4", node, amount) for node in size.training_nodes
        ]
    below = {"gamma": "", "proton": "Protons/", "electron": "Electrons/"}
    for sample, amount in size.test.items():
        top = f"{base}/TestDataset/{below[sample]}sim_telarray"
        beam = "gamma-ring" if sample == "gamma" else sample
        samples += [
            (beam, f"{top}/{node.node}/output_v1.4", node, amount) for node in size.test_nodes
        ]
    return _plan(samples, seed=seed, format_=format_)


def plan_prod5(size: Size, *, seed: int, format_: str) -> list[FilePlan]:
    """List the files of a prod5 data set."""
    place = "zenith_20deg/south_pointing"
    gammas = size.test["gamma"]
    parts = [
        ("gamma-diffuse", f"gamma-diffuse/{place}", size.training["gamma-diffuse"]),
        ("proton", f"proton/{place}", size.training["proton"]),
        ("electron", f"electron/{place}", size.test["electron"]),
        ("gamma-point", f"gamma/{place}/off0.0deg", gammas),
        ("gamma-ring", f"gamma/{place}/off{RING}deg", gammas),
    ]
    return _plan(
        [(b, f"mc/DL0/{PROD5}/{d}", PROD5_POINTING, amount) for b, d, amount in parts],
        seed=seed,
        format_=format_,
    )


def _plan(
    samples: Iterable[tuple[str, str, Pointing, Amount]], *, seed: int, format_: str
) -> list[FilePlan]:
    plans: list[FilePlan] = []
    for name, directory, node, amount in samples:
        beam = BEAMS[name]
        stem = f"simtel_toy_{name}_theta_{node.zenith_deg:.3f}_az_{node.azimuth_deg:.3f}"
        for number in range(1, amount.files + 1):
            path = f"{directory}/{stem}_run{number}.simtel.{format_}"
            file_seed = _file_seed(seed, f"{directory}/{stem}_run{number}")
            run_number = len(plans) + 1
            plans.append(FilePlan(path, beam, node, amount.showers, run_number, file_seed))
    return plans


def _file_seed(seed: int, name: str) -> int:
    """Seed of one file: independent of the others, of their number and of their order."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "big") >> 1


def write(root: Path, plans: Sequence[FilePlan], *, n_jobs: int) -> Report:
    """Write the files that are not there yet.

    Parameters
    ----------
    root : Path
        Paths of the plans are relative to it.
    plans : sequence of FilePlan
    n_jobs : int
        Processes.

    Raises
    ------
    SimulationError
        If the root holds a toy data set made with other parameters.
    """
    _check_parameters(root, plans)
    report = Report(root, kept=[plan.path for plan in plans if (root / plan.path).exists()])
    missing = [plan for plan in plans if plan.path not in report.kept]
    arguments = [(str(root), plan) for plan in missing]
    if n_jobs <= 1 or len(missing) <= 1:
        events = list(map(_write_one, arguments))
    else:
        # spawn: a fork of a process with threads (Luigi, numpy) may hang
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(n_jobs, len(missing)), mp_context=context) as pool:
            events = list(pool.map(_write_one, arguments))
    report.written = {plan.path: n for plan, n in zip(missing, events, strict=True)}
    return report


def _write_one(argument: tuple[str, FilePlan]) -> int:
    from .simulate import simulate_file

    root, plan = argument
    return simulate_file(
        Path(root) / plan.path,
        beam=plan.beam,
        pointing=plan.pointing,
        n_showers=plan.n_showers,
        seed=plan.seed,
        run_number=plan.run_number,
    )


def _check_parameters(root: Path, plans: Sequence[FilePlan]) -> None:
    path = root / PARAMETERS_FILE
    files = {}
    for plan in plans:
        beam = asdict(plan.beam) | {"particle": plan.beam.particle.name.lower()}
        files[plan.path] = asdict(plan) | {"beam": beam}
        del files[plan.path]["path"]
    content = {"label": LABEL, "model_version": MODEL_VERSION, "files": files}
    text = json.dumps(content, indent=1) + "\n"
    if path.exists():
        if path.read_text() != text:
            raise SimulationError(
                f"{path}: this directory holds a toy data set made with other parameters; "
                "give another directory, or remove that one."
            )
        return
    root.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(text)
    partial.replace(path)


def _resized(
    amounts: Mapping[str, Amount], files: int | None, showers: int | None
) -> dict[str, Amount]:
    return {
        sample: Amount(files or amount.files, showers or amount.showers)
        for sample, amount in amounts.items()
    }


def run(
    layout: Layout,
    root: str | Path,
    *,
    preset: Preset = "demo",
    declination: str = "dec_2276",
    training_nodes: Sequence[str] = (),
    test_nodes: Sequence[str] = (),
    files: int | None = None,
    showers: int | None = None,
    seed: int = 1,
    n_jobs: int | None = None,
    format_: str = "gz",
) -> Report:
    """Write a toy data set; what is already there is left alone.

    Parameters
    ----------
    layout : {"allsky", "prod5"}
    root : path-like
        The data set goes to ``<root>/mc/DL0/...``.
    preset : {"demo", "tiny"}
        Nodes and amounts, where not given.
    declination : str
        Name of the training line (all-sky only).
    training_nodes, test_nodes : sequence of str
        ``zenith,azimuth`` in degrees (all-sky only; prod5 is at zenith 20 deg, south).
    files, showers : int, optional
        Files per sample and node, and thrown showers per file.
    seed : int
    n_jobs : int, optional
        Processes; all cores available if not given. The files do not depend on it.
    format_ : {"gz", "zst"}

    Returns
    -------
    Report

    Raises
    ------
    SimulationError
        If an argument is wrong or the root holds a data set with other parameters.
    """
    if layout not in ("allsky", "prod5"):
        raise SimulationError(f"Layout {layout!r} is not known: give allsky or prod5.")
    if preset not in PRESETS:
        raise SimulationError(f"Preset {preset!r} is not known: give {' or '.join(PRESETS)}.")
    if format_ not in FORMATS:
        raise SimulationError(f"Format {format_!r} is not known: give {' or '.join(FORMATS)}.")
    if layout == "prod5" and (training_nodes or test_nodes):
        raise SimulationError("The prod5 layout has one pointing: give nodes for allsky only.")
    if any(number is not None and number < 1 for number in (files, showers)):
        raise SimulationError("Give at least one file per sample and one shower per file.")
    base = PRESETS[preset]
    size = Size(
        tuple(map(parse_pointing, training_nodes)) or base.training_nodes,
        tuple(map(parse_pointing, test_nodes)) or base.test_nodes,
        _resized(base.training, files, showers),
        _resized(base.test, files, showers),
    )
    if layout == "allsky":
        plans = plan_allsky(size, declination, seed=seed, format_=format_)
    else:
        plans = plan_prod5(size, seed=seed, format_=format_)
    return write(Path(root), plans, n_jobs=n_jobs or len(os.sched_getaffinity(0)))
