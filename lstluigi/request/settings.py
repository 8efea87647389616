"""The lstchain config of a request: lstchain's own for Monte Carlo, and what is to be different."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from lstluigi.config.tool_config import canonical
from lstluigi.errors import LstluigiError

__all__ = [
    "ABSENT",
    "changes",
    "checked_rate",
    "for_one_pointing",
    "in_section",
    "is_on",
    "merged",
    "text",
    "with_nsb",
]

Settings = dict[str, Any]

#: Stands for what a config does not have.
ABSENT = object()

#: Features that models of a single pointing cannot learn from.
_POINTING = frozenset({"alt_tel", "az_tel", "sin_az_tel"})
_FEATURES = (
    "energy_regression_features",
    "disp_regression_features",
    "disp_classification_features",
    "particle_classification_features",
)
#: What lstchain_tune_nsb and lstchain_tune_nsb_waveform print, by the section it belongs to.
_TUNINGS = {
    "image_modifier": {
        "increase_nsb",
        "extra_noise_in_dim_pixels",
        "extra_bias_in_dim_pixels",
        "transition_charge",
        "extra_noise_in_bright_pixels",
        "increase_psf",
        "smeared_light_fraction",
    },
    "waveform_nsb_tuning": {
        "nsb_tuning",
        "nsb_tuning_rate_GHz",
        "nsb_tuning_ratio",
        "spe_location",
        "pre_computed_multiplicity",
    },
}


def merged(settings: Mapping[str, Any], partial: Mapping[str, Any]) -> Settings:
    """Put a partial config on top of one, key by key at all depths; lists are replaced whole.

    Parameters
    ----------
    settings : mapping
        A whole lstchain config.
    partial : mapping
        Sections of one, or what ``lstchain_tune_nsb`` prints: the inside of a section alone.
    """
    return _on_top(settings, in_section(partial, settings))


def in_section(partial: Mapping[str, Any], settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put what ``lstchain_tune_nsb`` prints into the section that it is the inside of.

    Parameters
    ----------
    partial : mapping
        A partial config, or what is printed, perhaps with a key that is misspelt.
    settings : mapping
        A whole config, whose keys are those of sections.
    """
    inner = next((name for name, keys in _TUNINGS.items() if keys & {*partial}), None)
    return partial if inner is None or {*partial} & {*settings} else {inner: partial}


def _on_top(below: Mapping[str, Any], above: Mapping[str, Any]) -> Settings:
    result = copy.deepcopy(dict(below))
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = _on_top(old or {}, value) if both else copy.deepcopy(value)
    return result


def for_one_pointing(settings: Mapping[str, Any]) -> Settings:
    """Take out of a config what needs models of several pointings.

    Features of the pointing are constant then. lstchain's interpolation between zenith angles
    (since 0.12, where ``training_dirs.ecsv`` lies beside the models) looks for ``alt_tel`` among
    the features and for a second pointing.
    """
    result = copy.deepcopy(dict(settings))
    for key in _FEATURES:
        if isinstance(result.get(key), list):
            result[key] = [name for name in result[key] if name not in _POINTING]
    interpolation = result.get("random_forest_zd_interpolation")
    if isinstance(interpolation, dict):
        result["random_forest_zd_interpolation"] = dict.fromkeys(interpolation, False)
    return result


#: Rates (GHz) above this are taken for another unit: the brightest level published is 2.34.
MAX_RATE = 10.0


def checked_rate(rate: float) -> float:
    """Return what can be a rate of noise in GHz.

    Raises
    ------
    LstluigiError
        It can be none.
    """
    if rate < 0 and math.isfinite(rate):
        raise LstluigiError(
            f"the NSB rate {rate} GHz is negative: noise can be added only; give 0 or more"
        )
    if not math.isfinite(rate):
        raise LstluigiError(f"the NSB rate {rate} is not a number of GHz; give 0 or more")
    if rate > MAX_RATE:
        raise LstluigiError(
            f"the NSB rate {rate:g} GHz is more than {MAX_RATE:g}: expected photoelectrons per "
            "nanosecond and pixel (GHz); published productions go up to 2.34"
        )
    return rate


def with_nsb(settings: Mapping[str, Any], rate: float) -> Settings:
    """Set the night-sky background that is added to the waveforms.

    Parameters
    ----------
    settings : mapping
        A whole lstchain config.
    rate : float
        Photoelectrons per nanosecond and pixel (GHz) on top of what is simulated; 0 for none.

    Raises
    ------
    LstluigiError
        It is no rate, or the config is of an lstchain that knows none.
    """
    section = settings.get("waveform_nsb_tuning")
    if not isinstance(section, Mapping) or "nsb_tuning_rate_GHz" not in section:
        raise LstluigiError(
            "this lstchain config has no waveform_nsb_tuning.nsb_tuning_rate_GHz, which lstchain "
            "has since 0.10.12; take a later lstchain, or give its own keys with --merge FILE"
        )
    checked_rate(rate)
    tuning = {"nsb_tuning": rate > 0, "nsb_tuning_rate_GHz": rate}
    return _on_top(settings, {"waveform_nsb_tuning": tuning})


def is_on(settings: Mapping[str, Any], section: str, *switches: str) -> bool:
    """Whether any of these switches of a section is on."""
    found = settings.get(section)
    return isinstance(found, Mapping) and any(found.get(name) for name in switches)


def changes(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Say what has been changed in a config, value by value; of lists of names, which names.

    Parameters
    ----------
    old, new : object
        Two configs; `ABSENT` where one has nothing.
    key : str
        Where they stand in a larger one, such as ``source_config.EventSource``.
    """
    if isinstance(new, Mapping) and (isinstance(old, Mapping) or old is ABSENT):
        before = old if isinstance(old, Mapping) else {}
        for name in sorted({*before, *new}):
            inner = f"{key}.{name}" if key else name
            yield from changes(before.get(name, ABSENT), new.get(name, ABSENT), inner)
    elif _names(old) and _names(new) and {*old} != {*new}:
        gone, come = [n for n in old if n not in new], [n for n in new if n not in old]
        parts = (("without", gone), ("with", come))
        words = [f"{word} {', '.join(names)}" for word, names in parts if names]
        yield f"{key}: {'; '.join(words)}"
    elif new is ABSENT:
        yield f"{key}: taken out"
    elif old is ABSENT or canonical(old) != canonical(new):
        yield f"{key}: " + ("" if old is ABSENT else f"{_short(old)} -> ") + _short(new)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _short(value: Any) -> str:
    written = json.dumps(value)
    return written if len(written) <= 60 else f"{written[:57]}..."


def text(settings: Mapping[str, Any]) -> str:
    """Write a config as lstchain does: JSON with a bare Infinity."""
    return json.dumps(settings, indent=2) + "\n"
