"""The graphs of the documentation: boxes, edges and an SVG that is well-formed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from lstluigi.layouts import registry
from lstluigi.plan import Plan
from lstluigi.request.pipelines import read_back

SOURCE = Path(__file__).parents[2] / "docs" / "_ext" / "pipeline_graphs.py"


@pytest.fixture(scope="module")
def graphs() -> ModuleType:
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("pipeline_graphs", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pipeline_graphs"] = module
    spec.loader.exec_module(module)
    return module


def plan(name: str, **given: object) -> Plan:
    config = registry.create(registry.find(name), {"prod_id": "p", "nodes": "catalogue", **given})
    return read_back(config, config.text(config.content()))


def test_boxes_are_stages_by_kind_of_data(graphs: ModuleType) -> None:
    found = plan("PathConfigAllSkyFullSplitDiffuse", dec_list=["dec_931"])
    picture = graphs.drawing(found)
    counts = {(box.stage, box.kind): number for box, number in picture.counts.items()}
    made = sum(number for box, number in picture.counts.items() if not box.outside)
    assert made == len(found.steps)
    gammas, protons = ("diffuse gammas, training", "protons, training")
    assert counts["r0_to_dl1", gammas] == counts["DL0", gammas] == 20
    assert counts["merge_dl1", gammas] == counts["merge_dl1", protons] == 1
    assert counts["merge_dl1", "diffuse gammas, test"] == 20
    edges = {(source.stage, source.kind, box.stage) for source, box in picture.edges}
    assert ("train_pipe", "", "dl1_to_dl2") in edges
    assert ("train_test_split", "diffuse gammas", "merge_dl1") in edges
    assert ("merge_dl1", "gammas, test", "train_pipe") not in edges


@pytest.mark.parametrize("name", ["PathConfigProd5Trans80", "PathConfigAllSkyTesting"])
def test_every_box_is_drawn_once_below_what_it_reads(graphs: ModuleType, name: str) -> None:
    given = {"dec": "dec_931"} if "dec" in registry.arguments(registry.find(name)) else {}
    picture = graphs.drawing(plan(name, **given))
    levels = graphs.rows(picture)
    depth = {box: number for number, level in enumerate(levels) for box in level}
    assert set(depth) == set(picture.counts)
    assert sum(map(len, levels)) == len(depth)
    assert all(depth[source] < depth[box] for source, box in picture.edges)
    image = ElementTree.fromstring(graphs.svg(picture, "a < b & c"))
    space = "{http://www.w3.org/2000/svg}"
    assert image.findtext(f"{space}title") == "a < b & c"
    assert len(image.findall(f"{space}g/{space}rect")) == len(depth)
    assert len(image.findall(f"{space}path")) == len(picture.edges)
