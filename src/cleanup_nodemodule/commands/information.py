"""Options that print something and end, or that choose before anything is done."""

from collections.abc import Callable

import typer

from cleanup_nodemodule import __version__
from cleanup_nodemodule.commands.options import Engine
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.show.streams import emit, say
from cleanup_nodemodule.words import PROGRAM


def show_version(wanted: bool) -> None:
    """Print the version and the engine, and end."""
    if wanted:
        from cleanup_nodemodule import engine

        _print(lambda: typer.echo(f"{PROGRAM} {__version__} (engine: {engine.name()})"))


def choose_engine(choice: Engine) -> Engine:
    """Have the engine that was asked for walk the trees; BadParameter if it was not built."""
    if choice != "auto":
        from cleanup_nodemodule import engine

        try:
            engine.choose(choice)
        except engine.UnavailableError as error:
            raise typer.BadParameter(str(error)) from error
    return choice


def show_schema(wanted: bool) -> None:
    """Print the JSON Schema of the document, and end."""
    if wanted:
        from cleanup_nodemodule.report.document import json_schema

        _print(lambda: typer.echo(json_schema()))


def show_help(ctx: typer.Context, wanted: bool) -> None:
    """Print the help of the command, and end."""
    if wanted:
        _print(lambda: typer.echo(ctx.get_help()))


def _print(write: Callable[[], None]) -> None:
    """Print what was asked for instead of a run, and end."""
    lost = emit(write)
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        raise typer.Exit(ExitCode.UNEXPECTED)
    raise typer.Exit
