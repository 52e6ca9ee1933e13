"""Options that print something and end, or that choose before anything is done."""

import os
import sys
from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from cleanup_nodemodule import __version__
from cleanup_nodemodule.commands.options import OTHER
from cleanup_nodemodule.config.keys import Engine
from cleanup_nodemodule.errors import ExitCode, UsageError
from cleanup_nodemodule.show.streams import emit, say
from cleanup_nodemodule.words import PROGRAM


def show_version(wanted: bool) -> None:
    """Print the version and the engine, and end."""
    if wanted:
        from cleanup_nodemodule import engine

        print_and_end(lambda: typer.echo(f"{PROGRAM} {__version__} (engine: {engine.name()})"))


def choose_engine(choice: Engine) -> Engine:
    """Have the engine that was asked for walk the trees; UsageError if it was not built."""
    if choice != "auto":
        from cleanup_nodemodule import engine

        try:
            engine.choose(choice)
        except engine.UnavailableError as error:
            raise UsageError(str(error)) from error
    return choice


def notice_of_engine(choice: Engine) -> None:
    """Say once that the fast engine is missing, and how to get it, unless the other one was asked for."""
    from cleanup_nodemodule import engine

    possible = os.name == "posix" and sys.implementation.name == "cpython"
    if choice != "auto" or engine.name() == "native" or not possible:
        return
    from cleanup_nodemodule.record.said import is_first_time

    if is_first_time("engine"):
        say(
            f"{PROGRAM}: the fast engine, in C, was not built when this was installed, so the slow one, in"
            " Python, is used. To get the fast one, install a C compiler and Python's headers (on Debian and"
            " Ubuntu: gcc python3-dev), and then install this program again. This is said only once."
        )


def show_schema(wanted: bool) -> None:
    """Print the JSON Schema of the document, and end."""
    if wanted:
        from cleanup_nodemodule.report.document import json_schema

        print_and_end(lambda: typer.echo(json_schema()))


def show_short_help(ctx: typer.Context, wanted: bool) -> None:
    """Print what people need of the help, and end."""
    if wanted and not ctx.resilient_parsing:
        from cleanup_nodemodule.commands.help_page import page

        print_and_end(lambda: typer.echo(page(ctx.command, short=True)))


def show_help(ctx: typer.Context, wanted: bool) -> None:
    """Print the whole help, and end."""
    if wanted and not ctx.resilient_parsing:
        from cleanup_nodemodule.commands.help_page import page

        print_and_end(lambda: typer.echo(page(ctx.command, short=False)))


ShortHelp: TypeAlias = Annotated[
    bool,
    typer.Option(
        "-h",
        help="Print a short help.",
        callback=show_short_help,
        is_eager=True,
        expose_value=False,
        rich_help_panel=OTHER,
    ),
]

LongHelp: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--help",
        help="Print the whole help.",
        callback=show_help,
        is_eager=True,
        expose_value=False,
        rich_help_panel=OTHER,
    ),
]


def print_and_end(write: Callable[[], None]) -> None:
    """Print what was asked for instead of a run, and end."""
    lost = emit(write)
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        raise typer.Exit(ExitCode.UNEXPECTED)
    raise typer.Exit
