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
from lstluigi.config.keys import NEEDED, Key, Setting
from lstluigi.config.model import Place
from lstluigi.config.sbatch import KNOWN, read_mapping, request
from lstluigi.config.section import Section, nearest
from lstluigi.config.yaml12 import YamlMapping, kind, read_yaml
from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.jobspec import CONTROLLER, Partition, Retries, SlurmSettings, parse_memory, parse_time

__all__ = ["CAUSES", "PARTITION_KEYS", "PROFILE_KEYS", "SLURM_KEYS", "read_slurm"]

#: What a section gives, by the fields of `SlurmSettings`; what it does not give is not there.
Given = dict[str, Any]


USUAL = SlurmSettings()


def _word(field: str, default: str, meaning: str, *, new: bool) -> Setting:
    return Setting("a name", meaning, default, new=new, read=values.word, field=field)


def _count(field: str, least: int, default: str, meaning: str) -> Setting:
    read = partial(values.count, least=least)
    shape = f"a whole number from {least}"
    return Setting(shape, meaning, default, new=True, read=read, field=field)


def _seconds(field: str, least: float, meaning: str) -> Setting:
    read, default = partial(values.seconds, least=least), f"{getattr(USUAL, field):g}"
    shape = f"seconds from {least:g}"
    return Setting(shape, meaning, default, new=True, read=read, field=field)


#: Keys that hold one value, for a field of `SlurmSettings`.
SINGLE: Mapping[str, Setting] = {
    "user_account": _word("account", "Slurm's", "The account that jobs are charged to.", new=False),
    "over_limits": Setting(
        "`refuse` or `lower`",
        "What becomes of a request above the limits of its partition: it is refused before "
        "anything runs, or lowered to the limit, with a notice.",
        USUAL.over_limits,
        new=True,
        read=partial(values.one_of, choices=("refuse", "lower")),
        field="over_limits",
    ),
    "qos": _word("qos", "Slurm's", "The quality of service.", new=True),
    "throttle": _count(
        "throttle",
        1,
        "no throttle",
        "How many elements of one array may run at once (`%` of sbatch's `--array`).",
    ),
    "gather": _seconds(
        "gather_s", 0.0, "How long jobs that are ready wait for more, to be submitted together."
    ),
    "interval": _seconds("interval_s", 0.1, "Time between two looks at the queue."),
    "longest_interval": _seconds(
        "longest_interval_s", 0.1, "What the interval grows to while nothing changes."
    ),
    "latency_wait": _seconds(
        "latency_s", 0.0, "How long a finished file may take to show on the shared file system."
    ),
    "max_jobs": _count(
        "max_jobs",
        1,
        "what Slurm allows",
        "How many array elements of one production may be in the queue at once.",
    ),
}
#: Keys of a partition's limits, for a field of `Partition`.
LIMITS: Mapping[str, Setting] = {
    "max_time": Setting(
        "a time",
        "The longest time a job may ask for.",
        "Slurm's limit",
        new=True,
        read=partial(request, parse_time),
        field="time_s",
    ),
    "max_memory": Setting(
        "an amount of memory",
        "The most memory.",
        "Slurm's limit",
        new=True,
        read=partial(request, parse_memory),
        field="memory_mb",
    ),
    "max_cpus": _count("cpus", 1, "Slurm's limit", "The most cores."),
}


def _tries(field: str, meaning: str) -> Setting:
    return _count(field, 0, str(getattr(USUAL.retries, field)), meaning)


#: Keys of `retries`, for a field of `Retries`.
CAUSES: Mapping[str, Setting] = {
    "out_of_memory": _tries("memory", "It was killed for its memory."),
    "timeout": _tries("time", "It ran out of time."),
    "node_fail": _tries("node", "The node failed, or did not boot."),
    "preempted": _tries("preempted", "It was preempted or requeued."),
    "launch": _tries("launch", "Slurm could not start it."),
    "command": _tries("command", "Its command failed."),
}
PROFILE_KEYS: Mapping[str, Key] = {
    **SINGLE,
    "site_accounts": Key(
        "a name, or `name: name` lines",
        "The site's account for each that configs name: `site_accounts: {dpps: cta}`. A name that "
        "is not here is passed on as it is. `site_accounts: cta` charges all jobs to that one.",
        new=True,
    ),
    "options": Key(
        "`name: value` lines",
        "Options of sbatch for every job, by their long names; an option without a value is a flag "
        "(`exclusive:`).",
        new=True,
    ),
    "plugin_options": Key(
        "a list of names",
        "Options that plugins (SPANK) of the site add to sbatch, or a Slurm newer than 24.11. A "
        "name that is neither here nor in sbatch is refused.",
        new=True,
    ),
    "partitions": Key(
        "a name or [keys](slurm.md#partitions), by partition",
        "The site's partition for each name that configs use: `partitions: {xxl: big}`. A name "
        "that is not here is passed on as it is.",
        new=True,
    ),
    "stages": Key(
        "`name: value` lines, by stage",
        "Options of sbatch for the jobs of one stage: `stages: {train_pipe: {mem: 160G}}`. The "
        f"entry `{CONTROLLER}` is for [the run itself as a job](slurm.md#leaving-a-run-alone).",
        new=True,
    ),
    "retries": Key(
        "[keys](slurm.md#retries)",
        "How often a file or step is tried again, for each cause of its failure.",
        "see there",
        new=True,
    ),
}
SLURM_KEYS: Mapping[str, Key] = {
    "site": Key(
        "a path",
        "The [site profile](slurm.md#site-profile). `--site` and `$LSTLUIGI_SITE` come first.",
        new=True,
    ),
    **PROFILE_KEYS,
}
PARTITION_KEYS: Mapping[str, Key] = {
    "name": Key("a name", "What the site calls it.", NEEDED, new=True),
    **LIMITS,
}


def read_slurm(
    top: Section,
    stages: Iterable[str],
    base: str,
    site: Path | None,
    may_read: Callable[[Path], bool],
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
    site : Path or None
        The site profile, in place of the one that the config names.
    may_read : callable
        Asked before the profile that the config names is read.

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
    elif own is not None and named is not None and may_read(Path(named)):
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
    for key, setting in SINGLE.items():
        if (value := section.take(key, setting.read)) is not None:
            given[setting.field] = value
    given["options"] = read_mapping(section, "options", known)
    given["accounts"] = _accounts(section)
    given["partitions"] = _partitions(section)
    given["stages"] = _stages(section, stages, known)
    given["retries"] = _retries(section)
    return given


def _accounts(section: Section) -> dict[str, str]:
    """Return the site's accounts by their names in configs; '' is every other."""
    if not isinstance(section.entries.get("site_accounts"), YamlMapping):
        single = section.take("site_accounts", values.word)
        return {} if single is None else {"": single}
    accounts = section.inner("site_accounts")
    assert accounts is not None
    for name in accounts.entries:
        accounts.check(name, values.word)
    return {name: accounts.require(name, values.word, "") for name in accounts.entries}


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
            most = {one.field: limits.take(key, one.read) for key, one in LIMITS.items()}
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
    given = {one.field: retries.take(key, one.read) for key, one in CAUSES.items()}
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
