"""The history as CSV: its runs, what grows, or what was found of a project."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

from cleanup_nodemodule.report import spreadsheet
from cleanup_nodemodule.report.history import GrowthRow, HistoryDocument, HistoryRunRow, PointRow

_NOT_FLAT: Final = frozenset({"kept", "roots"})
"""What is no single value."""


def csv_lines(document: HistoryDocument) -> Iterator[bytes]:
    """Give a header, and a line for each row: the fields that it has in the JSON document."""
    kind: type[Any] = HistoryRunRow
    rows: Sequence[Any] = document.runs
    if document.project is not None:
        kind, rows = PointRow, document.points
    elif document.by is not None:
        kind, rows = GrowthRow, document.growth
    columns = [one.name for one in fields(kind) if one.name not in _NOT_FLAT]
    yield spreadsheet.line(columns)
    for row in rows:
        yield spreadsheet.line(getattr(row, name) for name in columns)
