"""Productions of Monte-Carlo models and instrument responses for the LST, as a graph of tasks.

Importing this module sets Luigi up, so that `luigi --module lstluigi Production --config FILE`
works as typed. It loads no science package.
"""

from lstluigi._luigi_import import import_luigi
from lstluigi._version import __version__

import_luigi()

from lstluigi.production import STAGE_TASKS, STEP_TASKS, Production  # noqa: E402
from lstluigi.scheduling import install  # noqa: E402

install()
# each stage's task by its name: lstluigi.R0ToDL1, lstluigi.R0ToDL1Step, ...
globals().update({task.__name__: task for task in (*STAGE_TASKS.values(), *STEP_TASKS.values())})

__all__ = ["Production", "__version__"]
