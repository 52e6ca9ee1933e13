"""The runs that deleted anything: as a table for people, as lines or as a document."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cleanup_nodemodule.run.past_runs import PastRun, PastRuns
from cleanup_nodemodule.show.fitting import Marks, cells, marks_for, shortened, spelled, with_tilde
from cleanup_nodemodule.show.journal import run_document
from cleanup_nodemodule.show.layout import bold, columns, dim, folded
from cleanup_nodemodule.show.streams import say
from cleanup_nodemodule.words import command, iso, printable, promised, quoted

_ROOM_FOR_PLACES: Final = 16
"""Columns that the places need, or else they go below the rest."""

_NARROW: Final = 70
"""Columns below which only the first letters of a run are shown."""

_LETTERS: Final = 8


def run_lines(found: PastRuns) -> Iterator[str]:
    """Give one line a run, its fields parted by tabs, the places last and quoted for a shell.

    When it began, what came of it, run, artifacts deleted, artifacts that were to be, bytes freed, the same for
    people, places.
    """
    for past in found.runs:
        yield "\t".join(
            (
                iso(past.run.started_at),
                past.outcome,
                printable(past.run.id),
                str(past.deleted),
                str(past.total),
                str(past.freed_bytes),
                promised(*past.came_back),
                " ".join(quoted(root) for root in past.run.roots) or "-",
            )
        )


def run_page(found: PastRuns) -> Iterator[str]:
    """Give one line a run for people, times in this machine's zone."""
    if not found.runs:
        return
    width = columns()
    marks = marks_for(sys.stdout)
    letters = _LETTERS if width < _NARROW else None
    headings = ("When", "Run", "What", "Freed")
    rows = [
        (
            datetime.fromtimestamp(past.run.started_at, UTC)
            .astimezone()
            .strftime("%Y-%m-%d %H:%M"),
            printable(past.run.id[:letters]),
            _what(past),
            promised(*past.came_back),
        )
        for past in found.runs
    ]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    left = sum(widths) + 2 * len(widths)
    below = width - left < _ROOM_FOR_PLACES
    yield bold(_line(headings, widths) + ("" if below else "Where")).rstrip()
    for past, row in zip(found.runs, rows, strict=True):
        where = _places(past, width - (2 if below else left), marks)
        if not below:
            yield (_line(row, widths) + where).rstrip()
            continue
        yield fitted_line(_line(row, widths).rstrip(), width)
        yield dim(f"  {where}")


def fitted_line(line: str, width: int) -> str:
    """Return a line that fits: on a very narrow terminal without the blanks between its columns."""
    return line if len(line) <= width else " ".join(line.split())


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    *most, last = zip(cells, widths, strict=True)
    return "".join(cell.ljust(width) + "  " for cell, width in most) + last[0].rjust(last[1]) + "  "


def _what(past: PastRun) -> str:
    """Return in words what a run did."""
    done = "trashed" if past.run.mode == "trash" else "deleted"
    count = (
        f"{past.deleted:,}" if past.deleted == past.total else f"{past.deleted:,} of {past.total:,}"
    )
    return f"{count} {done}" if past.outcome in {"done", "failed"} else f"{count}, {past.outcome}"


def _places(past: PastRun, width: int, marks: Marks) -> str:
    """Return where a run deleted, in so many cells: the first place, if not all of them fit."""
    home = os.path.expanduser("~")
    places = [with_tilde(root, home) for root in past.run.roots]
    whole = ", ".join(spelled(place, marks) for place in places)
    if cells(whole) <= width or not places:
        return whole
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return shortened(places[0], width - len(more), marks) + more


def say_about_runs(found: PastRuns, *, advise: bool) -> None:
    """Say what is not shown, and if that is wanted what to type next."""
    if not found.runs:
        say("The journal has no deletions yet.")
        return
    if found.left_out:
        say(
            f"{found.left_out:,} earlier runs are not shown; {command('log', '--runs', '--all')} shows them."
        )
    if any(past.unfinished and not past.running and past.run.is_ours for past in found.runs):
        say(f"Something was not finished. To finish it: {command('resume')}")
    if not advise:
        return
    for line in folded(
        f"What a run deleted: {command('log')} RUN. How to get it back: {command('regenerate')} RUN",
        columns(),
    ):
        say(line)


def run_list_document(found: PastRuns) -> str:
    """Return the runs as a document."""
    rows = [
        {
            **run_document(past.run),
            "outcome": past.outcome,
            "deleted": past.deleted,
            "failed": past.failed,
            "total": past.total,
            "freed_bytes": past.freed_bytes,
            "freed_at_most_bytes": past.freed_at_most_bytes,
        }
        for past in found.runs
    ]
    problems = [
        {"path": fault.file, "line": fault.line, "message": fault.message} for fault in found.faults
    ]
    document = {"schema_version": 1, "runs": rows, "left_out": found.left_out, "problems": problems}
    return json.dumps(document, indent=2)
