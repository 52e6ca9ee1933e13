"""The journal as a table for a terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cleanup_nodemodule.words import size

_STYLES = {"deleted": "green", "failed": "bold red"}
_AT_ONCE = 100
"""Lines that are printed at a time."""

_GAP = 2
"""Columns between two columns of the table."""


class LogRow(NamedTuple):
    """A deletion as the journal has it, its texts fit for showing."""

    at: float
    """Seconds since the epoch."""
    outcome: str
    freed_bytes: int
    run: str
    path: str
    error: str | None
    way_back: str | None
    predicted: str | None = None
    """What was said to come back, where that is not what came back."""


def log(listed: Sequence[LogRow], width: int) -> Iterator[RenderableType]:
    """Give the journal as the pieces of a table for *width* columns, times in this machine's zone.

    Nothing in it is cut: where the folders have no room beside the rest, they go below it.
    """
    return _together(_log(listed, width))


def _log(listed: Sequence[LogRow], width: int) -> Iterator[RenderableType]:
    headings = tuple(
        Text(heading, justify="right" if heading == "Freed" else "left")
        for heading in ("When", "What", "Freed", "Run")
    )
    rows = [
        (
            Text(datetime.fromtimestamp(row.at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")),
            Text(row.outcome, style=_STYLES.get(row.outcome, "yellow")),
            Text(size(row.freed_bytes), justify="right"),
            Text(row.run, style="dim"),
        )
        for row in listed
    ]
    folders = [_folder(row) for row in listed]
    heading = Text("Folder, and how to get it back")
    widths = _widths((headings, *rows))
    left = sum(widths) + _GAP * len(widths)
    broadest = max(line.cell_len for folder in ([heading], *folders) for line in folder)
    beside = left + broadest <= width
    if beside:
        yield from _head((*headings, heading), (*widths, broadest))
    else:
        yield _line(headings, widths)
    for row, folder in zip(rows, folders, strict=True):
        if beside:
            yield _line((*row, folder[0]), (*widths, broadest))
            yield from (Padding(line, (0, 0, 0, left)) for line in folder[1:])
        else:
            yield _line(row, widths)
            yield from (Padding(line, (0, 0, 0, _GAP)) for line in folder)


def _folder(row: LogRow) -> list[Text]:
    said = None if row.predicted is None else f"predicted: {row.predicted}"
    parts = [(row.path, "bold"), (row.error, "red"), (said, "dim"), (row.way_back, "dim")]
    return [Text(text, style=style, overflow="fold") for text, style in parts if text is not None]


def _together(lines: Iterator[RenderableType]) -> Iterator[Group]:
    """Give the lines some at a time, as Rich takes longer to begin printing than to print one."""
    while some := tuple(islice(lines, _AT_ONCE)):
        yield Group(*some)


def _widths(rows: Sequence[Sequence[Text]]) -> list[int]:
    """Return how many columns of the terminal each column of the table takes."""
    return [max(text.cell_len for text in column) for column in zip(*rows, strict=True)]


def _head(headings: Sequence[Text], widths: Sequence[int]) -> Iterator[Text]:
    """Give the headings and the rule below them."""
    line = _line(headings, widths)
    line.stylize("bold")
    yield line
    yield Text("─" * (sum(widths) + _GAP * (len(widths) - 1)))


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Return the cells beside each other, each as wide as its column."""
    line = Text(overflow="fold")
    for cell, width in zip(cells, widths, strict=True):
        room = " " * (width - cell.cell_len)
        if cell.justify == "right":
            line.append(room)
            room = ""
        line.append_text(cell)
        line.append(room + " " * _GAP)
    line.rstrip()
    return line
