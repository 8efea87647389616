"""The `lstluigi` command: each subcommand is a thin function.

A command is a function in a module of this package, loaded when it is typed.
"""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

import click

from lstluigi._version import __version__
from lstluigi.cli.options import Group
from lstluigi.errors import LstluigiError
from lstluigi.run.setup import set_up

#: Commands by their names, in the order of the help: the module of this package, the function.
COMMANDS = {
    "run": ("production", "run"),
    "status": ("seeing", "status"),
    "logs": ("seeing", "logs"),
    "report": ("seeing", "report"),
    "retry": ("again", "retry"),
    "remake": ("again", "remake"),
    "cancel": ("production", "cancel"),
    "clean": ("again", "clean"),
    "suggest": ("pointings", "suggest"),
    "productions": ("library", "productions"),
    "generate-config": ("request", "generate_config"),
    "generate-nsb-grid": ("request", "generate_nsb_grid"),
    "plot-pointings": ("pointings", "plot_pointings"),
    "plot-irfs": ("plots", "plot_irfs"),
    "compare-irfs": ("plots", "compare_irfs"),
    "plot-models-importance": ("plots", "plot_models_importance"),
    "graph": ("plots", "graph"),
    "validate": ("validation", "validate"),
    "simulate": ("data", "simulate"),
}
#: Those that need no Luigi start without it.
LIGHT = frozenset(
    (
        *("suggest", "plot-pointings", "productions"),
        *("plot-irfs", "compare-irfs", "plot-models-importance"),
    )
)


class _Commands(Group):
    """The commands of the table.

    Errors that the user can mend are told in sentences, never as tracebacks.
    """

    def main(self, *args: Any, **extra: Any) -> Any:
        # a terminal may not know a character, nor UTF-8 what a file name is made of
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")  # as Python does for stderr
        return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        command = getattr(import_module(f"{__name__}.{module}"), function)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name not in LIGHT:
            set_up()
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LstluigiError as error:
            click.echo(f"lstluigi: {error}", err=True)
            ctx.exit(error.exit_code)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if missing.split(".")[0] == "lstluigi":
                raise
            install = "pip install 'lstluigi[analysis]'"
            click.echo(f"lstluigi: {missing} is not installed; {install} brings it", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("lstluigi: interrupted", err=True)
            ctx.exit(130)
        except BrokenPipeError:
            ctx.exit(1)
        except OSError as error:
            click.echo(f"lstluigi: {error.filename or 'a file'}: {error.strerror}", err=True)
            ctx.exit(2)


@click.group(cls=_Commands)
@click.version_option(__version__)
def main() -> None:
    """Productions of models and instrument responses for the LST, as a graph of tasks."""
