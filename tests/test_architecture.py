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
ROOT = PACKAGE.parent
#: What is at the top of the package: rooms, and the modules that every room may use.
TOP = {
    *("cli", "run", "report", "request", "toy", "validation", "library", "production"),
    *("stages", "layouts", "scheduler", "config", "jobs"),
    *("display.py", "files.py", "jobspec.py", "errors.py", "__init__.py", "_version.py"),
    "py.typed",
}


def imports(path: Path) -> Iterator[str]:
    """Yield what a file imports from the package, by full name."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")[: -node.level] if node.level else []
            yield ".".join([*base, *filter(None, [node.module])])


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_imports_point_down_and_make_no_circle() -> None:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = run(sys.executable, "-c", command, "--no-cache")
    assert done.returncode == 0, done.stdout


def test_the_picture_is_drawn_from_the_contract() -> None:
    done = run(sys.executable, "tools/architecture.py", "--check")
    assert done.returncode == 0, "run `python tools/architecture.py`"


def test_the_top_of_the_package() -> None:
    found = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert found == TOP


def test_what_runs_in_a_job_imports_nothing_of_lstluigi() -> None:
    for folder in ("jobs/runner", "stages/scripts"):
        for path in (PACKAGE / folder).rglob("*.py"):
            ours = [i for i in imports(path) if i.startswith("lstluigi")]
            own = "lstluigi." + folder.replace("/", ".")
            assert not [i for i in ours if folder != "jobs/runner" or not i.startswith(own)], path


def test_jobs_know_no_stage() -> None:
    paths = [p for p in (PACKAGE / "jobs").rglob("*.py") if "runner" not in p.parts]
    for path in paths:
        assert "lstchain_" not in path.read_text().replace("lstchain_config", ""), path


@pytest.mark.parametrize("room", ["config", "jobs"])
def test_what_knows_no_stage_names_none(room: str) -> None:
    """Prose may give an example; a text that is a stage's name and nothing else is knowledge."""
    names = {stage for stages in WORKFLOWS.values() for stage in stages}
    paths = sorted((PACKAGE / room).rglob("*.py"))
    assert paths
    for path in paths:
        nodes = ast.walk(ast.parse(path.read_text()))
        texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        assert not names & texts, path


def test_looking_starts_and_deletes_nothing() -> None:
    for path in (PACKAGE / "report").rglob("*.py"):
        assert not [i for i in imports(path) if i.startswith("lstluigi.run")], path


def test_importing_is_light() -> None:
    heavy = (
        *("numpy", "astropy", "tables", "h5py", "scipy", "matplotlib", "pandas", "sklearn"),
        *("lstchain", "ctapipe", "pyirf", "eventio", "numba", "joblib"),
        *("requests", "jsonschema", "rich", "click"),
    )
    code = f"import sys, lstluigi; print(*[m for m in {heavy} if m in sys.modules])"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_a_stage_is_one_small_module() -> None:
    for path in (PACKAGE / "stages").glob("*.py"):
        if path.name != "base.py":
            assert len(path.read_text().splitlines()) <= 150, path


def test_each_test_module_has_a_name_of_its_own() -> None:
    """Pytest takes two modules of one name in different directories for one."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
