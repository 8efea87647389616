"""What a check finds: an error keeps a production from running, a warning does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lstluigi.errors import Problem

#: So many places that have the same are told one by one.
FEW = 4


@dataclass(frozen=True)
class Finding:
    """A problem, how grave it is, and of how many steps it is true.

    Attributes
    ----------
    problem
        Where it was found first, what it is, what to do.
    error
        False for a warning.
    more
        How many more places have it.
    """

    problem: Problem
    error: bool
    more: int = 0

    def __str__(self) -> str:
        word = "error" if self.error else "warning"
        others = f" (and in {self.more} more places)" if self.more else ""
        problem = self.problem
        return f"{word}: {problem.where}: {problem.what}{others}; {problem.mend}."


def error(where: str, what: str, mend: str) -> Finding:
    """Something that keeps a production from running."""
    return Finding(Problem(where, what, mend), error=True)


def warning(where: str, what: str, mend: str) -> Finding:
    """Something odd."""
    return Finding(Problem(where, what, mend), error=False)


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, each once; what is the same in many places is told for the first of them."""
    alike: dict[tuple[bool, str, str], dict[Problem, Finding]] = defaultdict(dict)
    for finding in findings:
        problem = finding.problem
        alike[finding.error, problem.what, problem.mend].setdefault(problem, finding)
    told: list[Finding] = []
    for same in (list(group.values()) for group in alike.values()):
        told += same if len(same) <= FEW else [replace(same[0], more=len(same) - 1)]
    return sorted(told, key=lambda finding: not finding.error)
