"""``log``: tell what was deleted, when, how much that freed, and how to get it back."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cleanup_nodemodule.commands.completion import runs as past_runs
from cleanup_nodemodule.commands.information import LongHelp, ShortHelp
from cleanup_nodemodule.commands.options import Timeout, reading_the_record
from cleanup_nodemodule.errors import ExitCode, UsageError
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.words import PROGRAM, command, printable, shortly

if TYPE_CHECKING:
    from cleanup_nodemodule.record.entries import Fault
    from cleanup_nodemodule.run.deletions import Deletions
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.past_runs import PastRuns
    from cleanup_nodemodule.run.signals import Interrupts

_SHOWN: Final = 50
"""Deletions that are shown unless more are asked for."""

_RUNS_SHOWN: Final = 20
"""Runs that are shown unless more are asked for."""

_MAX_SHOWN: Final = 1_000_000_000
"""More than any journal has."""


def log(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|PATH",
            help="Print what this run deleted, or what was deleted at, in or around this directory. The first four"
            " letters of a run are enough.",
            autocompletion=past_runs,
        ),
    ] = None,
    runs: Annotated[
        bool,
        typer.Option(
            "--runs",
            help="Print one line for each run. This is the default at a terminal if nothing is named.",
        ),
    ] = False,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help="Print all deletions, and what was not begun. With --runs, all runs."
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="N",
            help="Print only the last N. Default: 20 runs, or 50 deletions.",
        ),
    ] = None,
    timeout: Timeout = None,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    _short_help: ShortHelp = False,
    _help: LongHelp = False,
) -> int:
    """Show what was deleted, and when.

    At a terminal it prints one line for each run. In a pipe, or if a run or a directory is named, it prints
    each deletion, with the command that brings it back.
    """
    from cleanup_nodemodule.commands import query
    from cleanup_nodemodule.record import state_directory
    from cleanup_nodemodule.record.trust import StateError
    from cleanup_nodemodule.run.deletions import find_deletions
    from cleanup_nodemodule.run.orders import seconds_to_wait
    from cleanup_nodemodule.run.past_runs import find_runs, runs_among

    _check(words or (), limit, runs=runs, all_=all_)
    seconds = seconds_to_wait(timeout)
    listed = runs or not (words or all_ or json_ or not is_terminal(sys.stdout))

    async def work_on_runs(runtime: "Runtime", _interrupts: "Interrupts") -> "PastRuns":
        return await find_runs(directory, None if all_ else limit or _RUNS_SHOWN, runtime)

    async def work(runtime: "Runtime", _interrupts: "Interrupts") -> "Deletions | OSError":
        try:
            named = await runs_among(directory, words or (), runtime)
            paths = [word for word in words or () if word not in named]
            last = None if all_ or (named and limit is None) else limit or _SHOWN
            return await find_deletions(directory, paths, last, runtime, runs=set(named.values()))
        except StateError:
            raise
        except OSError as error:
            return error

    def show(found: "Deletions | OSError") -> int:
        return _show(found, words or [], as_json=json_)

    with reading_the_record():
        directory = state_directory.directory()
        if listed:
            return query.run(
                work_on_runs,
                lambda found: _show_runs(found, as_json=json_),
                timeout=seconds,
                as_json=json_,
            )
        return query.run(work, show, timeout=seconds, as_json=json_)


def _check(words: Sequence[str], limit: int | None, *, runs: bool, all_: bool) -> None:
    """Raise UsageError for what cannot be asked for at once, or cannot be."""
    if runs and words:
        raise UsageError("--runs lists all runs; without it, type: " + command("log", *words))
    if all_ and limit is not None:
        raise UsageError("--all and --limit contradict each other; give one")
    if limit is not None and not 1 <= limit <= _MAX_SHOWN:
        raise UsageError(
            f"--limit cannot be {shortly(limit)}; type 1 or more, or --all for all there are"
        )


def _show_runs(found: "PastRuns", *, as_json: bool) -> int:
    from cleanup_nodemodule.show import runs as of_runs
    from cleanup_nodemodule.show.streams import print_lines

    if as_json:
        code = print_lines([of_runs.run_list_document(found)])
    elif is_terminal(sys.stdout):
        code = print_lines(of_runs.run_page(found))
    else:
        code = print_lines(of_runs.run_lines(found))
    if code != ExitCode.DONE:
        return code
    _say_faults(found.faults)
    if not as_json:
        of_runs.say_about_runs(found, advise=is_terminal(sys.stdout))
    return _code(found.faults)


def _show(found: "Deletions | OSError", words: Sequence[str], *, as_json: bool) -> int:
    from cleanup_nodemodule.show.deletions import document_of, lines, print_table, say_last_words

    if isinstance(found, OSError):
        say(f"{PROGRAM}: cannot look for {', '.join(map(printable, words))}: {found}")
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
    _say_faults(history.faults)
    if not as_json:
        say_last_words(history, words, set(found.unfinished - running))
    return _code(history.faults)


def _say_faults(faults: "Sequence[Fault]") -> None:
    from cleanup_nodemodule.show.journal import fault_line

    for fault in faults:
        say(f"{PROGRAM}: {fault_line(fault)}")


def _code(faults: "Sequence[Fault]") -> int:
    # A record that a crash cut off is no failure of this run; a file that cannot be read is.
    unread = any(fault.line is None for fault in faults)
    return ExitCode.INCOMPLETE if unread else ExitCode.DONE
