"""Keys and values of an lstchain config against those that the pinned lstchain reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from lstluigi.config.section import meant, nearest
from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import shown
from lstluigi.validation.findings import Finding, error, warning
from lstluigi.validation.lstchain_catalogue import amiss, catalogue

#: Keys named in one sentence; a config of an older lstchain may have dozens.
NAMED = 6
#: So many known names are listed where none is near.
LISTED = 12


def setting_findings(lstchain: ToolConfig, version: str) -> Iterator[Finding]:
    """What lstchain would not read, or read otherwise than it was meant.

    Parameters
    ----------
    lstchain
        The config.
    version
        Version of lstchain that the production names; the pinned one's keys are known.
    """
    where, pinned = f"{lstchain.path}", catalogue().lstchain
    for key in _given_twice(lstchain.text):
        what = f"the key {shown(key)} is given twice in one section, and the last one counts"
        yield warning(where, what, "keep one of them")
    odd = [*odd_settings(lstchain.content)]
    if version == pinned:
        for key, what, mend in odd:
            yield error(f"{where}, key {shown(key)}", what, mend)
        yield from _gaps(where, lstchain.content)
    elif odd:
        named = ", ".join(shown(key)[1:-1] for key, _, _ in odd[:NAMED])
        more = f" and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
        what = (
            f"lstchain {pinned} does not know these keys, or not these values: {named}{more} (the "
            f"production names lstchain {version})"
        )
        yield warning(where, what, "write the config anew if it is to run with another lstchain")


def _given_twice(text: str) -> list[str]:
    """Keys that a section has more than once."""
    twice: list[str] = []

    def section(pairs: list[tuple[str, Any]]) -> None:
        twice.extend(key for key, count in Counter(k for k, _ in pairs).items() if count > 1)

    json.loads(text, object_pairs_hook=section)
    return twice


def odd_settings(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the pinned lstchain does not know in a config: key, what is wrong, what to do.

    Parameters
    ----------
    content
        Of a config, whole or in part.
    """
    return _odd(content, catalogue().config, "")


def _odd(
    given: Mapping[str, Any], section: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, str, str]]:
    """Keys that are unknown and values that do not fit: key, what is wrong, what to do."""
    known, unknown = section.get("keys", {}), "lstchain does not read this key"
    if "columns" in section:
        known = dict.fromkeys(catalogue().columns[section["columns"]], section["of"])
        unknown = f"{section['columns'].upper()} has no such column"
    for name, value in given.items():
        key = f"{prefix}{name}"
        entry = known.get(name)
        if entry is None:
            yield key, unknown, _near(name, tuple(known))
        elif "kind" in entry or "one_of" in entry:
            yield from ((key, *told) for told in _unfit(entry, value))
        elif isinstance(value, dict):
            yield from _odd(value, entry, f"{key}.")
        else:
            yield key, f"expected a section, got {shown(value)}", "write {...}"


def _unfit(leaf: Mapping[str, Any], value: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with a value, and what to do; most may be null, which leaves it to lstchain."""
    if value is None and "needed" not in leaf:
        return
    if what := amiss(leaf, value):
        yield what, "correct it"
    elif "columns" in leaf:
        columns = catalogue().columns[leaf["columns"]]
        for name in value:
            if name not in columns:
                mend = _near(name, columns) if isinstance(name, str) else "write its name"
                yield f"{leaf['columns'].upper()} has no column {shown(name)}", mend


def _near(name: str, known: tuple[str, ...]) -> str:
    """The nearest of many names, or all of few."""
    told = meant(name, known) is not None or len(known) <= LISTED
    return nearest(name, known) if told else "take it out, or correct it"


def _gaps(where: str, content: Mapping[str, Any]) -> Iterator[Finding]:
    """A config that is not exhaustive."""
    missing = [*_missing(catalogue().standard, content, "")]
    if missing:
        named = ", ".join(missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        what = f"it is not exhaustive: {named}{more} of lstchain's own config are missing"
        mend = (
            "write it with lstchain_dump_config --mc --update-with, since what is missing is taken "
            "from lstchain's config for real data, or stops lstchain"
        )
        yield warning(where, what, mend)


def _missing(standard: Mapping[str, Any], given: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in standard.items():
        if name not in given:
            yield f"{prefix}{name}"
        # sections of real data (calibration, interleaved events) do not matter for simulations
        elif isinstance(value, dict) and isinstance(given[name], dict) and name in COMPLETE:
            yield from _missing(value, given[name], f"{prefix}{name}.")


#: Sections that the commands of simulations read key by key, without a default of their own.
COMPLETE = ("tailcut", "dynamic_cleaning", "n_training_events", "waveform_nsb_tuning")


def column_findings(
    lstchain: ToolConfig, lists: Mapping[str, list[Any]], sure: bool
) -> Iterator[Finding]:
    """Features that no column has."""
    columns = catalogue().columns["dl1"]
    for key, features in lists.items():
        for feature in features:
            if feature not in columns:
                tell = error if sure else warning
                what = f"there is no feature {shown(feature)}"
                near = _near(feature, columns) if isinstance(feature, str) else "write its name"
                yield tell(f"{lstchain.path}, key {shown(key)}", what, near)
