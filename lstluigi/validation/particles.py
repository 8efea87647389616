"""Paths whose names tell of another particle, or half of the simulations, than is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lstluigi.config import ProductionConfig, Step
from lstluigi.production.step import PlannedStep
from lstluigi.validation.findings import Finding, error, warning

#: A gamma may be diffuse; no name of another particle has one of these in it.
_PARTICLE = re.compile(r"gamma|proton|electron", re.IGNORECASE)
#: Directories of a data set, or of a side of a split.
_HALF = re.compile(r"(?:^|(?<=/))(?:train|test)(?=(?:ing)?(?:Dataset)?(?:/|$))", re.IGNORECASE)
#: Directories of a data level.
_LEVEL = re.compile(r"(?<=/)DL([0-3])(?=/)")


def particle_findings(node: PlannedStep, config: ProductionConfig) -> Iterator[Finding]:
    """What was swapped, and what stands for two particles at once.

    Parameters
    ----------
    node
        A step.
    config
        The production; a particle in its name, or in that of a directory around it, says nothing.
    """
    step = node.step
    for key, given in (("input", step.input), ("output", step.output)):
        if isinstance(given, Mapping):
            yield from _under_names(step, key, given, config)
            if step.stage == "train_pipe":
                yield from _trained_on(step, given, config)
    if isinstance(step.input, str) and isinstance(step.output, str):
        yield from _downhill(step, step.input, step.output)
        source, made = (_last(_PARTICLE, path, config) for path in (step.input, step.output))
        if source and made and source != made:
            where = f"{step.where('output')} ({step.output})"
            what = f"it is named after {made}s, the input after {source}s"
            yield warning(where, what, "let both be of one particle")


def _under_names(
    step: Step, key: str, paths: Mapping[str, str], config: ProductionConfig
) -> Iterator[Finding]:
    """Each name is that of a particle (gamma, gamma_file) or of a half (train, test)."""
    seen: dict[str, tuple[str, str]] = {}
    for name, path in paths.items():
        kind = next((kind for kind in (_PARTICLE, _HALF) if kind.match(name.split("_")[0])), None)
        if kind is None:
            continue
        wanted, told = name.split("_")[0], _last(kind, path, config)
        before, first = seen.setdefault(path, (wanted, name))
        where = f"{step.where(key)} ({path})"  # not in the sentence, so that equal ones are folded
        if told and told != wanted:
            what = f"what is given as {name} is named after {told}, not {wanted}"
            yield warning(where, what, "check whether two paths are swapped")
        elif before != wanted:
            what = f"{first} and {name} are the same path"
            yield warning(where, what, "give each its own")


def _trained_on(
    step: Step, paths: Mapping[str, str], config: ProductionConfig
) -> Iterator[Finding]:
    """Forests that would know the events that their performance is measured with."""
    for name, path in paths.items():
        if _last(_HALF, path, config) == "test":
            where = f"{step.where('input')} ({path})"
            what = f"the forests are trained on the {name} of the test data set"
            yield warning(where, what, "give the training data set")


def _downhill(step: Step, source: str, made: str) -> Iterator[Finding]:
    """Data levels only rise from step to step."""
    read, written = (_LEVEL.findall(path)[-1:] for path in (source, made))
    if read and written and written < read:
        where = f"{step.where('output')} ({made})"
        what = f"it is DL{written[0]} by its directory, and the input is DL{read[0]}"
        yield error(where, what, "input and output seem swapped")


def _last(kind: re.Pattern[str], path: str, config: ProductionConfig) -> str:
    """The last word of a kind in a path, in small letters; empty where there is none."""
    told = path.removeprefix(f"{config.path.parent}/")
    found = kind.findall(told.replace(config.prod_id, "") if config.prod_id else told)
    return str(found[-1]).lower() if found else ""
