"""What happened to which folder, and how to get it back: the journal for people and programs."""

import json
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from cleanup_nodemodule import words
from cleanup_nodemodule.commands import query
from cleanup_nodemodule.commands.regenerate import fault_line, iso, run_document, shell_line
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.write import Ending, Entry, History, read
from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT, Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.conversion import everywhere


def show(
    directory: str,
    paths: Sequence[str],
    *,
    last: int | None,
    timeout: float = DEFAULT_TIMEOUT,
    as_json: bool,
) -> int:
    """Print the journal of a state directory; return the exit code.

    Of everything, or of what was deleted at, beneath or around one of *paths*; the *last* so many, or
    all, and only then also what was written down before its turn came, which it never did. Raises
    StateError.
    """

    async def work(runtime: Runtime, _interrupts: Interrupts) -> list[str] | OSError:
        places: list[str] = []
        try:
            for path in map(everywhere, paths):
                places += await runtime.call(_places, path)
        except OSError as error:
            return error
        return places

    def show(places: list[str] | OSError) -> int:
        if isinstance(places, OSError):
            say(f"{words.PROGRAM}: cannot look for {', '.join(map(printable, paths))}: {places}")
            return ExitCode.USAGE
        return _show(directory, paths, places, last=last, as_json=as_json)

    return query.run(work, show, timeout=timeout, as_json=as_json)


def _show(
    directory: str, paths: Sequence[str], places: Sequence[str], *, last: int | None, as_json: bool
) -> int:
    unfinished: set[str] = set()
    """Runs that something unfinished is from, whether it is shown or not."""
    waiting: set[str] = set()
    """Runs that something is from whose turn has not come."""

    def wanted(entry: Entry) -> bool:
        if not _concerns(entry.intent.path, places):
            return False
        if entry.waiting:
            waiting.add(entry.run)
        elif entry.unfinished:
            unfinished.add(entry.run)
        return entry.happened or last is None

    history = read(directory, wanted=wanted, last=last)
    running = _running(directory, unfinished | waiting)
    if as_json:
        lost = emit(lambda: sys.stdout.writelines(_document(history, running)))
    elif is_terminal(sys.stdout):
        lost = _print_table(history, running)
    else:
        told = (f"{line}\n" for line in lines(history, running))
        lost = emit(lambda: sys.stdout.writelines(told))
    if lost is not None:
        say(f"{words.PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    for fault in history.faults:
        say(f"{words.PROGRAM}: {fault_line(fault)}")
    if not as_json:
        _last_words(history, paths, unfinished - running)
    # A record that a crash cut off is no failure of this run; a file that cannot be read is.
    unread = any(fault.line is None for fault in history.faults)
    return ExitCode.INCOMPLETE if unread else ExitCode.DONE


def outcome(entry: Entry, running: frozenset[str]) -> str:
    """Return in a word what came of a deletion.

    That of its end; without one ``running`` if its run is at work, or ``not-begun`` if its turn never came,
    or else ``unfinished``.
    """
    if entry.end is not None:
        return entry.end.ending.value
    if entry.run in running:
        return "running"
    return Ending.NOT_BEGUN.value if entry.waiting else "unfinished"


def way_back(entry: Entry) -> str | None:
    """Return the command that brings it back, as a line for a shell, fit for showing."""
    intent = entry.intent
    if intent.regenerate is None:
        return None
    return shell_line(intent.regenerate_in or intent.project, printable(intent.regenerate))


def lines(history: History, running: frozenset[str]) -> Iterator[str]:
    """Give one line a deletion, its fields parted by tabs, the path last and whole.

    When it ended or else began, what came of it, run, bytes freed, the same for people, the command
    that brings it back (``-`` for none), path.
    """
    for entry in history.entries:
        freed = 0 if entry.end is None else entry.end.freed_bytes
        yield "\t".join(
            (
                iso(entry.at),
                outcome(entry, running),
                printable(entry.run),
                str(freed),
                words.size(freed),
                way_back(entry) or "-",
                printable(entry.intent.path),
            )
        )


def _print_table(history: History, running: frozenset[str]) -> str | None:
    from rich.console import Console

    from cleanup_nodemodule.show import table

    if not history.entries:
        return None
    rows = [
        table.LogRow(
            entry.at,
            outcome(entry, running),
            0 if entry.end is None else entry.end.freed_bytes,
            printable(entry.run),
            printable(entry.intent.path),
            None if entry.end is None or entry.end.error is None else printable(entry.end.error),
            way_back(entry),
        )
        for entry in history.entries
    ]
    console = Console(highlight=False, markup=False)

    def write() -> None:
        for piece in table.log(rows, console.width):
            console.print(piece)

    return emit(write)


def _last_words(history: History, paths: Sequence[str], unfinished: set[str]) -> None:
    if not history.entries:
        where = f" of {', '.join(map(printable, paths))}" if paths else ""
        say(f"Nothing was deleted{where} that the journal knows of.")
    if history.left_out:
        say(f"{history.left_out:,} earlier ones are not shown; --all shows them.")
    runs = [history.runs[run] for run in unfinished]
    for host in sorted({run.host for run in runs if not run.is_ours}):
        say(f"Something was not finished, or is at work still, on {printable(host)}.")
    if any(run.is_ours for run in runs):
        say(f"Something was not finished. To finish it: {words.command('resume')}")


def _running(directory: str, unfinished: Collection[str]) -> frozenset[str]:
    """Return the ids of the runs that are at work, if any of the *unfinished* may be."""
    if not unfinished:
        return frozenset()
    from cleanup_nodemodule.record import unfinished as recovery

    try:
        return recovery.at_work(directory, unfinished)
    except state_directory.StateError:
        return frozenset()  # As on a disk that may only be read, where none can be.


def _places(path: str) -> tuple[str, ...]:
    """Return what an absolute path is in the journal, which has them without symlinks.

    The last name may have been an artifact's, and be a symlink by now.
    """
    above, name = os.path.split(path.rstrip(os.sep))
    places = [os.path.realpath(path)]
    if name not in {"", os.curdir, os.pardir}:
        places.append(os.path.join(os.path.realpath(above), name))
    return tuple(os.path.join(place, "") for place in dict.fromkeys(places))


def _concerns(path: str, places: Sequence[str]) -> bool:
    whole = os.path.join(path, "")
    return not places or any(whole.startswith(place) or place.startswith(whole) for place in places)


def _document(history: History, running: frozenset[str]) -> Iterator[str]:
    """Give the document piece by piece, as the whole of a long history would take much memory."""
    yield '{\n  "schema_version": 1,\n  "entries": ['
    for number, entry in enumerate(history.entries):
        yield (",\n    " if number else "\n    ") + json.dumps(_row(entry, running))
    shown = {entry.run for entry in history.entries}
    rest = {
        "runs": [run_document(run) for run in history.runs.values() if run.id in shown],
        "left_out": history.left_out,
        "problems": [
            {"path": fault.file, "line": fault.line, "message": fault.message}
            for fault in history.faults
        ],
    }
    yield "\n  ],\n  " + json.dumps(rest, indent=2).removeprefix("{").lstrip() + "\n"


def _row(entry: Entry, running: frozenset[str]) -> dict[str, Any]:
    end, intent = entry.end, entry.intent
    return {
        "path": intent.path,
        "outcome": outcome(entry, running),
        "began_at": iso(entry.began_at),
        "ended_at": None if end is None else iso(end.at),
        "freed_bytes": None if end is None else end.freed_bytes,
        "error": None if end is None else end.error,
        "run": entry.run,
        "number": entry.number,
        "apparent_bytes": intent.apparent_bytes,
        "allocated_bytes": intent.allocated_bytes,
        "reclaimable_bytes": intent.reclaimable_bytes,
        "rule": intent.rule,
        "evidence": list(intent.evidence),
        "project": intent.project,
        "regenerate": intent.regenerate,
        "regenerate_in": intent.regenerate_in,
        "warnings": list(intent.warnings),
        "staged": intent.staged,
    }
