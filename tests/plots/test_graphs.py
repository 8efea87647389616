"""Graphs of productions: boxes, edges, and files that are well-formed."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lab import Lab, full

from lstluigi.errors import LstluigiError
from lstluigi.layouts import registry
from lstluigi.plan import Plan, Standing
from lstluigi.plots import boxes, graphs
from lstluigi.plots.boxes import Box, Drawing
from lstluigi.request.pipelines import read_back

SVG = "{http://www.w3.org/2000/svg}"


def plan(name: str, **given: object) -> Plan:
    config = registry.create(registry.find(name), {"prod_id": "p", "nodes": "catalogue", **given})
    return read_back(config, config.text(config.content()))


@pytest.fixture(scope="module")
def two_lines() -> Plan:
    return plan("PathConfigAllSkyFull", dec_list=["dec_931", "dec_2276"])


def test_boxes_are_stages_by_kind_of_data() -> None:
    found = plan("PathConfigAllSkyFullSplitDiffuse", dec_list=["dec_931"])
    picture = boxes.drawing(found)
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
def test_every_box_is_drawn_once_below_what_it_reads(name: str) -> None:
    given = {"dec": "dec_931"} if "dec" in registry.arguments(registry.find(name)) else {}
    picture = boxes.drawing(plan(name, **given))
    levels = boxes.rows(picture)
    found = [(item, number) for number, level in enumerate(levels) for item in level]
    depth = {item: number for item, number in found if isinstance(item, Box)}
    assert set(depth) == set(picture.counts)
    assert len(found) == len(dict(found))
    assert all(depth[source] < depth[box] for source, box in picture.edges)
    image = ElementTree.fromstring(graphs.svg(picture, "a < b & c"))
    assert image.findtext(f"{SVG}title") == "a < b & c"
    assert len(image.findall(f"{SVG}g/{SVG}rect")) == len(depth)
    assert len(image.findall(f"{SVG}path")) == len(picture.edges)


def test_a_line_in_full_is_its_steps_and_what_they_need(two_lines: Plan) -> None:
    picture = boxes.drawing(two_lines, line="dec_931")
    steps = {(box.stage, box.number) for box in picture.counts if not box.outside}
    wanted = {
        (node.step.stage, node.step.number)
        for last in two_lines.steps
        if "/dec_931/" in f"{last.output}/"
        for node in [last, *(two_lines.steps[i] for i in two_lines.graph.ancestors(last.index))]
    }
    assert steps == wanted
    assert all(number == 1 for box, number in picture.counts.items() if not box.outside)
    trained = [box for box in picture.counts if box.stage == "train_pipe"]
    assert len(trained) == 1
    with pytest.raises(LstluigiError, match=r"line 'dec_93': there are dec_2276, dec_931$"):
        boxes.drawing(two_lines, line="dec_93")
    without = plan("PathConfigProd5Trans80")
    with pytest.raises(LstluigiError, match="no path names a line"):
        boxes.drawing(without, line="dec_931")


@pytest.mark.parametrize("line", ["", "dec_931"])
def test_boxes_lie_apart_and_inside(two_lines: Plan, line: str) -> None:
    picture = boxes.drawing(two_lines, line=line)
    place = graphs.layout(picture)
    assert place.across is bool(line)
    width, height = graphs.BOX_WIDTH, place.box_height
    corners = [place.corners[box] for box in picture.counts]
    for x, y in corners:
        assert 0 <= x <= place.width - width
        assert 0 <= y <= place.height - height
    for (x1, y1), (x2, y2) in itertools.combinations(corners, 2):
        assert abs(x1 - x2) >= width or abs(y1 - y2) >= height
    start = 0 if place.across else 1  # what is read comes before what reads it
    for source, box in picture.edges:
        points = place.edge(source, box)
        assert points[0][start] < points[-1][start]
        for x, y in points[3:-3:3]:  # where it passes a level, no box is in its way
            assert not any(x1 < x < x1 + width and y1 < y < y1 + height for x1, y1 in corners)


def test_boxes_tell_where_their_steps_stand(lab: Lab) -> None:
    full(lab)
    found = boxes.drawing(lab.plan(), standings=True)
    made = [box for box in found.counts if not box.outside]
    assert {found.state(box) for box in made} == {"open"}
    (split,) = (box for box in made if box.stage == "train_test_split")
    assert found.lines(split)[-1] == "to do"
    assert lab.run().code == 0
    done = boxes.drawing(lab.plan(), standings=True)
    assert {done.state(box) for box in made} == {"done"}
    assert done.lines(split)[-1] == "done"


def test_boxes_count_what_is_left() -> None:
    box, other = Box("a"), Box("b")
    found = Counter({Standing.WHOLE: 2, Standing.PASSED: 1, Standing.MISSING: 1})
    part = Drawing({box: 4, other: 1}, frozenset(), {box: found, other: Counter()})
    assert (part.state(box), part.lines(box)) == ("partly", ["3 of 4 done"])
    found = Counter({Standing.WHOLE: 2, Standing.CHANGED: 1, Standing.MISSING: 1})
    changed = Drawing({box: 4}, frozenset(), {box: found})
    assert (changed.state(box), changed.lines(box)) == ("changed", ["2 of 4 done, 1 changed"])
    plain = Drawing({box: 4, other: 1}, frozenset())
    assert (plain.lines(box), plain.lines(other)) == (["4 steps"], ["1 step"])


def test_text_of_paths_cannot_break_mermaid() -> None:
    box, other = Box("a", 'ev"il #1 <b>'), Box("b")
    text = graphs.mermaid(Drawing({box: 2, other: 1}, frozenset({(box, other)})), 'x: "y"')
    assert text.startswith('---\ntitle: "x: \\"y\\""\n---\nflowchart TD\n')
    assert '["a<br>ev#quot;il #35;1 &lt;b&gt;<br>2 steps"]:::made' in text
    assert re.findall(r"b\d --> b\d", text) == ["b0 --> b1"]


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.mmd", b"---")],
)
def test_formats(two_lines: Plan, name: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "new" / name
    graphs.draw(boxes.drawing(two_lines), "title with $ and <", str(path))
    assert path.read_bytes().startswith(start)
    assert [file.name for file in path.parent.iterdir()] == [name]
