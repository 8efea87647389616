"""How a job starts on the compute side: the environment, then the runner."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lstluigi.jobspec import Array, Environment

RUNNER = str(Path(__file__).resolve().parent / "runner")
#: Exit code of a job script whose environment cannot be entered.
NO_ENVIRONMENT = 93


def enter(environment: Environment) -> list[str]:
    """Lines of bash that enter an environment, or end the job with one sentence."""
    lines = []
    if environment.source_file is not None:
        lines.append(_or_end(f"source {shlex.quote(environment.source_file)}"))
    if environment.conda_env is not None:
        lines.append(_or_end(f"conda activate {shlex.quote(environment.conda_env)}"))
    return lines


def _or_end(command: str) -> str:
    message = shlex.quote(f"lstluigi: this failed in the job's environment: {command}")
    return f"{command} || {{ echo {message} >&2; exit {NO_ENVIRONMENT}; }}"


def job_script(array: Array, index: str | None = None) -> str:
    """Text of a bash script that does one chunk of an array.

    Parameters
    ----------
    index
        Word of bash for the chunk's number; by default it is the script's first argument.
    """
    python = "python" if not array.environment.current else shlex.quote(sys.executable)
    # built before the environment is entered: what is sourced may do anything to $1
    given = [] if index is None else [f"set -- {index}"]
    spec = f"lstluigi_spec={shlex.quote(array.directory)}/{array.spec_name('$1')}"
    run = f'exec {python} {shlex.quote(RUNNER)} "$lstluigi_spec" 0 "$@"'
    lines = ["#!/bin/bash", *given, spec, "shift", *enter(array.environment), run, ""]
    return "\n".join(lines)


#: Seconds after which an environment that cannot be entered is left to the jobs.
PATIENCE_S = 60
#: Marks the name of a program that is not there.
MISSING = "lstluigi: there is no "


def missing_programs(environment: Environment, programs: Sequence[str]) -> list[str]:
    """Those of some programs that jobs of this machine would not find.

    An environment that cannot be entered lacks nothing as far as is known: others tell of it.
    """
    if environment.current:
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
        return [name for name in programs if shutil.which(name, path=path) is None]
    looks = [
        f"type -P {shlex.quote(name)} >/dev/null || echo {shlex.quote(MISSING + name)}"
        for name in programs
    ]
    said = _said_by("\n".join([*enter(environment), *looks]))
    return [line.removeprefix(MISSING) for line in said if line.startswith(MISSING)]


def _said_by(script: str) -> list[str]:
    """Run a script of bash; return the lines that it prints."""
    # no pipe: what an environment leaves running in the background would hold it open
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            subprocess.run(
                ["bash", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.DEVNULL,
                timeout=PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return []
        said.seek(0)
        return said.read().splitlines()
