"""`lstluigi run`: a production with a progress display, through the same tasks as `luigi`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from lstluigi.display import Display, plan_table
from lstluigi.plan import Standing
from lstluigi.production import Production
from lstluigi.scheduling import collection_put_off, exit_code, run_tasks
from lstluigi.session import Session

#: Exit code of a dry run that found products made differently: that of the run itself.
CHANGED = 30
#: How many of them are shown.
SHOWN = 5


def run_production(config: str, options: Mapping[str, Any], *, dry_run: bool = False) -> int:
    """Run a production, or show what would run.

    Parameters
    ----------
    config
        Path of the production config.
    options
        Further parameters of `lstluigi.Production`.

    Returns
    -------
    int
        Exit code: 0 if everything is there.
    """
    console = Console(stderr=True)
    task = Production(config=config, **options)
    started = time.monotonic()
    with collection_put_off():
        session = task.session
        if dry_run:
            return _show_plan(session, console)
        with Display([], console):
            steps = session.prepare()
    with Display(steps, console) as display:
        session.listeners.append(display.heard)
        code = exit_code(run_tasks([task]))
    took = time.strftime("%H:%M:%S", time.gmtime(time.monotonic() - started))
    if code == 0:
        total = len(session.plan.steps)
        what = f"all {total} steps are satisfied ({len(steps)} made now, {took})"
    else:
        again = "the same command without --remake" if options.get("remake") else "the same command"
        what = f"not everything could be made ({took}); the reasons stand above, {again} goes on"
    console.print(f"{session.config.prod_id}: {what}", markup=False, highlight=False)
    return code


def _show_plan(session: Session, console: Console) -> int:
    """What a run would do and what would stop it; the exit code it would have at once."""
    with Display([], console):
        steps = session.preview()
        session.tell(steps)
    Console().print(plan_table(steps, session.plan))
    changed = [n for n in steps if session.plan.standings[n.index] is Standing.CHANGED]
    if not changed or session.choices.accept_changed:
        return 0
    for node in changed[:SHOWN]:
        reasons = "; ".join(session.plan.changes(node))
        console.print(f"made differently: {node} ({reasons})", markup=False, highlight=False)
    console.print("decide with --accept-changed or --remake; nothing below these would run")
    return CHANGED
