"""What is told of one production: findings, what it reads from outside, a line that sums it up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstluigi.errors import counted, fold, shortened, shown
from lstluigi.validation.findings import Finding


@dataclass(frozen=True)
class Report:
    """What was found out about one config.

    Attributes
    ----------
    config
        Its path.
    prod_id
        Empty where it could not be read.
    stages
        Number of steps of each stage to run.
    findings
        Errors, then warnings.
    notices
        What is to be known though nothing is wrong.
    external
        Paths that no step makes.
    checked
        Whether these were looked for.
    """

    config: Path
    prod_id: str = ""
    stages: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notices: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    checked: bool = False

    @property
    def errors(self) -> list[Finding]:
        """What keeps it from running."""
        return [finding for finding in self.findings if finding.error]

    @property
    def warnings(self) -> list[Finding]:
        """What is odd."""
        return [finding for finding in self.findings if not finding.error]

    def lines(self, every: bool = False) -> Iterator[str]:
        """Sentences for people, the sum at the end; of many of a kind some, or every one."""
        for findings in (self.errors, self.warnings):
            told = [(finding.problem.what, str(finding)) for finding in findings]
            yield from (sentence for _, sentence in told) if every else shortened(told, "--all")
        notes = [(notice, f"note: {notice}") for notice in self.notices]
        yield from (note for _, note in notes) if every else shortened(notes, "--all")
        if self.external and not self.checked:
            yield "read from outside (not looked for; --check-paths does):"
        elif self.external:
            yield "read from outside:"
        paths = dict.fromkeys(self.external, 1) if every else fold(self.external)
        for path, count in paths.items():
            yield f"  {path}{f' ({count} paths)' if count > 1 else ''}"
        yield self.summary()

    def summary(self) -> str:
        """One line."""
        steps, warnings, errors = sum(self.stages.values()), len(self.warnings), len(self.errors)
        counts = (
            f"{counted(steps, 'step')} in {counted(len(self.stages), 'stage')}, "
            f"{counted(len(self.external), 'external path')}, {counted(warnings, 'warning')}"
        )
        name = shown(self.prod_id)[1:-1] or str(self.config)
        return f"{name}: {'ok' if not errors else counted(errors, 'error')}, {counts}"

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "config": str(self.config),
            "prod_id": self.prod_id,
            "ok": not self.errors,
            "stages": self.stages,
            "errors": [_as_json(finding) for finding in self.errors],
            "warnings": [_as_json(finding) for finding in self.warnings],
            "notices": list(self.notices),
            "external": list(self.external),
            "paths_checked": self.checked,
        }


def _as_json(finding: Finding) -> dict[str, Any]:
    problem = finding.problem
    told = {"where": problem.where, "what": problem.what, "mend": problem.mend}
    return {**told, "more": finding.more}
