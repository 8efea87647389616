"""Memory without a unit, which is megabytes to Slurm, where gigabytes were meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lstluigi.errors import shown
from lstluigi.plan import Plan
from lstluigi.resources import where_requested
from lstluigi.validation.findings import Finding, warning

OPTIONS = ("mem", "mem-per-cpu")
#: Megabytes; importing lstchain takes 400, and no stage runs in twice that.
LEAST = 1000


def memory_findings(plan: Plan) -> Iterator[Finding]:
    """Requests that no job of lstchain could run with.

    Parameters
    ----------
    plan
        The production.
    """
    slurm = plan.config.slurm
    general = f"{plan.config.path}, slurm_config or its site profile"
    yield from _little(f"{general}, key 'options'", slurm.options)
    for stage, options in slurm.stages.items():
        yield from _little(f"{general}, key {shown(f'stages.{stage}')}", options)
    for node in plan.steps:
        if node.step.slurm:
            yield from _little(where_requested(node), node.step.slurm)


def _little(where: str, options: Mapping[str, str]) -> Iterator[Finding]:
    for name in OPTIONS:
        given = options.get(name, "").strip()
        # all of a node is asked for with 0
        if given.isdecimal() and 0 < int(given) < LEAST:
            what = f"{name} is {given} without a unit, which is {given} MB to Slurm"
            yield warning(where, what, f"write {given}G, if gigabytes are meant")
