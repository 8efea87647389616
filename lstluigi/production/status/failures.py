"""Why steps failed: each failure with the end of its log, and those alike together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lstluigi.files import last_lines
from lstluigi.jobs.ledger import Attempt, Ledger
from lstluigi.jobs.results import ItemResult
from lstluigi.production.plan import Plan
from lstluigi.production.status.jobs import Results
from lstluigi.production.status.model import Failure, FailureGroup
from lstluigi.production.step import PlannedStep

__all__ = ["folded", "grouped", "item_failure", "step_failure"]

#: So many lines of a log are kept with a failure.
TAIL = 15
#: Paths of files; not places inside an HDF5 file, which tell causes apart.
_PATH = re.compile(
    r"(?<![\w.+/-])(?!/?(?:dl\d/(?:event|monitoring|service)|simulation|configuration)/)"
    r"(?:[\w.+-]*/)+[^\s'\":,;()\[\]]*"
    r"|\b[\w.+-]*\.(?:h5|fits|gz|zst|sav|json|png)\b"
)
#: Where a telescope points, as names of nodes have it.
_POINTING = re.compile(r"theta_-?[\d.]+_az_-?[\d.]*\d")
#: Numbers that are no part of a name: a name's digits tell causes apart.
_NUMBER = re.compile(r"\b0x[0-9a-f]+\b|(?<![\w.])\d+(?:\.\d+)*(?:e[+-]?\d+)?(?!\w)", re.IGNORECASE)


def folded(line: str) -> str:
    """A line without what differs between failures of one cause: paths, pointings and numbers."""
    for pattern, word in ((_PATH, "PATH"), (_POINTING, "POINTING"), (_NUMBER, "N")):
        line = pattern.sub(word, line)
    return " ".join(line.split())


def item_failure(node: PlannedStep, attempt: Attempt, results: Results) -> Failure:
    """What is known of an item that failed: the runner's words, else the ledger's."""
    name = attempt.item.partition("/")[2]
    result = results.of(attempt.share, attempt.chunk).get(attempt.item, {})
    reason = attempt.reason or str(result.get("reason") or "")
    log = node.log(name)
    given = result.get("tail")
    tail = list(map(str, given)) if isinstance(given, list) and given else last_lines(log, TAIL)
    # an exit code says nothing where the command has said something
    silent = not reason or re.search(r"\bexit code \d+$", reason) is not None
    return Failure(
        node.index,
        name,
        attempt.cause or attempt.state,
        _ending(result),
        reason,
        tail[-1].strip() if silent and tail else reason or "no reason is known",
        log,
        tail[-TAIL:],
    )


def _ending(result: ItemResult) -> str:
    signal, code = result.get("signal"), result.get("rc")
    if isinstance(signal, str):
        return signal
    return f"exit code {code}" if isinstance(code, int) else ""


def step_failure(node: PlannedStep, ledger: Ledger, cause: str) -> Failure:
    """A step that failed as a whole: its jobs were refused, or ended well and made nothing."""
    line = ledger.message.splitlines()[0] if ledger.message else "no reason is known"
    return Failure(node.index, "", cause, "", ledger.message, line, node.places.ledger)


def grouped(
    failures: Iterable[Failure], plan: Plan, blocked: Sequence[bool]
) -> Sequence[FailureGroup]:
    """Failures by cause, ending and line, the most frequent first.

    Parameters
    ----------
    blocked
        For each step whether something is in its way.
    """
    groups: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in failures:
        key = failure.cause, failure.ending, folded(failure.line)
        groups.setdefault(key, []).append(failure)
    found = [
        FailureGroup(*key[:2], _line(alike), alike, _behind({f.step for f in alike}, plan, blocked))
        for key, alike in groups.items()
    ]
    return sorted(found, key=lambda group: -len(group.failures))


def _line(alike: Sequence[Failure]) -> str:
    """The line itself where all say the same, else without what differs."""
    lines = {failure.line for failure in alike}
    return lines.pop() if len(lines) == 1 else folded(alike[0].line)


def _behind(steps: Iterable[int], plan: Plan, blocked: Sequence[bool]) -> list[int]:
    behind: set[int] = set()
    for step in steps:
        behind |= plan.graph.descendants(step)
    return sorted(index for index in behind if blocked[index])
