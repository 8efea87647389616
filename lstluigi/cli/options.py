"""What commands have in common: arguments, options, and how they are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import click

Function = Callable[..., Any]


class Command(click.Command):
    """A command that refuses an option given twice, of which click would drop the first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line."""
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args(args=list(args))
            self._refuse_repeated(ctx, given)
        return super().parse_args(ctx, args)

    def _refuse_repeated(self, ctx: click.Context, given: list[click.Parameter]) -> None:
        for param, times in Counter(given).items():
            single = isinstance(param, click.Option) and not (param.multiple or param.is_flag)
            if single and times > 1:
                raise click.UsageError(
                    f"{param.opts[-1]} is given {times} times; give it once", ctx
                )


command = partial(click.command, cls=Command)


class Group(click.Group):
    """Commands by name: help shows their first sentence complete, a typing error the nearest."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, one.get_short_help_str(limit=400)) for name, one in found if one]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = get_close_matches(name, self.list_commands(ctx), 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            ctx.fail(f"unknown command {name!r}{meant}")
        return super().resolve_command(ctx, args)


class _Config(click.Path):
    """A production config, or the directory that holds it and no other."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path of the config."""
        from lstluigi.config.find import config_file

        given = str(super().convert(value, param, ctx))
        return str(config_file(Path(given))) if Path(given).is_dir() else given


config_argument = click.argument("config", type=_Config(), metavar="CONFIG|DIR")

_TOOLS = {
    "lstchain": "lstchain config, if the production config does not name it.",
    "ctapipe": "ctapipe config, in the workflow ctapipe.",
    "rta": "Config of HiPeRTA, in the workflow hiperta.",
}
_BESIDE_A_CONFIG = (
    *(
        click.option(f"--{tool}-config", type=click.Path(), default="", help=told)
        for tool, told in _TOOLS.items()
    ),
    click.option(
        "--site",
        type=click.Path(),
        default="",
        help="Site profile, instead of the one the config names (default: $LSTLUIGI_SITE).",
    ),
)
_OF_JOBS = (
    click.option(
        "--backend",
        type=click.Choice(["config", "local", "slurm", "auto"]),
        default="config",
        show_default=True,
        help="Where jobs run: what the config says (auto if nothing), or this.",
    ),
    click.option(
        "--environment",
        type=click.Choice(["config", "current"]),
        default="config",
        show_default=True,
        help="Environment of the jobs: the one the config names, or lstluigi's own.",
    ),
)


def beside_config(function: Function) -> Function:
    """Add the options that name files read beside a production config.

    They arrive as `<tool>_config` and `site`, empty if not given.
    """
    return _with(_BESIDE_A_CONFIG, function)


def of_a_run(function: Function) -> Function:
    """Add the options of whatever starts a run: where its jobs run, and `beside_config`."""
    return _with((*_OF_JOBS, *_BESIDE_A_CONFIG), function)


def _with(options: tuple[Callable[[Function], Function], ...], function: Function) -> Function:
    for option in reversed(options):
        function = option(function)
    return function
