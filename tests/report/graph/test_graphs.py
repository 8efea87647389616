"""Graphs of productions: boxes, edges, and files that are well-formed."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lab import Lab, small

from lstluigi.errors import LstluigiError
from lstluigi.layouts import registry
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.report.graph import boxes, graphs, placing
from lstluigi.report.graph.boxes import Box, Drawing
from lstluigi.request.pipelines import read_back
from lstluigi.validation.examine import production_state

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
    levels = placing.rows(picture)
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
    place = placing.layout(picture)
    assert place.across is bool(line)
    width, height = placing.BOX_WIDTH, place.box_height
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


def statuses(lab: Lab) -> list[State]:
    return [step.status for step in production_state(str(lab.config)).steps]


def states(lab: Lab) -> dict[str, set[str]]:
    """States of the boxes of each stage, which are those that `lstluigi status` tells."""
    picture = boxes.drawing(lab.plan(), statuses=statuses(lab))
    found: dict[str, set[str]] = {}
    for box in picture.counts:
        if not box.outside:
            found.setdefault(box.stage, set()).add(picture.state(box))
    return found


def test_boxes_tell_where_their_steps_stand(lab: Lab) -> None:
    small(lab)
    assert states(lab) == {"r0_to_dl1": {"missing"}, "merge_dl1": {"missing"}}
    lab.simtel("dl0/node", c="truncated")
    lab.run()
    assert states(lab) == {"r0_to_dl1": {"failed"}, "merge_dl1": {"blocked"}}
    lab.hold_lock(0)
    assert states(lab)["r0_to_dl1"] == {"queued"}
    Path(lab.plan().steps[0].places.lock).unlink()
    lab.simtel("dl0/node", c="3")
    lab.ok()
    assert states(lab) == {"r0_to_dl1": {"complete"}, "merge_dl1": {"complete"}}
    lab.configure(threshold=2)
    assert states(lab)["merge_dl1"] == {"outdated"}


STATES = [
    ("failed", "CCNFBM", ["3 of 6 complete, 1 failed", "1 blocked, 1 missing"]),
    ("running", "CRRQ", ["1 of 4 complete, 2 running", "1 queued"]),
    ("partly", "CNMM", ["2 of 4 complete, 2 missing"]),
    ("outdated", "COM", ["1 of 3 complete, 1 outdated", "1 missing"]),
    ("complete", "CCN", ["3 of 3 complete"]),
    ("missing", "MM", ["2 missing"]),
    ("blocked", "B", ["blocked"]),
    ("unknown", "UB", ["1 unknown, 1 blocked"]),
]
LETTERS = {s.name[0]: s for s in State}


@pytest.mark.parametrize(("state", "steps", "lines"), STATES)
def test_boxes_count_where_steps_stand(state: str, steps: str, lines: list[str]) -> None:
    box = Box("a")
    found = Drawing({box: len(steps)}, frozenset(), {box: Counter(LETTERS[s] for s in steps)})
    assert (found.state(box), found.lines(box)) == (state, lines)


def test_a_legend_has_the_states_that_are_there(tmp_path: Path) -> None:
    drawn = {Box(state): Counter(LETTERS[s] for s in steps) for state, steps, _ in STATES}
    counts = {box: sum(found.values()) for box, found in drawn.items()}
    source = Box("DL0", outside=True)
    edges = frozenset((source, box) for box in drawn)
    picture = Drawing({**counts, source: 1}, edges, drawn)
    names = [
        "complete",
        "partly complete",
        "running",
        "unknown",
        "failed",
        "outdated",
        "blocked",
        "missing",
    ]
    names.append("from outside")
    image = ElementTree.fromstring(graphs.svg(picture, "t"))
    entries = [g for g in image.findall(f"{SVG}g") if g.get("class", "").startswith("legend ")]
    assert [g.findtext(f"{SVG}text") for g in entries] == names
    width, height = map(float, image.get("viewBox", "").split()[2:])
    place = placing.layout(picture)
    for rect in (g.find(f"{SVG}rect") for g in entries):
        assert rect is not None
        x, y = float(rect.get("x", "")), float(rect.get("y", ""))
        assert 0 <= x <= width - placing.ENTRY
        assert place.height <= y <= height - placing.SWATCH_HEIGHT
    text = graphs.mermaid(picture, "t")
    assert re.findall(r'l\d\["(.*)"\]', text) == names
    assert {*re.findall(r":::(\w+)", text)} == {*re.findall(r"classDef (\w+) ", text)}
    figure = graphs.figure(picture, "t")
    assert [t.get_text() for t in figure.axes[0].texts if t.get_text() in names][-9:] == names
    assert Drawing({Box("a"): 1}, frozenset()).legend() == []


def test_each_state_has_a_colour_of_its_own() -> None:
    assert {*boxes.NAMES} <= {*graphs.STATES}
    assert len({graphs.STATES[state] for state in boxes.NAMES}) == len(boxes.NAMES)
    shown = {s for s in State if s is State.COMPLETE or not s.satisfied}
    assert {boxes.state_of(s) for s in shown} < {*boxes.NAMES}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/DL0/LSTProd2/TestDataset/Electrons/sim_telarray", "electrons, test"),
        ("/DL1/p/TrainingDataset/GammaDiffuse/dec_1", "diffuse gammas, training"),
        ("/dl1/gamma_diffuse/train", "diffuse gammas, training"),
        ("/DL2/p/TestingDataset/Protons", "protons, test"),
        ("/DL1/electron.h5", "electrons"),
        ("/DL1/elsewhere", ""),
    ],
)
def test_what_paths_say_data_are_of(path: str, told: str) -> None:
    assert boxes.kind(path) == told


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
