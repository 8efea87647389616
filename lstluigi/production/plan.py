"""Where each step of a production stands, and how its product was made."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, NamedTuple

from lstluigi.config import ProductionConfig
from lstluigi.config.tool_config import ToolConfigs, digest, without
from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.jobs.ledger import is_released, read_ledger
from lstluigi.production.inventory import Contents, Files
from lstluigi.production.manifest import Manifest, sizes
from lstluigi.production.recipe import (
    Change,
    Content,
    Recipe,
    accepted_changes,
    few,
    moved,
    own_changes,
    path_of,
    recorded,
    short,
)
from lstluigi.production.states import State
from lstluigi.production.step import PlannedStep, recipe_content
from lstluigi.stages.base import Stage


class _Fingerprint(NamedTuple):
    """What is remembered of a step's recipe."""

    name: str  #: of its product in the recipes of others
    digest: str
    outside: Mapping[str, str]  #: what recipes found beside files from outside add to upstream


class _Kept(NamedTuple):
    """What is remembered of the recipe beside a step's product."""

    there: bool
    damage: str = ""  #: why it cannot be read
    accepted: tuple[str, ...] = ()  #: how it differed when the user kept the product


class Plan(Contents):
    """Where each step of a production stands, and how its product was made.

    Parameters
    ----------
    config, stages, configs, anew
        As for its contents.
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
        super().__init__(config, stages, configs, anew)
        self.accepted = accepted
        self._kept: dict[int, _Kept] = {}
        self._lacks: dict[int, str] = {}
        self._before: dict[str, Mapping[str, str]] = {}

    @cached_property
    def states(self) -> list[State]:
        """Where each step stands, by index."""
        found: list[State] = [State.MISSING] * len(self.steps)
        for index in reversed(self.graph.order):
            after = {found[consumer] for consumer in self.graph.consumers[index]}
            found[index] = self._state(self.steps[index], after)
        return found

    def is_lost(self, node: PlannedStep) -> bool:
        """Is a delivered product not there, though everything that is made of it is?"""
        after = self.graph.consumers[node.index]
        return (
            node.stage.delivered
            and self.states[node.index] in (State.MISSING, State.GONE)
            and bool(after)
            and all(self.states[consumer].satisfied for consumer in after)
        )

    def missed(self) -> Iterator[str]:
        """Sentences about delivered products that are lost: are they made again, or why not?"""
        lost: dict[str, list[PlannedStep]] = defaultdict(list)
        for node in filter(self.is_lost, self.steps):
            gone = self.states[node.index] is State.GONE
            lost[self.why_gone(node) if gone else ""].append(node)
        for why, nodes in lost.items():
            what = f"{len(nodes)} product(s) are lost, e.g. {nodes[0].output}"
            if why:
                yield f"{what}; a run does not make them again: {why}"
            else:
                yield f"{what}; a run makes them again and keeps what was made of them"
        if waiting := [node for node in self.steps if self._waits_for_user(node)]:
            what = f"{len(waiting)} product(s) are not there, e.g. {waiting[0].output}"
            yield f"{what}; what was made of them is outdated, so first decide about that"

    def _waits_for_user(self, node: PlannedStep) -> bool:
        """Is a delivered product not there, and what was made of it is outdated?"""
        after = (self.states[consumer] for consumer in self.graph.consumers[node.index])
        return node.stage.delivered and not self.there(node) and State.OUTDATED in after

    def _state(self, node: PlannedStep, after: set[State]) -> State:
        """A change upstream shows in the recipes of all consumers; DL0 that has grown does not.

        A product whose recipe cannot be read is outdated, too: the user decides.
        """
        if node.index in self._anew:
            return State.MISSING
        if after and all(state.satisfied for state in after):
            if node.stage.delivered and not self.there(node):
                return self._missed(node)
            # asked first where nothing is read for it, last where it takes the names of all files
            unsure = self.listed(node) and (self.grown(node) or any(self.damage(node)))
            return State.OUTDATED if unsure and self.begun(node) else State.NOT_NEEDED
        if not self.begun(node):
            # nothing is made again for a changed product before the user has decided about it
            waits = State.OUTDATED in after and State.MISSING not in after
            return State.NOT_NEEDED if waits else State.MISSING
        if self.is_changed(node):
            return State.OUTDATED
        return State.COMPLETE if self.there(node) else State.MISSING

    def _missed(self, node: PlannedStep) -> State:
        """A product that people make productions for, gone while what was made of it is there."""
        if self.is_changed(node):
            return State.OUTDATED
        return State.GONE if self.why_gone(node) else State.MISSING

    def why_gone(self, node: PlannedStep) -> str:
        """Why a delivered product of which all that is made is there is not made again."""
        if is_released(node.places.ledger):
            return "it was released with `lstluigi clean`"
        if not self._is_known_below(node):
            return "what was made of it has no recipe, so it was made elsewhere"
        lacking = self._lacking(node)
        return lacking and f"it cannot be made again, as {lacking} is gone"

    def _is_known_below(self, node: PlannedStep) -> bool:
        """Is something made of it there that lstluigi made?"""
        return any(
            not self.foreign(consumer) if self.begun(consumer) else self._is_known_below(consumer)
            for consumer in self.consumers(node)
        )

    def _lacking(self, node: PlannedStep) -> str:
        """What is not there, and cannot be made, of what a step is made of; empty if all is."""
        if node.index not in self._lacks:
            self._lacks[node.index] = next(self._purged(node), "")
        return self._lacks[node.index]

    def _purged(self, node: PlannedStep) -> Iterator[str]:
        for producer in self.producers(node):
            if not self.there(producer) and (lacking := self._lacking(producer)):
                yield lacking
        yield from self.bare(node)
        dropped = self.dropped(node)
        for number, reading in enumerate(node.readings):
            if reading in self.external(node):
                files = (file for file in self.files(node, number) if file not in dropped)
                yield from (file for file in files if not self.listing.exists(file))
                if reading.pattern is None and not self.listing.exists(reading.path):
                    yield reading.path

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
        return [self.steps[i] for i in self.graph.order if not self.states[i].satisfied]

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
                outside[short(path_of(record["content"]))] = record["digest"]
            with suppress(ConfigError):  # told before anything runs
                for own in self.outside.configs(node):
                    outside[short(str(own.path))] = own.digest
            value = digest(self._content(node))
            found[index] = _Fingerprint(short(node.output), value, outside)
        return found

    def _content(self, node: PlannedStep) -> Content:
        return recipe_content(node, self.config, Files(self, node), self.configs)

    def record(self, node: PlannedStep) -> Mapping[str, Any] | None:
        """The recipe kept beside the product.

        None if the product is `foreign`, and where it cannot be read any more, as `damage` tells.
        """
        try:
            if self.listing.exists(node.places.recipe):
                record = recorded(node.places.recipe)
            else:
                record = self.outside.record(node.output)
            changes = () if record is None else accepted_changes(record)
            self._kept[node.index] = _Kept(there=record is not None, accepted=changes)
        except LstluigiError as error:
            record, self._kept[node.index] = None, _Kept(there=True, damage=str(error))
        return record

    def _known(self, node: PlannedStep) -> _Kept:
        """What was found out when the recipe was first read: it is not read a second time."""
        if node.index not in self._kept:
            self.record(node)
        return self._kept[node.index]

    def foreign(self, node: PlannedStep) -> bool:
        """Has the product, if it is there, no recipe: made by hand or by lstmcpipe?"""
        return not self._known(node).there

    def accepted_changes(self, node: PlannedStep) -> tuple[str, ...]:
        """In which words its product differed from its recipe when the user kept it as it was."""
        return self._known(node).accepted

    def damage(self, node: PlannedStep) -> Iterator[str]:
        """Why it is not known how a product was made: what was written down cannot be read."""
        yield from super().damage(node)
        if said := self._known(node).damage:
            yield said

    def forget(self, node: PlannedStep) -> None:
        """Look at the file system again for what a step makes."""
        super().forget(node)
        self._kept.pop(node.index, None)

    def by_hand(self, node: PlannedStep) -> Iterator[str]:
        """Files of the product that are there and that lstluigi did not make."""
        record = self.record(node)
        if record is not None:
            files: Iterable[str] = record.get("by_hand", [])
        else:
            files = self.finals(node) if self.foreign(node) else list(self._unaccounted(node))
        yield from (file for file in files if self.listing.exists(file))

    def _unaccounted(self, node: PlannedStep) -> Iterator[str]:
        """Files that by the ledger no job has made, where the recipe does not say."""
        latest = read_ledger(node.places.ledger).latest
        for unit in self.units(node):
            attempt = latest.get(node.item(unit.name))
            if attempt is None or attempt.state != "ok":
                yield from (product.final for product in unit.products)

    def is_changed(self, node: PlannedStep) -> bool:
        """Is something of the product there that was made by another recipe than today's?"""
        if not self.begun(node):
            return False
        record = self.record(node)
        if record is None and not any(self.damage(node)):
            return False
        return next(self._changes(node, record), None) is not None

    def why_changed(self, node: PlannedStep) -> str:
        """The first of its changes in one line; empty where there are none (any more)."""
        return few(list(self.changes(node)))

    def changes(self, node: PlannedStep) -> Iterator[str]:
        """In which words the product's recipe, or what it is made of, differs from today's."""
        for told in self._changes(node, self.record(node)):
            yield told()

    def _changes(self, node: PlannedStep, record: Mapping[str, Any] | None) -> Iterator[Change]:
        if node.index in self.accepted:
            return
        yield from (partial(str, said) for said in self.damage(node))
        if record is not None:
            recipe = self.recipe(node)
            if record["digest"] != recipe.digest:
                yield from own_changes(record, recipe, self.configs, node.stage.unread)
            if moved(record, recipe) is None:  # else nothing upstream has the name it had
                yield from self._changes_above(node, record, recipe.upstream)
        if grown := self.grown(node):
            yield partial(str, f"{len(grown)} new file(s) in its input, e.g. {grown[0]}")
        for file in self.outside.replaced(node, self.manifest(node) or Manifest()):
            yield partial(str, f"{file} has another size than when it was read")

    def _changes_above(
        self, node: PlannedStep, record: Mapping[str, Any], now: Mapping[str, str]
    ) -> Iterator[Change]:
        """Products that it was made of and that have another recipe now, or were not read."""
        before: Mapping[str, str] = record["upstream"]
        changed = {name for name, value in before.items() if now.get(name, value) != value}
        if changed and record.get("format") == 1:
            changed = self._still_changed(node, record, changed)
        if changed:
            yield partial(self._made_differently, node, changed)
        known = self.manifest(node) or Manifest()
        for producer in self.producers(node):
            name = self._fingerprints[producer.index].name
            if name not in before and not known.holds(producer.output):
                yield partial(str, f"it did not read {producer.output}")

    def _still_changed(
        self, node: PlannedStep, record: Mapping[str, Any], changed: set[str]
    ) -> set[str]:
        """Those of these products that also differ by recipes of format 1.

        There an lstchain config counts as a whole. Which one it was, the recipe itself says, or,
        of a merge, the recipes of what it was made of, or of what was made of it.
        """
        for config in self._kept_configs(node, record):
            as_before = self._by_format_1(config)
            changed = {n for n in changed if record["upstream"][n] != as_before.get(n)}
            if not changed:
                break
        return changed

    def _kept_configs(
        self, node: PlannedStep, record: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        """The lstchain config in a recipe, or in those above and below it."""
        if own := record.get("lstchain_config"):
            yield own
            return
        above, below = self.graph.ancestors(node.index), self.graph.descendants(node.index)
        for index in (*sorted(above), *sorted(below)):
            if found := (self.record(self.steps[index]) or {}).get("lstchain_config"):
                yield found

    def _by_format_1(self, config: Mapping[str, Any]) -> Mapping[str, str]:
        """Digests of today's recipes in format 1, by name, if this config means the same today."""
        whole = digest(config)
        if whole not in self._before:
            found: dict[str, str] = {}
            read: dict[frozenset[str], str] = {}
            for index, fingerprint in self._fingerprints.items():
                content, unread = self._content(self.steps[index]), self.steps[index].stage.unread
                if content["lstchain_config"] is None:
                    found[fingerprint.name] = fingerprint.digest
                    continue
                if unread not in read:
                    read[unread] = digest(without(config, unread))
                if content["lstchain_config"] == read[unread]:
                    found[fingerprint.name] = digest({**content, "lstchain_config": whole})
            self._before[whole] = found
        return self._before[whole]

    def _made_differently(self, node: PlannedStep, changed: Collection[str]) -> str:
        paths = [self._outputs[name] for name in changed if name in self._outputs]
        paths += [r.path for r in node.readings if short(r.path) in changed]
        return f"it was made of what has another recipe now, e.g. {min(paths, default='?')}"

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        """The paths that name the steps, by the names that they have in recipes."""
        return {self._fingerprints[i].name: self.steps[i].output for i in self._fingerprints}

    def grown(self, node: PlannedStep) -> list[str]:
        """Files from outside that are on disk today and not in the manifest."""
        manifest = None if node.index in self.accepted else self.manifest(node)
        return [] if manifest is None else self.outside.grown(node, manifest)

    def accept_inputs(self, node: PlannedStep) -> None:
        """From now on, do without files that came later, and take replaced ones as they are."""
        self._kept.pop(node.index, None)  # its recipe may have been written anew
        manifest = self.manifest(node)
        if manifest is None and any(super().damage(node)):
            self.keep_manifest(node, self.outside.manifest(node))
        elif manifest is not None:
            inputs = {directory: dict(names) for directory, names in manifest.inputs.items()}
            for file in self.outside.replaced(node, manifest):
                directory, name = os.path.split(file)
                inputs[directory].update(sizes(directory, [name]))
            left = [*manifest.left, *self.grown(node)]
            self.keep_manifest(node, replace(manifest, inputs=inputs, left=left))
