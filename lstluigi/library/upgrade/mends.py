"""Small faults of a config in the current format, put right where only one thing can be meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from lstluigi.config import Shape, Unfit, sbatch
from lstluigi.config.load import TOP_KEYS
from lstluigi.config.model import Place
from lstluigi.config.steps import STEP_KEYS
from lstluigi.config.yaml12 import Value, YamlList, YamlMapping
from lstluigi.errors import shown

#: How like a known name a misspelt one has to be (difflib's ratio).
LIKE = 0.75
#: How much less like the next known name has to be.
MARGIN = 0.1


class Mender:
    """Puts right what is meant beyond doubt, and says what.

    Parameters
    ----------
    shapes : mapping of str to Shape
        The known stages.
    source : str
        The config's name for messages.
    """

    def __init__(self, shapes: Mapping[str, Shape], source: str) -> None:
        self._shapes, self._source = shapes, source
        self.said: list[str] = []

    def mended(self, top: YamlMapping) -> dict[str, Any]:
        """The config with its faults put right."""
        place = Place(self._source, top.line, lines=top.lines)
        content = self._renamed(top, TOP_KEYS, place)
        if isinstance(stages := content.get("stages"), YamlMapping):
            place = Place(self._source, stages.line, lines=stages.lines)
            named = self._renamed(stages, tuple(self._shapes), place)
            lines = dict(zip(named, stages.lines.values(), strict=True))
            content["stages"] = {
                name: self._steps(name, lines[name], steps) for name, steps in named.items()
            }
        if isinstance(listed := content.get("stages_to_run"), YamlList):
            content["stages_to_run"] = [self._stage(name, content) for name in listed]
        return content

    def _say(self, place: Place, key: str | None, what: str) -> None:
        self.said.append(f"{place.where(key)}: {what}.")

    def _renamed(self, given: YamlMapping, known: Collection[str], place: Place) -> dict[str, Any]:
        """The mapping with misspelt keys replaced by the only known one that they are like."""
        names: dict[str, Any] = {}
        for key, value in given.items():
            name = _meant(key, known, given)
            if name != key:
                self._say(place, key, f"it is written {name!r} now")
            names[name] = value
        return names

    def _stage(self, name: Value, content: Mapping[str, Any]) -> Value:
        if not isinstance(name, str):
            return name
        meant = _meant(name, tuple(self._shapes), content["stages_to_run"])
        if meant != name:
            place = Place(self._source)
            self._say(place, "stages_to_run", f"{shown(name)} is written {meant!r} now")
        return meant

    def _steps(self, stage: str, line: int, steps: Value) -> Any:
        if isinstance(steps, YamlMapping):
            self._say(Place(self._source, line, stage), None, "its only step is a list of one now")
            return [self._step(stage, 1, steps.line, steps)]
        if not isinstance(steps, YamlList):
            return steps
        return [
            self._step(stage, number, at, step)
            for number, (step, at) in enumerate(zip(steps, steps.lines, strict=True), 1)
        ]

    def _step(self, stage: str, number: int, line: int, step: Value) -> Any:
        if not isinstance(step, YamlMapping):
            return step
        place = Place(self._source, line, stage, number, step.lines)
        shape = self._shapes.get(stage, Shape())
        content = self._renamed(step, (*STEP_KEYS, *shape.extra_keys), place)
        for key, names in (("input", shape.input), ("output", shape.output)):
            if names != "path" and isinstance(inner := content.get(key), YamlMapping):
                content[key] = self._renamed(inner, names, place)
        if content.get("slurm_options") is not None and not content.get("extra_slurm_options"):
            try:
                options = sbatch.on_a_line(content["slurm_options"])
            except Unfit:
                return content  # loading tells what is wrong with it
            self._say(
                place, "slurm_options", "it is extra_slurm_options now, which lstmcpipe reads"
            )
            content = {
                "extra_slurm_options" if key == "slurm_options" else key: value
                for key, value in content.items()
                if key != "extra_slurm_options"
            }
            content["extra_slurm_options"] = options
        return content


def _meant(name: str, known: Collection[str], beside: Collection[Value]) -> str:
    """The known name that is meant by a misspelt one; the name itself where that is in doubt.

    It is beyond doubt if no other known name is nearly as like, and if neither it nor another
    misspelt form of it stands beside.
    """
    if name in known or not known:
        return name
    best, rival = [*_likest(name, known), (0.0, "")][:2]
    others = [k for k in beside if isinstance(k, str) and k not in known and k != name]
    taken = best[1] in beside or any(_likest(other, known)[0][1] == best[1] for other in others)
    clear = best[0] >= LIKE and best[0] - rival[0] >= MARGIN
    return best[1] if clear and not taken else name


def _likest(name: str, known: Collection[str]) -> list[tuple[float, str]]:
    """Known names with how like they are, the likest first."""
    matcher = difflib.SequenceMatcher(b=name[:100])
    ratios = []
    for other in known:
        matcher.set_seq1(other)
        ratios.append((matcher.ratio(), other))
    return sorted(ratios, reverse=True)
