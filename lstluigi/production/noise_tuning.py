"""Noise tuned to real data: two keys of a config become a step, and others read what it makes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from lstluigi.config import OWN_CONFIG, NoiseTuning, ProductionConfig, Step
from lstluigi.production.places import directory_of
from lstluigi.stages.tune_nsb import TuneNSB

#: Below the production's logs, in a directory of its own: those hold copies of other configs.
TUNED = os.path.join(TuneNSB.name, "lstchain_config_tuned.json")


def with_noise_tuning(config: ProductionConfig) -> ProductionConfig:
    """A config with the step that it asks for by ``dl1_noise_tune_*``, if it does.

    The tuned config is read by the steps that add the noise and have no config of their own. What
    comes after them reads the production's: noise is not added twice.
    """
    tuning = config.noise_tuning
    if tuning is None or not config.prod_id:
        return config
    tuned = os.path.join(directory_of(config.prod_id), TUNED)
    number = 1 + sum(step.stage == TuneNSB.name for step in config.steps)
    return replace(
        config,
        stages_to_run=tuple(dict.fromkeys((TuneNSB.name, *config.stages_to_run))),
        steps=(_step(tuning, tuned, number), *_readers(config, tuning, tuned)),
    )


def without_tuning(config: ProductionConfig) -> ProductionConfig:
    """A config whose noise is not tuned: every step reads the lstchain config of the production."""
    made = {step.output for step in config.steps if step.stage == TuneNSB.name}
    steps = (step for step in config.steps if step.stage != TuneNSB.name)
    return replace(
        config,
        stages_to_run=tuple(name for name in config.stages_to_run if name != TuneNSB.name),
        steps=tuple(
            replace(step, extra={k: path for k, path in step.extra.items() if path not in made})
            for step in steps
        ),
    )


def _step(tuning: NoiseTuning, tuned: str, number: int) -> Step:
    # the default is left out: how a product was made does not change by a key that is new
    darker = {"darker_data": tuning.darker_data} if tuning.darker_data != "stop" else {}
    return Step(
        stage=TuneNSB.name,
        number=number,
        line=tuning.line,
        input={"data": tuning.data, "mc": tuning.mc},
        output=tuned,
        settings={"level": tuning.level, **darker},
        place=replace(tuning.place, line=tuning.line, stage=TuneNSB.name, number=number, lines={}),
    )


def _readers(config: ProductionConfig, tuning: NoiseTuning, tuned: str) -> Iterator[Step]:
    for step in config.steps:
        if step.stage == tuning.stage:
            yield replace(step, extra={OWN_CONFIG: tuned, **step.extra})
        else:
            yield step
