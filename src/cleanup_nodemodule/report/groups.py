"""Sums over the artifacts by what they have in common: ``--by``. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from cleanup_nodemodule.report.rows import ArtifactRow, By, GroupRow, Report

UNKNOWN: Final = "unknown"
"""The group of what has no such thing."""

OLDER: Final = "older"

AGES: Final = (
    ("today", timedelta(days=1)),
    ("week", timedelta(days=7)),
    ("month", timedelta(days=30)),
    ("3 months", timedelta(days=91)),
    ("half a year", timedelta(days=182)),
    ("year", timedelta(days=365)),
)
"""The groups of ``--by age``, each with what the age of its artifacts is less than. What is as old as none of them is
``older``."""

_AGE_ORDER: Final = (*(name for name, _ in AGES), OLDER, UNKNOWN)


def with_groups(report: Report, by: By, sort: str = "size") -> Report:
    """Return the report with its groups, in order.

    *sort* is ``size`` (what frees most first), ``path`` (by the names of the groups) or ``age`` (what was not used for
    the longest time first). Groups of ages always go from the youngest to the oldest.
    """
    return replace(report, by=by, groups=groups_of(report, by, sort))


def groups_of(report: Report, by: By, sort: str = "size") -> list[GroupRow]:
    """Return the groups of a report, ordered as :func:`with_groups` does."""
    started = datetime.fromisoformat(report.started_at)
    name_of = _NAMES[by] if by != "age" else lambda row: _age(row, started)
    members: dict[str, list[ArtifactRow]] = {}
    for row in report.artifacts:
        members.setdefault(name_of(row) or UNKNOWN, []).append(row)
    groups = [_group(by, name, rows) for name, rows in sorted(members.items())]
    if by == "age":
        groups.sort(key=lambda group: _AGE_ORDER.index(group.group))
    elif sort == "size":
        groups.sort(key=lambda group: (-group.reclaimable_bytes, -group.allocated_bytes))
    elif sort == "age":
        # ISO 8601 times of one zone sort as text; what has none was never used.
        groups.sort(key=lambda group: group.oldest or "")
    return groups


def _age(row: ArtifactRow, started: datetime) -> str | None:
    if row.last_used_at is None:
        return None
    age = started - datetime.fromisoformat(row.last_used_at)
    return next((name for name, below in AGES if age < below), OLDER)


_NAMES: Final[dict[By, Callable[[ArtifactRow], str | None]]] = {
    "ecosystem": lambda row: row.ecosystem,
    "project": lambda row: row.project,
    "root": lambda row: row.root,
    "owner": lambda row: row.owner,
    "host": lambda row: row.host,
}


def _group(by: By, name: str, rows: Iterable[ArtifactRow]) -> GroupRow:
    rows = list(rows)
    used = [row.last_used_at for row in rows if row.last_used_at is not None]
    return GroupRow(
        by=by,
        group=name,
        found=len(rows),
        selected=sum(row.decision == "delete" for row in rows),
        deleted=sum(row.outcome in {"deleted", "trashed"} for row in rows),
        reclaimable_bytes=sum(row.reclaimable_bytes for row in rows),
        allocated_bytes=sum(row.allocated_bytes for row in rows),
        oldest=min(used, default=None),
        newest=max(used, default=None),
        reclaimable_at_most_bytes=sum(row.reclaimable_at_most_bytes for row in rows),
        shared_bytes=sum(row.shared_bytes for row in rows),
    )
