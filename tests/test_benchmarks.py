"""Every benchmark runs in miniature: one that makes nothing ends with an error."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lab import HERE

BENCHMARKS = HERE.parent / "benchmarks"
CORPUS = HERE.parents[1] / "shared/data/production_corpus"
DOCS = HERE.parent / "docs"

needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")


def program(tmp_path: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the benchmarks to its end."""
    argv = [sys.executable, str(BENCHMARKS / name), *options]
    argv += ["--directory", str(tmp_path / "work"), "--json", str(tmp_path / "figures.json")]
    environment = {**os.environ, "LSTLUIGI_PROD_LOGS": str(tmp_path / "logs")}
    return subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=550)


def figures(tmp_path: Path, name: str, *options: str) -> dict[str, object]:
    """The figures of a program that ended well."""
    done = program(tmp_path, name, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads((tmp_path / "figures.json").read_text())
    assert {"date", "commit"} <= found.keys()
    return found


@needs_corpus
@pytest.mark.slurm
def test_campaign(slurm_here: None, tmp_path: Path) -> None:
    found = figures(tmp_path, "slurm_campaign.py", "--faults=1", "--scale=0.1", "--seed=5")
    assert all(found[name] for name in ("faults", "starts", "products"))


@needs_corpus
@pytest.mark.slurm
@pytest.mark.slow
def test_campaign_whose_bodies_make_nothing(
    slurm_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the stand-in for the runner cannot be imported."""
    monkeypatch.setenv("LSTLUIGI_BENCHMARK_RUNNER", str(tmp_path / "no_such_runner.py"))
    options = ("--faults=0", "--scale=0.1", "--runs=1")
    done = program(tmp_path, "slurm_campaign.py", *options)
    assert done.returncode == 1, done.stdout + done.stderr


@needs_corpus
@pytest.mark.slurm
@pytest.mark.slow
@pytest.mark.parametrize("by", ["lstluigi", "luigi"])
def test_production(slurm_here: None, tmp_path: Path, by: str) -> None:
    part = ("--lines=1", "--training=1", "--testing=1", "--files=2", "--interval=1")
    found = figures(tmp_path, "slurm_production.py", f"--by={by}", *part)
    assert found["chunks"]


@needs_corpus
@pytest.mark.slurm
@pytest.mark.slow
def test_makespan(slurm_here: None, tmp_path: Path) -> None:
    part = ("--lines=1", "--training=1", "--testing=1", "--scale=0.02")
    assert figures(tmp_path, "slurm_makespan.py", *part)["makespan_s"]


@needs_corpus
@pytest.mark.slurm
@pytest.mark.slow
def test_in_flight(slurm_here: None, tmp_path: Path) -> None:
    options = ("--files=2", "--per-job=50", "--seconds=3", "--interval=1")
    found = figures(tmp_path, "slurm_in_flight.py", *options)
    assert found["jobs"] in range(21, 25)


@needs_corpus
@pytest.mark.slurm
@pytest.mark.parametrize(("body", "code"), [("sbatch", 0), (":", 1)])
def test_lstmcpipe_calls(slurm_here: None, tmp_path: Path, body: str, code: int) -> None:
    """A stand-in for lstmcpipe, which this environment lacks, that submits one job or none."""
    lstmcpipe = tmp_path / "lstmcpipe"
    lstmcpipe.write_text(f"#!/bin/sh\n{body}\n")
    lstmcpipe.chmod(0o755)
    assert program(tmp_path, "lstmcpipe_calls.py", str(lstmcpipe), "--files=1").returncode == code


@pytest.mark.parametrize(
    "name",
    [
        "test_scheduling.py",
        pytest.param("test_planning.py", marks=needs_corpus),
        pytest.param("test_chunk.py", marks=[pytest.mark.slow, pytest.mark.chain]),
    ],
)
def test_benchmarks_of_pytest(tmp_path: Path, name: str) -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--miniature"]
    argv += ["--benchmark-disable-gc", str(BENCHMARKS / name), f"--basetemp={tmp_path / 'work'}"]
    done = subprocess.run(argv, cwd=HERE.parent, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_every_program_is_run_here() -> None:
    programs = {path.name for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text()}
    programs -= {"real_runner.py", "trivial_runner.py", "per_chunk.py"}  # others start these
    programs |= {path.name for path in BENCHMARKS.glob("test_*.py")}
    assert not [name for name in programs if f'"{name}"' not in Path(__file__).read_text()]


def test_every_figure_names_commit_and_date() -> None:
    """The paragraph before each table of the page says when and on which commit it was measured."""
    text = (DOCS / "benchmarks.md").read_text()
    blocks = text.split("\n\n")
    before = [a for a, b in itertools.pairwise(blocks) if b.startswith("|")]
    assert before
    for paragraph in before:
        assert re.search(r"commit [0-9a-f]{7}\b", paragraph), paragraph
        assert re.search(r"\b2\d{3}-\d\d-\d\d\b", paragraph), paragraph
