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

While a run has the file open it holds a lock on it (:func:`writing`), so that nobody who reads of what
it has begun takes it for dead, even where a full disk had no room for a lock of its own.

A later version adds keys and kinds; a reader skips what it does not know.
"""

import contextlib
import errno
import heapq
import json
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self, TypeVar

from cleanup_nodemodule.model import Artifact, DeletingMode, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.identity import Being

VERSION: Final = 1
"""Version of the records."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors that pass: deleting is what makes room."""

_RUN_ID: Final = re.compile(r"[0-9a-f]{12}")

_PREFIX: Final = "journal-"
_SUFFIX: Final = ".jsonl"


class JournalError(state_directory.StateError):
    """The journal cannot be written, so nothing may be deleted. The message says what to do."""


class Ending(StrEnum):
    """What came of something that was begun."""

    DELETED = "deleted"
    TRASHED = "trashed"
    """It is in the desktop's trash."""
    GONE = "gone"
    """It was gone already, by somebody else's doing."""
    KEPT = "kept"
    """It is as it was: put back, or spared before anything was touched."""
    FAILED = "failed"
    """It could not be deleted, or not all of it."""
    INTERRUPTED = "interrupted"
    """The run was stopped before it was done."""
    NOT_BEGUN = "not-begun"
    """The run ended before its turn: this program has done nothing to it."""
    FORGOTTEN = "forgotten"
    """It cannot be reached, and the user does not want to hear of it any more."""


UNTOUCHED: Final = frozenset({Ending.KEPT, Ending.GONE, Ending.NOT_BEGUN})
"""Ends of what this program has deleted nothing of."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program that deletes."""

    id: str
    """Twelve hexadecimal digits."""
    started_at: float
    """Seconds since the epoch."""
    pid: int
    host: str
    user: str
    """Name of the account it acted for."""
    tool: str
    """Version of the program."""
    mode: DeletingMode
    roots: tuple[str, ...]
    """Absolute paths searched."""
    ended_at: float | None = None
    """Seconds since the epoch; None if it did not come to its end, or is still at work."""
    interrupted: bool = False
    """It was told to stop."""
    machine: str | None = None
    """As :func:`cleanup_nodemodule.record.state_directory.machine` has it, whatever the machine is called; None if unknown."""
    boot: str | None = None
    """As :func:`cleanup_nodemodule.record.state_directory.boot` has it; None if unknown."""

    @property
    def is_ours(self) -> bool:
        """Whether it was made on this machine: on another the same path may be something else."""
        if self.machine is not None:
            return self.machine == state_directory.machine()
        return self.host in {state_directory.host_name(), ""}


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be deleted. Sizes are bytes."""

    path: str
    """Absolute, without symlinks."""
    staged: str | None
    """Absolute path, in the same directory, that it is renamed to first; None if it is not."""
    device: int
    inode: int
    changed_ns: int
    """When the directory itself was last changed (st_ctime) as it was found, nanoseconds; 0 if that is
    not known. A rename changes it; device and inode stay, but alone they prove little, as ext4 gives
    the inode number of what was deleted to the next directory that is made."""
    apparent_bytes: int
    allocated_bytes: int
    reclaimable_bytes: int
    rule: str | None
    evidence: tuple[str, ...]
    project: str
    """Absolute path."""
    regenerate: str | None
    """Command that brings it back."""
    regenerate_in: str | None
    """Absolute path of the directory to run that in; None: the project."""
    warnings: tuple[str, ...]
    owner: int | None = None
    """Account that the directory belongs to (st_uid); None if that is not known."""
    volume: str | None = None
    """What names its file system; this and the next ones are those of Being."""
    birth_ns: int = 0
    around_inode: int | None = None
    """Of the directory around it; None if that is not known, nor the next one then."""
    around_birth_ns: int = 0

    @classmethod
    def to_delete(
        cls,
        artifact: Artifact,
        staged: str | None = None,
        being: Being | None = None,
        around: Being | None = None,
    ) -> Self:
        """Return what is to be written before *artifact* is deleted.

        It is renamed to *staged* first. *being* is what is known of it, and *around* of the directory around
        it, if anything is.
        """
        evidence, size = artifact.evidence, artifact.size
        return cls(
            path=artifact.path,
            staged=staged,
            device=artifact.candidate.identity.device,
            inode=artifact.candidate.identity.inode,
            changed_ns=artifact.candidate.changed,
            apparent_bytes=size.apparent_bytes,
            allocated_bytes=size.allocated_bytes,
            reclaimable_bytes=size.reclaimable_bytes,
            rule=evidence.rule,
            evidence=evidence.facts,
            project=evidence.project,
            regenerate=evidence.regenerate,
            regenerate_in=evidence.regenerate_in,
            warnings=evidence.warnings,
            **_known_of(being, around),
        )

    @classmethod
    def to_finish(cls, path: str, staged: str, being: Being, around: Being, fact: str) -> Self:
        """Return what is to be written before what is left of *path* is deleted, of which nothing was.

        *fact* says what it is known by.
        """
        return cls(
            path=path,
            staged=staged,
            device=being.device,
            inode=being.inode,
            changed_ns=0,
            apparent_bytes=0,
            allocated_bytes=0,
            reclaimable_bytes=0,
            rule=None,
            evidence=(fact,),
            project=os.path.dirname(path),
            regenerate=None,
            regenerate_in=None,
            warnings=(),
            **_known_of(being, around),
        )

    def is_of(self, being: Being) -> bool:
        """Whether *being* is the directory, whatever its path."""
        return being.is_same(self.device, self.inode, self.volume, self.birth_ns)

    def is_around(self, being: Being) -> bool | None:
        """Whether *being* is the directory that was around it; None if nobody knows."""
        if self.around_inode is None:
            return None
        return being.is_same(self.device, self.around_inode, self.volume, self.around_birth_ns)


def _known_of(being: Being | None, around: Being | None) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if being is not None:
        known = {"owner": being.owner, "volume": being.volume, "birth_ns": being.birth_ns}
    # Of a mount point nothing is ever renamed.
    if being is not None and around is not None and around.device == being.device:
        known |= {"around_inode": around.inode, "around_birth_ns": around.birth_ns}
    return known


@dataclass(frozen=True, slots=True)
class End:
    """What came of an intent."""

    ending: Ending
    freed_bytes: int
    error: str | None
    """Why it failed or was kept."""
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent with what came of it: one deletion."""

    run: str
    """The run's id; what is known of that is in :attr:`History.runs`."""
    number: int
    """Within the run, from 1."""
    began_at: float
    """Seconds since the epoch."""
    intent: Intent
    end: End | None
    """None if nobody knows, as the run was killed or is still at work."""
    turned: bool = False
    """It is written down that its turn had come."""
    waiting: bool = False
    """Its turn has not come, and never will if its run is over: nothing was done to it. That its turn comes is
    written down before, and is lost with the system at most, so that nobody knows after a restart."""

    @property
    def unfinished(self) -> bool:
        """Whether the run that began it did not get to say that it was done with it."""
        return self.end is None or self.end.ending is Ending.INTERRUPTED

    @property
    def happened(self) -> bool:
        """Whether anything may have been done to it, for all that is known."""
        return not self.waiting and (self.end is None or self.end.ending is not Ending.NOT_BEGUN)

    @property
    def left_staged(self) -> bool:
        """Whether it failed, in part or whole, after it may have been renamed."""
        failed = self.end is not None and self.end.ending is Ending.FAILED
        return failed and self.intent.staged is not None

    @property
    def at(self) -> float:
        """When it ended, or else began; seconds since the epoch."""
        return self.began_at if self.end is None else self.end.at


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the journal that could not be read."""

    file: str
    """Absolute path."""
    line: int | None
    """From 1; None for the whole file."""
    message: str


def new_run(version: str, mode: DeletingMode, roots: Sequence[str]) -> Run:
    """Return the run that this process begins now. *roots* are absolute paths."""
    return Run(
        os.urandom(6).hex(),
        round(time.time(), 3),
        os.getpid(),
        state_directory.host_name(),
        state_directory.user_name(),
        version,
        mode,
        tuple(roots),
        machine=state_directory.machine(),
        boot=state_directory.boot(),
    )


class Journal:
    """Writes down one run. Safe to use from several threads.

    A context manager: leaving it by an exception other than KeyboardInterrupt writes no end of the run.
    """

    def __init__(self, directory: str, run: Run, *, clock: Callable[[], float] = time.time) -> None:
        """Open the journal in the state directory and write down that *run* begins.

        Raises JournalError where that is impossible; a full disk is no reason, see :attr:`pending`.
        """
        self.run = run
        self.lost: list[Problem] = []
        """What could not be written after something was deleted."""
        month = time.strftime("%Y-%m", time.gmtime(run.started_at))
        self.path = os.path.join(
            directory, f"{_PREFIX}{month}.{state_directory.host_name()}{_SUFFIX}"
        )
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
        if kind is None or issubclass(kind, KeyboardInterrupt):
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

    def close(self, *, interrupted: bool = False) -> None:
        """Write down that the run is over. Never raises; :attr:`lost` says what was lost."""
        with self._lock:
            if self._closed:
                return
            self._waiting.append(
                _record(self.run.id, "run-end", at=self._clock(), interrupted=interrupted)
            )
            self._try(self._sync)
            if self._waiting:
                self._lose(
                    errno.ENOSPC,
                    f"the last {len(self._waiting)} records could not be written, as the disk is full",
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
                    self._file = _open(self.path)
                    _lock(self._file, self.run.id, exclusively=True)
                written = os.write(self._file, record)
            except OSError as error:
                if error.errno in _FULL:
                    return
                raise
            if written < len(record):
                return  # Full. It is written anew: behind the rest others may have written by then.
            self._unsynced.append(self._waiting.pop(0))

    def _failure(self, error: OSError) -> JournalError:
        if isinstance(error, state_directory.StateError):
            return JournalError(error.errno or errno.EIO, str(error))
        return JournalError(
            error.errno or errno.EIO,
            f"the record of what is deleted cannot be written to {self.path!r}:"
            f" {error.strerror}; {state_directory.ADVICE}",
        )


def _open(path: str) -> int:
    """Open the journal's file for appending; a new one is on disk, with its name, at once."""
    flags = os.O_WRONLY | os.O_APPEND
    for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        descriptor = os.open(path, flags)
    try:
        _refuse_strange(path, descriptor)
        # Whoever made the file may not have come to this yet.
        state_directory.sync_directory(os.path.dirname(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int, run: str, *, exclusively: bool) -> bool:
    """Lock what stands for *run* in the journal's file; return False if another process has it.

    That is the byte at the number that the run's id is, most likely far behind the end of the file: a
    lock takes no space (fcntl(2)), and ends with the process. But it also ends when the process closes
    any descriptor of that file, so whoever writes the journal does not read it meanwhile.

    It is no second form of the lock on a run's trees (:mod:`cleanup_nodemodule.record.lock`): that one names the
    trees, for which a full disk may have no room, and then this one alone tells that the run is alive.
    """
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return True
    if _RUN_ID.fullmatch(run) is None:
        return True
    kind = fcntl.LOCK_EX if exclusively else fcntl.LOCK_SH
    try:
        fcntl.lockf(descriptor, kind | fcntl.LOCK_NB, 1, int(run, 16))
    except OSError as error:
        # Anything else says that this file system has no locks, and so no run that holds one.
        held = {errno.EAGAIN} if sys.platform == "linux" else {errno.EACCES, errno.EAGAIN}
        return error.errno not in held
    return True


def _refuse_strange(path: str, descriptor: int) -> None:
    """Raise StateError unless the file is one of this user's that nobody else can write."""
    status = os.fstat(descriptor)
    others = stat.S_IWGRP | stat.S_IWOTH
    mine = not hasattr(os, "geteuid") or (
        status.st_uid == os.geteuid() and not status.st_mode & others
    )
    if not stat.S_ISREG(status.st_mode) or not mine:
        raise state_directory.StateError(
            errno.EPERM,
            f"{path!r} is no file that only you can write; move it away, or {state_directory.ADVICE}",
        )


def _of_run(run: Run) -> dict[str, Any]:
    facts = asdict(run)
    for key in ("id", "ended_at", "interrupted"):
        del facts[key]
    return facts


def _record(run: str, kind: str, *, at: float | None, **facts: Any) -> bytes:
    """Return a record as it is written; see the module."""
    known = {"v": VERSION, "run": run, "kind": kind}
    if at is not None:
        known["at"] = round(at, 3)
    return f"\n{json.dumps({**known, **facts}, separators=(',', ':'))}\n".encode("ascii")


# Reading.


@dataclass(frozen=True, slots=True)
class History:
    """What the journal says."""

    entries: tuple[Entry, ...]
    """In the order of :attr:`Entry.at`."""
    runs: Mapping[str, Run]
    """By id, in the order they began."""
    faults: tuple[Fault, ...]
    left_out: int
    """Older entries than those, where only the latest were asked for."""

    def unfinished(self, *, failed: bool = False) -> tuple[Entry, ...]:
        """Return what is to be finished; with *failed* also what failed after it was renamed.

        What a run that is still at work has begun is among it; :func:`cleanup_nodemodule.record.lock.held`
        and :func:`writing` tell which runs are.
        """
        return tuple(
            entry for entry in self.entries if entry.unfinished or (failed and entry.left_staged)
        )


def read(
    directory: str,
    *,
    wanted: Callable[[Entry], bool] = lambda _: True,
    last: int | None = None,
) -> History:
    """Return the entries that are *wanted*, all or only the *last* so many.

    Takes memory for these alone. There need not be a journal. Raises StateError for a directory that
    cannot be trusted.
    """
    reader = Reader(directory)
    count = 0
    latest: list[tuple[float, int, Entry]] = []
    for entry in reader:
        if not wanted(entry):
            continue
        count += 1
        row = (entry.at, count, entry)
        if last is None:
            latest.append(row)
        elif len(latest) < last:
            heapq.heappush(latest, row)
        elif last:
            heapq.heappushpop(latest, row)
    latest.sort()
    entries = tuple(entry for _, _, entry in latest)
    runs = dict(sorted(reader.runs.items(), key=lambda item: item[1].started_at))
    return History(entries, runs, tuple(reader.faults), count - len(entries))


def writing(directory: str, runs: Iterable[str]) -> frozenset[str]:
    """Return which of these *runs*, ids that the journal has, are at work, as they have it open.

    Runs of this process do not count. :func:`cleanup_nodemodule.record.lock.held` tells of those that had room
    for a lock, also before they write anything.
    """
    asked = frozenset(runs)
    found: set[str] = set()
    try:
        paths = _files(directory) if asked else []
    except OSError:
        paths = []
    for path in paths:
        # What cannot be opened is told by whoever reads it.
        with contextlib.suppress(OSError), open(path, "rb", opener=_opener) as file:
            found.update(run for run in asked if not _lock(file.fileno(), run, exclusively=False))
    return frozenset(found)


def _files(directory: str) -> list[str]:
    """Return the journal's files in the order of their names, which is that of the months."""
    return [
        os.path.join(directory, name)
        for name in sorted(os.listdir(directory))
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
    ]


class Reader:
    """Gives the entries of a journal one by one, each once its end is known.

    Those that are unfinished or failed come last, as a later run may have ended them. What it takes
    memory for are these, and the runs. The directory is checked when reading begins, see :func:`read`.
    """

    def __init__(self, directory: str) -> None:
        self.runs: dict[str, Run] = {}
        """What is known of the runs by now, by id."""
        self.faults: list[Fault] = []
        """What could not be read by now."""
        self._directory = directory
        self._open: dict[tuple[str, int], Entry] = {}
        self._early: dict[tuple[str, int], End] = {}
        """Ends that stand in a file before the one with the beginning."""
        self._highest: dict[str, int] = {}
        """The last entry begun of each run: numbers only grow, so what is not beyond is repeated."""

    def __iter__(self) -> Iterator[Entry]:
        """Read one file after the other."""
        if not os.path.lexists(self._directory):
            return
        state_directory.check(self._directory)
        try:
            paths = _files(self._directory)
        except OSError as error:
            self._fail(self._directory, None, str(error.strerror))
            return
        for path in paths:
            yield from self._file(path)
        boot = state_directory.boot()
        for entry in self._open.values():
            lost = boot is None or self.runs[entry.run].boot != boot
            yield replace(entry, waiting=not (entry.turned or entry.end is not None or lost))

    def _file(self, path: str) -> Iterator[Entry]:
        torn: dict[bytes, int] = {}
        try:
            with open(path, "rb", opener=_opener) as file:
                for number, line in enumerate(file, 1):
                    if line == b"\n":
                        continue
                    try:
                        facts = json.loads(line)
                    except (ValueError, RecursionError):
                        torn[line.rstrip(b"\n")] = number
                        continue
                    if torn:
                        # The disk was full; what stands there in part was written again in whole.
                        torn = {part: at for part, at in torn.items() if not line.startswith(part)}
                    try:
                        entry = self._take(facts)
                    except (KeyError, TypeError, ValueError) as error:
                        self._fail(path, number, _reason(facts, error))
                    else:
                        if entry is not None:
                            yield entry
        except OSError as error:
            strange = isinstance(error, state_directory.StateError)
            self._fail(path, None, str(error if strange else error.strerror))
        for number in torn.values():
            self._fail(path, number, "it is incomplete: a crash or a full disk cut it off")

    def _fail(self, path: str, line: int | None, message: str) -> None:
        self.faults.append(Fault(path, line, message))

    def _take(self, facts: Any) -> Entry | None:
        """Take a record in; return the entry that it settles. Raises for one that makes no sense."""
        if facts["v"] != VERSION:
            raise ValueError
        run = _text(facts["run"])
        match facts["kind"]:
            case "run":
                self.runs[run] = _run(run, facts)
            case "run-end":
                at, interrupted = _time(facts["at"]), bool(facts["interrupted"])
                known = self._known(run, facts)
                self.runs[run] = replace(known, ended_at=at, interrupted=interrupted)
            case "begin":
                number = _number(facts["number"])
                if number <= self._highest.get(run, 0):
                    return None
                entry = Entry(run, number, _time(facts["at"]), _intent(facts), None)
                self._highest[run] = number
                self._known(run, facts)
                self._open[run, number] = entry
                early = self._early.pop((run, number), None)
                return None if early is None else self._settle(run, number, early)
            case "turn":
                key = run, _number(facts["number"])
                if key in self._open:
                    self._open[key] = replace(self._open[key], turned=True)
            case "end":
                return self._settle(run, _number(facts["number"]), _end(facts))
        return None

    def _known(self, run: str, facts: Any) -> Run:
        """Return what is known of the run, which is little where its own record was lost."""
        return self.runs.setdefault(run, Run(run, _time(facts["at"]), 0, "", "", "", "delete", ()))

    def _settle(self, run: str, number: int, end: End) -> Entry | None:
        entry = self._open.get((run, number))
        if entry is None:
            if number > self._highest.get(run, 0):
                self._early[run, number] = end
            return None
        if entry.end is not None:
            # A later run has gone on with it: what it freed comes on top.
            end = replace(end, freed_bytes=entry.end.freed_bytes + end.freed_bytes)
        entry = replace(entry, end=end)
        if end.ending in {Ending.FAILED, Ending.INTERRUPTED}:
            self._open[run, number] = entry
            return None
        del self._open[run, number]
        return entry


def _opener(path: str, flags: int) -> int:
    for name in ("O_NOFOLLOW", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    try:
        _refuse_strange(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _reason(facts: Any, error: Exception) -> str:
    version = facts.get("v") if isinstance(facts, dict) else None
    if isinstance(version, int) and version > VERSION:
        return "a later version of this program wrote it"
    # Of what it says nothing is sure to be fit for showing.
    what = str(error).encode("ascii", "backslashreplace").decode("ascii")[:_MAX_SAID]
    return f"it is not as this program writes it ({type(error).__name__}: {what})"


_MAX_SAID: Final = 200
"""Characters of what is wrong with a record."""


def _run(run: str, facts: Any) -> Run:
    mode = facts["mode"]
    if mode not in {"delete", "trash"}:
        raise ValueError(mode)
    return Run(
        run,
        _time(facts["started_at"]),
        _number(facts["pid"]),
        _text(facts["host"]),
        _text(facts["user"]),
        _text(facts["tool"]),
        mode,
        _texts(facts["roots"]),
        machine=_maybe(_text, facts.get("machine")),
        boot=_maybe(_text, facts.get("boot")),
    )


def _intent(facts: Any) -> Intent:
    path = _absolute(facts["path"])
    staged = None if facts["staged"] is None else _absolute(facts["staged"])
    if staged is not None and os.path.dirname(staged) != os.path.dirname(path):
        raise ValueError(staged)  # Nothing is renamed but beside itself; resume relies on that.
    return Intent(
        path=path,
        staged=staged,
        device=_number(facts["device"]),
        inode=_number(facts["inode"]),
        changed_ns=_number(facts["changed_ns"]),
        apparent_bytes=_number(facts["apparent_bytes"]),
        allocated_bytes=_number(facts["allocated_bytes"]),
        reclaimable_bytes=_number(facts["reclaimable_bytes"]),
        rule=_maybe(_text, facts["rule"]),
        evidence=_texts(facts["evidence"]),
        project=_absolute(facts["project"]),
        regenerate=_maybe(_text, facts["regenerate"]),
        regenerate_in=_maybe(_absolute, facts["regenerate_in"]),
        warnings=_texts(facts["warnings"]),
        owner=_maybe(_number, facts.get("owner")),
        volume=_maybe(_text, facts.get("volume")),
        birth_ns=_number(facts.get("birth_ns", 0)),
        around_inode=_maybe(_number, facts.get("around_inode")),
        around_birth_ns=_number(facts.get("around_birth_ns", 0)),
    )


def _end(facts: Any) -> End:
    error = _maybe(_text, facts["error"])
    return End(Ending(facts["ending"]), _number(facts["freed_bytes"]), error, _time(facts["at"]))


_T = TypeVar("_T")


def _maybe(take: Callable[[object], _T], value: object) -> _T | None:
    return None if value is None else take(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    if _NO_CHARACTER.search(value):
        raise ValueError(value)  # JSON can spell it, and nothing can print it.
    return value


_NO_CHARACTER: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates but for those that stand for bytes of a name (``surrogateescape``)."""


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(_text(item) for item in value)


def _absolute(value: object) -> str:
    path = _text(value)
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError(path)
    os.fsencode(path)  # It raises UnicodeEncodeError where no path can be so, in this locale.
    return path


def _number(value: object) -> int:
    if not isinstance(value, int) or not -_LARGEST <= value < _LARGEST:
        raise TypeError(value)
    return value


_LARGEST: Final = 1 << 64
"""No number that a system gives is as large."""


def _time(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < _END_OF_TIME:
        raise TypeError(value)
    return value


_END_OF_TIME: Final = 253402300800
"""The year 10,000, which no calendar of Python's knows, in seconds since the epoch."""
