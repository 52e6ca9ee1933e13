"""The tables of the history, and how those of an older version become those of this one."""

import contextlib
import sqlite3
from typing import Final

APPLICATION: Final = 0x436E4D68
"""``PRAGMA application_id``: tells a history from any other database (sqlite.org/fileformat2.html)."""

_FIRST: Final = """
CREATE TABLE question (
    id INTEGER PRIMARY KEY,
    said TEXT NOT NULL UNIQUE
);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    command TEXT NOT NULL,
    job TEXT,
    mode TEXT NOT NULL,
    began_at REAL NOT NULL,
    duration REAL NOT NULL,
    exit_code INTEGER NOT NULL,
    failure TEXT,
    version TEXT NOT NULL,
    question INTEGER REFERENCES question (id),
    complete INTEGER,
    found INTEGER,
    selected INTEGER,
    deleted INTEGER,
    trashed INTEGER,
    failed INTEGER,
    problems INTEGER,
    allocated_bytes INTEGER,
    reclaimable_bytes INTEGER,
    reclaimable_at_most_bytes INTEGER,
    freed_bytes INTEGER,
    observed_freed_bytes INTEGER,
    kept TEXT NOT NULL
);
CREATE INDEX run_by_question ON run (question, id);
CREATE TABLE audit (
    run INTEGER PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    packed BLOB NOT NULL
);
CREATE TABLE root (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE
);
CREATE TABLE portion (
    id INTEGER PRIMARY KEY,
    project BLOB NOT NULL,
    ecosystem TEXT NOT NULL,
    root INTEGER NOT NULL REFERENCES root (id),
    gone_bytes INTEGER NOT NULL,
    last_run INTEGER NOT NULL,
    UNIQUE (project, ecosystem, root)
);
CREATE INDEX portion_by_last_run ON portion (last_run);
CREATE TABLE file_system (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    point BLOB NOT NULL,
    kind TEXT NOT NULL
);
CREATE TABLE place (
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    root INTEGER NOT NULL REFERENCES root (id),
    file_system INTEGER REFERENCES file_system (id),
    total_bytes INTEGER,
    free_before_bytes INTEGER,
    free_after_bytes INTEGER,
    found INTEGER NOT NULL,
    allocated_bytes INTEGER NOT NULL,
    reclaimable_bytes INTEGER NOT NULL,
    freed_bytes INTEGER NOT NULL,
    PRIMARY KEY (run, root)
) WITHOUT ROWID;
CREATE INDEX place_by_file_system ON place (file_system, run);
"""

STEPS: Final = (_FIRST,)
"""What makes each version of the one before it, the first of an empty file. ``PRAGMA user_version`` says how many are
done. A step never changes once it was released."""

VERSION: Final = len(STEPS)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a database; 0 if it is empty."""
    [(version,)] = connection.execute("PRAGMA user_version")
    return int(version)


def things_in(connection: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    """Return what a database has: kind and name of each table, index, trigger and view, and the columns of these.

    SQLite's own are left out.
    """
    found = connection.execute(
        "SELECT thing.type, thing.name, thing.tbl_name, coalesce(kept.name, ''), coalesce(kept.type, '')"
        " FROM sqlite_schema AS thing LEFT JOIN pragma_table_xinfo(thing.name) AS kept"
        " WHERE thing.name NOT LIKE 'sqlite@_%' ESCAPE '@'"
    )
    return frozenset(tuple(map(str, row)) for row in found)


def things() -> frozenset[tuple[str, ...]]:
    """Return what a history of this version has."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        return things_in(connection)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database of an older version, or an empty one, to this version.

    To be called in a transaction that may write: then it is done, or nothing of it is.
    """
    for step in STEPS[version_of(connection) :]:
        for statement in statements(step):
            connection.execute(statement)
    # No parameter can stand in a PRAGMA.
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def statements(step: str) -> list[str]:
    """Return the statements of a step. executescript() would end the transaction."""
    found, text = [], ""
    for line in step.splitlines():
        text += line + "\n"
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return found
