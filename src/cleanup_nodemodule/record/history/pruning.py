"""Keeps the history within bounds of age and size: the oldest runs go first."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.record.history.database import changing
from cleanup_nodemodule.record.history.listener import Limits

_RECENT: Final = 11
"""The last runs, which stay however old they say they are: their clock may have been wrong. The one in the middle of
their times is what counts as now, if that is earlier than the clock says."""

_STEP: Final = 20
"""Runs that go in one transaction."""

_NAMES: Final = 2000
"""Names of portions that go in one transaction."""

_PAGES: Final = 500
"""Pages that are given back to the file system at a time."""

_TIME: Final = 0.2
"""Seconds that the end of a run has for it."""


@dataclass(slots=True)
class Pruned:
    """What went."""

    runs: int = 0
    left_over: bool = False
    """There is more to go, for which there was no time."""


def prune(
    connection: sqlite3.Connection,
    limits: Limits,
    *,
    whole: bool = False,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.monotonic,
) -> Pruned:
    """Delete the oldest runs, until the rest is within the *limits* or, unless the *whole* is wanted, time is up.

    Raises sqlite3.Error; what is done by then stays done.
    """
    pruned, end = Pruned(), timer() + _TIME
    while step := _step(connection, limits, clock):
        pruned.runs += step
        if not whole and timer() >= end:
            pruned.left_over = True
            break
    while _forget_names(connection):
        if not whole and timer() >= end:
            pruned.left_over = True
            break
    _give_back(connection, whole=whole)
    return pruned


def bytes_of(connection: sqlite3.Connection) -> int:
    """Return how many bytes of the file are in use."""
    [(pages,)] = connection.execute("PRAGMA page_count")
    [(free,)] = connection.execute("PRAGMA freelist_count")
    [(size,)] = connection.execute("PRAGMA page_size")
    return int((pages - free) * size)


def size_of(connection: sqlite3.Connection) -> int:
    """Return how many bytes the file has."""
    [(pages,)] = connection.execute("PRAGMA page_count")
    [(size,)] = connection.execute("PRAGMA page_size")
    return int(pages * size)


def _step(connection: sqlite3.Connection, limits: Limits, clock: Callable[[], float]) -> int:
    """Delete some of the oldest runs if that is due; return how many."""
    with changing(connection):
        recent = connection.execute(
            "SELECT id, began_at FROM run ORDER BY id DESC LIMIT ?", (_RECENT,)
        ).fetchall()
        if len(recent) < _RECENT:
            return 0
        now = min(clock(), sorted(began for _, began in recent)[_RECENT // 2])
        old = connection.execute(
            "SELECT id FROM run WHERE began_at < ? AND id < ? ORDER BY id LIMIT ?",
            (now - limits.max_age, recent[-1][0], _STEP),
        ).fetchall()
        if not old and bytes_of(connection) > limits.max_bytes:
            old = connection.execute(
                "SELECT id FROM run WHERE id < ? ORDER BY id LIMIT ?", (recent[-1][0], _STEP)
            ).fetchall()
        connection.executemany("DELETE FROM run WHERE id = ?", old)
        return len(old)


def _forget_names(connection: sqlite3.Connection) -> int:
    """Delete some of the names of portions that no run has any more; return how many."""
    with changing(connection):
        deleted = connection.execute(
            "DELETE FROM portion WHERE id IN (SELECT id FROM portion"
            " WHERE last_run < (SELECT min(id) FROM run) LIMIT ?)",
            (_NAMES,),
        ).rowcount
        if deleted < _NAMES:
            connection.execute(
                "DELETE FROM question WHERE id NOT IN (SELECT question FROM run WHERE question NOT NULL)"
            )
            connection.execute(
                "DELETE FROM root WHERE id NOT IN (SELECT root FROM place)"
                " AND id NOT IN (SELECT root FROM portion)"
            )
            connection.execute(
                "DELETE FROM file_system WHERE id NOT IN (SELECT file_system FROM place WHERE file_system NOT NULL)"
            )
    return max(0, deleted)


def _give_back(connection: sqlite3.Connection, *, whole: bool) -> None:
    """Make the file smaller: wholly, or by some pages if a good part of it is not in use."""
    [(pages,)] = connection.execute("PRAGMA page_count")
    [(free,)] = connection.execute("PRAGMA freelist_count")
    if whole:
        connection.execute("PRAGMA incremental_vacuum").fetchall()
    elif free > max(_PAGES, pages // 4):
        connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
