"""Toy DL0 data sets: writing the files of `samples` in parallel, once.

Toy simulation, not CORSIKA, not for science.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lstluigi.errors import LstluigiError
from lstluigi.files import write_text
from lstluigi.production.places import PARAMETERS_FILE

from .eventio import FORMATS
from .light import MODEL_VERSION
from .samples import (
    PRESETS,
    PROD5_POINTING,
    Amount,
    FilePlan,
    Size,
    plan_allsky,
    plan_data,
    plan_prod5,
)
from .showers import Pointing
from .simtel import LABEL

#: Night-sky background (dark field: 1) up to which it makes sense: the brightest moonlight taken.
MAX_NSB = 50.0

Layout = Literal["allsky", "prod5"]
Preset = Literal["demo", "tiny", "noise", "wobble"]


class SimulationError(LstluigiError):
    """A toy data set cannot be made as asked."""


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
    from .real_data import simulate_data
    from .simulate import simulate_file

    root, plan = argument
    given: dict[str, Any] = {
        name: getattr(plan, name) for name in ("beam", "pointing", "n_showers", "seed")
    }
    path, nsb = Path(root) / plan.path, 1.0 if plan.nsb is None else plan.nsb
    if plan.real:
        return simulate_data(path, **given, nsb=nsb)
    everywhere = plan.nsb is not None
    number = plan.run_number
    return simulate_file(path, **given, run_number=number, noise_everywhere=everywhere, nsb=nsb)


def _check_parameters(root: Path, plans: Sequence[FilePlan]) -> None:
    path = root / PARAMETERS_FILE
    files = {}
    for plan in plans:
        beam = asdict(plan.beam) | {"particle": plan.beam.particle.name.lower()}
        if not plan.beam.offset:  # as before there were offsets
            del beam["offset"]
        files[plan.path] = asdict(plan) | {"beam": beam}
        for key in ("path", *("nsb",) * (plan.nsb is None), *("real",) * (not plan.real)):
            del files[plan.path][key]
    content = {"label": LABEL, "model_version": MODEL_VERSION, "files": files}
    text = json.dumps(content, indent=1) + "\n"
    if path.exists():
        if path.read_text() != text:
            raise SimulationError(
                f"{path}: this directory holds a toy data set made with other parameters; "
                "give another directory, or remove that one."
            )
        return
    write_text(str(path), text)


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
    nsb: float | None = None,
    data_nsb: float | None = None,
) -> Report:
    """Write a toy data set; what is already there is left alone.

    Parameters
    ----------
    layout : {"allsky", "prod5"}
    root : path-like
        The data set goes to ``<root>/mc/DL0/...``.
    preset : {"demo", "tiny", "noise", "wobble"}
        Nodes, amounts and skies, where not given.
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
    nsb : float, optional
        Night-sky background in all pixels, 1 for a dark field, with the true images beside it; if
        not given, that of a dark field around the image only.
    data_nsb : float, optional
        Night-sky background of DL1 that stands for real data, ``<root>/real/DL1/...``; not written
        if not given.

    Returns
    -------
    Report

    Raises
    ------
    SimulationError
        If an argument is wrong or the root holds a data set with other parameters.
    """
    _check(layout, preset, declination, format_, pointed=bool(training_nodes or test_nodes))
    if any(number is not None and number < 1 for number in (files, showers)):
        raise SimulationError("Give at least one file per sample and one shower per file.")
    for factor in (nsb, data_nsb):
        if factor is not None and not 0 <= factor <= MAX_NSB:
            raise SimulationError(f"NSB {factor}: give a factor between 0 and {MAX_NSB:g}.")
    base = PRESETS[preset]
    size = Size(
        tuple(map(parse_pointing, training_nodes)) or base.training_nodes,
        tuple(map(parse_pointing, test_nodes)) or base.test_nodes,
        _resized(base.training, files, showers),
        _resized(base.test, files, showers),
        base.nsb if nsb is None else nsb,
        base.data_nsb if data_nsb is None else data_nsb,
    )
    plans = _planned(layout, size, declination, seed, format_)
    return write(Path(root), plans, n_jobs=n_jobs or len(os.sched_getaffinity(0)))


def _check(layout: str, preset: str, declination: str, format_: str, *, pointed: bool) -> None:
    """Raise SimulationError for a word that is not known, or that goes with another layout."""
    if layout not in ("allsky", "prod5"):
        raise SimulationError(f"Layout {layout!r} is not known: give allsky or prod5.")
    if preset not in PRESETS:
        raise SimulationError(f"Preset {preset!r} is not known: give {' or '.join(PRESETS)}.")
    if format_ not in FORMATS:
        raise SimulationError(f"Format {format_!r} is not known: give {' or '.join(FORMATS)}.")
    if not re.fullmatch(r"dec_\w+", declination):
        raise SimulationError(f"Declination {declination!r}: give a name such as dec_2276.")
    if layout == "prod5" and pointed:
        raise SimulationError("The prod5 layout has one pointing: give nodes for allsky only.")


def _planned(layout: str, size: Size, declination: str, seed: int, format_: str) -> list[FilePlan]:
    """Every file of a data set of some size."""
    if layout == "allsky":
        plans = plan_allsky(size, declination, seed=seed, format_=format_)
    else:
        plans = plan_prod5(size, seed=seed, format_=format_)
    plans = [replace(plan, nsb=size.nsb) for plan in plans]
    if size.data_nsb is not None:
        pointing = size.test_nodes[0] if layout == "allsky" else PROD5_POINTING
        plans.append(plan_data(pointing, size.data_nsb, seed=seed))
    return plans
