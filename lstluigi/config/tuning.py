"""The keys by which a config asks for noise tuned to real data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from lstluigi.config import values
from lstluigi.config.keys import Key
from lstluigi.config.model import NoiseTuning, Shape, Unfit
from lstluigi.config.section import Section, nearest
from lstluigi.config.steps import Workflows, no_such_stage
from lstluigi.config.yaml12 import Value, YamlMapping
from lstluigi.errors import shown

__all__ = [
    "DARKER_DATA",
    "LEVELS",
    "OWN_CONFIG",
    "TUNING_KEYS",
    "darker_data",
    "read_tuning",
    "tuning_level",
]

#: What noise is added to.
LEVELS = ("image", "waveform")
DATA, MC, LEVEL = "dl1_noise_tune_data_run", "dl1_noise_tune_mc_run", "nsb_tuning"
DARKER = "dl1_noise_tune_darker_data"
DARKER_CHOICES = ("stop", "untuned")
DARKER_DATA = Key(
    "`stop` or `untuned`",
    "What to do if the data are not brighter than the simulation, so that no noise can be added.",
    "`stop`",
    new=True,
)
TUNING_KEYS = {
    DATA: Key(
        "a path",
        "Real DL1 by which noise is [tuned](#noise-tuned-to-real-data). With "
        f"`{MC}`, or not at all.",
        "noise is not tuned",
    ),
    MC: Key("a path", f"DL0 of a simulated run. With `{DATA}`, or not at all.", "none"),
    LEVEL: Key(
        " or ".join(f"`{level}`" for level in LEVELS),
        "What the noise is added to.",
        "`image`",
        new=True,
    ),
    DARKER: DARKER_DATA,
}
#: Key of a step that has an lstchain config of its own, where its stage reads one.
OWN_CONFIG = "lstchain_config"


def tuning_level(text: str) -> str:
    """Read to what the noise is added: ``image`` or ``waveform``.

    Raises
    ------
    Unfit
        It is neither.
    """
    if text not in LEVELS:
        raise Unfit(f"{shown(text)} is unknown", nearest(text, LEVELS))
    return text


def darker_data(text: str) -> str:
    """Read what to do with data that are not brighter: ``stop`` or ``untuned``.

    Raises
    ------
    Unfit
        It is neither.
    """
    if text not in DARKER_CHOICES:
        raise Unfit(f"{shown(text)} is unknown", nearest(text, DARKER_CHOICES))
    return text


def read_tuning(
    top: Section, base: str, stages_to_run: tuple[str, ...], kind: str, workflows: Workflows
) -> NoiseTuning | None:
    """Return what is to be tuned, and by which files.

    Parameters
    ----------
    top : Section
        The config.
    base : str
        Absolute directory relative paths are relative to.
    stages_to_run : tuple of str
        None is needed for a stage that does not run.
    kind : str
        The kind of workflow.
    workflows : mapping of str to mapping of str to Shape
        What the steps of each stage look like, by kind.
    """
    read = partial(values.path, base=base)
    data, mc = top.take(DATA, read), top.take(MC, read)
    level = top.take(LEVEL, _level, "image")
    darker = top.take(DARKER, lambda value: darker_data(values.text(value)), "stop")
    given = [key for key in TUNING_KEYS if top.entries.get(key) is not None]
    if not given:
        return None
    key = DATA if DATA in given else given[0]
    if absent := " and ".join(file for file in (DATA, MC) if file not in given):
        what = f"{given[0]} is there without {absent}: noise is tuned by both files together"
        top.note(what, f"name {absent}, or take {given[0]} out, too", given[0])
    tunes = _stage(workflows, lambda shape: shape.tunes)
    if tunes not in workflows[kind]:
        top.note(*no_such_stage(tunes, kind, workflows), key)
        return None
    adding = {name: _stage(workflows, partial(_adds_to, name)) for name in LEVELS}
    if data is None or mc is None:
        return None
    stage = adding[level]
    runs = stage in stages_to_run
    if not runs and _has_steps(top, stage):
        return None
    if not _adds_to(level, workflows[kind][stage]):
        what = f"{stage} of the workflow {kind} reads no lstchain config, so it adds no noise"
        top.note(what, f"{_instead(level, adding)}, or take the key out", key)
        return None
    if not runs:
        what = f"the noise of each {level} is tuned in {stage}, which is not among the stages"
        top.note(what, f"let {stage} run, {_instead(level, adding)}, or take the key out", DATA)
        return None
    line = top.place.lines.get(key, 0)
    return NoiseTuning(data, mc, level, stage, top.place, line, darker)


def _stage(workflows: Workflows, fits: Callable[[Shape], bool]) -> str:
    """The stage, of the first workflow that has one, whose steps look as asked."""
    shapes = (shape for inner in workflows.values() for shape in inner.items())
    return next((name for name, shape in shapes if fits(shape)), "")


def _adds_to(level: str, shape: Shape) -> bool:
    return shape.adds_noise == level


def _level(value: Value) -> str:
    return tuning_level(values.text(value))


def _has_steps(top: Section, stage: str) -> bool:
    """Does the config have steps of a stage, whether they run or not?"""
    stages = top.entries.get("stages")
    return isinstance(stages, YamlMapping) and bool(stages.get(stage))


def _instead(level: str, adding: Mapping[str, str]) -> str:
    """Which other level there is, and which stage it is for."""
    other = next(name for name in LEVELS if name != level)
    return f"write {LEVEL}: {other} for {adding[other]}"
