"""A production of the size of NSB-0.07 (3,375 steps, 52,100 simtel files) made of empty files.

The config is the corpus's own (`../shared/data/production_corpus`), its root moved.
"""

from __future__ import annotations

import os
from pathlib import Path

from lstluigi.recipe import record
from lstluigi.session import Choices, Session

CORPUS = Path(__file__).resolve().parents[2] / "shared/data/production_corpus"
NSB = CORPUS / "20240918_v0.10.12_allsky_nsb_grid/NSB-0.07"
FILES_PER_NODE = 100


def write_config(root: Path) -> Path:
    """The config and its lstchain config, with everything below `root`."""
    root.mkdir(parents=True)
    text = (NSB / "lstmcpipe_config_nsb0.07.yml").read_text(encoding="utf-8")
    config = root / "config.yml"
    config.write_text(text.replace("/fefs/aswg/data", str(root)), encoding="utf-8")
    lstchain = (NSB / "lstchain_config_nsb0.07.json").read_text(encoding="utf-8")
    (root / "lstchain_config.json").write_text(lstchain, encoding="utf-8")
    return config


def open_session(config: Path) -> Session:
    """A session that needs no environment of the cluster."""
    return Session(Choices(str(config), environment="current"))


def write_dl0(config: Path) -> int:
    """Empty simtel files for every r0_to_dl1 step; returns their number."""
    steps = [n for n in open_session(config).plan.steps if n.step.stage == "r0_to_dl1"]
    for node in steps:
        directory = Path(node.step.path("input"))
        directory.mkdir(parents=True)
        for number in range(FILES_PER_NODE):
            (directory / f"simtel_corsika_run{number}.simtel.gz").touch()
    return len(steps) * FILES_PER_NODE


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
        record(node.places.recipe, plan.recipes[index], plan.lstchain)
