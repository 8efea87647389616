"""What a production and its site want of Slurm: the section `slurm_config` and site profiles.

A profile has the keys of `slurm_config` at its top. Both are read alike; what the production gives
goes on top of what the profile gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lstluigi.config import values
from lstluigi.config.model import Place
from lstluigi.config.sbatch import KNOWN, read_mapping, request
from lstluigi.config.section import Section, nearest
from lstluigi.config.yaml12 import Value, YamlMapping, kind, read_yaml
from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.jobs.settings import Partition, Retries, SlurmSettings
from lstluigi.jobs.spec import parse_memory, parse_time

__all__ = ["PARTITION_KEYS", "PROFILE_KEYS", "RETRY_KEYS", "SLURM_KEYS", "read_slurm"]

#: What a section gives, by the fields of `SlurmSettings`; what it does not give is not there.
Given = dict[str, Any]


#: Keys that hold one value: the field of `SlurmSettings`, and what reads it.
SINGLE: Mapping[str, tuple[str, Callable[[Value], object]]] = {
    "user_account": ("account", values.word),
    "qos": ("qos", values.word),
    "throttle": ("throttle", partial(values.count, least=1)),
    "gather": ("gather_s", partial(values.seconds, least=0.0)),
    "interval": ("interval_s", partial(values.seconds, least=0.1)),
    "longest_interval": ("longest_interval_s", partial(values.seconds, least=0.1)),
    "latency_wait": ("latency_s", partial(values.seconds, least=0.0)),
    "max_jobs": ("max_jobs", partial(values.count, least=1)),
}
#: Keys of a partition's limits: the field of `Partition`, and what reads it.
LIMITS: Mapping[str, tuple[str, Callable[[Value], int | None]]] = {
    "max_time": ("time_s", partial(request, parse_time)),
    "max_memory": ("memory_mb", partial(request, parse_memory)),
    "max_cpus": ("cpus", partial(values.count, least=1)),
}
#: Keys of `retries`: the field of `Retries`.
CAUSES = {
    "out_of_memory": "memory",
    "timeout": "time",
    "node_fail": "node",
    "preempted": "preempted",
    "launch": "launch",
    "command": "command",
}
#: Under this name `stages` has options for the run itself as a job.
CONTROLLER = "controller"
PROFILE_KEYS = (*SINGLE, "options", "plugin_options", "partitions", "stages", "retries")
SLURM_KEYS = ("site", *PROFILE_KEYS)
PARTITION_KEYS = ("name", *LIMITS)
RETRY_KEYS = tuple(CAUSES)


def read_slurm(
    top: Section, stages: Iterable[str], base: str, site: Path | None = None
) -> SlurmSettings:
    """Read ``slurm_config`` and the site profile below it.

    Parameters
    ----------
    top : Section
        The production config.
    stages : iterable of str
        The known stages.
    base : str
        Absolute directory of the config.
    site : Path, optional
        The site profile, in place of the one that the config names.

    Returns
    -------
    SlurmSettings
        Without what is wrong, which is noted in `top`.
    """
    own = top.inner("slurm_config")
    named = None
    if own is not None:
        own.refuse_unknown(SLURM_KEYS)
        named = own.take("site", partial(values.path, base=base))
    profile = None
    if site is not None:
        profile = _profile(site.absolute(), "--site or $LSTLUIGI_SITE", top.problems)
    elif own is not None and named is not None:
        profile = _profile(Path(named), own.place.where("site"), top.problems)
    sections = [section for section in (profile, own) if section is not None]
    merged: Given = {}
    plugins = {o for s in sections for o in s.take("plugin_options", values.word_list, ())}
    for section in sections:
        merged = _on_top(merged, _given(section, tuple(stages), KNOWN | plugins))
    merged["plugin_options"] = frozenset(plugins)
    settings = SlurmSettings(**{**merged, "retries": Retries(**merged.get("retries", {}))})
    if settings.longest_interval_s < settings.interval_s:
        _say_interval(settings, sections)
    return settings


def _profile(path: Path, where: str, problems: list[Problem]) -> Section | None:
    """Return a site profile as a section, or None after a note of what is wrong with it."""
    if not path.is_file():
        what = f"there is no file {shown(str(path))}"
        problems.append(Problem(where, what, "name the site profile, a YAML file"))
        return None
    source = shown(str(path), 4096)[1:-1]
    try:
        value, line, found = read_yaml(path, source)
    except ConfigError as error:
        problems.extend(error.problems)
        return None
    problems.extend(found)
    if value is None:
        value = YamlMapping(line)
    place = Place(source, line)
    if not isinstance(value, YamlMapping):
        mend = "write keys such as partitions at its top"
        problems.append(place.problem(f"the site profile is {kind(value)}", mend))
        return None
    section = Section(value, Place(source, line, lines=value.lines), problems)
    section.refuse_unknown(PROFILE_KEYS)
    return section


def _on_top(below: Given, above: Given) -> Given:
    """Merge what two sections give, mapping by mapping."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            value = _on_top(under, value)
        merged[key] = value
    return merged


def _given(section: Section, stages: tuple[str, ...], known: frozenset[str]) -> Given:
    """Return what a section gives."""
    given: Given = {}
    for key, (field, read) in SINGLE.items():
        if (value := section.take(key, read)) is not None:
            given[field] = value
    given["options"] = read_mapping(section, "options", known)
    given["partitions"] = _partitions(section)
    given["stages"] = _stages(section, stages, known)
    given["retries"] = _retries(section)
    return given


def _partitions(section: Section) -> dict[str, Partition]:
    """Return the site's partitions by their names in configs; each is given whole."""
    partitions = section.inner("partitions")
    if partitions is None:
        return {}
    read: dict[str, Partition] = {}
    for name, value in partitions.entries.items():
        partitions.check(name, values.word)
        if not isinstance(value, YamlMapping):
            read[name] = Partition(partitions.require(name, values.word, ""))
        elif (limits := partitions.inner(name)) is not None:
            limits.refuse_unknown(PARTITION_KEYS)
            most = {field: limits.take(key, reader) for key, (field, reader) in LIMITS.items()}
            read[name] = Partition(limits.require("name", values.word, ""), **most)
    return read


def _stages(
    section: Section, names: tuple[str, ...], known: frozenset[str]
) -> dict[str, dict[str, str]]:
    """Return the options of sbatch for each stage."""
    stages = section.inner("stages")
    if stages is None:
        return {}
    read: dict[str, dict[str, str]] = {}
    for name in stages.entries:
        if name not in names:
            stages.note(f"the stage {shown(name)} is unknown", nearest(name, names), name)
        read[name] = read_mapping(stages, name, known)
    return read


def _retries(section: Section) -> dict[str, int]:
    retries = section.inner("retries")
    if retries is None:
        return {}
    retries.refuse_unknown(CAUSES)
    read = partial(values.count, least=0)
    given = {field: retries.take(key, read) for key, field in CAUSES.items()}
    return {field: count for field, count in given.items() if count is not None}


def _say_interval(settings: SlurmSettings, sections: list[Section]) -> None:
    """Note that the intervals contradict each other, where one of them is given."""
    for section in reversed(sections):
        for key in ("longest_interval", "interval"):
            if key in section.entries:
                what = (
                    f"the longest interval ({settings.longest_interval_s:g} s) is shorter than "
                    f"the interval ({settings.interval_s:g} s)"
                )
                section.note(what, "give longest_interval as many seconds or more", key)
                return
