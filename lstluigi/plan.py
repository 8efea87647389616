"""A production as a graph of steps, each with what it makes, and where each of them stands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from lstluigi.config import ProductionConfig
from lstluigi.errors import ConfigError, Problem
from lstluigi.files import Listing
from lstluigi.graph import Graph, Read, matches
from lstluigi.jobs.spec import Command
from lstluigi.outside import Outside
from lstluigi.products import Manifest, ProductTarget, sizes
from lstluigi.recipe import Content, Recipe, own_changes, recorded, short
from lstluigi.stages.base import WITH_LSTCHAIN, Reading, Stage
from lstluigi.steps import (
    NO_FILES,
    OneFile,
    PlannedStep,
    Unit,
    general_commands,
    planned,
    recipe_content,
    resolved,
    tools_of,
    unit,
)
from lstluigi.tool_config import ToolConfig, ToolConfigs, digest


class Standing(Enum):
    """Where a step stands before anything runs."""

    WHOLE = "whole"  #: product there, made by today's recipe or by hand
    PASSED = "passed"  #: product not there, but everything made of it is
    CHANGED = "changed"  #: product there, by another recipe than today's
    MISSING = "missing"


class _Fingerprint(NamedTuple):
    """What is remembered of a step's recipe."""

    name: str  #: of its product in the recipes of others
    digest: str
    outside: Mapping[str, str]  #: what recipes found beside files from outside add to upstream


class _Files:
    """Files behind each reading of a step, found out when asked for, without those dropped."""

    def __init__(self, plan: Plan, node: PlannedStep) -> None:
        self._plan, self._node = plan, node

    @property
    def lstchain(self) -> Mapping[str, Any]:
        return self._plan.lstchain

    def __getitem__(self, reading: int) -> Sequence[str]:
        files, dropped = self._plan.files(self._node, reading), self._plan.dropped(self._node)
        return [file for file in files if file not in dropped] if dropped else files


class Plan:
    """The steps of a production that run, and what is known of their products.

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
    accepted
        Steps, by index, whose products are taken as made by today's recipe.
    """

    def __init__(
        self,
        config: ProductionConfig,
        stages: Mapping[str, Stage],
        configs: ToolConfigs,
        anew: frozenset[int] = frozenset(),
        accepted: frozenset[int] = frozenset(),
    ) -> None:
        self.config, self.configs = config, configs
        self._anew, self.accepted = anew, accepted
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

    @property
    def lstchain(self) -> Mapping[str, Any]:
        """Content of the lstchain config; empty where the production has none."""
        return self.configs["lstchain"].content if "lstchain" in self.configs else {}

    def problems(self, node: PlannedStep) -> list[Problem]:
        """What is wrong with a step in itself, and beside the lstchain config."""
        stage, step = node.stage, node.step
        asked = "lstchain" in self.configs and self.config.workflow_kind in WITH_LSTCHAIN
        return [*stage.problems(step), *(stage.conflicts(step, self.lstchain) if asked else ())]

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

    def external(self, node: PlannedStep) -> list[Reading]:
        """What the step reads and no step of this config makes."""
        return self.outside.external(node)

    def manifest(self, node: PlannedStep) -> Manifest | None:
        """What was written down about the step's inputs when it was first submitted."""
        if node.index not in self._manifests:
            known = node.index not in self._anew and self.listing.exists(node.places.manifest)
            self._manifests[node.index] = Manifest.read(node.places.manifest) if known else None
        return self._manifests[node.index]

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

    def units(self, node: PlannedStep) -> Iterator[Unit]:
        """The units of work of a step."""
        inputs = _Files(self, node)
        if node.stage.per_file:
            for reading in node.many:
                for file in inputs[reading]:
                    yield unit(node, OneFile(node, inputs, reading, file), file)
        else:
            yield unit(node, inputs, node.places.label)

    def commands(self, node: PlannedStep) -> list[Command]:
        """Commands of a step as jobs run them, with `<file>` for each where there are many."""
        return resolved(general_commands(node, _Files(self, node)), node, self.configs)

    def kept(self, node: PlannedStep) -> ToolConfigs:
        """The configs that the step's commands read, those of tools that have none left out."""
        tools = tools_of(general_commands(node, NO_FILES))
        return {tool: self.configs[tool] for tool in tools if tool in self.configs}

    def finals(self, node: PlannedStep) -> Sequence[str]:
        """Every file that is expected of a step, at its final path."""
        if node.index not in self._finals:
            products = node.stage.products(node.step, _Files(self, node))
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

    # where a step stands

    def target(self, node: PlannedStep) -> ProductTarget:
        """The step's product as a Luigi target."""
        return ProductTarget(node.output, self.finals(node), self.listing)

    def there(self, node: PlannedStep) -> bool:
        """Is the whole product at its final path (as far as has been listed)?"""
        if node.index in self._anew:
            return False
        if not any(self.listing.exists(made.path) for made in node.makes):
            return False
        finals = self.finals(node)
        return bool(finals) and all(self.listing.is_file(file) for file in finals)

    def begun(self, node: PlannedStep) -> bool:
        """Is at least one file of the product at its final path?"""
        if node.index in self._anew:
            return False
        if not any(self.listing.exists(made.path) for made in node.makes):
            return False
        return any(self.listing.is_file(file) for file in self.finals(node))

    def forget(self, node: PlannedStep) -> None:
        """Look at the file system again for what a step makes."""
        for file in {os.path.dirname(f) for f in self.finals(node)} | {node.places.logs}:
            self.listing.forget(file)
        for made in node.makes:
            self.listing.forget(os.path.dirname(made.path))
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

    @cached_property
    def standings(self) -> list[Standing]:
        """Where each step stands, by index."""
        found: list[Standing] = [Standing.MISSING] * len(self.steps)
        for index in reversed(self.graph.order):
            after = {found[consumer] for consumer in self.graph.consumers[index]}
            found[index] = self._standing(self.steps[index], after)
        return found

    def _standing(self, node: PlannedStep, after: set[Standing]) -> Standing:
        """A change upstream shows in the recipes of all consumers; DL0 that has grown does not."""
        if after and after <= {Standing.WHOLE, Standing.PASSED}:
            grown = self.grown(node) and self.begun(node)
            return Standing.CHANGED if grown else Standing.PASSED
        if not self.begun(node):
            # nothing is made again for a changed product before the user has decided about it
            waits = Standing.CHANGED in after and Standing.MISSING not in after
            return Standing.PASSED if waits else Standing.MISSING
        if self.is_changed(node):
            return Standing.CHANGED
        return Standing.WHOLE if self.there(node) else Standing.MISSING

    @cached_property
    def heights(self) -> list[int]:
        """Number of steps that wait for each step, one behind the other, by index."""
        found = [0] * len(self.steps)
        for index in reversed(self.graph.order):
            found[index] = max((found[c] + 1 for c in self.graph.consumers[index]), default=0)
        return found

    @cached_property
    def tallest(self) -> int:
        """Length of the longest line of steps that wait for a step."""
        return max(self.heights, default=0)

    def to_do(self) -> list[PlannedStep]:
        """Steps that are not satisfied, in an order in which they can run."""
        satisfied = (Standing.WHOLE, Standing.PASSED)
        return [self.steps[i] for i in self.graph.order if self.standings[i] not in satisfied]

    # how a product was made

    def recipe(self, node: PlannedStep) -> Recipe:
        """Today's recipe of a step that is not in or behind a cycle.

        It is put together when asked for: each lists all that is upstream.
        """
        upstream: dict[str, str] = {}
        for index in sorted(self.graph.ancestors(node.index)):
            above = self._fingerprints[index]
            upstream |= above.outside
            upstream[above.name] = above.digest
        upstream |= self._fingerprints[node.index].outside
        return Recipe(self._content(node), upstream)

    @cached_property
    def _fingerprints(self) -> Mapping[int, _Fingerprint]:
        found: dict[int, _Fingerprint] = {}
        for index in self.graph.order:
            node = self.steps[index]
            outside: dict[str, str] = {}
            for record in self.outside.upstream(node):
                outside |= record["upstream"]
                outside[short(next(iter(record["content"]["makes"])))] = record["digest"]
            with suppress(ConfigError):  # told before anything runs
                for own in self.outside.configs(node):
                    outside[short(str(own.path))] = own.digest
            value = digest(self._content(node))
            found[index] = _Fingerprint(short(node.output), value, outside)
        return found

    def _content(self, node: PlannedStep) -> Content:
        return recipe_content(node, self.config, _Files(self, node), self.configs)

    def record(self, node: PlannedStep) -> Mapping[str, Any] | None:
        """The recipe kept beside the product; None if it was made by hand or by lstmcpipe."""
        if self.listing.exists(node.places.recipe):
            return recorded(node.places.recipe)
        return self.outside.record(node.output)

    def by_hand(self, node: PlannedStep) -> Iterator[str]:
        """Files of the product that are there and that lstluigi did not make."""
        record = self.record(node)
        files = self.finals(node) if record is None else record.get("by_hand", [])
        yield from (file for file in files if self.listing.exists(file))

    def is_changed(self, node: PlannedStep) -> bool:
        """Is something of the product there that was made differently from today's recipe?"""
        begun = self.begun(node) and self.record(node) is not None
        return begun and next(self.changes(node), None) is not None

    def changes(self, node: PlannedStep) -> Iterator[str]:
        """In which words the product's recipe, or what it is made of, differs from today's."""
        if node.index in self.accepted:
            return
        record, recipe = self.record(node), self.recipe(node)
        if record is not None:
            if record["digest"] != recipe.digest:
                yield from own_changes(record, recipe, self.configs)
            yield from self._changes_above(node, record["upstream"], recipe.upstream)
        if grown := self.grown(node):
            yield f"{len(grown)} new file(s) in its input, e.g. {grown[0]}"
        for file in self.outside.replaced(node, self.manifest(node) or Manifest()):
            yield f"{file} has another size than when it was read"

    def _changes_above(
        self, node: PlannedStep, before: Mapping[str, str], now: Mapping[str, str]
    ) -> Iterator[str]:
        """Products that it was made of and that are made differently now, or were not read."""
        changed = {name for name, value in before.items() if now.get(name, value) != value}
        if changed:
            paths = [*(n.output for n in self.steps), *(r.path for r in node.readings)]
            named = [path for path in paths if short(path) in changed]
            yield f"it was made of what is made differently now, e.g. {min(named, default='?')}"
        known = self.manifest(node) or Manifest()
        for producer in self.producers(node):
            if short(producer.output) not in before and not known.holds(producer.output):
                yield f"it did not read {producer.output}"

    def grown(self, node: PlannedStep) -> list[str]:
        """Files from outside that are on disk today and not in the manifest."""
        manifest = None if node.index in self.accepted else self.manifest(node)
        return [] if manifest is None else self.outside.grown(node, manifest)

    def accept_inputs(self, node: PlannedStep) -> None:
        """From now on, do without files that came later, and take replaced ones as they are."""
        manifest = self.manifest(node)
        if manifest is not None:
            inputs = {directory: dict(names) for directory, names in manifest.inputs.items()}
            for file in self.outside.replaced(node, manifest):
                directory, name = os.path.split(file)
                inputs[directory].update(sizes(directory, [name]))
            left = [*manifest.left, *self.grown(node)]
            self.keep_manifest(node, replace(manifest, inputs=inputs, left=left))

    def from_outside(self, node: PlannedStep) -> list[str]:
        """Files that a step reads from outside beside products of steps."""
        external = self.external(node)
        return [
            file
            for reading in node.readings
            if reading.pattern is not None and reading not in external
            for file in self.outside.files(node, reading, self.manifest(node))
        ]

    def keep_manifest(self, node: PlannedStep, manifest: Manifest) -> None:
        """Write a manifest down and go by it from now on."""
        manifest.write(node.places.manifest)
        self.forget(node)

    def drop(self, node: PlannedStep, failed: Mapping[str, str]) -> None:
        """Go on without input files that failed and may be missing."""
        manifest = self.manifest(node) or self.outside.manifest(node)
        self.keep_manifest(node, replace(manifest, dropped={**manifest.dropped, **failed}))
