"""Options as lstmcpipe's users type them: with underscores, and several values behind one name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import click

from lstluigi.cli.options import Command

__all__ = ["AsInLstmcpipe", "Several", "pairs"]


class Several(click.Option):
    """An option with any number of values: ``--dec_list dec_2276 dec_3476``."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings["multiple"] = True
        super().__init__(*args, **settings)


class AsInLstmcpipe(Command):
    """A command whose options may be spelled with underscores or dashes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write options as they are declared, and before each of their values."""
        names = {o for p in self.get_params(ctx) for o in p.opts if isinstance(p, click.Option)}
        several = {o for p in self.params if isinstance(p, Several) for o in p.opts}
        return super().parse_args(ctx, list(_repeated(_declared(args, names), several)))


def _declared(words: Sequence[str], names: Collection[str]) -> list[str]:
    """Write underscores in the names of options that are declared with them."""
    result = []
    for word in words:
        name, equals, value = word.partition("=")
        underscored = name[:2] + name[2:].replace("-", "_")
        result.append(underscored + equals + value if underscored in names else word)
    return result


def _repeated(words: Sequence[str], names: Collection[str]) -> Iterator[str]:
    several, waits = "", False  # the option that values belong to; whether it has none yet
    for position, word in enumerate(words):
        if word == "--":
            yield from words[position:]
            return
        if word.startswith("-") and word != "-" and not (several and _is_number(word)):
            name = word.partition("=")[0]
            if several and waits:
                raise click.BadOptionUsage(several, f"{several} has no value")
            several = name if name in names else ""
            waits = "=" not in word
            yield word
        elif several:
            if not waits:
                yield several
            waits = False
            yield word
        else:
            yield word


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Read ``KEY=VALUE`` arguments.

    Raises
    ------
    click.BadParameter
        One has no ``=``, or a key is there twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE")
        if key in found:
            raise click.BadParameter(f"{key!r} is given twice")
        found[key] = value
    return found
