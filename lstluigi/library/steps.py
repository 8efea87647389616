"""What the steps of a production are about, read off their paths; damaged configs too."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from lstluigi.config.yaml12 import Value, YamlList, YamlMapping
from lstluigi.layouts.nodes import node, sample
from lstluigi.stages.dl1_to_dl2 import dl2_name

__all__ = ["TEST", "Summary", "contents_of"]

#: Key of the test nodes, which belong to no training line.
TEST = "test"
#: What reads simulations; where neither is there, the nodes are those that are reconstructed.
_FIRST_STAGES = ("r0_to_dl1", "dl1ab")
_FILES_OF = {"dl2_to_irfs": "irf", "dl2_to_sensitivity": "sensitivity"}


class _Step(NamedTuple):
    """The paths of a step."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    models: tuple[str, ...]

    @classmethod
    def read(cls, step: YamlMapping, base: str) -> _Step:
        """Take them from the config."""
        keys = ("input", "output", "path_model")
        return cls(*(tuple(_paths(step.get(key), base)) for key in keys))


@dataclass
class Summary:
    """What the steps of a production make and read.

    Attributes
    ----------
    counts : dict of str to int
        Different steps of each stage.
    models : dict of str to bool
        Directories of models, each with whether it is trained here.
    files : dict of str to list of str
        Paths of the DL2, IRF and sensitivity files (`PRODUCTS`).
    lines : list of str
        Training lines, in the order they appear.
    nodes : dict of str to dict of (float, float) to str
        Names of nodes by training line, and of the test nodes, one for each zenith distance and
        azimuth: particles may name a pointing differently.
    logs : list of str
        Directories beside products that hold the logs of the first step of each stage, of configs
        that would run.
    """

    counts: dict[str, int] = field(default_factory=dict)
    models: dict[str, bool] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    nodes: dict[str, dict[tuple[float, float], str]] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)

    @cached_property
    def groups(self) -> dict[str, dict[str, int]]:
        """The directories that hold each kind of file, above those of nodes, each with a count."""
        return {
            kind: dict(Counter(above_nodes(file) for file in files))
            for kind, files in self.files.items()
        }


def above_nodes(file: str) -> str:
    """Return the directory of a file, or the one above where that is a node's."""
    directory = os.path.dirname(file)
    parent, name = os.path.split(directory)
    return parent if node(name) is not None else directory


def contents_of(configs: Iterable[tuple[YamlMapping, str]]) -> Summary:
    """Read the steps of configs, those of stages that are not run too.

    Parameters
    ----------
    configs : iterable of (YamlMapping, str)
        Each config with the absolute directory its relative paths start from.
    """
    steps: dict[str, list[_Step]] = {}
    for value, base in configs:
        for stage, step in _steps(value):
            steps.setdefault(stage, []).append(_Step.read(step, base))
    # the same step in a second config (a restart) counts once
    steps = {stage: list(dict.fromkeys(listed)) for stage, listed in steps.items()}
    found = Summary({stage: len(listed) for stage, listed in steps.items()})
    for stage, listed in steps.items():
        _add(found, stage, listed)
    if not any(stage in steps for stage in _FIRST_STAGES):
        _add_nodes(found, (path for step in steps.get("dl1_to_dl2", ()) for path in step.inputs))
    about = [*found.models, *(path for group in found.groups.values() for path in group)]
    found.lines.extend(line for path in about if (line := sample(path).line) is not None)
    found.lines = list(dict.fromkeys(found.lines))
    return found


def _steps(value: YamlMapping) -> Iterator[tuple[str, YamlMapping]]:
    stages = value.get("stages")
    for stage, entries in stages.items() if isinstance(stages, YamlMapping) else ():
        # a single step written without a list is one, too
        listed = entries if isinstance(entries, YamlList) else [entries]
        yield from ((stage, entry) for entry in listed if isinstance(entry, YamlMapping))


def _paths(value: Value, base: str) -> Iterator[str]:
    """Yield the path, or the named paths, of a key."""
    given = value.values() if isinstance(value, YamlMapping) else [value]
    for path in given:
        if isinstance(path, str) and path:
            full = path if path.startswith("/") else f"{base}/{path}"
            yield full.rstrip("/") if "/." not in full and "//" not in full else _normal(full)


def _normal(path: str) -> str:
    return "/" + os.path.normpath(path).lstrip("/")


def _add(found: Summary, stage: str, steps: Sequence[_Step]) -> None:
    for step in steps:
        for model in step.models:
            found.models.setdefault(model, False)
    outputs = (path for step in steps for path in step.outputs)
    if stage in _FIRST_STAGES:
        _add_nodes(found, (path for step in steps for path in step.inputs))
    elif stage == "train_pipe":
        found.models.update((model, True) for model in outputs)
    elif stage == "dl1_to_dl2":
        found.files["dl2"] = [
            f"{directory}/{dl2_name(path)}"
            for step in steps
            for directory in step.outputs
            for path in step.inputs
        ]
    elif stage in _FILES_OF:
        found.files[_FILES_OF[stage]] = list(outputs)


def _add_nodes(found: Summary, paths: Iterable[str]) -> None:
    for path in paths:
        about = sample(path)
        if about.node is None:
            continue
        group = TEST
        if about.dataset == "training" and about.line is not None:
            group = about.line
            found.lines.append(about.line)
        pointing = about.node.zenith, about.node.azimuth
        found.nodes.setdefault(group, {}).setdefault(pointing, about.node.name)
