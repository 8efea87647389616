"""The progress display of a run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.production.step import PlannedStep


class Display(AbstractContextManager["Display"]):
    """Bars on a terminal, plain lines elsewhere.

    Parameters
    ----------
    steps
        What is to be done.
    """

    def __init__(self, steps: Sequence[PlannedStep], console: Console) -> None:
        self._console = console
        self._counts: dict[str, dict[str, int]] = {}
        for node in steps:
            stage = self._counts.setdefault(node.step.stage, {"all": 0})
            stage["all"] += 1
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._bars = {
            stage: self._progress.add_task(stage, total=counts["all"], note="", start=False)
            for stage, counts in self._counts.items()
        }

    def __enter__(self) -> Display:
        log = logging.getLogger("lstluigi")
        log.setLevel(logging.WARNING if self._console.is_terminal else logging.INFO)
        # bars and the last line of a run say what Luigi's own summary would
        logging.getLogger("lstluigi.summary").setLevel(logging.WARNING)
        for handler in list(log.handlers):
            log.removeHandler(handler)
        if self._console.is_terminal:
            shown = RichHandler(console=self._console, show_path=False, show_time=False)
            log.addHandler(shown)
            self._progress.start()
        else:
            plain = logging.StreamHandler()
            form = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S")
            plain.setFormatter(form)
            log.addHandler(plain)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def heard(self, node: PlannedStep, word: str) -> None:
        """Take note that a step has begun, is done, has failed, or is left to its jobs."""
        stage = node.step.stage
        if stage not in self._counts:
            return
        counts, bar = self._counts[stage], self._bars[stage]
        counts[word] = counts.get(word, 0) + 1
        self._progress.start_task(bar)
        ended = sum(counts.get(end, 0) for end in ("done", "failed", "left"))
        under_way = counts.get("begun", 0) - ended
        words = [f"{under_way} under way" * (under_way > 0)]  # some may wait in a queue
        words.append(f"[red]{counts.get('failed', 0)} failed[/red]" * bool(counts.get("failed")))
        self._progress.update(
            bar, completed=counts.get("done", 0), note=" ".join(filter(None, words))
        )


def plan_table(steps: Sequence[PlannedStep], plan: Plan) -> Table:
    """What would run, by stage, for `--dry-run`."""
    table = Table(title="What would run")
    for column in ("stage", "to do", "outdated", "of", "first product"):
        table.add_column(column)
    for stage in dict.fromkeys(node.step.stage for node in plan.steps):
        mine = [node for node in steps if node.step.stage == stage]
        changed = [n for n in mine if plan.states[n.index] is State.OUTDATED]
        total = sum(node.step.stage == stage for node in plan.steps)
        first = escape(mine[0].output) if mine else "-"
        table.add_row(stage, str(len(mine) - len(changed)), str(len(changed)), str(total), first)
    return table
