"""The runs of the history as CSV."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from cleanup_nodemodule.report import spreadsheet
from cleanup_nodemodule.report.history import HistoryDocument, HistoryRunRow

_NOT_FLAT: Final = frozenset({"kept", "roots"})
"""What is no single value."""

COLUMNS: Final = tuple(one.name for one in fields(HistoryRunRow) if one.name not in _NOT_FLAT)
"""The header: the fields of a run in the JSON document."""


def csv_lines(document: HistoryDocument) -> Iterator[bytes]:
    """Give a header, and a line for each run."""
    yield spreadsheet.line(COLUMNS)
    for run in document.runs:
        yield spreadsheet.line(getattr(run, name) for name in COLUMNS)
