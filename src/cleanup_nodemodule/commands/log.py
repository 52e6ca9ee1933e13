"""``log``: tell what was deleted, when, how much that freed, and how to get it back."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import (
    Timeout,
    reading_the_record,
    seconds_of,
    shortly,
)
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.words import PROGRAM, printable

if TYPE_CHECKING:
    from cleanup_nodemodule.run.deletions import Deletions
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.signals import Interrupts

_SHOWN: Final = 50
"""Entries of the journal that are shown unless more are asked for."""

_MAX_SHOWN: Final = 1_000_000_000
"""Entries that no journal has."""


def log(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Only deletions there, inside it or around it."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="N",
            help="Only the last N deletions. Default: 50.",
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="All deletions, and what was not begun.")
    ] = False,
    timeout: Timeout = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Show what was deleted, and when."""
    from cleanup_nodemodule.commands import query
    from cleanup_nodemodule.record import state_directory
    from cleanup_nodemodule.record.trust import StateError
    from cleanup_nodemodule.run.deletions import find_deletions

    if all_ and limit is not None:
        raise UsageError("--all and --limit contradict each other; give one")
    if limit is not None and not 1 <= limit <= _MAX_SHOWN:
        raise UsageError(
            f"--limit cannot be {shortly(limit)}; type 1 or more, or --all for all there are"
        )
    last = None if all_ else limit or _SHOWN
    seconds = seconds_of(timeout)

    async def work(runtime: "Runtime", _interrupts: "Interrupts") -> "Deletions | OSError":
        try:
            return await find_deletions(directory, paths or [], last, runtime)
        except StateError:
            raise
        except OSError as error:
            return error

    def show(found: "Deletions | OSError") -> int:
        return _show(found, paths or [], as_json=json_)

    with reading_the_record():
        directory = state_directory.directory()
        return query.run(work, show, timeout=seconds, as_json=json_)


def _show(found: "Deletions | OSError", paths: Sequence[str], *, as_json: bool) -> int:
    from cleanup_nodemodule.show.deletions import document_of, lines, print_table, say_last_words
    from cleanup_nodemodule.show.journal import fault_line

    if isinstance(found, OSError):
        say(f"{PROGRAM}: cannot look for {', '.join(map(printable, paths))}: {found}")
        return ExitCode.USAGE
    history, running = found.history, found.running
    if as_json:
        lost = emit(lambda: sys.stdout.writelines(document_of(history, running)))
    elif is_terminal(sys.stdout):
        lost = print_table(history, running)
    else:
        told = (f"{line}\n" for line in lines(history, running))
        lost = emit(lambda: sys.stdout.writelines(told))
    if lost is not None:
        say(f"{PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    for fault in history.faults:
        say(f"{PROGRAM}: {fault_line(fault)}")
    if not as_json:
        say_last_words(history, paths, set(found.unfinished - running))
    # A record that a crash cut off is no failure of this run; a file that cannot be read is.
    unread = any(fault.line is None for fault in history.faults)
    return ExitCode.INCOMPLETE if unread else ExitCode.DONE
