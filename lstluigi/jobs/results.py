"""How items ended: the runner's result files, read, and put into a cause."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json
from lstluigi.jobs.states import Cause, JobStatus

#: How an item ended, as the runner wrote it down: keys `state`, `reason`, `cause`, `wall_s`, ...
ItemResult = Mapping[str, Any]
#: Exit code of a command that is not there, as shells have it.
NOT_FOUND = 127
#: What the machine lacked, as the runner names it. A full disk is not emptied by another try.
LACKING = {
    "disk full": Cause.FINAL,
    "out of memory": Cause.MEMORY,
    "environment": Cause.NODE,  # tried elsewhere
}
#: Causes that lie with the job, not with what it was doing.
OF_THE_JOB = (Cause.MEMORY, Cause.TIME, Cause.NODE, Cause.PREEMPTED, Cause.CANCELLED)


def is_there(path: str) -> bool:
    """Is there such a file? Its directory is listed: else what came from elsewhere is seen late."""
    try:
        return os.path.basename(path) in os.listdir(os.path.dirname(path))
    except OSError:
        return False


def read_results(path: str) -> dict[str, ItemResult]:
    """Items of a chunk by their id; none where there is no (readable) file."""
    try:
        content = read_json(path)
    except LstluigiError:
        return {}
    content = content if isinstance(content, dict) else {}
    host = content.get("node") or content.get("host")
    where = {"host": host, "node": content.get("node"), "versions": content.get("versions")}
    items = content.get("items")
    items = items if isinstance(items, dict) else {}
    return {name: {**item, **where} for name, item in items.items() if isinstance(item, dict)}


def has_ended(result: ItemResult | None) -> bool:
    """Has the runner written down how the item ended?"""
    return result is not None and result.get("state") != "running"


def speaks_for_itself(result: ItemResult) -> bool:
    """Is no word of the backend needed to know why it ended?"""
    killed = result.get("signal", "unknown") is not None
    return has_ended(result) and not (result.get("state") == "failed" and killed)


def cause_of(result: ItemResult, status: JobStatus) -> Cause:
    """Why an item failed that the runner has seen fail, or that it has not finished."""
    if result.get("state") == "empty":
        return Cause.FINAL
    if result.get("rc") == NOT_FOUND:  # here; another node may have it
        return Cause.NODE
    if (lacking := LACKING.get(str(result.get("cause")))) is not None:
        return lacking
    if speaks_for_itself(result):
        return Cause.COMMAND
    if result.get("signal") is None or status.cause in OF_THE_JOB:
        return status.cause
    # the job went on, so it was one process that was killed: by the kernel, for its memory
    return Cause.MEMORY if result["signal"] == "SIGKILL" else Cause.COMMAND


def explained(result: ItemResult, status: JobStatus) -> ItemResult:
    """A result whose reason says why the job was ended, where the runner knows only the signal."""
    if result.get("signal") is None or status.cause not in OF_THE_JOB or not status.reason:
        return result
    return {**result, "reason": f"{status.reason}: {result.get('reason')}"}


def without_result(status: JobStatus, begun: bool) -> ItemResult:
    """What stands for the result of an item whose job ended without one."""
    silent = (
        "the job ended while it worked on this file"
        if begun
        else "the job ended before it started this file"
    )
    return {"state": "failed", "reason": status.reason or silent, "tail": []}
