"""What a check finds: an error keeps a production from running, a warning does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lstluigi.errors import Problem


@dataclass(frozen=True)
class Finding:
    """A problem, how grave it is, and of how many steps it is true.

    Attributes
    ----------
    problem
        Where it was found first, what it is, what to do.
    error
        False for a warning.
    steps
        How many more places have it.
    """

    problem: Problem
    error: bool
    more: int = 0

    def __str__(self) -> str:
        word = "error" if self.error else "warning"
        others = f" (and in {self.more} more place{'s' * (self.more > 1)})" if self.more else ""
        problem = self.problem
        return f"{word}: {problem.where}: {problem.what}{others}; {problem.mend}."


def error(where: str, what: str, mend: str) -> Finding:
    """Something that keeps a production from running."""
    return Finding(Problem(where, what, mend), error=True)


def warning(where: str, what: str, mend: str) -> Finding:
    """Something odd."""
    return Finding(Problem(where, what, mend), error=False)


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first; what is the same in many steps is told once."""
    found: dict[tuple[bool, str, str], Finding] = {}
    seen: set[Problem] = set()
    for finding in findings:
        problem = finding.problem
        if problem in seen:
            continue
        seen.add(problem)
        key = (finding.error, problem.what, problem.mend)
        first = found.get(key)
        found[key] = finding if first is None else replace(first, more=first.more + 1)
    return sorted(found.values(), key=lambda finding: not finding.error)
