"""`lstluigi run`: a production with a progress display, through the same tasks as `luigi`."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from lstluigi.display import terminal
from lstluigi.errors import NOTHING_DONE
from lstluigi.jobs.slurm import SlurmBackend, controller
from lstluigi.production.places import run_log
from lstluigi.production.step import PlannedStep
from lstluigi.run import detached
from lstluigi.run.progress import Display, plan_table
from lstluigi.run.session import Session
from lstluigi.run.tasks import Production
from lstluigi.scheduler import collection_put_off, exit_code, outlive_terminal, run_tasks
from lstluigi.validation.preflight import DECIDE

#: Starts a run, given its session here and its command line; says what was started.
Away = Callable[[Session, Sequence[str]], list[str]]

#: Exit code of a dry run that found outdated products: that of the run itself.
CHANGED = 30
#: How many of them are shown.
SHOWN = 5


def run_production(
    config: str,
    options: Mapping[str, Any],
    *,
    dry_run: bool = False,
    outputs: Sequence[str] = (),
) -> int:
    """Run a production, or show what would run.

    Parameters
    ----------
    config
        Path of the production config.
    options
        Further parameters of `lstluigi.Production`.
    outputs
        Make only the steps of these outputs, and what they need; the whole production if none.

    Returns
    -------
    int
        Exit code: 0 if everything is there.
    """
    outlive_terminal()
    console = terminal(stderr=True)
    task = Production(config=config, **options)
    started = time.monotonic()
    with collection_put_off():
        session = task.session
        if dry_run:
            return _show_plan(session, console)
        with Display([], console):
            steps = _prepared(session, outputs)
    tasks = [task.step_task(session.node(output)) for output in outputs]
    with Display(steps, console) as display:
        session.listeners.append(display.heard)
        code = exit_code(run_tasks(tasks or [task]))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # only words are left
    took = time.strftime("%H:%M:%S", time.gmtime(time.monotonic() - started))
    if code == 0 and outputs:
        what = f"{len(steps)} step(s) made ({took}); `lstluigi run` makes what follows from them"
    elif code == 0:
        total = len(session.plan.steps)
        what = f"all {total} steps are satisfied ({len(steps)} made now, {took})"
    else:
        what = f"not everything could be made ({took}); see the reasons above, then type "
        what += f"{task.to_continue} to continue"
    said = [f"{session.config.prod_id}: {what}"]
    if code == 0 and not outputs:
        said += delivered(session)
    for sentence in said:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return code


def delivered(session: Session) -> Iterator[str]:
    """Say where the results of a complete production are, and what to type next."""
    results: dict[str, list[str]] = {}
    for node in session.plan.steps:
        if node.stage.delivered and session.plan.there(node):
            results.setdefault(node.step.stage, []).append(node.output)
    for stage, paths in results.items():
        where = paths[0] if len(paths) == 1 else f"{len(paths)} below {os.path.commonpath(paths)}"
        yield f"  {stage}: {where}"
    yield f"next: lstluigi report {shlex.quote(os.path.relpath(session.config.path))}"


def _prepared(session: Session, outputs: Sequence[str]) -> list[PlannedStep]:
    """What is to be done, all checks made."""
    return session.prepare_outputs(outputs) if outputs else session.prepare()


def send_off(config: str, options: Mapping[str, Any], away: Away) -> int:
    """Check a run here, then have it go on without this terminal.

    Parameters
    ----------
    config, options
        As for `run_production`.
    away
        Starts it and says how.

    Returns
    -------
    int
        0 once it has been started, or if there is nothing to do.
    """
    console = terminal(stderr=True)
    task = Production(config=config, **options)
    session = task.session
    with Display([], console):
        steps = session.preview()
        session.tell(steps)
    code = _undecided(steps, session, console)
    if code != 0:
        return code
    if steps or session.plan.accepted:
        said = away(session, command_line(session, options))
    else:
        said = [f"all {len(session.plan.steps)} steps are satisfied, nothing is started"]
    for sentence in said:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return 0


def command_line(session: Session, options: Mapping[str, Any]) -> list[str]:
    """What to type for a run with these options; its jobs go where this session's would go."""
    given = {**options, "backend": session.backend_name}
    words = [sys.executable, "-P", "-m", "lstluigi.cli", "run", str(session.config.path)]
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [flag] * value
        elif value:
            words += [flag, str(value)]
    return words


def as_process(session: Session, command: Sequence[str]) -> list[str]:
    """The run goes on as a process of its own."""
    prod_id = session.config.prod_id
    log = run_log(prod_id)
    pid = detached.start(command, log)
    return [
        f"{prod_id}: the run goes on as process {pid} on {socket.gethostname()}, whatever becomes "
        "of this terminal",
        f"follow it with: tail -f {shlex.quote(log)}",
        _how_to_end(session, f"kill {pid}"),
    ]


def as_job(wishes: Mapping[str, str]) -> Away:
    """The run goes on as a job of its own, which asks for `wishes`."""

    def submit(session: Session, command: Sequence[str]) -> list[str]:
        prod_id = session.config.prod_id
        for job, state in controller.in_queue(prod_id).items():
            return [f"{prod_id}: the run is job {job} ({state}) already; none is submitted"]
        assert isinstance(session.backend, SlurmBackend)
        asked = controller.resources(session.config.slurm, session.backend.site, wishes)
        again = not session.choices.remake  # started anew, it would make things again once more
        job = controller.submit(prod_id, command, asked, run_log(prod_id), requeue=again)
        time_, where = (dict(asked.options).get(key, "") for key in ("time", "partition"))
        return [
            f"{prod_id}: the run is job {job} ({where}, {time_}); when its time is up its jobs go "
            "on, and the same command follows them again",
            f"follow it with: tail -f {shlex.quote(run_log(prod_id))}",
            _how_to_end(session, f"scancel {job}"),
        ]

    return submit


def _how_to_end(session: Session, how: str) -> str:
    jobs = "its jobs go on" if session.backend.survives else "its jobs end, too"
    config = shlex.quote(str(session.config.path))
    return f"end it with: {how} ({jobs}), or end it and all jobs: lstluigi cancel {config}"


def _show_plan(session: Session, console: Console) -> int:
    """What a run would do and what would stop it; the exit code it would have at once."""
    with Display([], console):
        steps = session.preview()
        session.tell(steps)
    terminal().print(plan_table(steps, session.plan))
    code = _undecided(steps, session, console)
    console.print(f"{session.config.prod_id}: {NOTHING_DONE}", markup=False)
    return code


def _undecided(steps: Sequence[PlannedStep], session: Session, console: Console) -> int:
    """Products that the user has to decide about; the exit code for them."""
    said = []
    if kept := len(session.plan.accepted):
        said.append(f"{kept} outdated product(s) are kept as they are by --accept-changed")
    changed = session.changed(steps)
    for node in changed[:SHOWN]:
        said.append(f"outdated: {node} ({session.plan.why_changed(node)})")
    if len(changed) > SHOWN:
        said.append(f"outdated: and {len(changed) - SHOWN} more")
    if changed and session.choices.accept_changed:
        again = "make it again with `lstluigi remake`"
        said.append(f"not all of these is there, so it is not kept; {again}")
    elif changed:
        said.append(f"{DECIDE}; nothing below these would run")
    for sentence in said:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return CHANGED if changed else 0
