"""Productions of Monte-Carlo models and instrument responses for the LST, as a graph of tasks.

Importing this module sets Luigi up, so that `luigi --module lstluigi Production --config FILE`
works as typed. It loads no science package.
"""

from typing import TYPE_CHECKING

from lstluigi._version import __version__
from lstluigi.run.setup import is_command, set_up

if TYPE_CHECKING:
    from lstluigi.run.tasks import Production

__all__ = ["Production", "__version__"]


def __getattr__(name: str) -> object:
    """Each task by its name: lstluigi.Production, lstluigi.R0ToDL1, lstluigi.R0ToDL1Step, ..."""
    # modules are asked for here before they are looked for; tasks are classes
    if name[0].isupper() and (task := set_up().get(name)) is not None:
        return task
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if not is_command():
    globals().update(set_up())
