"""The few settings that are not the production's own, each of which a smoke test tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Option of a stage's command that few events need, with the value to give: cuts in bins of energy
#: need a bin that has so many events (lstchain's own default is 100).
FEW_EVENTS = {"dl2_to_irfs": ("--DL3Cuts.min_event_p_en_bin", "5")}

#: Sections of the lstchain config that tune the simulation, and what switches them on.
TUNING = {
    "image_modifier": ("increase_nsb", "increase_psf"),
    "waveform_nsb_tuning": ("nsb_tuning",),
}
#: Sections of the lstchain config that say how forests grow, and settings that take seconds.
FOREST = re.compile("random_forest_.*_args")
SMALL_FOREST = {"n_estimators": 10, "max_depth": 10, "min_samples_leaf": 5, "n_jobs": -1}


def for_few_events(stage: str, arguments: Sequence[str]) -> list[str]:
    """Arguments of a step as few events need them, whatever the step says itself."""
    if stage not in FEW_EVENTS:
        return list(arguments)
    option, value = FEW_EVENTS[stage]
    kept, after = [], ""
    for argument in arguments:
        if option not in (after, argument) and not argument.startswith(f"{option}="):
            kept.append(argument)
        after = argument
    return [*kept, option, value]


def of_an_earlier_production(
    content: Mapping[str, Any], *, forests: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sections of an lstchain config that an earlier production has otherwise.

    Nothing is tuned there, for lstchain refuses to tune images a second time.

    Parameters
    ----------
    content : mapping
        The config.
    forests : bool
        Whether it makes models. Forests that come from outside have not grown by the settings of
        this config, so these are not tried.
    """
    for section, given in content.items():
        switches = [name for name in TUNING.get(section, ()) if given.get(name)]
        if switches:
            yield section, {**given, **dict.fromkeys(switches, False)}
        elif forests and FOREST.fullmatch(section):
            yield section, dict(SMALL_FOREST)
