"""Paths whose names tell of another particle, or half of the simulations, than is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lstluigi.config import Step
from lstluigi.steps import PlannedStep
from lstluigi.validation.findings import Finding, warning

#: A gamma may be diffuse; no name of another particle has one of these in it.
_PARTICLE = re.compile(r"gamma|proton|electron", re.IGNORECASE)
#: Directories of a data set, or of a side of a split.
_HALF = re.compile(r"(?:^|(?<=/))(?:train|test)(?=(?:ing)?(?:Dataset)?(?:/|$))", re.IGNORECASE)


def particle_findings(node: PlannedStep, prod_id: str) -> Iterator[Finding]:
    """What was swapped, and what stands for two particles at once.

    Parameters
    ----------
    node
        A step.
    prod_id
        Of the production; a particle named in it says nothing of a path.
    """
    step = node.step
    for key, given in (("input", step.input), ("output", step.output)):
        if isinstance(given, Mapping):
            yield from _under_names(step, key, given, prod_id)
    if isinstance(step.input, str) and isinstance(step.output, str):
        source, made = (_last(_PARTICLE, path, prod_id) for path in (step.input, step.output))
        if source and made and source != made:
            where = f"{step.where('output')} ({step.output})"
            what = f"it is named after {made}s, the input after {source}s"
            yield warning(where, what, "let both be of one particle")


def _under_names(step: Step, key: str, paths: Mapping[str, str], prod_id: str) -> Iterator[Finding]:
    """Each name is that of a particle (gamma, gamma_file) or of a half (train, test)."""
    seen: dict[str, tuple[str, str]] = {}
    for name, path in paths.items():
        kind = next((kind for kind in (_PARTICLE, _HALF) if kind.match(name.split("_")[0])), None)
        if kind is None:
            continue
        wanted, told = name.split("_")[0], _last(kind, path, prod_id)
        before, first = seen.setdefault(path, (wanted, name))
        where = f"{step.where(key)} ({path})"  # not in the sentence, so that equal ones are folded
        if told and told != wanted:
            what = f"what is given as {name} is named after {told}, not {wanted}"
            yield warning(where, what, "check whether two paths are swapped")
        elif before != wanted:
            what = f"{first} and {name} are the same path"
            yield warning(where, what, "give each its own")


def _last(kind: re.Pattern[str], path: str, prod_id: str) -> str:
    """The last word of a kind in a path, in small letters; empty where there is none."""
    found = kind.findall(path.replace(prod_id, "") if prod_id else path)
    return str(found[-1]).lower() if found else ""
