"""Opens the history: as a database that several runs may write at once, that a kill or a full disk leaves whole.

Every change is one transaction. With a write-ahead log readers and the one writer do not wait for each other. That needs
memory that processes share by way of the file, which a network mount or FUSE does not give (sqlite.org/wal.html), nor a
disk without room: there it has a rollback journal.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.record import state_directory, trust
from cleanup_nodemodule.record.history import files, schema
from cleanup_nodemodule.record.history.files import DamagedError, HistoryError
from cleanup_nodemodule.system.files import may

_PATIENCE: Final = 2.0
"""Seconds that a run waits for others that write."""

_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT", "SQLITE_MISMATCH")
"""Errors that say that the file is damaged (sqlite.org/rescode.html). So does plain SQLITE_ERROR: what is asked here is right
for any history, and only in another file something is missing, or of a format that nobody knows."""


@contextlib.contextmanager
def errors_in_words() -> Iterator[None]:
    """Raise HistoryError for what SQLite or the system says, and DamagedError where the file is damaged."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or ""
        # Without a name it comes from Python, as for a text that is none.
        plain = isinstance(error, sqlite3.OperationalError) and name in {"", "SQLITE_ERROR"}
        if plain or name.startswith(_DAMAGED):
            raise DamagedError(str(error)) from error
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise HistoryError("other runs were writing to it for too long") from error
        raise HistoryError(str(error)) from error
    except (ValueError, TypeError, OverflowError) as error:
        # SQLite gives whatever a damaged file says, as a text where a number was.
        raise DamagedError(f"it says what no run has written ({error})") from error
    except trust.StateError as error:
        raise HistoryError(str(error)) from error
    except OSError as error:
        raise HistoryError(error.strerror or str(error)) from error


@contextlib.contextmanager
def opened(directory: str) -> Iterator[sqlite3.Connection]:
    """Open the history in a state directory for writing, and make it if there is none.

    Gives a connection in autocommit mode. Raises HistoryError, and DamagedError if the file is to be set aside.
    """
    path = files.path_of(directory)
    with errors_in_words():
        state_directory.prepare(directory)
        with files.held(path) as ours:
            if not ours:
                raise HistoryError("another run was setting it aside for too long")
            files.check(path)
            files.make(path)
            with contextlib.closing(_connected(path, directory)) as connection:
                _check(connection)
                yield connection


def _connected(path: str, directory: str, *, switches: bool = True) -> sqlite3.Connection:
    """Open the file, with the kind of journal that it can have there if it *switches* to that."""
    shares = files.can_share_memory(directory)
    logs = files.has_log(path)
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        _set_up(connection)
        if not shares and logs:
            # Then a log can be read without shared memory, and turned off.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if not os.path.getsize(path):
            # Said before anything is written: so that pages can be given back to the file system a few at a time.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if shares != logs and switches:
            # If others have it open by now, it stays as it is.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute(f"PRAGMA journal_mode = {'WAL' if shares else 'DELETE'}")
        # With a log nothing is lost but the last runs, and that only if the machine goes down.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if shares else 'FULL'}")
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _check(connection: sqlite3.Connection) -> None:
    """Raise HistoryError for the database of a later version, and DamagedError for that of somebody else."""
    version = schema.version_of(connection)
    [(application,)] = connection.execute("PRAGMA application_id")
    things = schema.things_in(connection)
    if not things and not version:
        return
    if application != schema.APPLICATION or not version:
        raise DamagedError("it is another program's")
    if version > schema.VERSION:
        raise HistoryError(
            f"it was written by a later version of this program (its version is {version}, and this one"
            f" knows {schema.VERSION}), and is left as it is"
        )
    if version == schema.VERSION and things != schema.things():
        # A trigger or a view, for one, could do anything with what is asked here, and need not end.
        raise DamagedError("it has not the tables of a history, or more than these")


@contextlib.contextmanager
def changing(connection: sqlite3.Connection) -> Iterator[None]:
    """Do something to the database wholly or not at all. Brings it to this version first."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if schema.version_of(connection) < schema.VERSION:
            schema.migrate(connection)
        yield
    except BaseException:
        # What the disk had no room for has ended it already (sqlite.org/lang_transaction.html).
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def look_through(directory: str) -> str | None:
    """Return what is wrong with the history in a state directory, in words; None if it can be used.

    Looks through all of it. Whoever calls keeps others from opening it. Raises what :func:`errors_in_words` has words for.
    """
    path = files.path_of(directory)
    try:
        with errors_in_words():
            files.check(path)
            if os.path.lexists(path):
                with contextlib.closing(_connected(path, directory)) as connection:
                    _check(connection)
                    [(said,), *_] = connection.execute("PRAGMA integrity_check(1)")
                    return None if said == "ok" else str(said)
    except DamagedError as error:
        return str(error)
    return None


@contextlib.contextmanager
def reading(directory: str) -> Iterator[sqlite3.Connection | None]:
    """Open the history in a state directory for reading; None if there is none.

    A database of an older version is brought to this one first. Everything that is read comes from one moment. Raises
    HistoryError, and DamagedError if the file cannot be read; it is not set aside.
    """
    path = files.path_of(directory)
    with errors_in_words():
        if not os.path.lexists(path):
            yield None
            return
        trust.check(directory)
        with files.held(path):
            files.check(path)
            with contextlib.closing(_connected_to_read(path, directory)) as connection:
                _check(connection)
                if not schema.version_of(connection):  # It was made, and nothing was written.
                    yield None
                    return
                if schema.version_of(connection) < schema.VERSION:
                    with changing(connection):
                        pass
                connection.execute("BEGIN")
                yield connection


def _connected_to_read(path: str, directory: str) -> sqlite3.Connection:
    if may(path, os.W_OK) and may(directory, os.W_OK):
        # A log takes some room even for reading, which a full disk does not have.
        with contextlib.suppress(sqlite3.OperationalError):
            return _first_read(_connected(path, directory, switches=False))
    files.has_log(path)
    # Where nothing can be written there is no shared memory, and nobody who writes either. Every byte is escaped, as any
    # may stand in a path (sqlite.org/uri.html).
    address = "".join(f"%{byte:02X}" for byte in os.fsencode(path))
    connection = sqlite3.connect(f"file:{address}?immutable=1", uri=True, isolation_level=None)
    return _first_read(connection)


def _first_read(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return the connection once it can read, or close it and raise sqlite3.Error."""
    try:
        _set_up(connection)
        schema.version_of(connection)
    except BaseException:
        connection.close()
        raise
    return connection
