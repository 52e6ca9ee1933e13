"""What options of several commands have in common."""

import contextlib
import os
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import printable, quoted

if TYPE_CHECKING:
    pass


_MODE = {"dry_run", "no_dry_run"}
"""Options that choose between a dry run and a deletion."""

_ONCE = {*_MODE, "yes", "trash", "wait", "include_unproven"}
"""Options that say what to do with what is found, which is not to be repeated without a thought."""


SEARCH = "Where and what to search"


CHOICE = "Choosing what goes"


DELETE = "Deleting"


OUTPUT = "Output"


UNATTENDED = "Unattended runs"


OTHER = "Other"


SHELL = "Completion in your shell"


@contextlib.contextmanager
def nothing_done() -> Iterator[None]:
    """Have an interruption reach :func:`~cleanup_nodemodule.commands.failures.run`; Typer would end with its exit code, and no document."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise typer.Abort from error


Timeout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="If a disk does not answer for this many seconds, give it up and go on with the others."
        " Default: 300.",
    ),
]


@contextlib.contextmanager
def reading_the_record() -> Iterator[None]:
    """Have a record that cannot be read count as wrong usage: nothing was to be done but to read it."""
    from cleanup_nodemodule.record.trust import StateError

    try:
        yield
    except StateError as error:
        raise UsageError(str(error)) from error


def same_again(
    ctx: typer.Context, *, exactly: bool = False, elsewhere: bool = False
) -> tuple[str, ...]:
    """Return the words of this command line that say what to look at, for another one.

    With *exactly* also those that say what to do with it, but for those that choose between a dry run and a
    deletion. Where to search may be said *elsewhere*, as in a file, and then there may be no word for it.
    """
    once = {*(_MODE if exactly else _ONCE), "path"}
    commands = getattr(ctx.command, "commands", ())
    paths = ctx.params.get("path") or (() if elsewhere else (os.curdir,))
    words = [as_word(path, commands) for path in paths]
    if ctx.parent is not None:  # A command, such as run, takes them only so.
        words = [word for path in words for word in ("-p", path)]
    for param in ctx.command.params:
        panel = getattr(param, "rich_help_panel", None)
        name = param.name or ""
        given = ctx.params.get(name)
        source = ctx.get_parameter_source(name)
        if (
            (panel in {None, OUTPUT, UNATTENDED} and not (name == "null" and _is_of_list(ctx)))
            or name in once
            or source is None
            or source.name != "COMMANDLINE"
        ):
            continue
        if getattr(param, "hidden", False) and not param.expose_value:
            words.append(param.opts[0])
        if given is False and param.secondary_opts:
            words.append(param.secondary_opts[0])
        if given is None or given is False or given == []:
            continue
        option = max(param.opts, key=len)
        short = min(param.opts, key=len)
        for value in given if isinstance(given, (list, tuple)) else [given]:
            text = f"{value:g}" if isinstance(value, float) else str(getattr(value, "value", value))
            if value is True:
                words.append(option)
            elif text.startswith("-") and text != "-":
                words.append(f"{option}={text}")
            else:
                words += (short, text)
    return tuple(words)


def _is_of_list(ctx: typer.Context) -> bool:
    """Whether ``-0`` says how a list is written, and not how a result is printed."""
    return any(ctx.params.get(name) is not None for name in ("from_file", "artifacts_from"))


def as_word(path: str, commands: Container[str]) -> str:
    """Return a path so that it is taken for neither a command nor an option."""
    taken = path in commands or path.startswith("-")
    return os.path.join(os.curdir, path) if taken else path or os.curdir


def check_files(option: str, names: Iterable[str]) -> None:
    """Raise UsageError for a file among the names of directories, as where a shell has expanded ``*.log``."""
    for name in names:
        ending = os.path.splitext(name)[1]
        if ending[1:].isalnum() and os.path.isfile(name):
            raise UsageError(
                f"{option} takes names of directories, and {printable(name)} is a file. This program deletes directories;"
                f" to find files, type: find . -name {quoted(f'*{ending}')}"
            )
