"""The report as a table for a terminal.

Long tables are given line by line, and laid out here: Rich measures and draws a table as a whole, which
takes four times as long and holds all of it in memory.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cleanup_nodemodule.proof.rule_words import describe, directories
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.report.rows import ArtifactRow, Report
from cleanup_nodemodule.show import lines as plain
from cleanup_nodemodule.words import printable, size

_BAR_CELLS = 8
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STYLES = {"delete": "red", "deleted": "green", "failed": "bold red", "keep": "cyan"}
_AT_ONCE = 100
"""Lines that are printed at a time."""

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
    rows = [_cells(row, report, root, whole, verbose=verbose) for row in report.artifacts]
    total = _total(report, whole)
    if root is not None:
        yield Text(f"In {printable(root)}:", overflow="fold")
    widths = _widths((_HEADINGS, *rows, total))
    if sum(widths) + _GAP * (len(widths) - 1) <= width:
        yield from _head(_HEADINGS, widths)
        yield from (_line(row, widths) for row in rows)
        yield Text()
        yield _line(total, widths)
    else:
        yield from _stacked((_HEADINGS, *rows, total))


def _together(lines: Iterator[RenderableType]) -> Iterator[Group]:
    """Give the lines some at a time, as Rich takes longer to begin printing than to print one."""
    while some := tuple(islice(lines, _AT_ONCE)):
        yield Group(*some)


def rules(listed: Sequence[Rule]) -> Table:
    """Return the rules as a table."""
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("Profile", "Directory", "Proven by", "Comes back with", "Mind"):
        result.add_column(heading, overflow="fold")
    for rule in listed:
        commands = dict.fromkeys(entry.command for entry in rule.regenerate)
        result.add_row(
            Text(rule.ecosystem, style="dim"),
            Text(directories(rule), style="bold"),
            Text(describe(rule)),
            Text("\n".join(commands)),
            Text(rule.risk or "", style="dim"),
        )
    return result


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
    parts = [(row.path, "bold"), (row.error, "red"), (row.way_back, "dim")]
    return [Text(text, style=style, overflow="fold") for text, style in parts if text is not None]


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
