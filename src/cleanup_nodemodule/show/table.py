"""The report as a table for a terminal.

Long tables are given line by line, and laid out here: Rich measures and draws a table as a whole, which
takes four times as long and holds all of it in memory.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import islice

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cleanup_nodemodule.report.rows import ArtifactRow, Report
from cleanup_nodemodule.show import lines as plain
from cleanup_nodemodule.words import printable, size

_BAR_CELLS = 8
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STYLES = {"delete": "red", "deleted": "green", "failed": "bold red", "keep": "cyan"}
_AT_ONCE = 100
"""Lines that are printed at a time."""

_MOST_KEPT = 10
"""Rows of what is kept that are shown unless all are asked for: the first of them, in the order of the rest."""

_GAP = 2
"""Columns between two columns of the table."""


def table(report: Report, width: int, *, verbose: bool = False) -> Iterator[RenderableType]:
    """Give the artifacts as the pieces of a table that fits *width* columns, to be printed one by one.

    A path is never cut: where the columns do not fit beside each other, each artifact gets lines of
    its own for its path and the reason, folded if even that is too long.
    """
    return _together(_table(report, width, verbose=verbose) if report.artifacts else iter(()))


def _table(report: Report, width: int, *, verbose: bool) -> Iterator[RenderableType]:
    root = report.roots[0] if len(report.roots) == 1 else None
    whole = sum(plain.gain(row) for row in report.artifacts)
    shown, more = _folded(report.artifacts, verbose=verbose)
    rows = [_cells(row, report, root, whole, verbose=verbose) for row in shown]
    total = _total(report, whole)
    if root is not None:
        yield Text(f"In {printable(root)}:", overflow="fold")
    widths = _widths((_HEADINGS, *rows, total))
    if sum(widths) + _GAP * (len(widths) - 1) <= width:
        yield from _head(_HEADINGS, widths)
        yield from (_line(row, widths) for row in rows)
        yield Text(more, style="dim", overflow="fold")
        yield _line(total, widths)
    elif more:
        yield from _stacked(
            (_HEADINGS, *rows, (*(Text("") for _ in _HEADINGS[1:]), Text(more)), total)
        )
    else:
        yield from _stacked((_HEADINGS, *rows, total))


def _folded(rows: Sequence[ArtifactRow], *, verbose: bool) -> tuple[list[ArtifactRow], str]:
    """Return the rows in the order to show them, what is kept last, and words for those that are left out."""
    kept = [row for row in rows if row.decision == "keep"]
    chosen = [row for row in rows if row.decision != "keep"]
    most = len(kept) if verbose else _MOST_KEPT
    more = len(kept) - most
    words = f"and {more:,} more that are kept; --verbose lists them" if more > 0 else ""
    return [*chosen, *kept[:most]], words


def _together(lines: Iterator[RenderableType]) -> Iterator[Group]:
    """Give the lines some at a time, as Rich takes longer to begin printing than to print one."""
    while some := tuple(islice(lines, _AT_ONCE)):
        yield Group(*some)


_HEADINGS = (
    Text("Size", justify="right"),
    *(
        Text(heading)
        for heading in ("Share", "Last used", "Artifact", "Project", "Decision", "Why")
    ),
)
_SECOND_LINE = 4
"""Headings from here on go to further lines where there is no room."""


def _cells(
    row: ArtifactRow, report: Report, root: str | None, whole: int, *, verbose: bool
) -> tuple[Text, ...]:
    """Return the texts of one row, in the order of the headings; its share is that of *whole* bytes."""
    verdict = plain.verdict(row)
    marks = "" if row.complete else "≥ "
    kind = Text(printable(row.name), style="bold")
    if row.ecosystem is not None:
        kind.append(f" {row.ecosystem}", style="dim not bold")
    return (
        Text(marks + size(plain.gain(row)), justify="right"),
        Text(_bar(plain.gain(row) / whole if whole else 0), style=_STYLES[verdict]),
        Text(plain.age(row, report)),
        kind,
        Text(_project(row, root)),
        Text(verdict, style=_STYLES[verdict]),
        Text(plain.because_in_full(row) if verbose else plain.because(row), style="dim"),
    )


def _total(report: Report, whole: int) -> tuple[Text, ...]:
    totals = report.totals
    empty = Text("")
    freed = (
        f"{size(totals.reclaimable_bytes)} in {totals.selected} to delete"
        if report.mode == "dry-run"
        else f"{size(totals.freed_bytes)} freed"
    )
    return (
        Text(size(whole), style="bold", justify="right"),
        empty,
        empty,
        Text(f"{totals.found} found", style="bold"),
        empty,
        Text("total", style="bold"),
        Text(freed, style="bold"),
    )


def _widths(rows: Sequence[Sequence[Text]]) -> list[int]:
    """Return how many columns of the terminal each column of the table takes."""
    return [max(text.cell_len for text in column) for column in zip(*rows, strict=True)]


def _head(headings: Sequence[Text], widths: Sequence[int]) -> Iterator[Text]:
    """Give the headings and the rule below them."""
    line = _line(headings, widths)
    line.stylize("bold")
    yield line
    yield Text("─" * (sum(widths) + _GAP * (len(widths) - 1)))


def _stacked(rows: Sequence[Sequence[Text]]) -> Iterator[RenderableType]:
    """Give a line an artifact for what is short, and below it one for path and reason."""
    short = [*range(_SECOND_LINE), _HEADINGS.index(Text("Decision"))]
    widths = _widths([[row[column] for column in short] for row in rows])
    for row in rows:
        yield _line([row[column] for column in short], widths)
        below = Text(" · ", style="dim", overflow="fold").join(
            row[column]
            for column in range(_SECOND_LINE, len(_HEADINGS))
            if column not in short and row[column].plain
        )
        below.overflow = "fold"
        yield Padding(below, (0, 0, 0, _GAP))


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


def _bar(share: float) -> str:
    """Return a bar of eighths of a cell; anything there at all shows."""
    eighths = round(share * _BAR_CELLS * 8)
    if share > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return ("█" * full + _EIGHTHS[rest].strip()).ljust(_BAR_CELLS)


def _project(row: ArtifactRow, root: str | None) -> str:
    """Return the project's path, relative to the root where all have the same."""
    if root is None:
        return printable(row.project)
    return printable(os.path.relpath(row.project, root))
