"""The command line of ``luigi``: what cannot be run is told in a sentence.

Luigi reads its command line in a class and imports ``--module`` in the middle of that, so the
methods it calls afterwards can be given sentences.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator
from typing import Any, NoReturn

import luigi
from luigi.cmdline_parser import CmdlineParser
from luigi.task_register import Register, TaskClassException

from lstluigi.errors import LstluigiError

from .interrupts import explained, leave
from .settings import check, settle

__all__ = ["tell_in_sentences"]

_build_parser = CmdlineParser._build_parser
_possibly_exit_with_help = CmdlineParser._possibly_exit_with_help
_get_task_obj = CmdlineParser.get_task_obj


def tell_in_sentences() -> None:
    """Let Luigi's command line end with a sentence where the user has mistyped something."""
    CmdlineParser._build_parser = staticmethod(_with_short_errors)
    CmdlineParser._possibly_exit_with_help = staticmethod(_help_or_known_task)
    CmdlineParser.get_task_obj = _checked_task


def _refuse(what: str) -> NoReturn:
    leave(f"lstluigi: {what}", LstluigiError.exit_code)


def _with_short_errors(root_task: str | None = None, help_all: bool = False) -> Any:
    """Luigi's parser, which on an error prints no usage of two screens."""
    parser = _build_parser(root_task, help_all)

    def error(message: str) -> NoReturn:
        _refuse(f"{message}; --help after the name of a task lists what it takes.")

    parser.error = error
    return parser


def _help_or_known_task(parser: Any, known_args: argparse.Namespace) -> None:
    """Print help where it is asked for; go on only with a task that there is."""
    _possibly_exit_with_help(parser, known_args)
    name = known_args.root_task
    tasks = list(_tasks())
    if not name:
        _refuse(f"no task is named; known are {', '.join(tasks)}.")
    try:
        Register.get_task_cls(name)
    except TaskClassException:
        close = difflib.get_close_matches(name, tasks, 1)
        mend = f"write {close[0]}" if close else f"known are {', '.join(tasks)}"
        _refuse(f"there is no task {name!r}; {mend}.")
    with explained():  # before Luigi reads the first setting, which would be a traceback
        check(vars(known_args))


def _tasks() -> Iterator[str]:
    """Names of the tasks that are not Luigi's own."""
    for name in Register.task_names():
        task = Register._get_reg()[name]
        if isinstance(task, type) and not task.__module__.startswith("luigi."):
            yield name


def _checked_task(parser: CmdlineParser) -> luigi.Task:
    """The task of the command line, once every parameter has a value that it can have."""
    problems = list(_problems(parser))
    if problems:
        _refuse(f"{parser.known_args.root_task} {'; '.join(problems)}.")
    with explained():
        settle()
    return _get_task_obj(parser)


def _problems(parser: CmdlineParser) -> Iterator[str]:
    task = parser._get_task_cls()
    for name, parameter in task.get_params():
        flag, given = f"--{name.replace('_', '-')}", getattr(parser.known_args, name)
        if not given:
            if not parameter.has_task_value(task.get_task_family(), name):
                yield f"needs {flag} ({parameter.description or 'it has no default'}): add it"
            continue
        try:
            parameter.normalize(parameter.parse(given))
        except (ValueError, TypeError) as error:
            yield f"cannot take {flag} {given}: {error}"
