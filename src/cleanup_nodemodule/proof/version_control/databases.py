"""What Subversion and Fossil track, by their data bases.

They are read into memory and asked there, as SQLite's "Defense Against The Dark Arts" has it for files that
somebody else may have made: nothing but a few columns may be read, for so many steps, and no file is opened, locked
or written. ``svn`` would lock the working copy, and ``fossil`` runs what the settings of a repository say (th1-hooks).
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from cleanup_nodemodule.proof.version_control.reading import LARGEST, Unknown, reach, read

_STEPS: Final = 1000
"""Instructions of SQLite's machine between two looks at how many there were."""

_MOST: Final = 100_000
"""How often these may come; that is some seconds."""

_LONGEST: Final = 1 << 20
"""Bytes of a value in a data base; a path has a few thousand."""

_SQLITE: Final = b"SQLite format 3\0"

_JOURNALS: Final = ("-journal", "-wal")
"""What has to be put back into a data base, or taken into it ("Temporary Files Used By SQLite")."""

_WAL: Final = slice(18, 20)
"""Two bytes that say how it is written ("Database File Format")."""

_BY_JOURNAL: Final = b"\1\1"
"""The only way that a data base in memory knows."""


class _Table(NamedTuple):
    """A table with the paths of what is tracked."""

    path: str
    """Its column with the path from the top, without a slash in front."""
    counts: str
    """What is asked, but for the path."""
    read: Mapping[str, frozenset[str]]
    """The columns that may be read of each table."""


_SVN: Final = _Table(
    "local_relpath",
    # One was committed as deleted, and the directory around was not updated yet
    # (subversion/libsvn_wc/wc-metadata.sql). With wc_id in it the index of the table serves.
    "SELECT 1 FROM nodes WHERE wc_id IN (SELECT id FROM wcroot) AND presence <> 'not-present' AND ",
    {
        "nodes": frozenset({"local_relpath", "presence", "wc_id"}),
        "wcroot": frozenset({"id"}),
    },
)

_FOSSIL: Final = _Table(
    "pathname", "SELECT 1 FROM vfile WHERE ", {"vfile": frozenset({"pathname"})}
)
"""Of what is in the checkout, and of what was added: src/db.c of Fossil, zLocalSchema."""


def subversion(top: str, names: Mapping[bytes, str]) -> frozenset[str]:
    """Return those of the directories, by their *names*, that Subversion tracks something in.

    Raises Unknown and OSError.
    """
    if reach(top, ".svn", "wc.db") is None:
        raise Unknown("it is of a Subversion before 1.7, or damaged; type `svn upgrade`")
    return _tracked(top, (".svn", "wc.db"), _SVN, names)


def fossil(top: str, mark: str, names: Mapping[bytes, str]) -> frozenset[str]:
    """Return those of the directories, by their *names*, that Fossil tracks something in.

    Raises Unknown and OSError.
    """
    return _tracked(top, (mark,), _FOSSIL, names)


def _tracked(
    top: str, names: tuple[str, ...], table: _Table, asked: Mapping[bytes, str]
) -> frozenset[str]:
    _check_journals(top, names)
    content = read(top, *names, max_bytes=LARGEST)
    _check_journals(top, names)
    if content is None or not content.startswith(_SQLITE):
        raise Unknown(f"{os.path.join(top, *names)} is no data base")
    if content[_WAL] != _BY_JOURNAL:
        content = content[: _WAL.start] + _BY_JOURNAL + content[_WAL.stop :]
    try:
        with closing(sqlite3.connect(":memory:")) as base:
            base.deserialize(content)
            _restrict(base, table)
            return frozenset(_holding(base, table, asked))
    except (sqlite3.Error, AttributeError, OverflowError) as error:
        raise Unknown(f"{os.path.join(top, *names)} cannot be read: {error}") from error


def _check_journals(top: str, names: tuple[str, ...]) -> None:
    """Raise Unknown while the data base is being written to, or where that was interrupted."""
    *above, name = names
    for ending in _JOURNALS:
        if read(top, *above, name + ending, max_bytes=LARGEST):
            raise Unknown(f"somebody is writing to {os.path.join(top, *names)}, or was interrupted")


def _restrict(base: sqlite3.Connection, table: _Table) -> None:
    """Have the data base answer one question, and do nothing else."""
    base.execute("PRAGMA trusted_schema = OFF")
    base.execute("PRAGMA cell_size_check = ON")
    base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    # A view or a virtual table of that name would be code of whoever made it.
    for name in table.read:
        found = base.execute(
            "SELECT type, sql FROM sqlite_master WHERE name = ? COLLATE NOCASE", (name,)
        ).fetchall()
        if len(found) != 1 or found[0][0] != "table" or "VIRTUAL" in str(found[0][1]).upper():
            raise Unknown("the data base has another form than it should have")
    left = _MOST

    def count() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    def allow(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_SELECT:
            return sqlite3.SQLITE_OK
        fits = (second or "").lower() in table.read.get((first or "").lower(), ())
        return sqlite3.SQLITE_OK if action == sqlite3.SQLITE_READ and fits else sqlite3.SQLITE_DENY

    base.set_progress_handler(count, _STEPS)
    base.set_authorizer(allow)


def _holding(base: sqlite3.Connection, table: _Table, asked: Mapping[bytes, str]) -> Iterator[str]:
    """Give those of the directories at or beneath which something is tracked."""
    itself = f"{table.counts}{table.path} = ? LIMIT 1"
    beneath = f"{table.counts}{table.path} >= ? AND {table.path} < ? LIMIT 1"
    for name, path in asked.items():
        try:
            text = name.decode()
        except UnicodeDecodeError:  # Neither of them takes such a name.
            continue
        # The sign that follows the slash ends what begins with it.
        if (
            base.execute(itself, (text,)).fetchone() is not None
            or base.execute(beneath, (f"{text}/", f"{text}0")).fetchone() is not None
        ):
            yield path
