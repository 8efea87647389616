"""The script that starts a job, run by bash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lstluigi.jobs.script import NO_ENVIRONMENT, RUNNER, enter, job_script
from lstluigi.jobspec import Array, Chunk, Environment, Resources

HOSTILE = 'it\'s; $(touch stolen) `touch stolen` "x" *é'


def array(path: Path, environment: Environment) -> Array:
    chunk = Chunk([], Resources(), environment)
    made = Array("id", str(path), [chunk])
    Path(made.spec(0)).write_text(json.dumps(made.as_json(0)))
    return made


def run(path: Path, environment: Environment) -> subprocess.CompletedProcess[str]:
    """Run the script of an array that has nothing to do."""
    script = path / "job.sh"
    script.write_text(job_script(array(path, environment)))
    command = ["bash", str(script), "0"]
    return subprocess.run(
        command, cwd=path, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_current_python_runs_the_runner(tmp_path: Path) -> None:
    text = job_script(array(tmp_path, Environment()))
    assert f"exec {sys.executable} {RUNNER} " in text
    assert (Path(RUNNER) / "__main__.py").is_file()
    done = run(tmp_path, Environment())
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "chunk-0.json").read_text())["finished"]


def test_an_environment_is_sourced(tmp_path: Path) -> None:
    place = tmp_path / HOSTILE
    place.mkdir()
    (place / "python").write_text(f'#!/bin/sh\ntouch used\nexec {sys.executable} "$@"\n')
    (place / "python").chmod(0o755)
    source = place / "env.sh"
    source.write_text(
        'PATH="$(dirname "${BASH_SOURCE[0]}"):$PATH"\nconda() { echo "$@" > activated; }\n'
    )
    done = run(place, Environment(str(source), HOSTILE))
    assert done.returncode == 0, done.stderr
    assert (place / "used").exists()
    assert (place / "activated").read_text() == f"activate {HOSTILE}\n"
    assert not list(tmp_path.rglob("stolen"))


@pytest.mark.parametrize(
    ("source", "conda"), [("absent.sh", None), ("fails.sh", None), ("good.sh", "absent")]
)
def test_an_environment_that_cannot_be_entered(
    tmp_path: Path, source: str, conda: str | None
) -> None:
    (tmp_path / "fails.sh").write_text("false\n")
    (tmp_path / "good.sh").write_text("conda() { return 1; }\n")
    done = run(tmp_path, Environment(str(tmp_path / source), conda))
    assert done.returncode == NO_ENVIRONMENT
    assert "this failed in the job's environment" in done.stderr
    assert (conda or source) in done.stderr
    assert not (tmp_path / "chunk-0.json").exists()


def test_a_job_whose_caller_is_gone_does_not_begin(tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(job_script(array(tmp_path, Environment())))
    command = ["bash", str(script), "0"]
    assert subprocess.run([*command, "--die-with-parent=1"], check=False).returncode == 1
    assert not (tmp_path / "chunk-0.json").exists()
    caller = f"--die-with-parent={os.getpid()}"
    assert subprocess.run([*command, caller], check=False).returncode == 0
    assert (tmp_path / "chunk-0.json").exists()


def test_nothing_to_enter() -> None:
    assert enter(Environment()) == []
