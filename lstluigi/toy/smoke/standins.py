"""What stands in for the data that a production reads from outside: links to toy data."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lstluigi.errors import LstluigiError
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep
from lstluigi.stages import checks
from lstluigi.stages.base import Reading
from lstluigi.toy.smoke.configs import moved
from lstluigi.toy.smoke.particles import particle_of
from lstluigi.toy.smoke.toy import Level, Toy

#: The level of a reading by what is checked of its files.
_LEVELS = (
    (checks.DL0, Level.DL0),
    (checks.DL1_WITH_IMAGES, Level.DL1),
    (checks.DL1, Level.DL1),
    (checks.DL1_WITH_EVENTS, Level.DL1),
    (checks.MODEL, Level.MODELS),
    (checks.DL2, Level.DL2),
)
_WILD = re.compile(r"[*?]|\[[^]]*\]")


@dataclass(frozen=True)
class StandIn:
    """Toy data for one reading of a step.

    Attributes
    ----------
    path
        What the step reads: a file, or a directory.
    pattern
        The files below the directory.
    level, particle
        What is put there.
    """

    path: str
    pattern: str | None
    level: Level
    particle: str

    def place(self, toy: Toy, root: Path) -> None:
        """Link the toy data to where the step looks for it, below another root."""
        files = toy.files(self.level, self.particle)
        target = Path(moved(self.path, root))
        if self.pattern is None:
            links = [(target, files[0])]
        else:
            directory = target / _concrete(os.path.dirname(self.pattern))
            links = [(directory / file.name, file) for file in files]
        for link, file in links:
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():  # two steps may read the same
                link.symlink_to(file)


def stand_ins(plan: Plan, chosen: Iterable[int]) -> Iterator[StandIn]:
    """What these steps read and no step of the production makes.

    Raises
    ------
    LstluigiError
        Where a stage reads something that there is no toy data for.
    """
    for node in (plan.steps[index] for index in chosen):
        seen: set[str] = set()
        for reading in plan.external(node):
            # DL0 is read with two patterns, and configs are read where they lie
            if reading.path not in seen and reading.check != checks.CONFIG:
                seen.add(reading.path)
                yield _stand_in(plan, node, reading)


def _stand_in(plan: Plan, node: PlannedStep, reading: Reading) -> StandIn:
    level = next((level for check, level in _LEVELS if check == reading.check), None)
    if level is None:
        raise LstluigiError(
            f"{node.step.where()}: there is no toy data for {reading.path}; the stage "
            f"{node.step.stage} cannot be smoke-tested where its input comes from outside"
        )
    particle = particle_of(reading.path, plan.config.prod_id)
    return StandIn(reading.path, reading.pattern, level, particle)


def _concrete(pattern: str) -> str:
    """A directory that matches a pattern of directories."""
    parts = (part for part in pattern.split("/") if part != "**")
    return "/".join(_WILD.sub("0", part) for part in parts)
