"""What options of several commands have in common, and how they become settings."""

import contextlib
import os
from collections.abc import Container, Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import printable, quoted

if TYPE_CHECKING:
    from cleanup_nodemodule.config.settings import Settings


Engine: TypeAlias = Literal["auto", "native", "python"]
"""What walks the trees."""


_MAX_JOBS = 1024
"""Threads beyond which there is nothing to gain on any machine, and memory to lose."""

_LONGEST_TIMEOUT = 1e9
"""Seconds beyond which nobody waits, and nan and infinity."""


_MODE = {"dry_run", "no_dry_run"}
"""Options that choose between a dry run and a deletion."""

_ONCE = {*_MODE, "yes", "trash", "wait", "include_unproven"}
"""Options that say what to do with what is found, which is not to be repeated without a thought."""


SEARCH = "Where and what to search"


DELETE = "Deleting"


OUTPUT = "Output"


OTHER = "Other"


SHELL = "Completion in your shell"


class Format(StrEnum):
    """How the result is printed."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    PATHS = "paths"


class Sort(StrEnum):
    """The order of the rows."""

    SIZE = "size"
    PATH = "path"
    AGE = "age"


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


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


def settings_of(
    *,
    roots: tuple[str, ...] = (".",),
    targets: tuple[str, ...] | None = None,
    also: tuple[str, ...] = (),
    include_unproven: tuple[str, ...] = (),
    min_depth: int = 0,
    excludes: tuple[str, ...] = (),
    profiles: tuple[str, ...] = (),
    own_rules: tuple[str, ...] = (),
    include_foreign: bool = False,
    assume_unused: bool = False,
) -> "Settings":
    """Put the command line over the configuration file over the defaults."""
    from cleanup_nodemodule.config.settings import (
        Config,
        Settings,
        SettingsError,
        config_path,
        read_config,
        with_surroundings,
    )
    from cleanup_nodemodule.proof.rules import DEFAULT_PROFILE, RuleError, from_option

    try:
        config = read_config(config_path())
    except RuntimeError:  # Nobody has a home directory, and so no configuration.
        config = Config()
    try:
        rules = tuple(from_option(text) for text in own_rules)
    except RuleError as error:
        raise SettingsError(f"--rule: {error}") from error
    settings = Settings(
        roots=roots,
        targets=targets,
        also=also,
        include_unproven=include_unproven,
        min_depth=min_depth,
        excludes=excludes,
        profiles=profiles or config.profiles or (DEFAULT_PROFILE,),
        own_rules=(*rules, *config.rules),
        keep=config.keep,
        include_foreign=include_foreign,
        assume_unused=assume_unused,
    )
    return with_surroundings(settings)


def same_again(ctx: typer.Context, *, exactly: bool = False) -> tuple[str, ...]:
    """Return the words of this command line that say what to look at, for another one.

    With *exactly* also those that say what to do with it, but for those that choose between a dry run and a
    deletion.
    """
    once = {*(_MODE if exactly else _ONCE), "path"}
    commands = getattr(ctx.command, "commands", ())
    words = [as_word(path, commands) for path in ctx.params.get("path") or (".",)]
    for param in ctx.command.params:
        panel = getattr(param, "rich_help_panel", None)
        name = param.name or ""
        given = ctx.params.get(name)
        if panel in {None, OUTPUT} or name in once or given == param.get_default(ctx):
            continue
        if given is None or given is False or given == []:
            continue
        option = max(param.opts, key=len)
        short = min(param.opts, key=len)
        for value in given if isinstance(given, (list, tuple)) else [given]:
            text = f"{value:g}" if isinstance(value, float) else str(getattr(value, "value", value))
            if value is True:
                words.append(option)
            elif text.startswith("-"):
                words.append(f"{option}={text}")
            else:
                words += (short, text)
    return tuple(words)


def as_word(path: str, commands: Container[str]) -> str:
    """Return a path so that it is taken for neither a command nor an option."""
    taken = path in commands or path.startswith("-")
    return os.path.join(os.curdir, path) if taken else path or os.curdir


def shortly(number: int) -> str:
    """Return a number as it is, unless nobody would read it."""
    return str(number) if abs(number) < 10**30 else "so large a number"


def check_jobs(jobs: int | None) -> None:
    """Raise UsageError for a number of calls at a time that makes no sense."""
    if jobs is not None and not 1 <= jobs <= _MAX_JOBS:
        raise UsageError(
            f"--jobs cannot be {shortly(jobs)}; type a number from 1 to {_MAX_JOBS}, or leave it out"
        )


def check_timeout(timeout: float | None) -> None:
    """Raise UsageError for a number of seconds that nobody can wait."""
    if timeout is not None and not 0 < timeout < _LONGEST_TIMEOUT:
        raise UsageError(
            f"--timeout cannot be {timeout:g}; type a number of seconds above 0, or leave it out"
        )


def seconds_of(timeout: float | None) -> float:
    """Return the seconds to wait for a disk. Raises UsageError for a number that is none."""
    from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT

    check_timeout(timeout)
    return DEFAULT_TIMEOUT if timeout is None else timeout


def agreed_format(format_: Format | None, *, json_: bool, null: bool) -> Format | None:
    """Return the format that the options agree on."""
    asked = {
        "--format": format_,
        "--json": Format.JSON if json_ else None,
        "--null": Format.PATHS if null else None,
    }
    formats = {option: value for option, value in asked.items() if value is not None}
    if len(set(formats.values())) > 1:
        raise UsageError(f"{' and '.join(formats)} contradict each other; give one")
    return next(iter(formats.values()), None)


def check_files(option: str, names: Iterable[str]) -> None:
    """Raise UsageError for a file among the names of directories, as where a shell has expanded ``*.log``."""
    for name in names:
        ending = os.path.splitext(name)[1]
        if ending[1:].isalnum() and os.path.isfile(name):
            raise UsageError(
                f"{option} takes names of directories, and {printable(name)} is a file. This program deletes directories;"
                f" to find files, type: find . -name {quoted(f'*{ending}')}"
            )
