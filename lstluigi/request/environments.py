"""The lstchain of an environment: its version, and its standard config for Monte Carlo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import LstluigiError, shown

__all__ = ["CURRENT", "NONE", "Standard", "is_private", "standard"]

#: The environment that lstluigi runs in.
CURRENT = "current"
#: The same, for productions whose jobs are to run in it, too: their configs name no environment.
NONE = "none"
#: Both.
_OWN = (CURRENT, NONE)
#: What runs a command in an environment by the environment's name.
_MANAGERS = ("conda", "mamba", "micromamba")
#: The first import of lstchain from a cold network file system takes minutes.
_PATIENCE_S = 600
_VERSION = "from importlib.metadata import version; print(version('lstchain'))"
_MEND = (
    "name an environment that has lstchain with --environment (a Python, the directory of an "
    "environment, or the name of a conda environment), or start from a config that you have "
    "with --lstchain_base FILE"
)


@dataclass(frozen=True)
class Standard:
    """The config that lstchain's own ``lstchain_dump_config --mc`` writes.

    Parameters
    ----------
    content : dict
        The parsed config.
    version : str
        Version of the lstchain that wrote it.
    """

    content: dict[str, Any]
    version: str


def standard(environment: str = CURRENT) -> Standard:
    """Ask an environment's lstchain for its standard config for Monte Carlo.

    Parameters
    ----------
    environment : str
        `CURRENT` or `NONE`, the path of a Python, the directory of an environment, or the name of
        a conda environment.

    Raises
    ------
    LstluigiError
        There is no such environment, or no lstchain in it that knows such a config.
    """
    python = _python(environment)
    version = _ask([*python, "-c", _VERSION], environment).strip()
    with tempfile.TemporaryDirectory(prefix="lstluigi-") as directory:
        path = Path(directory, "lstchain_config.json")
        module = "lstchain.scripts.lstchain_dump_config"
        _ask([*python, "-m", module, "--mc", "-o", str(path)], environment, directory)
        return Standard(dict(ToolConfig.read("lstchain", path).content), version)


def is_private(environment: str) -> bool:
    """Tell whether it is a path, which says something about a machine or a person."""
    return os.sep in environment


def _python(environment: str) -> list[str]:
    """Return the command that starts the environment's Python."""
    if environment in _OWN:
        return [sys.executable]
    path = os.path.abspath(os.path.expanduser(environment))
    if os.path.isdir(path):
        path = os.path.join(path, "bin", "python")
    if os.path.isfile(path):
        return [path]
    if is_private(environment):
        raise LstluigiError(f"there is no Python at {shown(path)}; {_MEND}")
    for manager in (os.environ.get("CONDA_EXE"), *_MANAGERS):
        if manager and (program := shutil.which(manager)):
            return [program, "run", "-n", environment, "python"]
    raise LstluigiError(
        f"the environment {shown(environment)} cannot be entered, since there is no conda here; "
        f"{_MEND}"
    )


def _ask(command: Sequence[str], environment: str, directory: str | None = None) -> str:
    """Run a command of the environment and return what it prints."""
    name = "lstluigi's own environment" if environment in _OWN else shown(environment)
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"no answer within {_PATIENCE_S} s"
    except OSError as error:
        reason = str(error.strerror)
    else:
        if not done.returncode:
            return done.stdout
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = shown(lines[-1] if lines else f"exit code {done.returncode}", 300)
    raise LstluigiError(
        f"{name} has no lstchain that can write its config for Monte Carlo ({reason}); {_MEND}"
    )
