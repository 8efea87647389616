"""The keys by which a config asks for noise tuned to real data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from lstluigi.config import values
from lstluigi.config.keys import Key
from lstluigi.config.model import NoiseTuning, Unfit
from lstluigi.config.section import Section, nearest
from lstluigi.config.yaml12 import Value, YamlMapping
from lstluigi.errors import shown

__all__ = ["TUNED_STAGES", "TUNING_KEYS", "read_tuning", "tuning_level"]

#: The stage that adds the noise, by what it adds it to.
TUNED_STAGES = {"image": "dl1ab", "waveform": "r0_to_dl1"}
DATA, MC, LEVEL = "dl1_noise_tune_data_run", "dl1_noise_tune_mc_run", "nsb_tuning"
TUNING_KEYS = {
    DATA: Key(
        "a path",
        "Real DL1 by which noise is [tuned](#noise-tuned-to-real-data). With "
        f"`{MC}`, or not at all.",
        "noise is not tuned",
    ),
    MC: Key("a path", f"DL0 of a simulated run. With `{DATA}`, or not at all.", "none"),
    LEVEL: Key(
        " or ".join(f"`{level}`" for level in TUNED_STAGES),
        "What the noise is added to.",
        "`image`",
        new=True,
    ),
}
#: Does the tuning: a workflow without it cannot.
STAGE = "tune_nsb"


def tuning_level(text: str) -> str:
    """Read to what the noise is added: ``image`` or ``waveform``.

    Raises
    ------
    Unfit
        It is neither.
    """
    if text not in TUNED_STAGES:
        raise Unfit(f"{shown(text)} is unknown", nearest(text, tuple(TUNED_STAGES)))
    return text


def read_tuning(
    top: Section, base: str, stages_to_run: tuple[str, ...], known: Mapping[str, object]
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
    known : mapping with str as keys
        The stages of the workflow.
    """
    read = partial(values.path, base=base)
    data, mc = top.take(DATA, read), top.take(MC, read)
    level = top.take(LEVEL, _level, "image")
    given = [key for key in TUNING_KEYS if top.entries.get(key) is not None]
    if not given:
        return None
    for key in (DATA, MC):
        if key not in given:
            what = f"{given[0]} is there, and {key} is not: noise is tuned by both together"
            top.note(what, "name it, or take the other out, too", key)
    if data is None or mc is None or not _heeded(top, level, stages_to_run, known):
        return None
    key = DATA if DATA in given else given[0]
    return NoiseTuning(data, mc, level, TUNED_STAGES[level], top.place, top.place.lines.get(key, 0))


def _level(value: Value) -> str:
    return tuning_level(values.text(value))


def _heeded(
    top: Section, level: str, stages_to_run: tuple[str, ...], known: Mapping[str, object]
) -> bool:
    """Does the stage run that adds the noise? A problem if this config does not even have it."""
    stage = TUNED_STAGES[level]
    if STAGE not in known:
        top.note("noise is tuned in the workflow lstchain only", "take the key out", DATA)
        return False
    stages = top.entries.get("stages")
    if stage not in stages_to_run and not (isinstance(stages, YamlMapping) and stages.get(stage)):
        other = next(name for name in TUNED_STAGES if name != level)
        what = f"the noise of each {level} is tuned in {stage}, which is not among the stages"
        instead = f"write {LEVEL}: {other} for {TUNED_STAGES[other]}"
        top.note(what, f"let {stage} run, {instead}, or take the key out", DATA)
    return stage in stages_to_run
