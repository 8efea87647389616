"""Luigi's worker and scheduler for tasks that wait for jobs. Knows no step."""

from __future__ import annotations

from .luigi_import import import_luigi

import_luigi()

from .contract import JobHandle, Outcome, offers_handle  # noqa: E402
from .defaults import collection_put_off  # noqa: E402
from .factory import HandleFactory, exit_code, install, run_tasks  # noqa: E402
from .interrupts import outlive_terminal  # noqa: E402
from .settings import problems as settings_problems  # noqa: E402

__all__ = [
    "HandleFactory",
    "JobHandle",
    "Outcome",
    "collection_put_off",
    "exit_code",
    "install",
    "offers_handle",
    "outlive_terminal",
    "run_tasks",
    "settings_problems",
]
