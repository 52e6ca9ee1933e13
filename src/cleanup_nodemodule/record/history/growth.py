"""What grows, and how fast, by the audits in the history.

What a run has deleted counts as if it were still there: what is deleted each night and built each day grows too. So the
number that grows is what an audit found, and all that runs had deleted of it before.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from cleanup_nodemodule.record.history.audits import Audit
from cleanup_nodemodule.record.history.trend import finite, thinned, trend_of
from cleanup_nodemodule.report.history import GrowthRow, PointRow
from cleanup_nodemodule.words import iso

By: TypeAlias = Literal["project", "ecosystem", "root"]

MOST: Final = 24
"""Audits that are looked at for the growth of everything."""

MOST_OF_PROJECT: Final = 500
"""Audits that are looked at for one project."""

_LEAST: Final = 4
"""Audits without which nothing can be said."""

_DAY: Final = 86_400.0

_SUMS: Final = ("found", "deleted", "failed", "allocated_bytes", "shared_bytes", "freed_bytes")


class Name(NamedTuple):
    """What a portion is called."""

    project: str
    ecosystem: str
    root: str
    gone_bytes: int
    """What runs have deleted of it, all together."""

    def group(self, by: By) -> str:
        """Return what it is put together by."""
        return {"project": self.project, "ecosystem": self.ecosystem, "root": self.root}[by]


def names(connection: sqlite3.Connection, numbers: Iterable[int] | None = None) -> dict[int, Name]:
    """Return what portions are called, by their numbers: all, or these. Raises sqlite3.Error."""
    query = "SELECT portion.id, project, ecosystem, path, gone_bytes FROM portion JOIN root ON root.id = portion.root"
    if numbers is None:
        rows = connection.execute(query).fetchall()
    else:
        one = f"{query} WHERE portion.id = ?"
        rows = [row for number in numbers for row in connection.execute(one, (number,))]
    return {
        number: Name(os.fsdecode(project), ecosystem, os.fsdecode(root), gone)
        for number, project, ecosystem, root, gone in rows
    }


def at_or_beneath(connection: sqlite3.Connection, paths: Collection[str]) -> set[int]:
    """Return the numbers of the portions of projects at or beneath absolute *paths*. Raises sqlite3.Error."""
    found: set[int] = set()
    for path in paths:
        place = os.fsencode(path)
        inside = os.path.join(place, b"")
        rows = connection.execute(
            "SELECT id FROM portion WHERE project = ? OR (project >= ? AND project < ?)",
            # The byte behind a slash is the first that no path beneath has there.
            (place, inside, inside[:-1] + bytes((inside[-1] + 1,))),
        )
        found.update(number for (number,) in rows)
    return found


def that_searched(connection: sqlite3.Connection, numbers: Collection[int]) -> set[int]:
    """Return the runs that searched where portions with these *numbers* were found. Raises sqlite3.Error."""
    roots = {
        root
        for number in numbers
        for (root,) in connection.execute("SELECT root FROM portion WHERE id = ?", (number,))
    }
    return {run for run, root in connection.execute("SELECT run, root FROM place") if root in roots}


def growth(audits: Sequence[Audit], called: dict[int, Name], by: By) -> list[GrowthRow]:
    """Return how fast each group grows, the fastest first, by audits of the same question.

    None where there are too few of them, or all are of one day.
    """
    audits = thinned(audits, [audit.began_at for audit in audits], MOST)
    if len(audits) < _LEAST or audits[-1].began_at - audits[0].began_at < _DAY:
        return []
    series: dict[str, list[int]] = {}
    now: dict[str, int] = {}
    for number, values in _of_portions(audits, called).items():
        group = called[number].group(by)
        sums = series.setdefault(group, [0] * len(audits))
        for place, value in enumerate(values.series):
            sums[place] += value
        now[group] = now.get(group, 0) + values.now
    times = [audit.began_at for audit in audits]
    rows = [_row(group, times, sums, now[group]) for group, sums in series.items()]
    return sorted(rows, key=lambda row: (-row.growth_bytes_per_day, row.group))


class _Values(NamedTuple):
    series: list[int]
    """Bytes in each audit: what it takes, and what had been deleted of it before."""
    now: int
    """What it takes after the last audit."""


def _of_portions(audits: Sequence[Audit], called: dict[int, Name]) -> dict[int, _Values]:
    seen: dict[int, list[tuple[int, int, int]]] = {}
    """By the number of a portion: the audit, counted from the last; what it takes; what was deleted before."""
    now: dict[int, int] = {}
    for back, audit in enumerate(reversed(audits)):
        if audit.portions is None:
            continue
        columns = (
            audit.portions.column(name)
            for name in ("allocated_bytes", "gone_before_bytes", "gone_bytes")
        )
        for number, taken, before, gone in zip(audit.portions.ids(), *columns, strict=True):
            seen.setdefault(number, []).append((back, taken, before))
            if not back:
                now[number] = taken - gone
    found: dict[int, _Values] = {}
    for number, rows in seen.items():
        if number not in called:
            continue  # Its name is not there any more.
        # An audit that does not have it: all was gone that was gone when it was found the next time, or by now.
        series, gone, place = [0] * len(audits), called[number].gone_bytes, len(audits) - 1
        for back, taken, before in rows:
            while place > len(audits) - 1 - back:
                series[place] = gone
                place -= 1
            series[place], gone = taken + before, before
            place -= 1
        series[: place + 1] = [gone] * (place + 1)
        found[number] = _Values(series, now.get(number, 0))
    return found


def _row(group: str, times: Sequence[float], series: Sequence[int], now: int) -> GrowthRow:
    if min(series) == max(series):  # Most projects do not change.
        return GrowthRow(group, now, 0.0, 0.0, 0.0)
    found = trend_of(list(zip(times, series, strict=True)))
    if found is None:
        return GrowthRow(group, now, 0.0, None, None)
    slope, low, high = (finite(number * _DAY) for number in found)
    return GrowthRow(group, now, slope or 0.0, low, high)


def points(audits: Sequence[Audit], numbers: Collection[int]) -> list[PointRow]:
    """Return what each audit found of the portions with these *numbers*, all together."""
    wanted = frozenset(numbers)
    found: list[PointRow] = []
    last: list[int] = []
    places: list[int] = []
    for audit in audits:
        sums = dict.fromkeys(_SUMS, 0)
        if audit.portions is not None:
            ids = audit.portions.ids()
            if ids != last:  # Most audits find the same projects as the one before.
                last = ids
                places = [place for place, number in enumerate(ids) if number in wanted]
            for name in _SUMS if places else ():
                column = audit.portions.column(name)
                whole = len(places) == len(ids)
                sums[name] = sum(column) if whole else sum(map(column.__getitem__, places))
        shared = sums.pop("shared_bytes")
        reclaimable = sums["allocated_bytes"] - shared
        found.append(
            PointRow(audit.number, iso(audit.began_at), reclaimable_bytes=reclaimable, **sums)
        )
    return found
