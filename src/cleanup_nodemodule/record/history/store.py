"""Takes a run into the history."""

import json
import os
import sqlite3
from collections.abc import Sequence

from cleanup_nodemodule.record.history.database import changing
from cleanup_nodemodule.record.history.entry import Entry, by_root, storable
from cleanup_nodemodule.record.history.packing import Numbers, pack
from cleanup_nodemodule.report.digest import Portion
from cleanup_nodemodule.report.finished import RootSpace


def store(connection: sqlite3.Connection, entry: Entry) -> int:
    """Add a run to the history, in one transaction; return its number there. Raises sqlite3.Error."""
    with changing(connection):
        number = _add_run(connection, entry)
        roots = {root: _number_of_root(connection, root) for root in by_root(entry)}
        for root, sums in by_root(entry).items():
            space = sums.space
            connection.execute(
                "INSERT INTO place VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    roots[root],
                    _mounted_at(connection, root)
                    if space is None
                    else _number_of_file_system(connection, space),
                    None if space is None else space.total_bytes,
                    None if space is None else space.free_before_bytes,
                    None if space is None else space.free_after_bytes,
                    sums.found,
                    sums.allocated_bytes,
                    sums.reclaimable_bytes,
                    sums.freed_bytes,
                ),
            )
        if entry.portions:
            packed = _packed(connection, number, roots, entry.portions)
            connection.execute("INSERT INTO audit VALUES (?, ?)", (number, packed))
    return number


def _add_run(connection: sqlite3.Connection, entry: Entry) -> int:
    run, totals = entry.run, entry.totals
    columns = {
        "run": run.id,
        "command": run.command,
        "job": None if run.job is None else storable(run.job),
        "mode": run.mode,
        "began_at": run.began_at,
        "duration": run.duration,
        "exit_code": run.exit_code,
        "failure": None if run.failure is None else storable(run.failure),
        "version": entry.version,
        "question": _number_of_question(connection, entry.question),
        "complete": entry.complete,
        "problems": entry.problems,
        "kept": json.dumps(entry.kept, sort_keys=True),
    }
    if totals is not None:
        columns |= {
            name: getattr(totals, name)
            for name in (
                *("found", "selected", "deleted", "trashed", "failed", "allocated_bytes"),
                *("reclaimable_bytes", "reclaimable_at_most_bytes", "freed_bytes"),
                "observed_freed_bytes",
            )
        }
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    # The names are those above.
    added = connection.execute(f"INSERT INTO run ({names}) VALUES ({marks})", (*columns.values(),))  # noqa: S608 - nothing of it comes from outside
    return int(added.lastrowid or 0)


def _number_of_question(connection: sqlite3.Connection, said: str | None) -> int | None:
    if said is None:
        return None
    for (number,) in connection.execute("SELECT id FROM question WHERE said = ?", (said,)):
        return int(number)
    return connection.execute("INSERT INTO question (said) VALUES (?)", (said,)).lastrowid


def _number_of_root(connection: sqlite3.Connection, root: str) -> int:
    path = os.fsencode(root)
    for (number,) in connection.execute("SELECT id FROM root WHERE path = ?", (path,)):
        return int(number)
    return int(connection.execute("INSERT INTO root (path) VALUES (?)", (path,)).lastrowid or 0)


def _number_of_file_system(connection: sqlite3.Connection, space: RootSpace) -> int:
    """Return the number of a file system, with where it is mounted by now."""
    [(number,)] = connection.execute(
        "INSERT INTO file_system (name, point, kind) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET point = excluded.point, kind = excluded.kind RETURNING id",
        (storable(space.file_system), os.fsencode(space.point), storable(space.kind)),
    ).fetchall()
    return int(number)


def _mounted_at(connection: sqlite3.Connection, point: str) -> int | None:
    """Return the number of the file system that was last seen mounted at a path; None if none was."""
    found = connection.execute(
        "SELECT id FROM file_system WHERE point = ? ORDER BY id DESC", (os.fsencode(point),)
    ).fetchone()
    return None if found is None else int(found[0])


def _packed(
    connection: sqlite3.Connection, run: int, roots: dict[str, int], portions: Sequence[Portion]
) -> bytes:
    """Return the portions of a run, packed, and have their names in the database."""
    rows: list[tuple[int, Numbers]] = []
    for one in portions:
        key = (os.fsencode(one.project), storable(one.ecosystem), roots[one.root])
        [(number, gone_before)] = connection.execute(
            "INSERT INTO portion (project, ecosystem, root, gone_bytes, last_run) VALUES (?, ?, ?, 0, ?)"
            " ON CONFLICT (project, ecosystem, root) DO UPDATE SET last_run = excluded.last_run"
            " RETURNING id, gone_bytes",
            (*key, run),
        ).fetchall()
        rows.append(
            (
                number,
                Numbers(
                    found=one.found,
                    selected=one.selected,
                    deleted=one.deleted,
                    failed=one.failed,
                    allocated_bytes=one.allocated_bytes,
                    shared_bytes=one.allocated_bytes - one.reclaimable_bytes,
                    freed_bytes=one.freed_bytes,
                    gone_bytes=one.gone_bytes,
                    gone_before_bytes=gone_before,
                ),
            )
        )
    for one in portions:
        if one.gone_bytes:
            # Below whichever root somebody finds it: it is gone for all of them.
            connection.execute(
                "UPDATE portion SET gone_bytes = gone_bytes + ? WHERE project = ? AND ecosystem = ?",
                (one.gone_bytes, os.fsencode(one.project), storable(one.ecosystem)),
            )
    return pack(rows)
