"""The run itself as a small, long job on Slurm."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lstluigi.errors import LstluigiError
from lstluigi.files import read_json, write_json
from lstluigi.jobs.backend import NotNow
from lstluigi.jobs.slurm import commands, states
from lstluigi.jobs.slurm.commands import Row, Run
from lstluigi.jobs.slurm.requests import Requests
from lstluigi.jobs.slurm.site import Site
from lstluigi.jobspec import CONTROLLER, Resources, SlurmSettings

#: What it asks for where nothing else is said.
USUAL = Resources(1, 2000, (("partition", "long"),))
#: Options of sbatch that say how large a job is.
SIZES = frozenset(
    (
        *("cpus-per-task", "exclusive", "gpus", "gpus-per-node", "gpus-per-task", "gres", "mem"),
        *("mem-per-cpu", "mem-per-gpu", "nodes", "ntasks", "time", "time-min", "tmp"),
    )
)
#: The longest time (s) that is asked for where the partition allows more.
LONGEST = 7 * 86400.0
#: So long (s) before its time is up, it is told to detach.
NOTICE = 300


def job_name(prod_id: str) -> str:
    """Name of a production's controller for lists of jobs: words without a meaning for any tool."""
    plain = re.sub(r"[^\w.+=-]+", "_", prod_id, flags=re.ASCII)
    if plain != prod_id:  # two productions shall not become one
        plain += "-" + hashlib.sha256(prod_id.encode()).hexdigest()[:8]
    return f"lstluigi_{plain}"


def _record(directory: str) -> str:
    return os.path.join(directory, "controller.json")


def recorded(directory: str) -> str:
    """Id of the controller that was submitted last, by a production's directory of logs.

    It is empty if there was none.
    """
    content = read_json(_record(directory))
    return str(content.get("job", "")) if isinstance(content, dict) else ""


def in_queue(prod_id: str, run: Run = commands.run) -> dict[str, str]:
    """Controllers of a production that have not ended: state by job id.

    Raises
    ------
    NotNow
        When Slurm does not answer.
    """
    answer = run(commands.squeue(commands.user_name()))
    if answer.code != 0:
        raise NotNow(f"squeue has no answer from Slurm ({answer.words}); try again later")
    return among(commands.parse_squeue(answer.out), prod_id)


def among(rows: Iterable[Row], prod_id: str) -> dict[str, str]:
    """Controllers of a production among rows of the queue that have not ended: state by job id."""
    name = job_name(prod_id)
    mine = (row for row in rows if row.name == name)
    return {row.job: row.state.lower() for row in mine if not states.status(row.state).state.ended}


def resources(settings: SlurmSettings, site: Site, wishes: Mapping[str, str]) -> Resources:
    """What the job asks for at this site: as much time as it can have, up to a week.

    What the site wants of every job counts for it, too, but not how large a job of the production
    is there.
    """
    options = {name: value for name, value in settings.options.items() if name not in SIZES}
    if commands.PER_CPU in settings.options:  # the way to ask, not how much
        options[commands.PER_CPU] = ""
    requests = Requests(replace(settings, options=options), site)
    asked = requests.asked(CONTROLLER, USUAL, wishes)
    if asked.time_s is not None:
        return asked.timed(asked.time_s)
    limit = requests.limits(asked).time_s
    return asked.timed(min(math.inf if limit is None else limit, LONGEST))


def submit(
    prod_id: str,
    command: Sequence[str],
    asked: Resources,
    log: str,
    *,
    requeue: bool = True,
    run: Run = commands.run,
) -> str:
    """Submit a run, and return the id of its job.

    Parameters
    ----------
    prod_id
        The production.
    command
        Command line of the run.
    asked
        What the job asks for.
    log
        Where its output goes; what is known of it is kept in the same directory.
    requeue
        Whether Slurm may start it again from its beginning.

    Raises
    ------
    LstluigiError
        When there is no telling that it was submitted.
    """
    directory = os.path.dirname(log)
    _make(directory)
    own = {
        "parsable": "",
        "requeue" if requeue else "no-requeue": "",
        "job-name": job_name(prod_id),
        "output": log.replace("%", "%%"),
        "open-mode": "append",
        "signal": f"B:TERM@{NOTICE}",
    }
    options = {**commands.sbatch_options(asked), **own}
    argv = [f"--{name}={value}" if value else f"--{name}" for name, value in options.items()]
    here = shlex.quote(os.getcwd())
    # exec: signals for the job's shell are for the run
    script = f"#!/bin/bash\ncd -- {here} || exit\nexec {shlex.join(command)}\n"
    answer = run(["sbatch", *argv], script)
    job = commands.parse_submission(answer.out) if answer.code == 0 else ""
    if not job and (answer.silent or answer.code == 0):  # it may have arrived all the same
        job = next(iter(in_queue(prod_id, run)), "")
    if not job:
        raise LstluigiError(f"Slurm has not taken the run as a job: {answer.words}")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    kept = {"job": job, "name": job_name(prod_id), "submitted": stamp, "log": log}
    write_json(_record(directory), {**kept, "command": list(command)})
    return job


def _make(directory: str) -> None:
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LstluigiError(f"{directory} cannot be made ({error.strerror})") from None
