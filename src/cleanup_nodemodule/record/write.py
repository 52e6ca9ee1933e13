"""The journal: what was deleted, written down before and after it happens.

An append-only record in the user's state directory, one file a month and machine
(``journal-2026-11.HOST.jsonl``; of two machines that share a home directory each has its own, as
appending is atomic only on one, open(2)). Nothing of it is ever altered or deleted by this program.

A record is one JSON object on a line of its own, ASCII (what is not UTF-8 in a path is a lone
surrogate), with a newline before it and one behind it: so whatever a full disk or a crash left of one
record never swallows the next. Each is written by one ``write(2)`` at the end of the file, which on a
local file system of Linux and macOS no other process can get into. The kinds of records, all with the
version ``v`` and the run's ``run``:

* ``run``: who deletes, when, where.
* ``begin``: what is about to be deleted; on disk before anything happens to it.
* ``turn``: its turn has come; written, not synced, right before anything happens to it. Several are written
  down by one ``begin``, and a run that is killed never comes to most of these.
* ``end``: what came of it.
* ``run-end``: the run came to its end.

While a run has the file open it holds a lock on it (:func:`~cleanup_nodemodule.record.alive.writing`), so that nobody who reads of what
it has begun takes it for dead, even where a full disk had no room for a lock of its own.

A later version adds keys and kinds; a reader skips what it does not know.
"""

import errno
import json
import os
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Final, Self

from cleanup_nodemodule.model import Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import state_directory, trust
from cleanup_nodemodule.record.alive import lock_run
from cleanup_nodemodule.record.entries import VERSION, Ending, Intent, JournalError, Run
from cleanup_nodemodule.record.journal_files import PREFIX, SUFFIX, open_to_append
from cleanup_nodemodule.system import machine
from cleanup_nodemodule.work.tasks import Stopped

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors that pass: deleting is what makes room."""


class Journal:
    """Writes down one run. Safe to use from several threads.

    A context manager: leaving it by an exception writes no end of the run, unless that is one by which a
    run is stopped.
    """

    def __init__(self, directory: str, run: Run, *, clock: Callable[[], float] = time.time) -> None:
        """Open the journal in the state directory and write down that *run* begins.

        Raises JournalError where that is impossible; a full disk is no reason, see :attr:`pending`.
        """
        self.run = run
        self.lost: list[Problem] = []
        """What could not be written after something was deleted."""
        month = time.strftime("%Y-%m", time.gmtime(run.started_at))
        self.path = os.path.join(directory, f"{PREFIX}{month}.{machine.host_name()}{SUFFIX}")
        """The file it writes to, which is there as soon as there is space."""
        self._clock = clock
        self._lock = threading.Lock()
        self._file: int | None = None
        self._closed = False
        self._number = 0
        self._waiting: list[bytes] = []
        """Records to be written yet."""
        self._unsynced: list[bytes] = []
        """Records written since they were last known to be on disk."""
        try:
            self._write_surely([_record(run.id, "run", at=None, **_of_run(run))])
        except JournalError:
            self._let_go()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, (KeyboardInterrupt, CancelledError, Stopped)):
            self.close(interrupted=kind is not None)
        else:
            self._let_go()

    @property
    def pending(self) -> int:
        """How many records wait for space on the disk; they are tried again with each new one."""
        return len(self._waiting)

    def begin(self, intents: Iterable[Intent]) -> tuple[int, ...]:
        """Write down what is about to be deleted; return a number for each, for :meth:`end`.

        When this returns it is on disk, by one sync for all of them, or the disk is full
        (:attr:`pending`). Raises JournalError otherwise: then none of these may be deleted.
        """
        with self._lock:
            numbers: list[int] = []
            records: list[bytes] = []
            for intent in intents:
                self._number += 1
                numbers.append(self._number)
                facts = {"number": self._number, **asdict(intent)}
                records.append(_record(self.run.id, "begin", at=self._clock(), **facts))
            if records:
                self._write_surely(records)
            return tuple(numbers)

    def turn(self, number: int) -> None:
        """Write down that the turn of what was begun has come. Never raises, as :meth:`end`."""
        with self._lock:
            self._waiting.append(_record(self.run.id, "turn", at=self._clock(), number=number))
            self._try(self._flush)

    def end(
        self,
        number: int,
        ending: Ending,
        *,
        freed_bytes: int = 0,
        error: str | None = None,
        run: str | None = None,
    ) -> None:
        """Write down what came of a deletion, of this run or (to finish one) of another *run*.

        Never raises for what cannot be written; :attr:`lost` then says so. It is on disk after
        the next :meth:`begin` or :meth:`close`: should it be lost, the deletion counts as unfinished.
        """
        with self._lock:
            facts = {
                "number": number,
                "ending": ending.value,
                "freed_bytes": freed_bytes,
                "error": error,
            }
            self._waiting.append(_record(run or self.run.id, "end", at=self._clock(), **facts))
            self._try(self._flush)

    def close(self, *, interrupted: bool = False, observed_freed_bytes: int | None = None) -> None:
        """Write down that the run is over, and by how much free space has grown; None if that is not known.

        Never raises; :attr:`lost` says what was lost.
        """
        with self._lock:
            if self._closed:
                return
            facts = {"interrupted": interrupted, "observed_freed_bytes": observed_freed_bytes}
            self._waiting.append(_record(self.run.id, "run-end", at=self._clock(), **facts))
            self._try(self._sync)
            if self._waiting:
                self._lose(
                    errno.ENOSPC,
                    f"the last {len(self._waiting)} records could not be written, because the disk is full",
                )
            self._let_go()

    def _let_go(self) -> None:
        self._closed = True
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            lost, self._waiting = len(self._waiting), []
            self._lose(error.errno, f"{lost} records could not be written: {error.strerror}")

    def _lose(self, number: int | None, message: str) -> None:
        self.lost.append(Problem(self.path, ProblemCode.KEEP_RECORD, number, message))

    def _write_surely(self, records: list[bytes]) -> None:
        """Have *records* on disk, or waiting for space; or raise JournalError and forget them."""
        self._waiting += records
        try:
            self._sync()
        except OSError as error:
            self._waiting = [record for record in self._waiting if record not in records]
            raise self._failure(error) from error

    def _sync(self) -> None:
        """Have everything on disk; what there is no space for stays. Raises OSError."""
        self._flush()
        if self._file is None:
            return
        try:
            # Not fsync: what reading needs, such as the size, this one writes too (fdatasync(2)).
            getattr(os, "fdatasync", os.fsync)(self._file)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            # Some file systems look for space only now, so none of it may be there.
            self._waiting = self._unsynced + self._waiting
        self._unsynced = []

    def _flush(self) -> None:
        """Write what waits, as far as there is space. Raises OSError for any other failure."""
        while self._waiting:
            record = self._waiting[0]
            try:
                if self._file is None:
                    state_directory.prepare(os.path.dirname(self.path))
                    self._file = open_to_append(self.path)
                    lock_run(self._file, self.run.id, exclusively=True)
                written = os.write(self._file, record)
            except OSError as error:
                if error.errno in _FULL:
                    return
                raise
            if written < len(record):
                return  # Full. It is written anew: behind the rest others may have written by then.
            self._unsynced.append(self._waiting.pop(0))

    def _failure(self, error: OSError) -> JournalError:
        if isinstance(error, trust.StateError):
            return JournalError(error.errno or errno.EIO, str(error))
        return JournalError(
            error.errno or errno.EIO,
            f"the record of what is deleted cannot be written to {self.path!r}:"
            f" {error.strerror}; {trust.ADVICE}",
        )


def _of_run(run: Run) -> dict[str, Any]:
    facts = asdict(run)
    for key in ("id", "ended_at", "interrupted", "observed_freed_bytes"):
        del facts[key]
    return facts


def _record(run: str, kind: str, *, at: float | None, **facts: Any) -> bytes:
    """Return a record as it is written; see the module."""
    known = {"v": VERSION, "run": run, "kind": kind}
    if at is not None:
        known["at"] = round(at, 3)
    return f"\n{json.dumps({**known, **facts}, separators=(',', ':'))}\n".encode("ascii")
