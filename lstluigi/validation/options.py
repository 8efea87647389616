"""Options of steps against the parser of the very command they go to."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NoReturn

from lstluigi.config.ctapipe import ctapipe_problems
from lstluigi.config.section import meant, nearest
from lstluigi.errors import shown
from lstluigi.production.step import NO_FILES, PlannedStep, general_commands, tools_of
from lstluigi.validation.findings import Finding, error, warning
from lstluigi.validation.lstchain_catalogue import KINDS, amiss, catalogue

#: What is a flag to traitlets.
FLAGS = {"true": True, "1": True, "false": False, "0": False}
READERS: Mapping[str, Callable[[str], object]] = {
    "integer": int,
    "number": float,
    "finite": float,
    "flag": lambda word: FLAGS[word.lower()],
}
#: A command with more options than this is asked for them.
LISTED = 12


class _Refused(Exception):
    """What a command says of its options."""


class _Parser(argparse.ArgumentParser):
    """A parser that neither prints nor leaves."""

    @property
    def names(self) -> Collection[str]:
        """Every option, in full."""
        return self._option_string_actions

    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


class _Hear(argparse.Action):
    """Notes which options were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        namespace.heard[self.option_strings[0]] += 1


def option_findings(node: PlannedStep) -> Iterator[Finding]:
    """What the commands of a step would not accept, or not heed."""
    if not node.step.arguments:
        return
    where = node.step.where("options")
    commands = general_commands(node, NO_FILES)
    for command in commands:
        name = os.path.basename(command[0])
        if name in catalogue().commands:
            yield from _of_command(where, name, command[1:], node.step.arguments)
    if "ctapipe" in tools_of(commands):
        yield from _of_classes(where, node.step.arguments)


def _of_classes(where: str, own: Sequence[str]) -> Iterator[Finding]:
    """Settings given as `--Class.name=value`, looked at as in a config of ctapipe."""
    for word in own:
        dotted, given, value = word.removeprefix("--").partition("=")
        if given and dotted[:1].isupper() and "." in dotted:
            parts = reversed(dotted.split("."))
            content: dict[str, Any] = {next(parts): value}
            for part in parts:
                content = {part: content}
            for problem in ctapipe_problems(where, content):
                yield Finding(problem, error=True)


def _of_command(
    where: str, name: str, words: Sequence[str], own: Sequence[str]
) -> Iterator[Finding]:
    try:
        heard, strange = _parse(name, words)
    except _Refused as refused:
        yield error(where, f"{name} would refuse them: {str(refused)[:300]}", "correct the options")
        return
    for word in (word for word in strange if word.startswith("-")):
        yield error(where, f"{name} has no option {shown(word)}", _near(name, word))
    if strange and not any(word.startswith("-") for word in strange):
        what = f"{name} takes no further words, such as {shown(strange[0])}"
        yield error(where, what, "take it out, or write the option it belongs to")
    for word in (word.partition("=")[0] for word in own if word in words and word not in strange):
        if word.startswith("--") and word not in _parser(name).names:
            what = f"{name} takes {shown(word)} for an abbreviation"
            yield warning(where, what, "write the option in full: lstluigi reads some of them, too")
    mine = _heard_of(name, own)
    for option in mine:
        if heard[option] > mine[option]:
            what = f"the option {option} of {name} is given by lstluigi itself"
            yield warning(where, what, "take it out: the paths of the step are what counts")


def _heard_of(name: str, words: Sequence[str]) -> Counter[str]:
    try:
        return _parse(name, words)[0]
    except _Refused:
        return Counter()


def _parse(name: str, words: Sequence[str]) -> tuple[Counter[str], Sequence[str]]:
    """Options that are given, by their first name, and what the command does not understand."""
    heard: Counter[str] = Counter()
    _, strange = _parser(name).parse_known_args(words, argparse.Namespace(heard=heard))
    return heard, strange[catalogue().commands[name]["words"] :]


def _near(name: str, word: str) -> str:
    """The option that is meant; long names of traits are meant by those who write a dot."""
    options = catalogue().commands[name]["options"]
    every = [option for entry in options for option in entry["names"] if len(option) > 3]
    alike = tuple(option for option in every if ("." in option) == ("." in word))
    given = word.partition("=")[0]
    told = meant(given, alike) is not None or len(every) <= LISTED
    return nearest(given, alike) if told else f"choose one that {name} --help lists"


@cache
def _parser(name: str) -> _Parser:
    """A command's parser, built again."""
    parser = _Parser(prog=name, add_help=False)
    for option in catalogue().commands[name]["options"]:
        given: dict[str, Any] = {"nargs": {"0": 0, "1": None}.get(option["takes"], option["takes"])}
        if option["takes"] != "0":
            given["type"] = partial(_value, option)
        parser.add_argument(*option["names"], dest=option["names"][0], action=_Hear, **given)
    return parser


def _value(option: Mapping[str, Any], word: str) -> str:
    """A value if it is one, as argparse wants it told otherwise."""
    leaf = option.get("of", option)  # each word is one entry of a list
    kind = leaf["kind"]
    try:
        value = READERS[kind](word) if kind in READERS else word
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{shown(word)} is not {KINDS[kind]}") from None
    if what := amiss({**leaf, "kind": "any"}, value):
        raise argparse.ArgumentTypeError(what)
    return word
