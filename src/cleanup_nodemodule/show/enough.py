"""How many rows of the table a terminal shows, unless the user says a number."""

from typing import Final

from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.report.rows import Report

MOST_KEPT, _FEW_KEPT = 5, 2
"""Rows of what is kept that are shown unless all are asked for, in a high terminal and a low one."""

_MOST, _LEAST = 20, 5
"""Rows shown at a terminal unless more are asked for, at most and at least."""

_SAID, _SAID_OF_KEPT = 10, 9
"""Lines of a run that are no rows, and how many more where something is kept."""

_LOW: Final = 40
"""Lines of a terminal below which fewer are shown of what is kept."""


def default_top(report: Report, height: int) -> int:
    """Return how many artifacts are shown at a terminal of so many lines, with all that is said besides."""
    kept = min(default_kept(height), sum(row.decision == "keep" for row in report.artifacts))
    besides = _SAID + (_SAID_OF_KEPT + kept if kept else 0) + sum(1 for _ in bounds.why(report))
    return min(_MOST, max(_LEAST, height - besides))


def default_kept(height: int) -> int:
    """Return how many of those that are kept are shown at a terminal of so many lines."""
    return MOST_KEPT if height >= _LOW else _FEW_KEPT
