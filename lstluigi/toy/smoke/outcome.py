"""How a smoke test ended, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstluigi.jobs.ledger import events
from lstluigi.production.plan import Plan
from lstluigi.production.step import PlannedStep

#: Lines of the log of a failure that are shown.
TAIL = 12


@dataclass(frozen=True)
class StageOutcome:
    """How the steps of a stage ended.

    Attributes
    ----------
    stage
        Its name.
    tried, made, total
        Steps chosen, those that were made, and those of the whole production.
    failures
        For each step that failed, where it stands in the config and what was said.
    """

    stage: str
    tried: int
    made: int
    total: int
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def state(self) -> str:
        """`ok`, `failed`, or `not reached` where what it reads could not be made."""
        if self.failures:
            return "failed"
        return "ok" if self.made == self.tried else "not reached"

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        tried = f"{self.tried} of {self.total} steps"
        yield f"{self.stage:<20}{self.state:<13}{tried}"
        for number, (where, message) in enumerate(self.failures):
            first, *log = message.splitlines()
            yield f"    {where}: {first}"
            yield from log[-TAIL:] if number == 0 else ()  # the others mostly say the same


@dataclass(frozen=True)
class SmokeOutcome:
    """How a smoke test ended.

    Attributes
    ----------
    stages
        In the config's order.
    trouble
        What kept it from being tried at all; empty if nothing did.
    seconds
        How long it took.
    lstchain
        Version of the lstchain that jobs used.
    kept
        Directory of what it made, where that was kept.
    """

    stages: tuple[StageOutcome, ...]
    trouble: str
    seconds: float
    lstchain: str
    kept: Path | None

    @property
    def ok(self) -> bool:
        """Did every stage work?"""
        return not self.trouble and all(stage.state == "ok" for stage in self.stages)

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        for stage in self.stages:
            yield from stage.lines()
        if self.trouble:
            yield self.trouble
        failed = [stage.stage for stage in self.stages if stage.failures]
        if self.trouble:
            end = "the stages could not be tried"
        elif failed:
            end = f"{', '.join(failed)} {'fails' if len(failed) == 1 else 'fail'} on toy data"
        else:
            end = "every stage works on toy data"
        kept = f"; what was made is in {self.kept}" if self.kept else ""
        yield f"smoke: {end} with lstchain {self.lstchain} ({self.seconds:.0f} s){kept}"

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "ok": self.ok,
            "trouble": self.trouble,
            "lstchain": self.lstchain,
            "kept": None if self.kept is None else str(self.kept),
            "stages": [
                {
                    "stage": stage.stage,
                    "state": stage.state,
                    "tried": stage.tried,
                    "of": stage.total,
                    "failures": [{"where": w, "message": m} for w, m in stage.failures],
                }
                for stage in self.stages
            ],
        }


def stage_outcomes(whole: Plan, chosen: Sequence[int], small: Plan) -> tuple[StageOutcome, ...]:
    """How each stage went.

    Parameters
    ----------
    whole : Plan
        The production.
    chosen : sequence of int
        Its steps that were tried, in order.
    small : Plan
        The production of just these, as it is on disk now.
    """
    outcomes = []
    for stage in whole.config.stages_to_run:
        pairs = [
            (whole.steps[index], node)
            for index, node in zip(chosen, small.steps, strict=True)
            if node.step.stage == stage
        ]
        made = [small.there(node) for _, node in pairs]
        failures = tuple(
            (origin.step.where(), message)
            for (origin, node), there in zip(pairs, made, strict=True)
            if not there and (message := failure(node))
        )
        total = sum(node.step.stage == stage for node in whole.steps)
        outcomes.append(StageOutcome(stage, len(pairs), sum(made), total, failures))
    return tuple(outcomes)


def failure(node: PlannedStep) -> str:
    """Why a step failed, by its ledger; empty if it was not tried."""
    messages = [e.get("message", "") for e in events(node.places.ledger) if e["event"] == "failed"]
    return messages[-1] if messages else ""
