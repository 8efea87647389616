"""What the steps of a production are about, read off their paths; damaged configs too."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lstluigi.config.yaml12 import Value, YamlList, YamlMapping
from lstluigi.layouts.nodes import node, sample
from lstluigi.stages.dl1_to_dl2 import dl2_name

__all__ = ["TEST", "Contents", "contents_of"]

#: Key of the test nodes, which belong to no training line.
TEST = "test"
#: What reads simulations; where neither is there, the nodes are those that are reconstructed.
_FIRST_STAGES = ("r0_to_dl1", "dl1ab")
_FILES_OF = {"dl2_to_irfs": "irf", "dl2_to_sensitivity": "sensitivity"}


@dataclass
class Contents:
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
    nodes : dict of str to set of str
        Names of nodes by training line, and those of the test nodes.
    """

    counts: dict[str, int] = field(default_factory=dict)
    models: dict[str, bool] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    nodes: dict[str, set[str]] = field(default_factory=dict)

    def groups(self) -> dict[str, dict[str, int]]:
        """Return the directories that hold each kind of file, above those of nodes."""
        found: dict[str, dict[str, int]] = {}
        for kind, files in self.files.items():
            counts = found.setdefault(kind, {})
            for file in files:
                directory = above_nodes(file)
                counts[directory] = counts.get(directory, 0) + 1
        return found


def above_nodes(file: str) -> str:
    """Return the directory of a file, or the one above where that is a node's."""
    directory = os.path.dirname(file)
    parent, name = os.path.split(directory)
    return parent if node(name) is not None else directory


def contents_of(configs: Iterable[tuple[YamlMapping, str]]) -> Contents:
    """Read the steps of configs, those of stages that are not run too.

    Parameters
    ----------
    configs : iterable of (YamlMapping, str)
        Each config with the absolute directory its relative paths start from.
    """
    found = Contents()
    steps: dict[str, dict[tuple[str, ...], tuple[YamlMapping, str]]] = {}
    for value, base in configs:
        for stage, step in _steps(value):
            # the same step in a second config (a restart) counts once
            own = [*_paths(step.get("input"), base), "", *_paths(step.get("output"), base)]
            steps.setdefault(stage, {}).setdefault(tuple(own), (step, base))
    for stage, entries in steps.items():
        found.counts[stage] = len(entries)
        for step, base in entries.values():
            _add(found, stage, step, base)
    if not any(stage in steps for stage in _FIRST_STAGES):
        for step, base in steps.get("dl1_to_dl2", {}).values():
            _add_nodes(found, _paths(step.get("input"), base))
    found.lines = list(dict.fromkeys(found.lines))
    for kind, files in found.files.items():
        found.files[kind] = list(dict.fromkeys(files))
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


def _add(found: Contents, stage: str, step: YamlMapping, base: str) -> None:
    outputs = list(_paths(step.get("output"), base))
    for model in _paths(step.get("path_model"), base):
        found.models.setdefault(model, False)
        found.lines.extend(filter(None, [sample(model).line]))
    if stage in _FIRST_STAGES:
        _add_nodes(found, _paths(step.get("input"), base))
    elif stage == "train_pipe":
        for model in outputs:
            found.models[model] = True
            found.lines.extend(filter(None, [sample(model).line]))
    elif stage == "dl1_to_dl2":
        names = [dl2_name(path) for path in _paths(step.get("input"), base)]
        made = [f"{directory}/{name}" for directory in outputs for name in names]
        found.files.setdefault("dl2", []).extend(made)
    elif stage in _FILES_OF:
        found.files.setdefault(_FILES_OF[stage], []).extend(outputs)


def _add_nodes(found: Contents, paths: Iterable[str]) -> None:
    for path in paths:
        about = sample(path)
        if about.node is None:
            continue
        if about.dataset == "training" and about.line is not None:
            found.lines.append(about.line)
            found.nodes.setdefault(about.line, set()).add(about.node.name)
        else:
            found.nodes.setdefault(TEST, set()).add(about.node.name)
