"""What of a saved plan is not as it was: the words that ``apply`` has for it."""

from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.model import Reason
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.words import printable

_NAMED: Final = 5
"""Directories that are named one by one."""


def changed(report: Report) -> Iterator[str]:
    """Say what of a saved plan is not as it was."""
    if report.gone:
        count = len(report.gone)
        yield f"{count:,} {'is' if count == 1 else 'are'} gone already."
    rows = [row for row in report.artifacts if row.reason == Reason.CHANGED.value]
    for row in rows[:_NAMED]:
        yield f"{printable(row.path)} stays: {printable(row.reason_detail or '')}."
    if len(rows) > _NAMED:
        more = len(rows) - _NAMED
        yield f"{more:,} more {'has' if more == 1 else 'have'} changed, and {'stays' if more == 1 else 'stay'}."
