"""What steps read and no step of the production makes: files found on disk, and their history."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import LstluigiError
from lstluigi.files import Listing
from lstluigi.production.graph import Graph
from lstluigi.production.manifest import Manifest, sizes
from lstluigi.production.paths import Read, matches
from lstluigi.production.recipe import recorded
from lstluigi.production.step import PlannedStep
from lstluigi.stages.base import Reading
from lstluigi.stages.checks import CONFIG


class Outside:
    """Files that come from outside a production.

    What lies in a directory that a step makes never does: it is a product or a stray file.

    Parameters
    ----------
    listing, graph, steps
        The file system and the production.
    """

    def __init__(self, listing: Listing, graph: Graph, steps: Sequence[PlannedStep]) -> None:
        self._listing, self._graph = listing, graph
        made = [made for node in steps for made in node.makes]
        self._directories = {m.path for m in made if m.directory}
        self._files: dict[str, set[str]] = defaultdict(set)
        for directory, name in (os.path.split(m.path) for m in made if not m.directory):
            self._files[directory].add(name)
        self._inside: dict[str, bool] = {}
        self._configs: dict[str, ToolConfig] = {}
        #: Why recipes beside what is read cannot be read, by the path of the product.
        self.damaged: dict[str, str] = {}
        self._places: dict[int, tuple[str, ...]] = {}

    def external(self, node: PlannedStep) -> list[Reading]:
        """Readings of a step that no step serves."""
        outside = {(read.path, read.pattern) for read in self._graph.external[node.index]}
        return [r for r in node.readings if (r.path, r.pattern) in outside]

    def files(
        self, node: PlannedStep, reading: Reading, manifest: Manifest | None
    ) -> Iterator[str]:
        """Files behind a reading: those written down once, else those on disk."""
        known = None if manifest is None else manifest.inputs.get(reading.path)
        if reading.pattern is None or known is None:
            yield from self.found(node, reading)
        else:
            read = Read(reading.path, reading.pattern)
            paths = (os.path.join(reading.path, name) for name in known)
            yield from (path for path in paths if matches(read, path))

    def found(self, node: PlannedStep, reading: Reading) -> Iterator[str]:
        """Files behind a reading as they are on disk."""
        for directory, names in self._groups(node, reading):
            prefix = os.path.join(directory, "")
            yield from (prefix + name for name in names)

    def _groups(self, node: PlannedStep, reading: Reading) -> Iterator[tuple[str, list[str]]]:
        """The same by directory: each that holds such files, with their names."""
        if reading.pattern is None:
            if reading in self.external(node):
                directory, name = os.path.split(reading.path)
                yield directory, [name]
            return
        for directory, names in self._listing.groups(reading.path, reading.pattern):
            made = self._files.get(directory, ())
            left = [name for name in names if name not in made]
            if left and not self._is_product(directory):
                yield directory, left

    def _is_product(self, directory: str) -> bool:
        """Is this a directory that a step makes, or one below?"""
        if directory not in self._inside:
            above = os.path.dirname(directory)
            self._inside[directory] = directory in self._directories or (
                above != directory and self._is_product(above)
            )
        return self._inside[directory]

    def manifest(self, node: PlannedStep) -> Manifest:
        """What the step finds now: names and sizes."""
        inputs: dict[str, dict[str, int]] = {}
        for reading in node.readings:
            file = reading.pattern is None
            root = os.path.dirname(reading.path) if file else reading.path
            names = [f.removeprefix(f"{root}/") for f in self.found(node, reading)]
            if names or reading in self.external(node):
                inputs.setdefault(root, {}).update(sizes(root, names))
        return Manifest(inputs)

    def grown(self, node: PlannedStep, manifest: Manifest) -> list[str]:
        """Files on disk today that the manifest does not have."""
        return [
            file
            for reading in node.readings
            if reading.pattern is not None and reading.path in manifest.inputs
            for file in self.found(node, reading)
            if file.removeprefix(f"{reading.path}/") not in manifest.inputs[reading.path]
            and file not in manifest.left
        ]

    def replaced(self, node: PlannedStep, manifest: Manifest) -> list[str]:
        """Single files read that have another size than the manifest says.

        Not asked for the files of a directory (DL0): there may be 50,000 of them.
        """
        found = []
        for reading in self.external(node):
            directory, name = os.path.split(reading.path)
            size = manifest.inputs.get(directory, {}).get(name)
            if reading.pattern is None and size is not None and self._listing.exists(reading.path):
                found += [reading.path] * (sizes(directory, [name])[name] != size)
        return found

    def upstream(self, node: PlannedStep) -> Iterator[Mapping[str, Any]]:
        """Recipes kept beside what the step reads from outside, as far as there are sound ones."""
        for place in self._read(node):
            try:
                record = self.record(place)
            except LstluigiError as error:
                self.damaged[place] = str(error)
                continue
            if record is not None:
                yield record

    def damage(self, node: PlannedStep) -> Iterator[str]:
        """Why it is not known how something was made that the step reads from outside."""
        if node.index not in self._places:
            list(self.upstream(node))
        yield from (self.damaged[p] for p in self._places[node.index] if p in self.damaged)

    def _read(self, node: PlannedStep) -> tuple[str, ...]:
        """Directories and files that the step reads from outside."""
        if node.index not in self._places:
            places = (
                directory if reading.pattern is not None else reading.path
                for reading in self.external(node)
                for directory, _ in self._groups(node, reading)
            )
            self._places[node.index] = tuple(dict.fromkeys(places))
        return self._places[node.index]

    def forget(self, node: PlannedStep) -> None:
        """Look again for what the step reads."""
        for place in self._places.pop(node.index, ()):
            self.damaged.pop(place, None)

    def configs(self, node: PlannedStep) -> Iterator[ToolConfig]:
        """Configs that the step reads from outside, as far as they can be read.

        Raises
        ------
        ConfigError
            When one cannot.
        """
        for reading in self.external(node):
            if reading.check == CONFIG and self._listing.exists(reading.path):
                if reading.path not in self._configs:  # one serves many steps
                    self._configs[reading.path] = ToolConfig.read("lstchain", Path(reading.path))
                yield self._configs[reading.path]

    def record(self, path: str) -> Mapping[str, Any] | None:
        """The recipe kept beside a product, whichever stage made it."""
        for anchor, label in ((path, "step"), os.path.split(path)):
            for name, directory in (self._listing.entries(anchor) or {}).items():
                if directory and name.startswith("job_logs_"):
                    kept = os.path.join(anchor, name, f"{label}.recipe.json")
                    if self._listing.exists(kept):
                        return recorded(kept)
        return None
