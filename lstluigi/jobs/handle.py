"""A job under way as Luigi's worker sees it: something to start, to look at, and to let go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lstluigi.errors import LstluigiError


class JobFailed(LstluigiError):
    """The work of a task failed; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """How the work of a task has ended.

    Parameters
    ----------
    done : bool
        Whether the task is done.
    message : str
        If it is not, one sentence for the user.
    """

    done: bool
    message: str = ""


class JobHandle(Protocol):
    """The work of one task, going on elsewhere. No method may block.

    A handle may also have the attributes ``status_message`` (str), ``tracking_url`` (str) and
    ``progress`` (float, 0 to 1), each None while there is nothing to show: luigid's visualiser
    shows them. They are asked for every few seconds, and only if there is a luigid.
    """

    def start(self) -> None:
        """Queue the work; submitting it is the pump's part."""

    def poll(self) -> Outcome | None:
        """Tell how the work has ended, or None while it goes on."""

    def detach(self) -> None:
        """Stop following the work; called when the run is interrupted."""
