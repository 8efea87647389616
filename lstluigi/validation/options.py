"""Options of steps against the parser of the very command they go to."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NoReturn

from lstluigi.config.section import nearest
from lstluigi.errors import shown
from lstluigi.steps import OneFile, PlannedStep, general_commands
from lstluigi.validation.catalogue import catalogue
from lstluigi.validation.findings import Finding, error, warning

FLAGS = ("true", "false", "0", "1")


class _Refused(Exception):
    """What a command says of its options."""


class _Parser(argparse.ArgumentParser):
    """A parser that neither prints nor leaves."""

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
    for command in general_commands(node, OneFile({}, -1, "")):
        name = os.path.basename(command[0])
        if name in catalogue().commands:
            yield from _of_command(where, name, command[1:], node.step.arguments)


def _of_command(
    where: str, name: str, words: Sequence[str], own: Sequence[str]
) -> Iterator[Finding]:
    try:
        heard, strange = _parse(name, words)
    except _Refused as refused:
        yield error(where, f"{name} would refuse them: {str(refused)[:300]}", "correct the options")
        return
    names = _names(name)
    for word in (word for word in strange if word.startswith("-")):
        mend = nearest(word.partition("=")[0], names)
        yield error(where, f"{name} has no option {shown(word)}", mend)
    if strange and not any(word.startswith("-") for word in strange):
        what = f"{name} takes no further words, such as {shown(strange[0])}"
        yield error(where, what, "take it out, or write the option it belongs to")
    mine = _heard_of(name, own)
    for option in mine:
        if heard[option] > mine[option]:
            what = f"the option {option} of {name} is given by lstluigi itself"
            yield warning(where, what, "take it out: what the options say of it is not heeded")


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


def _names(name: str) -> tuple[str, ...]:
    """Options to suggest: not the long names of traits."""
    options = catalogue().commands[name]["options"]
    return tuple(n for option in options for n in option["names"] if "." not in n)


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
    kind = option["kind"]
    choices = option.get("choices") or (FLAGS if kind == "flag" else ())
    if choices and word.casefold() not in map(str.casefold, choices):
        raise argparse.ArgumentTypeError(f"{shown(word)} is none of {', '.join(choices)}")
    if kind in ("integer", "number"):
        try:
            number = int(word) if kind == "integer" else float(word)
        except ValueError:
            is_what = "no whole number" if kind == "integer" else "no number"
            raise argparse.ArgumentTypeError(f"{shown(word)} is {is_what}") from None
        if not option.get("min", number) <= number <= option.get("max", number):
            limits = f"{option.get('min', '')} to {option.get('max', '')}"
            raise argparse.ArgumentTypeError(f"{shown(word)} is not within {limits}")
    return word
