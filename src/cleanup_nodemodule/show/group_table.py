"""The groups of a report as a table for people: ``--by``, a line a group, with bars."""

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from rich.segment import Segment, Segments
from rich.style import Style

from cleanup_nodemodule.report.rows import GroupRow, Report
from cleanup_nodemodule.show.fitting import Marks, bar, cells, shortened, spelled, with_tilde
from cleanup_nodemodule.show.lines import since
from cleanup_nodemodule.show.table import Look
from cleanup_nodemodule.words import bound, promised, size

_GAP: Final = "  "
_BAR: Final = 8

_NEEDED: Final = 24
"""Cells that the names of groups should have, or as many as the longest takes: other columns make room for them."""

_BOLD: Final = Style(bold=True)
_DIM: Final = Style(dim=True)
_CYAN: Final = Style(color="cyan")


class _Column(NamedTuple):
    head: str
    cells: list[str]
    style: Style | None = None
    right: bool = True

    @property
    def width(self) -> int:
        return max(map(cells, (self.head, *self.cells)))


def group_table(report: Report, look: Look) -> Iterator[Segments]:
    """Give the groups as the pieces of a table, to be printed one by one, without cropping."""
    groups = report.groups[: look.top or None]
    if not groups:
        return
    names = [_name(group, look) for group in groups]
    columns = _fitting(groups, names, report, look)
    room = None
    if look.width is not None:
        room = max(1, look.width - sum(len(_GAP) + column.width for column in columns) - len(_GAP))
    head = "".join(_GAP + _aligned(column, column.head) for column in columns)
    by = groups[0].by
    what = "Last used within" if by == "age" else by.capitalize()
    yield Segments([Segment(f"By {by}:\n", _BOLD)])
    yield Segments([Segment(f"{head}{_GAP}{what}\n", _DIM)])
    for number, name in enumerate(names):
        line = [
            Segment(_GAP + _aligned(column, column.cells[number]), column.style)
            for column in columns
        ]
        shown = spelled(name, look.marks) if room is None else shortened(name, room, look.marks)
        yield Segments([*line, Segment(f"{_GAP}{shown}\n")])
    rest = report.groups[len(groups) :]
    if rest:
        freed = promised(
            sum(group.reclaimable_bytes for group in rest),
            sum(group.reclaimable_at_most_bytes for group in rest),
        )
        yield Segments(
            [Segment(f"{_GAP}and {len(rest):,} more, {freed} (--top 0 shows all)\n", _DIM)]
        )


def _name(group: GroupRow, look: Look) -> str:
    return with_tilde(group.group, look.home) if group.group.startswith(os.sep) else group.group


def _aligned(column: _Column, text: str) -> str:
    spaces = " " * (column.width - cells(text))
    return spaces + text if column.right else text + spaces


def _fitting(groups: list[GroupRow], names: list[str], report: Report, look: Look) -> list[_Column]:
    """Return as many columns as leave room for the names: those that say least go first."""
    columns = _columns(groups, report, look.marks)
    if look.width is None:
        return columns
    needed = min(_NEEDED, max(cells(spelled(name, look.marks)) for name in names))
    for head in ("Takes", "", "Last used", "Found"):
        if sum(len(_GAP) + one.width for one in columns) + len(_GAP) + needed <= look.width:
            break
        columns = [one for one in columns if one.head != head]
    return columns


def _columns(groups: list[GroupRow], report: Report, marks: Marks) -> list[_Column]:
    largest = max(group.reclaimable_bytes for group in groups)
    done = any(group.deleted for group in report.groups)
    most = [bound(group.reclaimable_bytes, group.reclaimable_at_most_bytes) for group in groups]
    columns = [
        _Column("Frees", [size(group.reclaimable_bytes) for group in groups]),
        *([_Column("Up to", most)] if any(most) else []),
        _Column(
            "",
            [
                bar(group.reclaimable_bytes / largest, _BAR, marks) if largest else ""
                for group in groups
            ],
            _CYAN,
            right=False,
        ),
        _Column("Takes", [size(group.allocated_bytes) for group in groups]),
        _Column("Found", [f"{group.found:,}" for group in groups]),
        _Column("Deletable", [f"{group.selected:,}" for group in groups]),
        *([_Column("Deleted", [f"{group.deleted:,}" for group in groups])] if done else []),
    ]
    if groups[0].by != "age":
        used = [since(group.newest, report.started_at) for group in groups]
        columns.append(_Column("Last used", used, _DIM, right=False))
    return columns
