"""One production: what `run` would refuse, and what it would only find out later."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstluigi.errors import ConfigError, LstluigiError, Problem
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.local import LocalBackend
from lstluigi.jobs.slurm import SlurmBackend, answers
from lstluigi.jobs.slurm.site import Site
from lstluigi.jobspec import Environment
from lstluigi.production.load import Choices
from lstluigi.production.plan import Plan
from lstluigi.validation import preflight
from lstluigi.validation.conventions import habit_findings, version_named
from lstluigi.validation.environment import (
    program_problems,
    resource_notices,
    resource_problems,
    run_problems,
)
from lstluigi.validation.examine import examine
from lstluigi.validation.findings import Finding, folded
from lstluigi.validation.inputs import probe_problems
from lstluigi.validation.lstchain_catalogue import catalogue
from lstluigi.validation.lstchain_requirements import Requirements
from lstluigi.validation.lstchain_settings import setting_findings
from lstluigi.validation.memory import memory_findings
from lstluigi.validation.misspelt_paths import Nearby
from lstluigi.validation.options import option_findings
from lstluigi.validation.particles import particle_findings
from lstluigi.validation.report import Report
from lstluigi.validation.unconnected_steps import Routes

#: Said where a step is not known.
UNCOMPARED = (
    "what steps make and read of each other was not compared, since errors leave steps unknown; "
    "validate again when they are mended."
)


def validate(
    config: Path, check_paths: bool = False, tools: Mapping[str, Any] | None = None
) -> Report:
    """Find everything that is wrong or odd with a production, and change nothing.

    Parameters
    ----------
    config
        The production config.
    check_paths
        Whether what it reads from outside must be there, and its outputs writable.
    tools
        Files beside the config by the option that names them (`lstchain_config`, `site`, ...);
        they come first.
    """
    path = Path(os.path.abspath(config))
    choices = Choices(str(path), **(tools or {}))
    try:
        plan, problems = examine(choices)
        return _report(plan, problems, check_paths)
    except LstluigiError as failed:
        problems = _problems(failed, path)
        return Report(path, findings=tuple(folded(Finding(p, error=True) for p in problems)))


def _problems(failed: LstluigiError, path: Path) -> list[Problem]:
    if isinstance(failed, ConfigError):
        return list(failed.problems)
    return [Problem(str(path), str(failed), "mend that first")]


def _report(plan: Plan, problems: list[Problem], check_paths: bool) -> Report:
    unknown = [*preflight.tool_config_problems(plan, plan.steps)]
    refused, whole = [*problems, *unknown], preflight.whole(problems)
    on_slurm = plan.config.backend != "local"
    source = plan.config.source_environment
    named = Environment() if source is None else Environment(source.source_file, source.conda_env)
    if check_paths:
        # a config that insists on Slurm is refused where there is none, as by a run
        on_slurm = plan.config.backend == "slurm" or (on_slurm and answers())
        refused += preflight.file_problems(plan, preflight.sound(plan), whole)
        refused += probe_problems(plan, preflight.sound(plan))
    backend = _backend(plan, on_slurm, check_paths)
    if check_paths:
        refused += run_problems(plan, plan.steps, named, backend)
    else:
        refused += resource_problems(plan, plan.steps, backend)
    findings = [
        *(Finding(problem, error=True) for problem in refused),
        # a production that lacks the config of its tool may be meant to be of another workflow
        *(() if unknown else _programs(plan, named, check_paths, local=not on_slurm)),
        *_odd(plan, whole),
    ]
    external = {reading.path for node in plan.steps for reading in plan.external(node)}
    external |= {path for node in plan.steps for _, _, path in plan.named_files(node)}
    return Report(
        config=plan.config.path,
        prod_id=plan.config.prod_id,
        stages=dict(Counter(node.step.stage for node in plan.steps)),
        findings=tuple(folded(findings)),
        notices=(
            *preflight.notices(plan, whole),
            *resource_notices(plan, plan.steps, backend),
            *(() if whole else (UNCOMPARED,)),
        ),
        external=tuple(sorted(external)),
        checked=check_paths,
    )


def _programs(
    plan: Plan, environment: Environment, check_paths: bool, local: bool
) -> Iterator[Finding]:
    """Programs that are missing here: odd, and an error where jobs run here.

    No environment is entered only to look for them, unless the file system is to be looked at.
    """
    if check_paths or environment.current:
        steps = preflight.sound(plan) if check_paths else plan.steps
        for problem in program_problems(steps, environment, local=True):
            yield Finding(problem, error=check_paths and local)


def _backend(plan: Plan, on_slurm: bool, here: bool) -> Backend:
    """What requests are for: this site, or off the cluster a site whose limits are not known."""
    if not on_slurm:
        return LocalBackend()
    return SlurmBackend(plan.config.slurm, site=None if here else Site())


def _odd(plan: Plan, whole: bool) -> Iterator[Finding]:
    """What `run` does not look at; without every step no paths of steps are compared."""
    pinned = catalogue().lstchain
    version = version_named(plan.config) or pinned
    nearby = Nearby(plan)
    for node in plan.steps:
        for finding in option_findings(node):
            # another lstchain may have other options
            yield replace(finding, error=finding.error and version == pinned)
        yield from particle_findings(node, plan.config)
        yield from nearby.findings(node) if whole else ()
    yield from Routes(plan).findings() if whole else ()
    yield from memory_findings(plan)
    if (lstchain := plan.configs.get("lstchain")) is not None:
        yield from setting_findings(lstchain, version)
        yield from Requirements(plan, lstchain, version == pinned).findings()
    yield from habit_findings(plan.config)
