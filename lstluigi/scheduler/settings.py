"""Luigi's own settings: each works as Luigi documents it, is overruled, or is refused.

Settings come from Luigi's configuration (``luigi.cfg``) and from the command line of ``luigi``.
A test compares `RULES` with Luigi's own classes, so that a new setting of a new Luigi is noticed.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import luigi
from luigi import configuration
from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import LuigiConfigParser
from luigi.execution_summary import execution_summary
from luigi.interface import core
from luigi.parameter import ParameterException
from luigi.retcodes import retcode
from luigi.scheduler import scheduler
from luigi.setup_logging import InterfaceLogging
from luigi.worker import worker

from lstluigi.errors import LstluigiError, Problem, shown

__all__ = ["RULES", "check", "problems", "say_once", "settle"]

log = logging.getLogger("lstluigi")


@dataclass(frozen=True)
class Rule:
    """What is done with a setting.

    Attributes
    ----------
    fits
        Whether a value works.
    why
        What was expected, for a value that is refused; else why it has no effect.
    instead
        The value that takes the place of one that does not fit; with None it is refused.
    """

    fits: Callable[[Any], bool] = lambda value: True
    why: str = ""
    instead: str | None = None


def _off(why: str, instead: str = "false") -> Rule:
    return Rule(lambda value: not value, why, instead)


_WORKS = Rule()
_POSITIVE = Rule(lambda value: value > 0, "expected a number above 0")
_NOT_NEGATIVE = Rule(lambda value: value >= 0, "expected 0 or a number above it")
_EXIT_CODE = Rule(lambda value: 0 <= value <= 255, "expected an exit code from 0 to 255")
_NO_RETRY = "lstluigi tries a step again by the cause of its failure (slurm_config, key retries)"

RULES: Mapping[type[luigi.Config], Mapping[str, Rule]] = {
    core: {
        **dict.fromkeys(("local_scheduler", "scheduler_host", "scheduler_port"), _WORKS),
        **dict.fromkeys(("scheduler_url", "no_lock", "take_lock", "log_level"), _WORKS),
        **dict.fromkeys(("module", "help", "help_all", "logging_conf_file"), _WORKS),
        "lock_pid_dir": Rule(
            lambda path: _writable(path), "expected a directory in which you may write"
        ),
        "lock_size": _POSITIVE,
        "workers": _POSITIVE,
        "parallel_scheduling": _off("one process looks at all steps together, and never waits"),
        # read only by parallel scheduling
        "parallel_scheduling_processes": _NOT_NEGATIVE,
        "assistant": Rule(
            lambda value: not value,
            "an assistant takes over steps of other runs, which keep their own jobs: start runs "
            "of your own",
        ),
    },
    worker: {
        **dict.fromkeys(("id", "count_uniques", "count_last_scheduled"), _WORKS),
        **dict.fromkeys(("max_reschedules", "retry_external_tasks", "send_failure_email"), _WORKS),
        **dict.fromkeys(("no_install_shutdown_handler", "check_unfulfilled_deps"), _WORKS),
        **dict.fromkeys(("check_complete_on_run", "force_multiprocessing"), _WORKS),
        **dict.fromkeys(("cache_task_completion", "max_keep_alive_idle_duration"), _WORKS),
        "keep_alive": _off("nothing becomes ready by waiting: what failed is not tried again"),
        "ping_interval": _POSITIVE,
        "wait_interval": _POSITIVE,
        "wait_jitter": _NOT_NEGATIVE,
        "task_limit": Rule(lambda value: value is None or value > 0, "expected a number above 0"),
        "timeout": _off("a job has the time that it asks for (its option time)", "0"),
        "task_process_context": _off("a step has no process of Luigi's", ""),
    },
    # of the scheduler within a run; a luigid reads them for itself
    scheduler: {
        **dict.fromkeys(("remove_delay", "worker_disconnect_delay", "state_path"), _WORKS),
        **dict.fromkeys(("batch_emails", "max_shown_tasks", "max_graph_nodes"), _WORKS),
        **dict.fromkeys(("record_task_history", "prune_on_get_work", "pause_enabled"), _WORKS),
        **dict.fromkeys(("send_messages", "stable_done_cooldown_secs"), _WORKS),
        # these say when a task is not tried again, which no step is
        **dict.fromkeys(("disable_window", "disable_hard_timeout", "disable_persist"), _WORKS),
        "retry_delay": Rule(lambda value: value < 0, _NO_RETRY, "-1"),
        "retry_count": Rule(lambda value: value == 999999999, _NO_RETRY, "999999999"),
        "metrics_collector": Rule(
            lambda value: value.name == "default", "only a luigid has metrics", "default"
        ),
        "metrics_custom_import": _off("only a luigid has metrics", ""),
    },
    retcode: {
        **dict.fromkeys(("unhandled_exception", "missing_data", "task_failed"), _EXIT_CODE),
        **dict.fromkeys(("already_running", "scheduling_error", "not_run"), _EXIT_CODE),
    },
    execution_summary: {"summary_length": _WORKS},
}

#: Sentences that this process has said.
_said: set[str] = set()


@dataclass(frozen=True)
class _Given:
    """A setting that the user, or lstluigi for them, has given."""

    section: str
    name: str
    rule: Rule
    text: str
    value: Any
    error: str

    def __str__(self) -> str:
        return f"Luigi's setting {self.name} in [{self.section}] is {shown(self.text)}"


def settle() -> None:
    """Refuse what cannot work and overrule what has no meaning for the steps of a production.

    Raises
    ------
    LstluigiError
        Some setting cannot work; names all that cannot.
    """
    parser = CmdlineParser.get_instance()
    flags = vars(parser.known_args) if parser else {}
    check(flags)
    _overrule(flags)


def check(flags: Mapping[str, Any]) -> None:
    """Refuse settings that cannot work, as `settle` does, with the flags of a command line."""
    if found := list(problems(flags)):
        raise LstluigiError("\n".join(f"lstluigi: {problem}" for problem in found))


def problems(flags: Mapping[str, Any]) -> Iterator[Problem]:
    """Settings that cannot work; those of logging once all others do."""
    sound = True
    for given in _given(flags):
        why = given.error
        if not why and given.rule.instead is None and not given.rule.fits(given.value):
            why = given.rule.why
        if why:
            sound = False
            yield Problem(str(given), why, "correct it in luigi.cfg or on the command line")
    if sound:
        yield from _logging_problems()


def _logging_problems() -> Iterator[Problem]:
    """Set up Luigi's logging as it would itself, where the user configures it."""
    config = configuration.get_config()
    section = "logging" in config.sections() or "logging" in getattr(config, "data", {})
    if section and isinstance(config, LuigiConfigParser):
        say_once("the section [logging] has no effect: Luigi reads it in luigi.toml only.")
    if not core().logging_conf_file and not section:
        return
    try:
        InterfaceLogging.setup(core())
    except Exception as error:  # of logging.config, which documents none
        InterfaceLogging._configured = False
        what = f"Python cannot log so ({' '.join(str(error.__cause__ or error).split())})"
        mend = "correct the section, or the file that logging_conf_file in [core] names"
        yield Problem("Luigi's settings of logging", what, mend)


def _overrule(flags: MutableMapping[str, Any]) -> None:
    """Put what works in the place of what has no meaning here, and say so once."""
    config = configuration.get_config()
    for given in _given(flags):
        if given.error or given.rule.instead is None or given.rule.fits(given.value):
            continue
        config.set(given.section, given.name, given.rule.instead)
        flags.pop(f"{given.section}_{given.name}", None)
        say_once(f"{given}, which has no effect: {given.rule.why}.")


def say_once(sentence: str) -> None:
    """Warn of something that has no effect, once in a process."""
    if sentence not in _said:
        _said.add(sentence)
        log.warning("lstluigi: %s", sentence)


def _given(flags: Mapping[str, Any]) -> Iterator[_Given]:
    """Settings that have a value other than Luigi's own default."""
    for settings, rules in RULES.items():
        section = settings.get_task_family()
        parameters = dict(settings.get_params())
        for name, rule in rules.items():
            if (parameter := parameters.get(name)) is None:
                continue  # of another Luigi
            text = _text(section, name, parameter, flags)
            if text is None:
                continue
            try:
                value, error = parameter.normalize(parameter.parse(text)), ""
            except (ValueError, TypeError, LookupError, ParameterException) as failed:
                value, error = None, f"it cannot be read ({' '.join(str(failed).split())})"
            yield _Given(section, name, rule, str(text), value, error)


def _text(section: str, name: str, parameter: Any, flags: Mapping[str, Any]) -> Any:
    """What is given: a flag first, then the configuration, then the older name there."""
    if flag := flags.get(f"{section}_{name}"):
        return flag
    older = parameter._config_path
    places = [(section, name), *([(older["section"], older["name"])] if older else [])]
    config = configuration.get_config()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of names with hyphens
        found = (config.get(*place, None) for place in places)
        return next((text for text in found if text is not None), None)


def _writable(path: str) -> bool:
    """Whether a directory is there, or could be made, and files made in it."""
    place = os.path.abspath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    return os.path.isdir(place) and os.access(place, os.W_OK)
