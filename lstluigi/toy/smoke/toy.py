"""Toy data of every level: DL0 from the simulation, the rest from it by lstchain.

The lstchain config is that of the production under test, so what an earlier production is to have
made fits what is made of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any

from lstluigi.stages.r0_to_dl1 import dl1_name

#: Where the toy telescope points (zenith, azimuth in deg), whatever the nodes are called: events
#: come in numbers that are known, and all steps of a particle share the same files.
POINTING = (20.0, 180.0)
#: Thrown showers in a file: some hundred events, which all stages can work with.
SHOWERS: Mapping[str, int] = {
    "gamma-diffuse": 2_500,
    "proton": 5_000,
    "gamma-ring": 2_000,
    "gamma-point": 2_000,
    "electron": 2_500,
}
TRAINING = {"gamma": "gamma-diffuse", "proton": "proton"}


class Level(IntEnum):
    """What a path holds."""

    DL0 = 0
    DL1 = 1  #: with images
    MODELS = 2
    DL2 = 3


class Toy:
    """Toy data below a directory.

    Parameters
    ----------
    root : Path
        The directory.
    files : int
        Files of each particle.
    """

    def __init__(self, root: Path, files: int) -> None:
        self.root = root
        self._numbers = range(1, files + 1)

    def files(self, level: Level, particle: str) -> list[Path]:
        """Files of a level, whether they are there yet or not; all the models there are."""
        if level is Level.MODELS:
            return sorted((self.root / "models").glob("*.sav"))
        directory = self.root / level.name / particle
        dl0 = [f"simtel_toy_{particle}_run{number}.simtel.gz" for number in self._numbers]
        if level is Level.DL0:
            return [directory / name for name in dl0]
        dl1 = [dl1_name(name) for name in dl0]
        names = dl1 if level is Level.DL1 else [name.replace("dl1", "dl2", 1) for name in dl1]
        return [directory / name for name in names]

    def simulate(self, particles: Iterable[str]) -> int:
        """Write the DL0 of these particles on all cores; return the number of events."""
        from lstluigi.toy.simulation import Pointing
        from lstluigi.toy.simulation.dataset import write
        from lstluigi.toy.simulation.samples import BEAMS, FilePlan

        node = Pointing(*POINTING)
        paths = [(p, file) for p in sorted(particles) for file in self.files(Level.DL0, p)]
        plans = [
            FilePlan(str(path.relative_to(self.root)), BEAMS[p], node, SHOWERS[p], number, number)
            for number, (p, path) in enumerate(paths, start=1)
        ]
        return write(self.root, plans, n_jobs=len(os.sched_getaffinity(0))).events

    def steps(self, wanted: Iterable[tuple[Level, str]]) -> dict[str, list[dict[str, Any]]]:
        """Steps of the production that makes what is wanted beyond DL0; empty for none."""
        levels = {(level, p) for level, p in wanted if level is not Level.DL0}
        models = any(level in (Level.MODELS, Level.DL2) for level, _ in levels)
        dl1 = {p for level, p in levels if level is not Level.MODELS}
        dl1 |= set(TRAINING.values()) if models else set()
        stages: dict[str, list[dict[str, Any]]] = {
            "r0_to_dl1": [
                {"input": self._directory(Level.DL0, p), "output": self._directory(Level.DL1, p)}
                for p in sorted(dl1)
            ],
            "train_pipe": [
                {
                    "input": {key: str(self.files(Level.DL1, p)[0]) for key, p in TRAINING.items()},
                    "output": str(self.root / "models"),
                }
            ]
            * models,
            "dl1_to_dl2": [
                {
                    "input": str(file),
                    "path_model": str(self.root / "models"),
                    "output": self._directory(Level.DL2, p),
                }
                for p in sorted({p for level, p in levels if level is Level.DL2})
                for file in self.files(Level.DL1, p)
            ],
        }
        return {stage: steps for stage, steps in stages.items() if steps}

    def particles(self, wanted: Iterable[tuple[Level, str]]) -> set[str]:
        """Particles that have to be simulated for what is wanted."""
        levels = list(wanted)
        found = {p for level, p in levels if level is not Level.MODELS}
        if any(level in (Level.MODELS, Level.DL2) for level, _ in levels):
            found |= set(TRAINING.values())
        return found

    def _directory(self, level: Level, particle: str) -> str:
        return str(self.root / level.name / particle)
