"""Options of sbatch as configs give them: by name in a mapping, or on a line as sbatch has them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial

from lstluigi.config import values
from lstluigi.config.model import Unfit
from lstluigi.config.section import Section
from lstluigi.config.yaml12 import Value, YamlMapping
from lstluigi.errors import LstluigiError, shown
from lstluigi.jobspec import is_own_option, parse_memory, parse_time

__all__ = ["KNOWN", "on_a_line", "read_line", "read_mapping", "request"]

#: The long options of sbatch(1) from Slurm 22.05 to 24.11.
KNOWN = frozenset(
    (
        *("account", "acctg-freq", "array", "batch", "bb", "bbf", "begin", "chdir"),
        *("cluster-constraint", "clusters", "comment", "constraint", "container", "container-id"),
        *("contiguous", "core-spec", "cores-per-socket", "cpu-freq", "cpus-per-gpu"),
        *("cpus-per-task", "deadline", "delay-boot", "dependency", "distribution", "error"),
        *("exclude", "exclusive", "export", "export-file", "extra", "extra-node-info"),
        *("get-user-env", "gid", "gpu-bind", "gpu-freq", "gpus", "gpus-per-node"),
        *("gpus-per-socket", "gpus-per-task", "gres", "gres-flags", "help", "hint", "hold"),
        *("ignore-pbs", "input", "job-name", "kill-on-invalid-dep", "licenses", "mail-type"),
        *("mail-user", "mcs-label", "mem", "mem-bind", "mem-per-cpu", "mem-per-gpu", "mincpus"),
        *("network", "nice", "no-kill", "no-requeue", "nodefile", "nodelist", "nodes", "ntasks"),
        *("ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket"),
        *("ntasks-per-tres", "oom-kill-step", "open-mode", "output", "overcommit"),
        *("oversubscribe", "parsable", "partition", "power", "prefer", "priority", "profile"),
        *("propagate", "qos", "quiet", "reboot", "requeue", "reservation", "resv-ports"),
        *("segment", "signal", "sockets-per-node", "spread-job", "stepmgr", "switches"),
        *("tasks-per-node", "test-only", "thread-spec", "threads-per-core", "time", "time-min"),
        *("tmp", "tres-bind", "tres-per-task", "uid", "usage", "use-min-nodes", "verbose"),
        *("version", "wait", "wait-all-nodes", "wckey", "wrap"),
    )
)

#: The short options of sbatch(1), Slurm 23.11.
SLURM_SHORT = {
    "A": "account",
    "a": "array",
    "B": "extra-node-info",
    "b": "begin",
    "C": "constraint",
    "c": "cpus-per-task",
    "D": "chdir",
    "d": "dependency",
    "e": "error",
    "F": "nodefile",
    "G": "gpus",
    "H": "hold",
    "i": "input",
    "J": "job-name",
    "k": "no-kill",
    "L": "licenses",
    "M": "clusters",
    "m": "distribution",
    "N": "nodes",
    "n": "ntasks",
    "O": "overcommit",
    "o": "output",
    "p": "partition",
    "q": "qos",
    "S": "core-spec",
    "s": "oversubscribe",
    "t": "time",
    "w": "nodelist",
    "x": "exclude",
}

_NAME = re.compile(r"[a-z][a-z0-9-]*")


def request(parse: Callable[[str], int | None], value: Value) -> int | None:
    """Read memory or a time in Slurm's notation."""
    try:
        return parse(values.text(value))
    except LstluigiError as error:
        what, _, mend = str(error).partition("; ")
        raise Unfit(what, mend or "correct it") from None


#: What reads the values of options that lstluigi reckons with.
READERS: Mapping[str, Callable[[Value], object]] = {
    **dict.fromkeys(("account", "partition", "qos"), values.word),
    **dict.fromkeys(("mem", "mem-per-cpu"), partial(request, parse_memory)),
    **dict.fromkeys(("time", "time-min"), partial(request, parse_time)),
    "cpus-per-task": partial(values.count, least=1),
}


def read_mapping(section: Section, key: str, known: frozenset[str]) -> dict[str, str]:
    """Read options by name, noting all that are unfit; a flag's value is empty."""
    inner = section.inner(key)
    if inner is None:
        return {}
    given = ((name, name, "" if value is None else value) for name, value in inner.entries.items())
    return _options(given, known, inner)


def read_line(section: Section, key: str, known: frozenset[str]) -> dict[str, str]:
    """Read the older form, written as on sbatch's command line, noting all that are unfit."""
    words = section.take(key, _line, ())
    return _options(((key, name, value) for name, value in words), known, section)


def on_a_line(value: Value) -> dict[str, str]:
    """Return the options of such a line by their long names, whether known or not.

    Raises
    ------
    Unfit
        It cannot be read.
    """
    return {_long_name(name): setting for name, setting in _line(value)}


def _options(
    given: Iterable[tuple[str, str, Value]], known: frozenset[str], section: Section
) -> dict[str, str]:
    """Return options by their long names; `given` has the key for messages of each, too."""
    options: dict[str, str] = {}
    for key, option, value in given:
        try:
            name = _allowed(option, known)
            if name in options:
                raise Unfit(f"the sbatch option {name} is given twice", "keep one of them")
            text = values.text(value)
            READERS.get(name, values.text)(value)
            options[name] = text
        except Unfit as unfit:
            section.note(unfit.what, unfit.mend, key)
    return options


@lru_cache(maxsize=1024)
def _allowed(given: str, known: frozenset[str]) -> str:
    """Return the long name of an option that configs may give."""
    name = _long_name(given)
    if is_own_option(name):
        raise Unfit(f"lstluigi sets the sbatch option {name} itself", "take it out")
    if name not in known:
        raise Unfit(
            f"sbatch has no option {shown(name)}",
            f"{_meant(name, known)}; one that a plugin of the site has is listed under "
            "slurm_config, key plugin_options",
        )
    return name


def _meant(name: str, known: Iterable[str]) -> str:
    """Say which option is meant; sbatch takes options by their first letters, too."""
    names = sorted(option for option in known if not is_own_option(option))
    starts = [option for option in names if option.startswith(name)]
    close = [*starts, *difflib.get_close_matches(name[:100], names, 1)]
    return f"write {close[0]!r}" if close else "see sbatch(1) for those there are"


def _long_name(given: str) -> str:
    name = given.lstrip("-")
    name = SLURM_SHORT.get(name, name)
    if not _NAME.fullmatch(name):
        raise Unfit(
            f"{shown(given)} is not the name of an sbatch option",
            "write a long name without dashes, such as cpus-per-task",
        )
    return name


def _line(value: Value) -> tuple[tuple[str, str], ...]:
    """Read options and their values as they stand on a line."""
    if isinstance(value, YamlMapping):
        raise Unfit("expected a string, got a mapping", "name the key extra_slurm_options")
    return tuple(_pairs(values.text(value)))


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    words = list(values.split(line))
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            raise Unfit(f"{shown(word)} follows no option in {shown(line)}", "write --option=value")
        if word.startswith("--"):
            name, equals, setting = word.partition("=")
        else:
            name, setting = word[:2], word[2:]
            equals = setting
        if not equals and words and not words[0].startswith("-"):
            setting = words.pop(0)
        yield name, setting
