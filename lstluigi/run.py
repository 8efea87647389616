"""`lstluigi run`: a production with a progress display, through the same tasks as `luigi`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from lstluigi.display import Display, plan_table
from lstluigi.production import Production
from lstluigi.scheduling import exit_code, run_tasks


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
    session = task.session
    started = time.monotonic()
    if dry_run:
        steps = session.check()
        Console().print(plan_table(steps, session.plan.steps))
        return 0
    with Display([], console) as opening:
        steps = session.prepare()
        del opening
    with Display(steps, console) as display:
        session.listeners.append(display.heard)
        code = exit_code(run_tasks([task]))
    took = time.strftime("%H:%M:%S", time.gmtime(time.monotonic() - started))
    if code == 0:
        console.print(
            f"{session.config.prod_id}: all {len(session.plan.steps)} steps are satisfied "
            f"({len(steps)} made now, {took})"
        )
    else:
        console.print(
            f"{session.config.prod_id}: not everything could be made ({took}); the reasons "
            "stand above, typing the same command again does what is missing"
        )
    return code
