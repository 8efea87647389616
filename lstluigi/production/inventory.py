"""The steps of a production with their files: what each reads and makes, and what is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lstluigi.config import ProductionConfig
from lstluigi.config.tool_config import ToolConfig, ToolConfigs
from lstluigi.errors import ConfigError, LstluigiError, Problem
from lstluigi.files import Listing, delete_file
from lstluigi.jobspec import Command
from lstluigi.production.external_inputs import Outside
from lstluigi.production.graph import Graph
from lstluigi.production.manifest import Manifest, sizes
from lstluigi.production.paths import Read, matches, parent, reaches
from lstluigi.production.step import (
    NO_FILES,
    OneFile,
    PlannedStep,
    Unit,
    general_commands,
    planned,
    resolved,
    tools_of,
    unit,
)
from lstluigi.production.targets import ProductTarget
from lstluigi.stages.base import WITH_LSTCHAIN, Made, Reading, Stage


class Files:
    """Files behind each reading of a step, found out when asked for, without those dropped."""

    def __init__(self, contents: Contents, node: PlannedStep) -> None:
        self._contents, self._node = contents, node

    @property
    def lstchain(self) -> Mapping[str, Any]:
        return self._contents.lstchain

    def __getitem__(self, reading: int) -> Sequence[str]:
        files, dropped = (
            self._contents.files(self._node, reading),
            self._contents.dropped(self._node),
        )
        return [file for file in files if file not in dropped] if dropped else files


class Contents:
    """The steps of a production that run, and the files of each.

    Parameters
    ----------
    config
        The production.
    stages
        Every stage of its workflow by name.
    configs
        Configs of the tools that its jobs call, as far as there are any.
    anew
        Steps, by index, whose products and manifests are taken as not there.
    """

    def __init__(
        self,
        config: ProductionConfig,
        stages: Mapping[str, Stage],
        configs: ToolConfigs,
        anew: frozenset[int] = frozenset(),
    ) -> None:
        self.config, self.configs = config, configs
        self._anew = anew
        self.listing = Listing()
        self.steps = [planned(i, step, stages[step.stage]) for i, step in enumerate(config.steps)]
        self.graph = Graph.build(
            [
                (node.makes, [Read(reading.path, reading.pattern) for reading in node.readings])
                for node in self.steps
            ]
        )
        self.outside = Outside(self.listing, self.graph, self.steps)
        self._files: dict[tuple[int, int], Sequence[str]] = {}
        self._finals: dict[int, Sequence[str]] = {}
        self._final_sets: dict[int, frozenset[str]] = {}
        self._manifests: dict[int, Manifest | None] = {}
        self._damaged: dict[int, str] = {}

    @property
    def lstchain(self) -> Mapping[str, Any]:
        """Content of the lstchain config; empty where the production has none."""
        return self.configs["lstchain"].content if "lstchain" in self.configs else {}

    def problems(self, node: PlannedStep) -> list[Problem]:
        """What is wrong with a step in itself, and beside the lstchain config."""
        return [*node.stage.problems(node.step), *self.conflicts(node)]

    def conflicts(self, node: PlannedStep) -> Sequence[Problem]:
        """What a step and the lstchain config do not agree on."""
        if "lstchain" not in self.configs or self.config.workflow_kind not in WITH_LSTCHAIN:
            return ()
        return node.stage.conflicts(node.step, self.lstchain)

    # what a step reads and makes

    def named_files(self, node: PlannedStep) -> Iterator[tuple[ToolConfig, str, str]]:
        """Files that the lstchain config of a step names: the config, its key, the path."""
        try:
            own = list(self.outside.configs(node))
        except ConfigError:  # which is told where configs are looked at
            own = []
        general = [config for tool, config in self.kept(node).items() if tool == "lstchain"]
        for config in own or general:
            for key, path in node.stage.named_files(config.content).items():
                yield config, key, path

    def producers(self, node: PlannedStep) -> list[PlannedStep]:
        """Steps that make something the step reads."""
        return [self.steps[i] for i in self.graph.producers[node.index]]

    def consumers(self, node: PlannedStep) -> list[PlannedStep]:
        """Steps that read something the step makes."""
        return [self.steps[i] for i in self.graph.consumers[node.index]]

    def data(self, node: PlannedStep, reading: Reading) -> Iterator[tuple[PlannedStep, Made]]:
        """What steps make of what a step reads by one of its readings."""
        for producer in self.producers(node):
            yield from ((producer, made) for made in producer.makes if _serves(made, reading))

    def external(self, node: PlannedStep) -> list[Reading]:
        """What the step reads and no step of this config makes."""
        return self.outside.external(node)

    def manifest(self, node: PlannedStep) -> Manifest | None:
        """What was written down about the step's inputs when it was first submitted.

        None also where it cannot be read any more, as `damage` tells.
        """
        if node.index not in self._manifests:
            known = node.index not in self._anew and self.listing.exists(node.places.manifest)
            self._damaged.pop(node.index, None)
            try:
                self._manifests[node.index] = Manifest.read(node.places.manifest) if known else None
            except LstluigiError as error:
                self._manifests[node.index], self._damaged[node.index] = None, str(error)
        return self._manifests[node.index]

    def damage(self, node: PlannedStep) -> Iterator[str]:
        """Why it is not known how a product was made: what was written down cannot be read."""
        if self.manifest(node) is None and node.index in self._damaged:
            yield self._damaged[node.index]

    def files(self, node: PlannedStep, reading: int) -> Sequence[str]:
        """Files behind one reading of a step, in the order of their paths."""
        key = (node.index, reading)
        if key not in self._files:
            self._files[key] = sorted(set(self._find(node, node.readings[reading])))
        return self._files[key]

    def _find(self, node: PlannedStep, reading: Reading) -> Iterator[str]:
        """Products of steps, and files from outside: a node that an earlier production made."""
        read = Read(reading.path, reading.pattern)
        for producer in self.producers(node):
            if reading.pattern is None:
                yield from (f for f in self.finals(producer) if f == reading.path)
            else:
                yield from (f for f in self.finals(producer) if matches(read, f))
        yield from self.outside.files(node, reading, self.manifest(node))

    def bare(self, node: PlannedStep) -> Iterator[str]:
        """Directories of which a step reads files, and finds none."""
        for path in dict.fromkeys(r.path for r in node.readings if r.pattern is not None):
            numbers = [i for i, reading in enumerate(node.readings) if reading.path == path]
            if not any(self.files(node, number) for number in numbers):
                yield path

    def unfilled(self, node: PlannedStep) -> list[str]:
        """Directories that a step makes, beside others, and in which it puts nothing."""
        filled = set(map(os.path.dirname, self.finals(node)))
        return [made.path for made in node.makes if made.directory and made.path not in filled]

    def units(self, node: PlannedStep) -> Iterator[Unit]:
        """The units of work of a step."""
        inputs = Files(self, node)
        if node.stage.per_file:
            for reading in node.many:
                for file in inputs[reading]:
                    yield unit(node, OneFile(node, inputs, reading, file), file)
        else:
            yield unit(node, inputs, node.places.label)

    def commands(self, node: PlannedStep) -> Sequence[Command]:
        """Commands of a step as jobs run them, with `<file>` for each where there are many."""
        return resolved(general_commands(node, Files(self, node)), node, self.configs)

    def kept(self, node: PlannedStep) -> ToolConfigs:
        """The configs that the step's commands read, those of tools that have none left out."""
        tools = tools_of(general_commands(node, NO_FILES))
        return {tool: self.configs[tool] for tool in tools if tool in self.configs}

    def finals(self, node: PlannedStep) -> Sequence[str]:
        """Every file that is expected of a step, at its final path."""
        if node.index not in self._finals:
            products = node.stage.products(node.step, Files(self, node))
            self._finals[node.index] = [p.final for p in products] or self._left_over(node)
        return self._finals[node.index]

    def final_set(self, node: PlannedStep) -> frozenset[str]:
        """The same, to look paths up in."""
        if node.index not in self._final_sets:
            self._final_sets[node.index] = frozenset(self.finals(node))
        return self._final_sets[node.index]

    def _left_over(self, node: PlannedStep) -> Sequence[str]:
        """What a directory holds whose inputs are gone and were never written down."""
        return [
            file
            for made in node.makes
            if made.directory
            for file in self.listing.glob(made.path, "*.h5")
        ]

    def dropped(self, node: PlannedStep) -> Mapping[str, str]:
        """Input files that may be missing, as long as the config allows for so many."""
        manifest = self.manifest(node)
        if manifest is None or not manifest.dropped:
            return {}
        return manifest.dropped if self.may_drop(node, manifest.dropped) else {}

    def may_drop(self, node: PlannedStep, files: Mapping[str, str]) -> bool:
        """Does the config allow for these input files to be missing?"""
        total = sum(len(self.files(node, number)) for number in node.many)
        allowed = node.step.max_failed_fraction * total
        return node.stage.per_file and len(files) <= allowed and len(files) < total

    def from_outside(self, node: PlannedStep) -> list[str]:
        """Files that a step reads from outside beside products of steps."""
        external = self.external(node)
        return [
            file
            for reading in node.readings
            if reading.pattern is not None and reading not in external
            for file in self.outside.files(node, reading, self.manifest(node))
        ]

    # what is there

    def target(self, node: PlannedStep) -> ProductTarget:
        """The step's product as a Luigi target."""
        return ProductTarget(node.output, self.finals(node), self.listing)

    def listed(self, node: PlannedStep) -> bool:
        """Is a path there that the step makes, if only an empty directory?"""
        return node.index not in self._anew and any(
            self.listing.exists(made.path) for made in node.makes
        )

    def there(self, node: PlannedStep) -> bool:
        """Is the whole product at its final path (as far as has been listed)?"""
        if not self.listed(node):
            return False
        finals = self.finals(node)
        return bool(finals) and all(self.listing.is_file(file) for file in finals)

    def begun(self, node: PlannedStep) -> bool:
        """Is at least one file of the product at its final path?"""
        if not self.listed(node):
            return False
        return any(self.listing.is_file(file) for file in self.finals(node))

    def forget(self, node: PlannedStep) -> None:
        """Look at the file system again for what a step makes."""
        for file in {os.path.dirname(f) for f in self.finals(node)} | {node.places.logs}:
            self.listing.forget(file)
        for made in node.makes:
            self.listing.forget(os.path.dirname(made.path))
        self.outside.forget(node)
        self._manifests.pop(node.index, None)
        self.forget_names()

    def let_go(self, node: PlannedStep) -> None:
        """Keep nothing of a step's files in memory while its jobs are under way."""
        for reading in node.readings:
            if reading.pattern is not None and reading in self.external(node):
                self.listing.forget(reading.path)
        self._manifests.pop(node.index, None)
        self.forget_names()

    def forget_names(self) -> None:
        """Let go of the paths of all files; they are put together again when asked for."""
        self._files.clear()
        self._finals.clear()
        self._final_sets.clear()

    def keep_manifest(self, node: PlannedStep, manifest: Manifest) -> None:
        """Write a manifest down and go by it from now on."""
        manifest.write(node.places.manifest)
        self.forget(node)

    def measure_anew(self, node: PlannedStep, files: Iterable[str]) -> None:
        """Write down the sizes of files of directories that are read again: some were mended."""
        manifest = self.manifest(node)
        inputs = {} if manifest is None else {d: dict(f) for d, f in manifest.inputs.items()}
        places = {r.path for r in node.readings if r.pattern is not None} & inputs.keys()
        for file in files:
            place = next((p for p in places if file.removeprefix(f"{p}/") in inputs[p]), None)
            if place is not None and os.path.exists(file):
                inputs[place].update(sizes(place, [file.removeprefix(f"{place}/")]))
        if manifest is not None and inputs != manifest.inputs:
            self.keep_manifest(node, replace(manifest, inputs=inputs))

    def forget_manifest(self, node: PlannedStep) -> None:
        """Let the next try read what is there then."""
        delete_file(node.places.manifest)
        self.forget(node)

    def drop(self, node: PlannedStep, failed: Mapping[str, str]) -> None:
        """Go on without input files that failed and may be missing."""
        manifest = self.manifest(node) or self.outside.manifest(node)
        self.keep_manifest(node, replace(manifest, dropped={**manifest.dropped, **failed}))


def _serves(made: Made, reading: Reading) -> bool:
    """Is something made among what is read?"""
    if reading.pattern is not None:
        return reaches(Read(reading.path, reading.pattern), made)
    return made.path in (reading.path, parent(reading.path)) or parent(made.path) == reading.path
