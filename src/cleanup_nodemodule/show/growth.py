"""What ``history --by`` and ``history PROJECT`` print: what grows, as a table with a chart for people, or as lines."""

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from cleanup_nodemodule.report.history import GrowthRow, HistoryDocument, PointRow
from cleanup_nodemodule.run.looking_back import Past
from cleanup_nodemodule.show.fitting import marks_for, shortened, with_tilde
from cleanup_nodemodule.show.history import clock, drawn
from cleanup_nodemodule.show.layout import bold, columns
from cleanup_nodemodule.words import printable, size

_MOST: Final = 120
"""Columns of the table, at most."""

_NAMED: Final = 3
"""Roots that are named in a sentence."""


def lines(document: HistoryDocument) -> Iterator[str]:
    """Give one line for what grows, its fields parted by tabs, or with a project one for each audit.

    By which it grows a day, the bounds of that (``-`` where there is none), what it takes now, all in bytes, and what it
    is. Of an audit: when it began, artifacts found, deleted and failed, bytes they take, bytes that surely come back, bytes
    freed.
    """
    if document.project is not None:
        for point in document.points:
            numbers = (
                *(point.found, point.deleted, point.failed, point.allocated_bytes),
                *(point.reclaimable_bytes, point.freed_bytes),
            )
            yield "\t".join((point.began_at, *map(str, numbers)))
        return
    for row in document.growth:
        each = (row.growth_bytes_per_day, row.at_least_bytes_per_day, row.at_most_bytes_per_day)
        words = ("-" if one is None else f"{one:.0f}" for one in each)
        yield "\t".join((*words, str(row.allocated_bytes), printable(row.group) or "-"))


def page(document: HistoryDocument) -> Iterator[str]:
    """Give what grows for people: a table, and with a project a chart of it."""
    width = min(columns(), _MOST)
    if document.project is not None:
        yield from _chart(document.points, width)
        if len(document.growth) > 1 and document.points:
            yield ""
    if document.project is None or len(document.growth) > 1:
        yield from _table(document, width)


def _table(document: HistoryDocument, width: int) -> Iterator[str]:
    if not document.growth:
        return
    marks, home = marks_for(sys.stdout), os.path.expanduser("~")
    heading = (document.by or "project").capitalize()
    rows = [
        (per_week(row.growth_bytes_per_day), _between(row), size(row.allocated_bytes))
        for row in document.growth
    ]
    titles = ("A week", "Between", "Now")
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    room = max(20, width - sum(widths) - 2 * len(widths))
    yield bold("  ".join((*_right(titles, widths), heading)))
    for row, cells in zip(document.growth, rows, strict=True):
        shown = shortened(with_tilde(row.group, home), room, marks) if row.group else "others"
        yield "  ".join((*_right(cells, widths), shown))


def _right(cells: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    return (cell.rjust(room) for cell, room in zip(cells, widths, strict=True))


def per_week(per_day: float) -> str:
    """Return so many bytes a day by the week, for people."""
    count = round(per_day * 7)
    return f"{'+' if count > 0 else '-' if count < 0 else ''}{size(abs(count))}"


def grows(per_day: float) -> str:
    """Return in words how fast something grows."""
    count = round(per_day * 7)
    if not count:
        return "does not grow"
    return f"{'grows' if count > 0 else 'shrinks'} by {size(abs(count))} a week"


def _between(row: GrowthRow) -> str:
    """Return the bounds of how fast something grows."""
    low, high = row.at_least_bytes_per_day, row.at_most_bytes_per_day
    if low is None or high is None:
        return "?"
    return "" if low == high else f"{per_week(low)} and {per_week(high)}"


def _chart(points: list[PointRow], width: int) -> Iterator[str]:
    times = [datetime.fromisoformat(point.began_at).timestamp() for point in points]
    rows = [
        (
            "Takes",
            [(at, one.allocated_bytes) for at, one in zip(times, points, strict=True)],
            False,
        ),
        ("Freed", [(at, one.freed_bytes) for at, one in zip(times, points, strict=True)], True),
        ("Failed", [(at, one.failed) for at, one in zip(times, points, strict=True)], True),
    ]
    yield from drawn(times, rows, width)


def remarks(past: Past) -> Iterator[str]:
    """Give what was compared, what is not shown and what is strange, as sentences."""
    document, compared = past.document, past.document.compared
    if document.project is not None and not document.points:
        yield f"The history has no audits of {printable(document.project)}."
        return
    if compared is None:
        yield "The history has no audits that can be compared."
        return
    places = ", ".join(map(printable, compared.roots[:_NAMED])) + (
        " ..." if len(compared.roots) > _NAMED else ""
    )
    yield (
        f"Compared: {compared.read:,} of {compared.audits:,} audits of {places}, from {compared.first[:10]} to"
        f" {compared.last[:10]}."
    )
    if compared.others:
        yield f"Not compared: {compared.others:,} audits that searched elsewhere, or for something else."
    if not document.growth:
        yield "How fast it grows cannot be said of fewer than 4 audits, or of one day."
    elif document.project is not None and len(document.growth) == 1:
        [row] = document.growth
        yield f"It takes {size(row.allocated_bytes)} now, and {grows(row.growth_bytes_per_day)}."
    if document.left_out:
        yield f"{document.left_out:,} more are not shown; --limit 0 shows all."
    yield from clock(past.passed)
