"""A step of a config as a node of the graph, and the units of work it consists of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from lstluigi.config import ProductionConfig, Step
from lstluigi.config.tool_config import TOOLS, ToolConfig, ToolConfigs
from lstluigi.jobspec import Check, Command, Meeting, Product
from lstluigi.production.places import Places
from lstluigi.production.targets import described
from lstluigi.stages.base import (
    SCRIPTS,
    SCRIPTS_DIRECTORY,
    TOOL_WORDS,
    Inputs,
    Made,
    Reading,
    Stage,
)

_NODE = re.compile(r"node_(?:corsika_)?theta_[\d.]+_az_[\d.]+_?")
_LINE = re.compile(r"dec_(?:min_)?\d{3,4}(?:_high_density)?")
_PARTICLE = re.compile(r"gamma-?diffuse|gamma|proton|electron", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """What a step does for one input file, or at once: see `lstluigi.stages.base`."""

    name: str
    commands: Sequence[Command]
    links: Sequence[tuple[str, str]]
    verify: Sequence[tuple[str, Check]]
    products: Sequence[Product]
    loads: Sequence[str] = ()
    without_events: Sequence[Command] = ()
    meeting: Meeting | None = None
    explain: Sequence[Command] = ()


@lru_cache(maxsize=4096)
def _short(path: str) -> str:
    """A path as ten hexadecimal digits."""
    return blake2b(os.fsencode(path), digest_size=5).hexdigest()


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of the config with its stage, as a node of the graph."""

    index: int
    step: Step
    stage: Stage
    readings: tuple[Reading, ...]
    makes: tuple[Made, ...]
    places: Places

    @property
    def kind(self) -> str:
        """What steps must have in common to share the start of a process."""
        loads = self.stage.loads
        return (
            self.stage.name if loads is None else f"{self.stage.name} {self.readings[loads].path}"
        )

    @property
    def output(self) -> str:
        """The path that names the step: the first that it makes."""
        return self.makes[0].path

    def item(self, name: str) -> str:
        """What a unit of work of the step is called among all of the production.

        The step goes by its product: another config, or another order of steps, still knows the
        jobs that make it.
        """
        return f"{self.step.stage}-{_short(self.output)}/{name}"

    def log(self, name: str) -> str:
        """Path of the log of a unit of work."""
        return os.path.join(self.places.logs, f"{name}.log")

    @property
    def many(self) -> list[int]:
        """Readings, by position, whose files are units of their own if those are files."""
        return [number for number, reading in enumerate(self.readings) if not reading.aside]

    @property
    def label(self) -> str:
        """Particle, line and node, as far as the paths tell, and the step's number."""
        found = [kind.findall(self.output)[-1:] for kind in (_PARTICLE, _LINE, _NODE)]
        words = [word.rstrip("_") for words in found for word in words]
        return " ".join([*words, f"step {self.step.number}"])

    def __str__(self) -> str:
        return f"{self.step.stage} step {self.step.number} ({self.output})"


@dataclass(frozen=True)
class OneFile:
    """Inputs of a unit that is one file, with what every unit reads."""

    node: PlannedStep
    inputs: Inputs
    reading: int
    file: str

    @property
    def lstchain(self) -> Mapping[str, Any]:
        return self.inputs.lstchain

    def __getitem__(self, reading: int) -> Sequence[str]:
        if self.node.readings[reading].aside:
            return self.inputs[reading]
        return [self.file] if reading == self.reading else []


class _NoFiles:
    """Inputs of a step of which no file is known."""

    lstchain: Mapping[str, Any] = {}

    def __getitem__(self, reading: int) -> Sequence[str]:
        return ()


NO_FILES: Inputs = _NoFiles()


def planned(index: int, step: Step, stage: Stage) -> PlannedStep:
    """A step as a node, with what its stage says of it."""
    makes = tuple(stage.makes(step))
    places = Places.of(makes, stage.logs)
    return PlannedStep(index, step, stage, tuple(stage.reads(step)), makes, places)


def unit(node: PlannedStep, inputs: Inputs, name: str) -> Unit:
    """A unit of work of a step, for one input file or for all."""
    stage, step = node.stage, node.step
    return Unit(
        name=os.path.basename(name),
        commands=stage.commands(step, inputs),
        links=stage.links(step, inputs),
        verify=[
            (file, reading.check)
            for number, reading in enumerate(node.readings)
            for file in inputs[number]
        ],
        products=stage.products(step, inputs),
        loads=() if stage.loads is None else inputs[stage.loads],
        without_events=stage.without_events(step, inputs),
        meeting=stage.meeting(step, inputs),
        explain=stage.explain(step, inputs),
    )


def tools_of(commands: Sequence[Command]) -> list[str]:
    """Tools whose config these commands read."""
    words = {word for command in commands for word in command}
    return [tool for tool, word in zip(TOOLS, TOOL_WORDS, strict=True) if word in words]


def tools_needed(nodes: Iterable[PlannedStep]) -> set[str]:
    """Tools whose config some of these steps read."""
    return {tool for node in nodes for tool in tools_of(general_commands(node, NO_FILES))}


def kept_config(node: PlannedStep, config: ToolConfig) -> str:
    """Path of the copy of a tool's config that is kept beside a step's product."""
    return _joined(node.places.logs, config.kept_name)


@lru_cache(maxsize=64)
def _joined(directory: str, name: str) -> str:
    """A path that all items of a step share, as one string."""
    return os.path.join(directory, name)


def resolved(
    commands: Sequence[Command], node: PlannedStep, configs: ToolConfigs
) -> tuple[Command, ...]:
    """Commands as a job runs them: with paths where the stage has stand-ins."""
    paths = {
        word: kept_config(node, configs[tool]) if tool in configs else ""
        for tool, word in zip(TOOLS, TOOL_WORDS, strict=True)
    }

    def word(given: str) -> str:
        if given in paths:
            return paths[given]
        if given.startswith(f"{SCRIPTS}/"):
            return _joined(SCRIPTS_DIRECTORY, given.removeprefix(f"{SCRIPTS}/"))
        return given

    return tuple(tuple(map(word, command)) for command in commands)


def general_commands(node: PlannedStep, inputs: Inputs) -> Sequence[Command]:
    """Commands of a step; where it is done file by file, `<file>` stands for each of them."""
    if node.stage.per_file:
        inputs = OneFile(node, inputs, 0, os.path.join(node.readings[0].path, "<file>"))
    return node.stage.commands(node.step, inputs)


def unread_of(node: PlannedStep, tool: str) -> frozenset[str]:
    """Top-level keys of a tool's config that the step's commands do not read."""
    return node.stage.unread if tool == "lstchain" else frozenset()


def recipe_content(
    node: PlannedStep, config: ProductionConfig, inputs: Inputs, configs: ToolConfigs
) -> dict[str, Any]:
    """What the content of a step's product depends on, apart from what is upstream."""
    commands = general_commands(node, inputs)
    used = [tool for tool in tools_of(commands) if tool in configs]
    source = config.source_environment
    return {
        "lstchain_config": None,
        **{f"{tool}_config": configs[tool].digest_without(unread_of(node, tool)) for tool in used},
        "stage": node.step.stage,
        "workflow": config.workflow_kind,
        "commands": [list(command) for command in commands],
        "settings": dict(node.stage.settings(node.step)),
        "reads": [[reading.path, reading.pattern] for reading in node.readings],
        "makes": described(node.makes),
        "environment": None
        if source is None
        else {"source_file": source.source_file, "conda_env": source.conda_env},
    }
