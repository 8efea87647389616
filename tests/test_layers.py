"""The shape of the house: an import points down, and importing lstluigi is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lstluigi
from lstluigi.stages import WORKFLOWS

PACKAGE = Path(lstluigi.__file__).parent
#: From the ground up; rooms of one line do not know each other.
FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in """
    folding commas standing _version scripts
    errors
    _luigi_import ctapipe_config listing
    files graph
    tool_config pages
    jobs
    scheduling
    config
    places products stages
    recipe
    steps
    outside
    contents
    plan
    resources cost
    preflight surroundings stepjob prodlog decisions probe
    tuning
    examine
    session
    production
    _setup
    controller detached
    cancel
    display
    run
    simulation layouts
    smoke library upgrade
    plots suggest
    validation
    request
    report
    again
    cli
    __init__
    """.strip().splitlines()
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(module: str) -> str:
    """The room of a module of the package, by its full name."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every import of a module from the package, wherever it stands, by full name."""
    package = name(path) if path.name == "__init__.py" else name(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")
            base = start[: len(start) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                inner = PACKAGE.parent.joinpath(*source.split("."), alias.name)
                known = inner.with_suffix(".py").exists() or inner.is_dir()
                yield f"{source}.{alias.name}" if known else source


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down(path: Path) -> None:
    here = room(name(path))
    assert here in FLOOR, f"{here} has no floor yet: put it on one"
    for imported in imports(path):
        if imported.split(".")[0] == "lstluigi" and room(imported) != here:
            assert FLOOR[room(imported)] < FLOOR[here], f"{name(path)} imports {imported}"


#: Helpers of a few lines, and what sets Luigi up: not drawn.
SMALL = {"__init__", "_luigi_import", "_setup", "_version", "commas", "ctapipe_config", "pages"}


def drawn() -> dict[str, int]:
    """The rows of the picture in ARCHITECTURE.md by room, from the top."""
    text = PACKAGE.parent.joinpath("ARCHITECTURE.md").read_text()
    rows = text.split("```text")[1].split("```")[0].splitlines()
    rooms = [row.removeprefix(" beside:")[:38].replace("/", "").split() for row in rows]
    return {room: number for number, row in enumerate(rooms) for room in row if room in FLOOR}


def test_the_picture_shows_every_room() -> None:
    assert set(FLOOR) - SMALL == set(drawn())


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down_in_the_picture(path: Path) -> None:
    rows = drawn()
    beside = {"scheduling", "scripts", "simulation"}
    here = room(name(path))
    for imported in map(room, filter(lambda i: i.startswith("lstluigi"), imports(path))):
        if here in rows and imported in rows and not beside & {here, imported}:
            assert rows[here] <= rows[imported], f"{here} is drawn below {imported}"


def test_what_runs_in_a_job_stands_alone() -> None:
    own = "lstluigi.scripts.runner"  # a folder that is called by path as a whole
    for path in (PACKAGE / "scripts").rglob("*.py"):
        ours = [i for i in imports(path) if i.startswith("lstluigi")]
        assert not [i for i in ours if not (name(path).startswith(own) and i.startswith(own))], path


def test_jobs_know_no_stage() -> None:
    for path in (PACKAGE / "jobs").rglob("*.py"):
        assert "lstchain_" not in path.read_text().replace("lstchain_config", ""), path


@pytest.mark.parametrize("known", ["config", "graph", "jobs"])
def test_what_knows_no_stage_names_none(known: str) -> None:
    """Prose may give an example; a text that is a stage's name and nothing else is knowledge."""
    names = {stage for stages in WORKFLOWS.values() for stage in stages}
    paths = [path for path in MODULES if room(name(path)) == known]
    assert paths
    for path in paths:
        nodes = ast.walk(ast.parse(path.read_text()))
        texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        assert not names & texts, path


def test_looking_starts_and_deletes_nothing() -> None:
    rooms = {"cancel", "decisions", "detached", "production", "run", "scheduling", "session"}
    for path in (PACKAGE / "report").glob("*.py"):
        assert rooms.isdisjoint(map(room, imports(path))), path


def test_importing_is_light() -> None:
    heavy = (
        *("numpy", "astropy", "tables", "h5py", "scipy", "matplotlib", "pandas", "sklearn"),
        *("lstchain", "ctapipe", "pyirf", "eventio", "numba", "joblib"),
        *("requests", "jsonschema", "rich", "click"),
    )
    code = f"import sys, lstluigi; print(*[m for m in {heavy} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""


def test_a_stage_is_one_small_module() -> None:
    stages = [path for path in (PACKAGE / "stages").glob("*.py") if path.name != "base.py"]
    for path in stages:
        assert len(path.read_text().splitlines()) <= 150, path


def test_each_test_module_has_a_name_of_its_own() -> None:
    """Pytest takes two modules of one name in different directories for one."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
