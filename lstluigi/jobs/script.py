"""How a job starts on the compute side: the environment, then the runner."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from lstluigi.jobs.spec import Array, Environment

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
RUNNER = str(SCRIPTS / "runner")
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
