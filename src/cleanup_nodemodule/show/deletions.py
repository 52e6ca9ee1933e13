"""What was deleted, as a table, as lines or as a document."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from cleanup_nodemodule.record.entries import Ending, Entry
from cleanup_nodemodule.record.read import History
from cleanup_nodemodule.show.journal import run_document
from cleanup_nodemodule.show.streams import emit, say
from cleanup_nodemodule.words import bound, command, iso, printable, promised, shell_line, size


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


def predicted(entry: Entry) -> str | None:
    """Return what was predicted, for people, where anything was deleted and it was not about what came back; else None."""
    end, intent = entry.end, entry.intent
    if end is None or end.ending not in _WENT:
        return None
    least, most = intent.reclaimable_bytes, intent.reclaimable_at_most_bytes
    if not bound(min(least, end.freed_bytes), max(most, end.freed_bytes)):
        return None
    return promised(least, most)


_WENT: Final = {Ending.DELETED, Ending.FAILED, Ending.INTERRUPTED}
"""Ends of what was deleted, or a part of it."""


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
                size(freed),
                way_back(entry) or "-",
                printable(entry.intent.path),
            )
        )


def print_table(history: History, running: frozenset[str]) -> str | None:
    """Print the deletions as a table; return why not all of it could be printed, if so."""
    from rich.console import Console

    from cleanup_nodemodule.show import log_table

    if not history.entries:
        return None
    rows = [
        log_table.LogRow(
            entry.at,
            outcome(entry, running),
            0 if entry.end is None else entry.end.freed_bytes,
            printable(entry.run),
            printable(entry.intent.path),
            None if entry.end is None or entry.end.error is None else printable(entry.end.error),
            way_back(entry),
            predicted(entry),
        )
        for entry in history.entries
    ]
    console = Console(highlight=False, markup=False)

    def write() -> None:
        for piece in log_table.log(rows, console.width):
            console.print(piece)

    return emit(write)


def say_last_words(history: History, paths: Sequence[str], unfinished: set[str]) -> None:
    """Say what is not shown, and what was not finished."""
    if not history.entries:
        where = f"in {', '.join(map(printable, paths))}" if paths else "yet"
        say(f"The journal has no deletions {where}.")
    if history.left_out:
        say(f"{history.left_out:,} earlier ones are not shown; --all shows them.")
    runs = [history.runs[run] for run in unfinished]
    for host in sorted({run.host for run in runs if not run.is_ours}):
        say(f"Something was not finished, or is at work still, on {printable(host)}.")
    if any(run.is_ours for run in runs):
        say(f"Something was not finished. To finish it: {command('resume')}")


def document_of(history: History, running: frozenset[str]) -> Iterator[str]:
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
        "reclaimable_at_most_bytes": intent.reclaimable_at_most_bytes,
        "rule": intent.rule,
        "evidence": list(intent.evidence),
        "project": intent.project,
        "regenerate": intent.regenerate,
        "regenerate_in": intent.regenerate_in,
        "warnings": list(intent.warnings),
        "staged": intent.staged,
    }
