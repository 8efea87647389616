"""What around a production keeps it from running: environment, programs, resources, other runs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from lstluigi.config import ProductionConfig
from lstluigi.errors import Problem, Refused, shown
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.ledger import submissions
from lstluigi.jobs.lock import holder
from lstluigi.jobs.script import missing_programs
from lstluigi.jobs.slurm import SlurmBackend
from lstluigi.jobspec import Environment
from lstluigi.production.plan import Plan
from lstluigi.production.resources import lowered, requested, where_requested
from lstluigi.production.step import PlannedStep


def run_problems(
    plan: Plan, steps: Sequence[PlannedStep], environment: Environment, backend: Backend
) -> Iterator[Problem]:
    """What keeps these steps from being run here; `validate --check-paths` and a run refuse it."""
    yield from luigi_problems()
    local = backend.name != SlurmBackend.name
    yield from environment_problems(plan.config, environment, local)
    yield from resource_problems(plan, steps, backend)
    yield from submission_problems(plan, steps, backend)


def luigi_problems() -> Iterator[Problem]:
    """Luigi's own settings, of the user, that no run would work with."""
    from lstluigi.scheduler import settings_problems  # loads Luigi

    yield from settings_problems({})


def environment_problems(
    config: ProductionConfig, environment: Environment, local: bool
) -> Iterator[Problem]:
    """An environment that is not on this machine, where the jobs are to run."""
    source, conda = environment.source_file, environment.conda_env
    if not local:
        return
    absent = source if source is not None and not os.path.isfile(source) else None
    if source is None and conda is not None and shutil.which("conda") is None:
        absent = f"the conda environment {conda!r}"
    if absent is not None:
        what = f"source_environment names {absent}, which is not on this machine"
        mend = "use --environment current to run the jobs with the python that runs lstluigi"
        yield Problem(str(config.path), what, mend)


def program_problems(
    steps: Sequence[PlannedStep], environment: Environment, local: bool
) -> Iterator[Problem]:
    """Programs that these steps call and that jobs of this machine would not find.

    An environment on a cluster may have them where this machine has not; its jobs tell.
    """
    first: dict[str, PlannedStep] = {}
    for node in steps:
        for name in node.stage.programs:
            first.setdefault(name, node)
    if not local or not first:
        return
    source = environment.conda_env or environment.source_file
    where = "on this machine" if source is None else f"in the environment {shown(source)}"
    for name in missing_programs(environment, list(first)):
        what = f"it calls {name}, which is not {where}"
        mend = "install it there, or name the environment that has it with source_environment"
        yield Problem(first[name].step.where(), what, mend)


def resource_problems(
    plan: Plan, steps: Sequence[PlannedStep], backend: Backend
) -> Iterator[Problem]:
    """Requests that the backend cannot fulfil, and settings without a meaning."""
    for node in steps:
        try:
            requested(plan, node, backend)
        except Refused as error:
            yield Problem(where_requested(node), error.what, error.mend)
        if node.step.max_failed_fraction and not node.stage.per_file:
            what = f"{node.step.stage} is not done file by file, so no share of them may fail"
            yield Problem(node.step.where("max_failed_fraction"), what, "take the key out")


def resource_notices(plan: Plan, steps: Sequence[PlannedStep], backend: Backend) -> Iterator[str]:
    """Requests that are lowered to what the site has, once for each stage."""
    found: Counter[tuple[str, str]] = Counter()
    for node in steps:
        with suppress(Refused):  # said as a problem
            if over := lowered(plan, node, backend):
                found[node.step.stage, "; ".join(over)] += 1
    for (stage, over), count in found.items():
        yield f"{stage}, {count} step(s): {over}; lowered to that (over_limits: lower)"


def submission_problems(
    plan: Plan, steps: Sequence[PlannedStep], backend: Backend
) -> Iterator[Problem]:
    """Jobs that the backend would not take, once for each kind of request."""
    seen = set()
    for node in steps:
        try:
            asked = requested(plan, node, backend).without("nice")
        except Refused:
            continue
        if asked in seen:
            continue
        seen.add(asked)
        if why := backend.refusal(asked):
            names = ("account", "partition", "qos", "constraint", "reservation")
            given = ", ".join(f"{k} {v}" for k, v in asked.options if k in names)
            what = f"Slurm would refuse its jobs: {why}" + f" (asked for: {given})" * bool(given)
            mend = "correct it under slurm_config, or map it there (site_accounts, partitions)"
            yield Problem(where_requested(node), what, mend)


def lock_problems(steps: Sequence[PlannedStep], plan: Plan) -> Iterator[Problem]:
    """The first of these steps that another run is making right now; one is enough to wait for."""
    for node in steps:
        if plan.listing.exists(node.places.lock) and (owner := holder(node.places.lock)):
            what = f"{owner} is making {node} (lock {node.places.lock})"
            yield Problem(node.step.where(), what, "wait for it to end")
            return


def queue_problems(
    steps: Sequence[PlannedStep], plan: Plan, slurm: Callable[[], Backend | None]
) -> Iterator[Problem]:
    """The first of these steps, to be made without Slurm, of which Slurm still has jobs.

    Parameters
    ----------
    slurm
        Called only if the ledgers name such jobs; None where there is no Slurm to be asked.
    """
    ledgers = [(n, n.places.ledger) for n in steps if plan.listing.exists(n.places.ledger)]
    left = [(n, array) for n, path in ledgers for array in submissions(path, SlurmBackend.name)]
    if not left or (backend := slurm()) is None:
        return
    for node, array in left:
        if backend.adopt(array):
            what = f"Slurm has jobs of an earlier run ({array.name}) that make {node}"
            mend = "run with --backend slurm, which follows them, or end them: `lstluigi cancel`"
            yield Problem(node.step.where(), what, mend)
            return
