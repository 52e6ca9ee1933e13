"""The report as a table for a terminal."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cleanup_nodemodule import plain
from cleanup_nodemodule.names import printable
from cleanup_nodemodule.report import ArtifactRow, Report
from cleanup_nodemodule.rules import Rule, describe

_BAR_CELLS = 8
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STYLES = {"delete": "red", "deleted": "green", "failed": "bold red", "keep": "cyan"}
_GAP = 2
"""Columns between two columns of the table."""


def table(report: Report, width: int, *, verbose: bool = False) -> RenderableType:
    """Return the artifacts as a table that fits *width* columns.

    A path is never cut: where the columns do not fit beside each other, each artifact gets lines of
    its own for its path and the reason, folded if even that is too long.
    """
    root = report.roots[0] if len(report.roots) == 1 else None
    rows = [_cells(row, report, root, verbose=verbose) for row in report.artifacts]
    rows.append(_total(report))
    parts: list[RenderableType] = []
    if root is not None:
        parts.append(Text(f"In {printable(root)}:", overflow="fold"))
    widest = [
        max(text.cell_len for text in column) for column in zip(_HEADINGS, *rows, strict=True)
    ]
    if sum(widest) + _GAP * (len(widest) - 1) <= width:
        parts.append(_side_by_side(rows))
    else:
        parts.append(_stacked(rows))
    return Group(*parts)


def rules(listed: Sequence[Rule]) -> Table:
    """Return the rules as a table."""
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("Profile", "Directory", "Proven by", "Comes back with", "Mind"):
        result.add_column(heading, overflow="fold")
    for rule in listed:
        commands = dict.fromkeys(entry.command for entry in rule.regenerate)
        result.add_row(
            Text(rule.ecosystem, style="dim"),
            Text(rule.directory, style="bold"),
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


def log(listed: Sequence[LogRow], width: int) -> RenderableType:
    """Return the journal as a table for *width* columns, times in this machine's zone.

    Nothing in it is cut: where the folders have no room beside the rest, they go below it.
    """
    headings = tuple(
        Text(heading, justify="right" if heading == "Freed" else "left")
        for heading in ("When", "What", "Freed", "Run")
    )
    rows = [
        (
            Text(datetime.fromtimestamp(row.at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")),
            Text(row.outcome, style=_STYLES.get(row.outcome, "yellow")),
            Text(plain.size(row.freed_bytes), justify="right"),
            Text(row.run, style="dim"),
        )
        for row in listed
    ]
    folders = [_folder(row) for row in listed]
    widths = [max(text.cell_len for text in column) for column in zip(headings, *rows, strict=True)]
    left = sum(widths) + _GAP * len(widths)
    if left + max(line.cell_len for folder in folders for line in folder.split()) > width:
        parts: list[RenderableType] = [_line(headings, widths)]
        for row, folder in zip(rows, folders, strict=True):
            parts += (_line(row, widths), Padding(folder, (0, 0, 0, _GAP)))
        return Group(*parts)
    result = Table(
        box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False
    )
    for heading in headings:
        result.add_column(heading, justify=heading.justify or "left")
    result.add_column("Folder, and how to get it back")
    for row, folder in zip(rows, folders, strict=True):
        result.add_row(*row, folder)
    return result


def _folder(row: LogRow) -> Text:
    result = Text(overflow="fold")
    result.append(row.path, style="bold")
    if row.error is not None:
        result.append(f"\n{row.error}", style="red")
    if row.way_back is not None:
        result.append(f"\n{row.way_back}", style="dim")
    return result


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
    row: ArtifactRow, report: Report, root: str | None, *, verbose: bool
) -> tuple[Text, ...]:
    """Return the texts of one row, in the order of the headings."""
    verdict = plain.verdict(row)
    whole = sum(plain.gain(one) for one in report.artifacts)
    marks = "" if row.complete else "≥ "
    kind = Text(printable(row.name), style="bold")
    if row.ecosystem is not None:
        kind.append(f" {row.ecosystem}", style="dim not bold")
    return (
        Text(marks + plain.size(plain.gain(row)), justify="right"),
        Text(_bar(plain.gain(row) / whole if whole else 0), style=_STYLES[verdict]),
        Text(plain.age(row, report)),
        kind,
        Text(_project(row, root)),
        Text(verdict, style=_STYLES[verdict]),
        Text(plain.because_in_full(row) if verbose else plain.because(row), style="dim"),
    )


def _total(report: Report) -> tuple[Text, ...]:
    totals = report.totals
    empty = Text("")
    freed = (
        f"{plain.size(totals.reclaimable_bytes)} in {totals.selected} to delete"
        if report.mode == "dry-run"
        else f"{plain.size(totals.freed_bytes)} freed"
    )
    return (
        Text(
            plain.size(sum(plain.gain(row) for row in report.artifacts)),
            style="bold",
            justify="right",
        ),
        empty,
        empty,
        Text(f"{totals.found} found", style="bold"),
        empty,
        Text("total", style="bold"),
        Text(freed, style="bold"),
    )


def _side_by_side(rows: Sequence[Sequence[Text]]) -> Table:
    """Return one line an artifact."""
    # The box puts a blank of its own between two columns.
    result = Table(
        box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False
    )
    for heading in _HEADINGS:
        result.add_column(heading, overflow="fold", justify=heading.justify or "left")
    for row in rows[:-1]:
        result.add_row(*row)
    result.add_section()
    result.add_row(*rows[-1])
    return result


def _stacked(rows: Sequence[Sequence[Text]]) -> Group:
    """Return a line an artifact for what is short, and below it one for path and reason."""
    short = [*range(_SECOND_LINE), _HEADINGS.index(Text("Decision"))]
    widths = [max(row[column].cell_len for row in (_HEADINGS, *rows)) for column in short]
    parts: list[RenderableType] = []
    for row in (_HEADINGS, *rows):
        parts.append(_line([row[column] for column in short], widths))
        below = Text(" · ", style="dim", overflow="fold").join(
            row[column]
            for column in range(_SECOND_LINE, len(_HEADINGS))
            if column not in short and row[column].plain
        )
        below.overflow = "fold"
        parts.append(Padding(below, (0, 0, 0, _GAP)))
    return Group(*parts)


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Return the cells beside each other, each as wide as its column."""
    line = Text(no_wrap=False, overflow="fold")
    for cell, width in zip(cells, widths, strict=True):
        room = " " * (width - cell.cell_len)
        line.append_text(Text(room) + cell if cell.justify == "right" else cell + Text(room))
        line.append(" " * _GAP)
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
