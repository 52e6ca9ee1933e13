"""What would go if the user included it: filters may keep it then, and so it is not worth the advice."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from cleanup_nodemodule.config.filters import Filters
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.patterns.patterns import Patterns, compile_pattern
from cleanup_nodemodule.report.rows import ArtifactRow, Report

Promising: TypeAlias = Callable[[Sequence[ArtifactRow], Report], Sequence[ArtifactRow]]
"""Returns those of some rows of a report that would go if the user included them."""


def all_of(rows: Sequence[ArtifactRow], _: Report) -> Sequence[ArtifactRow]:
    """Return all, as without filters."""
    return rows


def promising_by(settings: Settings) -> Promising:
    """Return what tells by the filters of these *settings* which rows would go."""
    filters = settings.filters
    if not filters.any:
        return all_of

    def promising(rows: Sequence[ArtifactRow], report: Report) -> Sequence[ArtifactRow]:
        if filters.goals and all(goal.missing_bytes == 0 for goal in report.goals):
            return ()
        latest = _latest(filters, report)
        if latest is None:
            return ()
        patterns = (
            compile_pattern(text, settings.home, settings.cwd, report.roots, ask=False)
            for text in filters.only
        )
        only = Patterns(tuple(patterns))
        return [
            row
            for row in rows
            if row.project not in latest
            and (not filters.only or only.covering(row.path, set()) is not None)
            and (filters.older_than or 0) <= _age(row, report)
            and (filters.newer_than is None or _age(row, report) <= filters.newer_than)
            and (filters.min_size or 0) <= row.allocated_bytes
            and (filters.max_size is None or row.allocated_bytes <= filters.max_size)
        ]

    return promising


def _age(row: ArtifactRow, report: Report) -> float:
    """Return the seconds since it was last used; 0 if nobody knows."""
    if row.last_used_at is None:
        return 0
    used = datetime.fromisoformat(report.started_at) - datetime.fromisoformat(row.last_used_at)
    return used.total_seconds()


def _latest(filters: Filters, report: Report) -> set[str] | None:
    """Return the projects that were used last, as far as the report has them; None if it cannot tell."""
    if filters.keep_latest is None:
        return set()
    if filters.keep_latest_per != "run":
        return None
    ages: dict[str, float] = {}
    for row in report.artifacts:
        age = _age(row, report)
        ages[row.project] = min(age, ages.get(row.project, age))
    return set(sorted(ages, key=ages.__getitem__)[: filters.keep_latest])
