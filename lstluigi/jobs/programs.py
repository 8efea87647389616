"""Which programs an environment lacks, as far as that can be seen on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from lstluigi.jobs.script import enter
from lstluigi.jobs.spec import Environment

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
