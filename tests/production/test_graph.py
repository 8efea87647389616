"""Edges from paths: which reads meet which products, what is external, order, cycles."""

from __future__ import annotations

import glob
import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstluigi.production.graph import Graph, GraphProblem, LeftOut
from lstluigi.production.paths import Read, matches
from lstluigi.stages.base import Made

Node = tuple[Sequence[Made], Sequence[Read]]


def file(path: str) -> Made:
    return Made(path, directory=False)


def directory(path: str) -> Made:
    return Made(path, directory=True)


def edge(made: Made, read: Read) -> bool:
    """Whether a step that reads needs the one that makes; external is its opposite."""
    graph = Graph.build([([made], []), ([file("/elsewhere")], [read])])
    assert graph.external[1] == (() if graph.producers[1] else (read,))
    assert graph.consumers[0] == ((1,) if graph.producers[1] else ())
    return graph.producers[1] == (0,)


@pytest.mark.parametrize(
    ("made", "read", "expected"),
    [
        (file("/a/b.h5"), Read("/a/b.h5"), True),
        (file("/a/b.h5"), Read("/a/c.h5"), False),
        (file("/a/b.h5"), Read("/a"), True),
        (file("/a/b.h5"), Read("/"), False),
        (directory("/a"), Read("/a"), True),
        (directory("/a"), Read("/a/b.h5"), True),
        (directory("/a"), Read("/a/b/c.h5"), False),
        (directory("/a"), Read("/ab"), False),
        (directory("/a/b"), Read("/a"), False),
        (directory("/a"), Read("/a", "*.h5"), True),
        (directory("/a"), Read("/a", "*/*.h5"), False),
        (directory("/a/b"), Read("/a", "*/*.h5"), True),
        (directory("/a/b"), Read("/a", "*.h5"), False),
        (directory("/a/b"), Read("/a", "*/*/*.h5"), False),
        (directory("/a/b/train"), Read("/a", "*/*/*.h5"), True),
        (directory("/a/b/train"), Read("/a", "*/train/*.h5"), True),
        (directory("/a/b/test"), Read("/a", "*/train/*.h5"), False),
        (directory("/a/.b"), Read("/a", "*/*.h5"), False),
        (directory("/a/.b"), Read("/a", ".*/*.h5"), True),
        (directory("/ab"), Read("/a", "*.h5"), False),
        (directory("/ab/c"), Read("/a", "*/*.h5"), False),
        (directory("/a/b/c/d"), Read("/a", "**/*.h5"), True),
        (directory("/a"), Read("/a", "**/*.h5"), True),
        (directory("/a/b/.c"), Read("/a", "**/*.h5"), False),
        (directory("/a"), Read("/", "*/*.h5"), True),
        (file("/a/b/c.h5"), Read("/a", "*/*.h5"), True),
        (file("/a/b/c.fits"), Read("/a", "*/*.h5"), False),
        (file("/a/b/.c.h5"), Read("/a", "*/*.h5"), False),
        (file("/a/C.h5"), Read("/a", "c.h5"), False),
        (file("/a/c1.h5"), Read("/a", "c[0-9].h5"), True),
        (file("/a/b.h5"), Read("/a", "./*.h5"), True),
        (file("/a/b.h5"), Read("/a", "/a/*.h5"), False),
        (file("/a/b.h5"), Read("/a/x", "../*.h5"), False),
    ],
)
def test_when_a_step_needs_another(made: Made, read: Read, expected: bool) -> None:
    assert edge(made, read) is expected


def test_one_edge_however_many_paths() -> None:
    graph = Graph.build(
        [([file("/a"), file("/b")], []), ([file("/c")], [Read("/a"), Read("/b"), Read("/x")])]
    )
    assert graph.producers == ((), (0,))
    assert graph.external == ((), (Read("/x"),))


def test_a_file_comes_from_its_maker_not_from_the_directory_around_it() -> None:
    nodes: list[Node] = [
        ([directory("/a")], []),
        ([file("/a/merged.h5")], [Read("/a", "*.h5")]),
        ([file("/b")], [Read("/a/merged.h5")]),
    ]
    assert Graph.build(nodes).producers == ((), (0,), (1,))


def test_a_merge_into_its_own_input_leaves_its_output_out() -> None:
    merge: Node = ([file("/a/merged.h5")], [Read("/a", "*.h5")])
    external = Graph.build([merge])
    assert external.external == ((Read("/a", "*.h5"),),)
    assert external.notices == (LeftOut(0, "/a/merged.h5"),)
    assert external.problems == ()
    made = Graph.build([([directory("/a")], []), merge])
    assert made.producers == ((), (0,))
    assert made.notices == (LeftOut(1, "/a/merged.h5"),)


def test_a_step_does_not_read_a_directory_that_it_makes_below_its_input() -> None:
    inner, read = directory("/irf/index"), Read("/irf", "*/*irf*.fits.gz")
    graph = Graph.build([([inner], [read]), ([file("/irf/node/irf.fits.gz")], [])])
    assert graph.producers == ((1,), ())
    assert graph.notices == (LeftOut(0, "/irf/index"),)
    assert graph.problems == ()
    # not so what another step makes there
    other = Graph.build([([directory("/x")], [read]), ([inner], [])])
    assert other.producers == ((1,), ())
    assert other.notices == ()


def test_a_file_put_into_a_product_is_no_part_of_it() -> None:
    """As in prod5: the merged files lie in the directory that was split."""
    nodes: list[Node] = [
        ([directory("/p")], []),
        ([directory("/p/train"), directory("/p/test")], [Read("/p", "*.h5")]),
        ([file("/p/merged.h5")], [Read("/p/train", "*.h5")]),
    ]
    graph = Graph.build(nodes)
    assert graph.producers == ((), (0,), (1,))
    assert graph.notices == (LeftOut(1, "/p/merged.h5"),)
    assert graph.order == (0, 1, 2)


def test_two_steps_with_the_same_output() -> None:
    nodes: list[Node] = [([file("/a")], []), ([file("/b")], []), ([file("/a"), file("/b")], [])]
    assert set(Graph.build(nodes).problems) == {
        GraphProblem("same output", (0, 2), ("/a",)),
        GraphProblem("same output", (1, 2), ("/b",)),
    }


def test_one_step_with_the_same_output_twice() -> None:
    graph = Graph.build([([directory("/a"), directory("/a")], [])])
    assert graph.problems == (GraphProblem("same output", (0,), ("/a",)),)


@pytest.mark.parametrize("pattern", ["*.h5", "*/*.h5"])
@pytest.mark.parametrize("inner", ["/x", "/x/y"])
def test_a_directory_made_around_what_is_read(pattern: str, inner: str) -> None:
    """Whatever lies there counts as made by the step, and so nothing would be left to be read."""
    graph = Graph.build([([directory("/x")], [Read(inner, pattern)])])
    assert graph.problems == (GraphProblem("cycle", (0,), ("/x",)),)
    assert graph.notices == graph.external[0] == ()


@pytest.mark.parametrize(
    ("makes", "told"), [("/x", [GraphProblem("cycle", (1,), ("/x",))]), ("/x/z", [])]
)
def test_a_directory_made_where_a_product_is_read(makes: str, told: list[GraphProblem]) -> None:
    """The output may lie below the input, and it may not be the input."""
    graph = Graph.build(
        [([file("/x/a/irf.fits")], []), ([directory(makes)], [Read("/x", "*/irf*.fits")])]
    )
    assert list(graph.problems) == told
    assert graph.producers[1] == (0,)


def test_a_cycle_names_its_paths() -> None:
    nodes: list[Node] = [
        ([file("/start")], []),
        ([file("/a")], [Read("/start"), Read("/c")]),
        ([file("/b")], [Read("/a")]),
        ([file("/c")], [Read("/b")]),
        ([file("/behind")], [Read("/c")]),
    ]
    graph = Graph.build(nodes)
    (problem,) = graph.problems
    assert problem.kind == "cycle"
    at = problem.nodes.index(1)
    assert problem.nodes[at:] + problem.nodes[:at] == (1, 2, 3)
    assert problem.paths[at:] + problem.paths[:at] == ("/a", "/b", "/c")
    assert graph.order == (0,)


def test_each_knot_has_its_cycle() -> None:
    pairs = [(f"/{n}a", f"/{n}b") for n in range(3)]
    nodes = [([file(made)], [Read(read)]) for a, b in pairs for made, read in ((a, b), (b, a))]
    found = [set(problem.nodes) for problem in Graph.build(nodes).problems]
    assert found == [{0, 1}, {2, 3}, {4, 5}]


@pytest.mark.parametrize(
    "node",
    [
        ([file("/a")], [Read("/a")]),
        ([directory("/a")], [Read("/a")]),
        ([directory("/a")], [Read("/a", "*.h5")]),
    ],
)
def test_a_step_that_reads_what_it_makes(node: Node) -> None:
    graph = Graph.build([node])
    assert graph.problems == (GraphProblem("cycle", (0,), (node[0][0].path,)),)
    assert graph.producers == ((),)


def test_ancestors_and_descendants() -> None:
    nodes: list[Node] = [
        ([file("/a")], []),
        ([file("/b")], [Read("/a")]),
        ([file("/c")], [Read("/a")]),
        ([file("/d")], [Read("/b"), Read("/c")]),
        ([file("/e")], []),
    ]
    graph = Graph.build(nodes)
    assert graph.ancestors(3) == {0, 1, 2}
    assert graph.descendants(0) == {1, 2, 3}
    assert graph.ancestors(0) == graph.descendants(4) == frozenset()


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_order_puts_producers_first_whatever_the_order_of_the_steps(seed: int, size: int) -> None:
    chance = random.Random(seed)
    names = [f"/{n}" for n in range(size)]
    needs = {n: chance.sample(range(n), chance.randint(0, min(n, 3))) for n in range(size)}
    places = chance.sample(range(size), size)
    nodes: list[Node] = [([], [])] * size
    for n, place in enumerate(places):
        nodes[place] = ([file(names[n])], [Read(names[need]) for need in needs[n]])
    graph = Graph.build(nodes)
    assert sorted(graph.order) == list(range(size))
    position = {node: at for at, node in enumerate(graph.order)}
    for n, place in enumerate(places):
        assert set(graph.producers[place]) == {places[need] for need in needs[n]}
        assert all(position[maker] < position[place] for maker in graph.producers[place])


NAMES = st.sampled_from(["a", "b.h5", ".c", "*", "[x]"])
PARTS = st.sampled_from(["*", "*.h5", "a", ".*", "?", "**", "[[]x]", "[!a]*"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=4),
    st.lists(PARTS, max_size=3),
    st.sampled_from(["*", "*.h5", "b.h5", ".*", "a"]),
)
def test_a_pattern_matches_as_glob_does(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[str]],
    parts: list[str],
    last: str,
) -> None:
    """Against the standard library's glob on real files."""
    root = tmp_path_factory.mktemp("glob")
    for names in files:
        path = root.joinpath(*names)
        if not path.exists() and not any(p.is_file() for p in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    pattern = "/".join([*parts, last])
    found = glob.glob(pattern, root_dir=root, recursive=True)
    expected = {str(root / name) for name in found if (root / name).is_file()}
    there = [str(path) for path in root.rglob("*") if path.is_file()]
    assert {path for path in there if matches(Read(str(root), pattern), path)} == expected


def test_matches_without_a_pattern() -> None:
    assert matches(Read("/a/b.h5"), "/a/b.h5")
    assert matches(Read("/a"), "/a/b.h5")
    assert not matches(Read("/a"), "/a/b/c.h5")
    assert not matches(Read("/a"), "/ab")


def test_the_root_directory_can_be_read() -> None:
    assert matches(Read("/", "*/*.h5"), "/a/b.h5")
    assert not matches(Read("/", "*.h5"), "/a/b.h5")


def test_edges_do_not_depend_on_the_order_of_the_steps(tmp_path: Path) -> None:
    nodes: list[Node] = [
        ([directory("/dl1/n1")], [Read("/dl0/n1", "*.gz")]),
        ([directory("/dl1/n2")], [Read("/dl0/n2", "*.gz")]),
        ([file("/dl1/m.h5")], [Read("/dl1", "*/*.h5")]),
        ([file("/dl2/m.h5")], [Read("/dl1/m.h5")]),
    ]
    wanted = {(0, 2), (1, 2), (2, 3)}
    for places in itertools.permutations(range(4)):
        graph = Graph.build([nodes[place] for place in places])
        edges = {
            (places[maker], places[node])
            for node, makers in enumerate(graph.producers)
            for maker in makers
        }
        assert edges == wanted
