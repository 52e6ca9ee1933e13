"""Which runs are in the history, and what came of each."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cleanup_nodemodule.record.history.clock import believed
from cleanup_nodemodule.report.history import HistoryRunRow, SpaceRow
from cleanup_nodemodule.words import iso


class Passed(NamedTuple):
    """A run, as far as a chart needs it."""

    number: int
    """In the order in which runs came into the history, from 1."""
    began_at: float
    """Seconds since the epoch, as the clock said."""
    allocated_bytes: int | None
    """What everything took that it found; None if it came to no result."""
    freed_bytes: int
    failed: int
    """Artifacts that could not be deleted."""
    exit_code: int
    job: str | None
    trusted: bool
    """Its clock had not been set back or ahead, for all that is known."""


def passed(connection: sqlite3.Connection) -> list[Passed]:
    """Return all runs in their order. Raises sqlite3.Error."""
    rows = connection.execute(
        "SELECT id, began_at, allocated_bytes, coalesce(freed_bytes, 0), coalesce(failed, 0), exit_code, job"
        " FROM run ORDER BY id"
    ).fetchall()
    trusted = believed([row[1] for row in rows])
    return [Passed._make((*row, good)) for row, good in zip(rows, trusted, strict=True)]


def since(runs: Sequence[Passed], begin: float) -> Sequence[Passed]:
    """Return the runs from the first on that began at *begin* or later, by a clock that is believed."""
    for place, run in enumerate(runs):
        if run.trusted and run.began_at >= begin:
            return runs[place:]
    return ()


def rows_of(connection: sqlite3.Connection, runs: Sequence[Passed]) -> list[HistoryRunRow]:
    """Return everything about *runs*, which are some of :func:`passed`. Raises sqlite3.Error."""
    if not runs:
        return []
    first, last = runs[0].number, runs[-1].number
    wanted = {run.number: run for run in runs}
    spaces: dict[int, list[SpaceRow]] = {}
    for number, space in _spaces(connection, first, last):
        spaces.setdefault(number, []).append(space)
    found = connection.execute(
        f"SELECT id, {', '.join(_COLUMNS)}, began_at, kept, duration, complete FROM run WHERE id BETWEEN ? AND ? ORDER BY id",  # noqa: S608 - the names are those below
        (first, last),
    )
    return [
        HistoryRunRow(
            number=number,
            duration_s=round(duration, 3),
            complete=None if complete is None else bool(complete),
            **dict(zip(_COLUMNS, values, strict=True)),
            began_at=iso(began_at),
            clock_trusted=wanted[number].trusted,
            kept=json.loads(kept),
            roots=spaces.get(number, []),
        )
        for number, *values, began_at, kept, duration, complete in found
        if number in wanted
    ]


_COLUMNS = (
    *("run", "command", "job", "mode", "exit_code", "failure", "version"),
    *("found", "selected", "deleted", "trashed", "failed", "problems"),
    *("allocated_bytes", "reclaimable_bytes", "reclaimable_at_most_bytes", "freed_bytes"),
    "observed_freed_bytes",
)


def _spaces(
    connection: sqlite3.Connection, first: int, last: int
) -> Iterator[tuple[int, SpaceRow]]:
    for number, root, name, point, *numbers in connection.execute(
        "SELECT place.run, root.path, file_system.name, file_system.point, total_bytes, free_before_bytes,"
        " free_after_bytes, found, allocated_bytes, reclaimable_bytes, freed_bytes FROM place"
        " JOIN root ON root.id = place.root LEFT JOIN file_system ON file_system.id = place.file_system"
        " WHERE place.run BETWEEN ? AND ? ORDER BY place.run, root.path",
        (first, last),
    ):
        where = None if point is None else os.fsdecode(point)
        yield number, SpaceRow(os.fsdecode(root), name, where, *numbers)
