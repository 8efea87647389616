"""Memory without a unit, which is megabytes to Slurm, where gigabytes were meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lstluigi.errors import shown
from lstluigi.jobspec import CONTROLLER
from lstluigi.production.plan import Plan
from lstluigi.production.resources import where_requested
from lstluigi.validation.findings import Finding, warning

PER_CPU = "mem-per-cpu"
#: Megabytes; importing lstchain takes 400, and no stage runs in twice that.
LEAST = 1000

#: Where options are asked for, and the options.
Layer = tuple[str, Mapping[str, str]]


def memory_findings(plan: Plan) -> Iterator[Finding]:
    """Requests that no job of lstchain could run with.

    Parameters
    ----------
    plan
        The production.
    """
    slurm = plan.config.slurm
    general = f"{plan.config.path}, slurm_config or its site profile"
    everywhere = (f"{general}, key 'options'", slurm.options)

    def of_stage(name: str) -> Layer:
        return f"{general}, key {shown(f'stages.{name}')}", slurm.stages.get(name, {})

    yield from _little([of_stage(CONTROLLER)])
    for node in plan.steps:
        own = (where_requested(node), node.step.slurm)
        yield from _little([everywhere, of_stage(node.stage.name), own])


def _little(layers: list[Layer]) -> Iterator[Finding]:
    """What is too little of what a job asks for by these, of which the last counts."""
    asked = {name: value for _, options in layers for name, value in options.items()}
    for where, options in reversed(layers):
        name = next((name for name in (PER_CPU, "mem") if name in options), None)
        if name is None:
            continue
        given, cores = options[name].strip(), asked.get("cpus-per-task", "1")
        # all of a node is asked for with 0
        if given.isdecimal() and 0 < int(given) * (int(cores) if name == PER_CPU else 1) < LEAST:
            what = f"{name} is {given} without a unit, which is {given} MB to Slurm"
            yield warning(where, what, f"write {given}G, if gigabytes are meant")
        return
