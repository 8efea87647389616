"""A production of the size of NSB-0.07 (3,375 steps, 52,100 simtel files) made of empty files.

The config is the corpus's own (`../shared/data/production_corpus`), its root moved; or a part of
it that has the same shape.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lstluigi.production.load import Choices
from lstluigi.production.recipe import record
from lstluigi.run.session import Session

CORPUS = Path(__file__).resolve().parents[2] / "shared/data/production_corpus"
NSB = CORPUS / "20240918_v0.10.12_allsky_nsb_grid/NSB-0.07"
SITE_ROOT = "/fefs/aswg/data"
FILES_PER_NODE = 100
LINE = re.compile(r"dec_(?:min_)?\d+")
NODE = re.compile(r"node_(?:corsika_)?theta_[\d.]+_az_[\d.]+_")


class Part(NamedTuple):
    """A part of the production: lines, and nodes of each line and for tests.

    It has ``lines * (7 * training + 3) + testing * (2 + 2 * lines)`` steps, less where a line has
    fewer nodes.
    """

    lines: int
    training: int
    testing: int


def commit() -> str:
    """The commit that is measured, marked where files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    return described.stdout.strip() or "unknown"


def write_config(root: Path) -> Path:
    """The config and its lstchain config, with everything below `root`."""
    root.mkdir(parents=True)
    text = (NSB / "lstmcpipe_config_nsb0.07.yml").read_text(encoding="utf-8")
    config = root / "config.yml"
    config.write_text(text.replace(SITE_ROOT, str(root)), encoding="utf-8")
    lstchain = (NSB / "lstchain_config_nsb0.07.json").read_text(encoding="utf-8")
    (root / "lstchain_config.json").write_text(lstchain, encoding="utf-8")
    return config


def change_config(
    config: Path,
    part: Part | None,
    options: Mapping[str, str],
    more: Mapping[str, Any],
) -> int:
    """Cut a config down, and put in Slurm options of every step and keys at its top.

    Returns the number of steps that are left.
    """
    text = config.read_text(encoding="utf-8")
    content = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    stages = content["stages"]
    if part is not None:
        _cut(stages, part)
    for step in (step for steps in stages.values() for step in steps):
        if options:
            step["extra_slurm_options"] = dict(options)
        files = step["input"] if isinstance(step["input"], dict) else {}
        files.update({key: None for key, path in files.items() if not path})
    config.write_text(yaml.safe_dump({**content, **more}, sort_keys=False), encoding="utf-8")
    return sum(map(len, stages.values()))


def _cut(stages: dict[str, list[Any]], part: Part) -> None:
    # the nodes of gammas and protons are not quite the same
    found: dict[str, dict[str, None]] = {}
    for step in stages["r0_to_dl1"]:
        where, node = step["input"].partition("node_")[0], NODE.findall(step["input"])[0]
        found.setdefault(where, {})[node] = None
    lines = list(dict.fromkeys(line for where in found for line in LINE.findall(where)))
    lines = lines[: part.lines]
    nodes: set[str] = set()
    for where, names in found.items():
        nodes |= set(list(names)[: part.training if LINE.search(where) else part.testing])
    for steps in stages.values():
        texts = (json.dumps(step) for step in steps)
        kept = [
            set(LINE.findall(text)) <= {*lines} and set(NODE.findall(text)) <= nodes
            for text in texts
        ]
        steps[:] = [step for step, keep in zip(steps, kept, strict=True) if keep]


def open_session(config: Path) -> Session:
    """A session that needs no environment of the cluster."""
    return Session(Choices(str(config), environment="current", backend="local"))


def write_dl0(config: Path, files: int = FILES_PER_NODE) -> int:
    """Empty simtel files for every r0_to_dl1 step; returns their number."""
    steps = [n for n in open_session(config).plan.steps if n.step.stage == "r0_to_dl1"]
    for node in steps:
        directory = Path(node.step.path("input"))
        directory.mkdir(parents=True)
        for number in range(files):
            (directory / f"simtel_corsika_run{number}.simtel.gz").touch()
    return len(steps) * files


def finish(config: Path) -> None:
    """Every product as an empty file, with manifests and recipes, as a finished run leaves them."""
    plan = open_session(config).plan
    for index in plan.graph.order:
        node = plan.steps[index]
        if plan.external(node):
            plan.keep_manifest(node, plan.outside.manifest(node))
        for file in plan.finals(node):
            os.makedirs(os.path.dirname(file), exist_ok=True)
            Path(file).touch()
        record(node.places.recipe, plan.recipe(node), plan.kept(node))
