"""What a task offers so that it can be waited for without a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["JobHandle", "Outcome", "offers_handle"]


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
    ``progress`` (float, 0 to 1): they are shown by luigid's visualiser.
    """

    def start(self) -> None:
        """Queue the work; submitting it is the pump's part."""

    def poll(self) -> Outcome | None:
        """Tell how the work has ended, or None while it goes on."""

    def detach(self) -> None:
        """Stop following the work, which goes on; called when the run is interrupted."""


def offers_handle(task: object) -> bool:
    """Tell whether a task is waited for by a handle.

    Such a task has a method ``handle()`` that returns a `JobHandle`, and an attribute ``pump``: a
    callable shared by all handles that submits and asks for news, or None. The worker calls it
    before it polls handles. It may take minutes.
    """
    return callable(getattr(task, "handle", None)) and hasattr(task, "pump")
