"""What a shell is told when somebody presses the tabulator key, and how a shell learns to ask.

Typer's scripts ask the program by a variable of the environment. Where it has no answer, the shell completes
names of files. Nothing that goes wrong here may end in a traceback on somebody's command line.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import typer

from cleanup_nodemodule.errors import CleanupError, UsageError
from cleanup_nodemodule.words import PROGRAM, command

VARIABLE: Final = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
"""Variable of the environment that is set while a shell asks."""

_SHELLS: Final = ("bash", "zsh", "fish", "powershell", "pwsh")

_MOST_RUNS: Final = 20
"""Runs that are offered, the latest."""


def profile_names() -> list[str]:
    """Return the names of the profiles."""
    from cleanup_nodemodule.proof.rules import profiles

    return list(profiles())


def rule_names(incomplete: str) -> list[str]:
    """Return the names that ``rules`` takes: profiles, ids of rules and names of directories."""
    from cleanup_nodemodule.proof.rules import catalogue, profiles

    rules = catalogue()
    names = [*profiles(), *(rule.directory for rule in rules)]
    if "/" in incomplete:
        names += [rule.id for rule in rules]
    return list(dict.fromkeys(names))


def command_names(ctx: typer.Context) -> list[str]:
    """Return the names of the commands."""
    program: Any = ctx.find_root().command
    return list(program.commands)


def runs() -> list[tuple[str, str]]:
    """Return the ids of the last runs that deleted anything, each with a few words about it."""
    found: list[tuple[str, str]] = []
    with suppress(Exception):
        found += _runs()
    return found


def _runs() -> Iterator[tuple[str, str]]:
    from cleanup_nodemodule.record import state_directory
    from cleanup_nodemodule.record.read import read
    from cleanup_nodemodule.words import iso, printable

    history = read(state_directory.directory(), last=0)
    for run in list(history.runs.values())[: -_MOST_RUNS - 1 : -1]:
        where = " ".join(printable(root) for root in run.roots)
        yield run.id, f"{iso(run.started_at)} {where}"


def job_names() -> Iterator[tuple[str, str]]:
    """Give the names of the jobs, each with what it is for."""
    from cleanup_nodemodule.config.definition import read_all
    from cleanup_nodemodule.words import printable

    with suppress(CleanupError):
        for name, job in read_all().jobs.items():
            yield name, printable(job.about)


def configuration_words(ctx: typer.Context) -> list[str]:
    """Return the actions of ``config``, or behind one of them the keys."""
    from cleanup_nodemodule.commands.config import ACTIONS
    from cleanup_nodemodule.config.keys import KEYS

    return [*KEYS] if ctx.params.get("action") in ACTIONS else [*ACTIONS]


def schedule_actions() -> list[str]:
    """Return the actions of ``schedule``."""
    from cleanup_nodemodule.commands.schedule import ACTIONS

    return [*ACTIONS]


def get_ready() -> None:
    """Have Typer know the shells, if one of them is asking."""
    if os.environ.get(VARIABLE):
        from typer._completion_classes import completion_init

        completion_init()


def install(ctx: typer.Context, wanted: bool) -> None:
    """Teach the shell that is used to complete, and end."""
    if not wanted or ctx.resilient_parsing:
        return
    from typer._completion_shared import install as install_for

    shell = _shell("--install-completion")
    try:
        _, path = install_for(shell=shell, prog_name=PROGRAM, complete_var=VARIABLE)
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename}: {error.strerror}; to install the completion by hand, type:"
            f" {command('--show-completion')}"
        ) from error
    typer.echo(f"Completion for {shell} is installed in {path}. Open a new terminal to use it.")
    raise typer.Exit


def show(ctx: typer.Context, wanted: bool) -> None:
    """Print the script that teaches the shell that is used to complete, and end."""
    if not wanted or ctx.resilient_parsing:
        return
    from typer._completion_shared import get_completion_script

    shell = _shell("--show-completion")
    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell))
    raise typer.Exit


def _shell(option: str) -> str:
    """Return the shell that started this process. Raises UsageError where none is known."""
    # It comes without types.
    import shellingham  # type: ignore[import-untyped]

    try:
        name = str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        name = ""
    if name not in _SHELLS:
        raise UsageError(
            "cannot tell which shell you use, or it cannot complete; start bash, zsh or fish, and type"
            f" there: {command(option)}"
        )
    return name
