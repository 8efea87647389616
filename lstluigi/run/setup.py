"""What importing lstluigi does to Luigi, once in a process, and who can do without it."""

from __future__ import annotations

import os
import sys
from functools import cache

__all__ = ["is_command", "set_up"]

#: The command, as a script and with ``python -m``.
_SCRIPT, _MODULE = "lstluigi", "lstluigi.cli"


@cache
def set_up() -> dict[str, type]:
    """Load the tasks and set Luigi up for them.

    Returns
    -------
    dict of str to type
        Every task class by its name: ``Production``, ``R0ToDL1``, ``R0ToDL1Step``, ...
    """
    from lstluigi.scheduler.luigi_import import import_luigi

    import_luigi()
    from lstluigi.run.tasks import STAGE_TASKS, STEP_TASKS, Production
    from lstluigi.scheduler import install

    install()
    tasks = (Production, *STAGE_TASKS.values(), *STEP_TASKS.values())
    return {task.__name__: task for task in tasks}


def is_command() -> bool:
    """True in a process of the ``lstluigi`` command, which sets Luigi up where it needs it.

    Loading Luigi and the tasks takes 0.2 s, as long as everything else that the command does to
    look something up.
    """
    first = sys.argv[0] if getattr(sys, "argv", None) else ""
    if first != "-m":  # what Python has there until it has found the module
        return os.path.basename(first) == _SCRIPT
    given = sys.orig_argv[1:]
    return "-m" in given and given[given.index("-m") + 1 :][:1] == [_MODULE]
