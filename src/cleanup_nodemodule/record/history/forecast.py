"""When a file system will be full, if it fills as fast as it did; nothing where the readings do not carry that.

Each run reads how much space is free when it begins. What is used by then, and all that runs had freed before, is what would
be used without them: that is what grows. The rules by which nothing is said are in docs/history.md.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple, TypeAlias

from cleanup_nodemodule.record.history.runs import Passed
from cleanup_nodemodule.record.history.trend import Trend, thinned, trend_of
from cleanup_nodemodule.report.history import ForecastRow
from cleanup_nodemodule.words import iso

Reason: TypeAlias = Literal[
    "too-few-readings",
    "too-short",
    "not-growing",
    "too-noisy",
    "changing",
    "too-far-ahead",
    "kept-up",
]

_DAY: Final = 86_400.0

WINDOW: Final = 60 * _DAY
"""Seconds: older readings say nothing of how fast it fills now."""

_MOST: Final = 60
"""Readings that are looked at."""

_LEAST: Final = 6
"""Readings without which nothing can be said."""

_SHORTEST: Final = 3 * _DAY
"""Seconds between the first and the last reading."""

_AHEAD: Final = 10
"""How many times as far ahead as the readings go back."""

_PARTS: Final = 3
"""Parts of the readings, each of which has to say about the same as the whole."""

_APART: Final = 3
"""How many times as fast or as slow it may be in one part. Of use that goes up and down by chance one in twenty passes for
a trend so, and of even growth under as much noise as three days bring one in ten does not."""

_AGAIN: Final = 3
"""How often runs have to free something, so that they are taken to do so again."""

_LATEST: Final = 20
"""The last audits of a file system, of which the question counts that was asked most often."""


class Reading(NamedTuple):
    """What a run knows of a file system."""

    number: int
    """That of the run."""
    at: float
    """When it began; seconds since the epoch."""
    ended_at: float
    question: int | None
    total: int | None
    """None if it did not answer, or was not asked, and so with the next two."""
    free: int | None
    """When it began."""
    free_after: int | None
    """When it ended."""
    freed: int
    """What the run freed there."""
    reclaimable: int
    """What it was to delete there."""


def forecasts(connection: sqlite3.Connection, runs: Sequence[Passed]) -> list[ForecastRow]:
    """Return a forecast for each file system that the last of *runs* have searched. Raises sqlite3.Error.

    Runs whose clock is not believed are left out.
    """
    known = {run.number: run for run in runs if run.trusted}
    if not known:
        return []
    latest = max(run.began_at for run in known.values())
    known = {number: run for number, run in known.items() if latest - run.began_at <= WINDOW}
    found: list[ForecastRow] = []
    for number, name, point in connection.execute(
        "SELECT id, name, point FROM file_system ORDER BY point, name"
    ).fetchall():
        readings = _readings(connection, number, known)
        # One that has not been searched for so long is most likely not there any more.
        if any(one.free is not None and latest - one.at <= WINDOW for one in readings):
            found.append(_row(name, os.fsdecode(point), readings))
    return found


def _readings(
    connection: sqlite3.Connection, file_system: int, known: dict[int, Passed]
) -> list[Reading]:
    rows = connection.execute(
        "SELECT place.run, duration, question, max(total_bytes), max(free_before_bytes), max(free_after_bytes),"
        " sum(place.freed_bytes), sum(place.reclaimable_bytes)"
        " FROM place JOIN run ON run.id = place.run WHERE file_system = ? AND place.run >= ?"
        " GROUP BY place.run ORDER BY place.run",
        (file_system, min(known)),
    )
    return [
        Reading(run, (began := known[run].began_at), began + duration, question, total, *rest)
        for run, duration, question, total, *rest in rows
        if run in known
    ]


def _row(name: str, point: str, every: Sequence[Reading]) -> ForecastRow:
    last = next(one for one in reversed(every) if one.free is not None)
    recent = [one for one in every if last.at - one.at <= WINDOW]
    read = [one for one in recent if one.free is not None]
    free = last.free if last.free_after is None else last.free_after
    row = ForecastRow(
        file_system=name,
        mounted_on=point,
        total_bytes=last.total or 0,
        free_bytes=free or 0,
        as_of=iso(last.ended_at),
        readings=len(read),
        span_days=round((read[-1].at - read[0].at) / _DAY, 2) if read else 0.0,
        growth_bytes_per_day=None,
        freed_bytes_per_day=round(_freed_again(recent) * _DAY),
        reclaimable_bytes=_reclaimable(every),
        full_in_days=None,
        full_in_days_if_deleted=None,
        reason=None,
    )
    return _foretold(row, recent, read)


def _foretold(row: ForecastRow, recent: Sequence[Reading], read: Sequence[Reading]) -> ForecastRow:
    """Return the row with the forecast, or with the reason why there is none."""
    points = used(recent)
    trend = trend_of(points)
    slope = None if trend is None else trend.slope
    rate = (slope or 0.0) - row.freed_bytes_per_day / _DAY
    reason = doubt(points, trend)
    if reason is None and rate <= (slope or 0.0) / 20:
        reason = "kept-up"
    seconds = row.free_bytes / rate if rate > 0 else 0.0
    if reason is None and seconds > _AHEAD * (read[-1].at - read[0].at):
        reason = "too-far-ahead"
    with_it = (row.free_bytes + row.reclaimable_bytes) / rate if rate > 0 else 0.0
    return replace(
        row,
        growth_bytes_per_day=None if slope is None else round(slope * _DAY),
        full_in_days=None if reason else round(seconds / _DAY, 1),
        full_in_days_if_deleted=None if reason else round(with_it / _DAY, 1),
        reason=reason,
    )


def used(readings: Sequence[Reading]) -> list[tuple[float, float]]:
    """Return what was used at each reading, and what runs had freed since the first; each with its time."""
    found: list[tuple[float, float]] = []
    freed = 0
    for one in readings:
        if one.free is not None and one.total is not None:
            found.append((one.at, float(one.total - one.free + freed)))
        freed += one.freed
    return thinned(found, [time for time, _ in found], _MOST)


def doubt(points: Sequence[tuple[float, float]], trend: Trend | None) -> Reason | None:
    """Return why nothing can be said of how fast it fills; None if something can."""
    if trend is None or len(points) < _LEAST:
        return "too-few-readings"
    span = points[-1][0] - points[0][0]
    if span < _SHORTEST:
        return "too-short"
    if trend.slope <= 0 or trend.high <= 0:
        return "not-growing"
    # What is not known within a half of itself either way is noise.
    if trend.low <= 0 or trend.high - trend.low > trend.slope:
        return "too-noisy"
    for part in range(_PARTS):
        alone = trend_of(points[part * len(points) // _PARTS : (part + 1) * len(points) // _PARTS])
        if alone is None or not trend.slope / _APART <= alone.slope <= trend.slope * _APART:
            return "changing"
    return None


def _freed_again(readings: Sequence[Reading]) -> float:
    """Return how many bytes a second runs free, if they do so again and again: also in the last third of the time."""
    freeing = [one for one in readings if one.freed > 0]
    span = readings[-1].at - readings[0].at
    if len(freeing) < _AGAIN or span <= 0:
        return 0.0
    first, last = ((one.at - readings[0].at) / span for one in (freeing[0], freeing[-1]))
    return sum(one.freed for one in freeing) / span if first < 0.5 and last > 0.66 else 0.0  # noqa: PLR2004 - a half, two thirds


def _reclaimable(readings: Sequence[Reading]) -> int:
    """Return what can be deleted now, by the last audit of those that are usual there."""
    audits = [one for one in readings if one.question is not None]
    if not audits:
        return 0
    [(question, _)] = Counter(one.question for one in reversed(audits[-_LATEST:])).most_common(1)
    last = next(one for one in reversed(audits) if one.question == question)
    later = sum(one.freed for one in readings if one.number >= last.number)
    return max(0, last.reclaimable - later)
