"""Luigi settings for long productions, where the user has set none.

Luigi reads its command line first, then its configuration, then its own defaults; what is set
here takes the place of the last.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from luigi import configuration

__all__ = ["WORKERS", "collection_put_off", "set_defaults"]

#: tasks in flight at once; waiting for a job costs nothing
WORKERS = 10_000

#: (section, key, value); exit codes as in Luigi's documentation, "Configuration: [retcode]"
_DEFAULTS = (
    ("retcode", "already_running", "10"),
    ("retcode", "missing_data", "20"),
    ("retcode", "not_run", "25"),
    ("retcode", "task_failed", "30"),
    ("retcode", "scheduling_error", "35"),
    ("retcode", "unhandled_exception", "40"),
    ("core", "workers", str(WORKERS)),
    # the lock compares command lines and would refuse what the ledger of a step can follow
    ("core", "no_lock", "true"),
    ("core", "log_level", "WARNING"),
    # every task looked at its requirements when it was added
    ("worker", "check_unfulfilled_deps", "false"),
    ("worker", "check_complete_on_run", "true"),
    ("worker", "wait_interval", "0.2"),
    ("worker", "wait_jitter", "0.0"),
    # negative: a failed task is never pending again in this process
    ("scheduler", "retry_delay", "-1"),
)

#: older names under which Luigi still reads a key
_OLDER_NAMES = {("worker", "wait_interval"): ("core", "worker-wait-interval")}


def set_defaults() -> None:
    """Set each value in Luigi's configuration that the user has not set, under any name."""
    config = configuration.get_config()
    with warnings.catch_warnings():
        # luigi warns of hyphens when it reads a key, not only when we look for it
        warnings.simplefilter("ignore", DeprecationWarning)
        for section, key, value in _DEFAULTS:
            if not _is_set(section, key) and not _is_set(
                *_OLDER_NAMES.get((section, key), ("", ""))
            ):
                config.set(section, key, _as_typed_hyphenated(section, key, value))


def _is_set(section: str, key: str) -> bool:
    return bool(configuration.get_config().has_option(section, key))


def _as_typed_hyphenated(section: str, key: str, value: str) -> object:
    # luigi's toml parser does not know hyphenated keys; a user who writes one means it
    return configuration.get_config().get(section, key.replace("_", "-"), value)


@contextmanager
def collection_put_off() -> Iterator[None]:
    """Let the collector wait until the block has ended, and then pass over what is there.

    A graph is built of objects that stay. The collector would look at all of them again whenever
    their number has grown by some share: a fifth of the time in which 3,375 steps are planned.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
