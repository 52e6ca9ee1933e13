"""Keeps two runs that delete from working on one tree at once.

Each run that deletes holds a lock of its own for as long as it lives, one of the numbered ones in the
registry ``locks/MACHINE`` of the user's state directory, and says in the file beside it what it works on.
Starting takes a short mutex: whoever has it looks at the others and takes a number that is free. The
locks are those of flock(2) (filelock), which the kernel drops with the process however that ends, so
that what a dead run left is a free number, and no file is ever taken away.

What this is for is that one run's numbers are not spoilt by another, and that two do not get in each
other's way. It is not what makes deleting safe: each artifact is taken by one atomic step, which only
one of two can do. So it is enough that

* runs of other users are not seen, each having a state directory of its own;
* nor are runs on other machines, even where the state directory is shared between them (NFS): whether
  a path there is the same tree as here cannot be told, nor always whether that run still lives.
"""

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from cleanup_nodemodule.errors import CleanupError, ExitCode
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import state_directory, trust
from cleanup_nodemodule.system import machine, mounts
from cleanup_nodemodule.system.files import read_small

if TYPE_CHECKING:
    from filelock import BaseFileLock

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

_MUTEX: Final = "mutex"
_LOCK: Final = ".lock"
_CARD: Final = ".json"

_LARGEST_CARD: Final = 16 * 1024 * 1024
"""Bytes of the card of a run with very many roots."""

_MUTEX_TIMEOUT: Final = 30.0
"""Seconds to wait for a mutex that is held for a few milliseconds, unless somebody stopped that run."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that is deleting."""

    run: str
    """Its id in the journal."""
    pid: int
    host: str
    started_at: float
    """Seconds since the epoch."""
    roots: tuple[str, ...]
    """Absolute paths, without symlinks, of what it deletes beneath."""


class Locked(CleanupError):
    """Another run is deleting in the same tree. The message says which, and what to do."""

    exit_code = ExitCode.LOCKED
    code = ProblemCode.LOCKED

    def __init__(self, holder: Holder, root: str) -> None:
        self.holder = holder
        self.root = root
        """The root of the other run that is in the way."""
        since = time.strftime("%X", time.localtime(holder.started_at))
        if time.time() - holder.started_at > _HALF_A_DAY:
            since = time.strftime("%Y-%m-%d %X", time.localtime(holder.started_at))
        super().__init__(
            f"another run (process {holder.pid}, since {since}) is deleting beneath {root!r};"
            " wait for it with --wait"
        )

    @property
    def path(self) -> str:
        """The root of the other run that is in the way."""
        return self.root


_HALF_A_DAY: Final = 12 * 3600


class LockError(trust.StateError):
    """The lock cannot be had, for another reason than a run. The message says what to do."""


class Held:
    """The lock on some roots, until it is released or the process ends. A context manager."""

    def __init__(self, lock: "BaseFileLock | None") -> None:
        self._lock = lock

    @property
    def alone(self) -> bool:
        """Whether others are really kept out: on a full disk there may be no room for a lock."""
        return self._lock is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let others in. Never raises: the end of the process does it at the latest."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock.release()
            self._lock = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a root is, by everything that tells whether another one is the same, above or beneath."""

    path: str
    """Absolute, without symlinks."""
    way: tuple[tuple[int, int], ...]
    """Device and inode of it and of all directories above it, itself first; empty if it is gone."""
    origin: tuple[str, str] | None
    """The file system (major:minor) and the path within that, which differ from device and path where
    something is mounted twice; None if the system does not say."""

    def meets(self, other: "_Place") -> bool:
        """Whether one of the two is the other, or lies in it."""
        if _nested(self.path, other.path):
            return True
        if (other.way and other.way[0] in self.way) or (self.way and self.way[0] in other.way):
            return True
        if self.origin is None or other.origin is None:
            return False
        return self.origin[0] == other.origin[0] and _nested(self.origin[1], other.origin[1])


def acquire(directory: str, roots: Sequence[str], run: str) -> Held:
    """Lock the trees beneath *roots* for the run with this id; *directory* is the state directory.

    Two roots exclude each other if they are the same directory or one lies in the other, whatever
    symlinks and (on Linux) bind mounts lead there. Raises Locked at once where another run has one of them:
    whoever wants to wait tries again. Raises LockError where no lock can be had at all; but a full disk, which
    is what people delete for, gives a lock that holds nothing (:attr:`Held.alone`).
    """
    places = [_place(root) for root in roots]
    registry = _path(directory)
    try:
        state_directory.prepare(registry)
        with _mutex(registry):
            found = _conflict(registry, places)
            if found is None:
                return _enter(registry, run, places)
    except OSError as error:
        if error.errno in _FULL:
            return Held(None)
        raise _impossible(registry, error) from error
    raise found


def held(directory: str) -> tuple[Holder, ...]:
    """Return the runs on this machine that are deleting now. Raises LockError or StateError."""
    path = _path(directory)
    if not os.path.lexists(path):
        return ()
    trust.check(path)
    try:
        with _mutex(path):
            return tuple(holder for holder, _ in _holders(path))
    except OSError as error:
        if error.errno in _FULL:
            return ()  # No room for the mutex, which everybody who has a lock has had before.
        raise _impossible(path, error) from error


def _path(directory: str) -> str:
    # Not by its name, which may change while a run is at work.
    return os.path.join(directory, "locks", machine.machine())


def _impossible(registry: str, error: OSError) -> LockError:
    if isinstance(error, LockError):
        return error
    if isinstance(error, trust.StateError):
        return LockError(error.errno or errno.EIO, str(error))
    return LockError(
        error.errno or errno.EIO,
        f"cannot keep other runs out with a lock in {registry!r}: {error.strerror}; {trust.ADVICE},"
        " on a file system that has locks",
    )


def _mutex(registry: str) -> AbstractContextManager[object]:
    """Take the registry's mutex and return what releases it when it is left."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - for start-up's sake

    lock = FileLock(
        os.path.join(registry, _MUTEX + _LOCK),
        timeout=_MUTEX_TIMEOUT,
        mode=0o600,
        thread_local=False,
    )
    try:
        return lock.acquire(poll_interval=0.005)
    except Timeout as error:
        raise LockError(
            errno.ETIMEDOUT,
            f"another run has been starting for {_MUTEX_TIMEOUT:.0f} seconds (it holds"
            f" {lock.lock_file!r}); see whether it was stopped, and end it",
        ) from error


def _conflict(registry: str, places: Iterable[_Place]) -> Locked | None:
    """Return who is in the way; the mutex is held."""
    for holder, others in _holders(registry):
        for place in places:
            for other in others:
                if place.meets(other):
                    return Locked(holder, other.path)
    return None


def _holders(registry: str) -> Iterator[tuple[Holder, list[_Place]]]:
    """Give the living runs; the mutex is held."""
    for name in sorted(os.listdir(registry)):
        number, ending = os.path.splitext(name)
        if ending != _LOCK or number == _MUTEX:
            continue
        lock = _lock(registry, number)
        if lock is not None:
            lock.release()  # What stands beside it is a dead run's.
            continue
        try:
            card, _ = read_small(os.path.join(registry, number + _CARD), _LARGEST_CARD)
            known = dict(json.loads(card.decode("ascii")))
            places = [_read_place(place) for place in known.pop("places")]
            holder = Holder(**known, roots=tuple(place.path for place in places))
        except (FileNotFoundError, ValueError, TypeError, LookupError, RecursionError):
            continue  # A later version's, or spoilt: nothing depends on it.
        yield holder, places


def _lock(registry: str, number: str) -> "BaseFileLock | None":
    """Take the lock with this number and return it; None if somebody has it."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - for start-up's sake

    path = os.path.join(registry, number + _LOCK)
    lock = FileLock(path, blocking=False, mode=0o600, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def _enter(registry: str, run: str, places: Sequence[_Place]) -> Held:
    """Enter this process in the registry; the mutex is held."""
    known = {
        "run": run,
        "pid": os.getpid(),
        "host": machine.host_name(),
        "started_at": round(time.time(), 3),
        "places": [asdict(place) for place in places],
    }
    number = 0
    while (lock := _lock(registry, str(number))) is None:
        number += 1
    try:
        card = os.path.join(registry, f"{number}{_CARD}")
        descriptor = os.open(card, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            json.dump(known, file)
    except OSError:
        lock.release()
        raise
    return Held(lock)


def _place(root: str) -> _Place:
    path = os.path.realpath(root)
    way: list[tuple[int, int]] = []
    directory = path
    while True:
        try:
            status = os.stat(directory)
        except OSError:
            if not way:
                break  # It is gone, so it is nothing but its path.
        else:
            way.append((status.st_dev, status.st_ino))
        above = os.path.dirname(directory)
        if above == directory:
            break
        directory = above
    return _Place(path, tuple(way), mounts.origin(path))


def _read_place(known: Any) -> _Place:
    origin = known["origin"]
    way = tuple((int(device), int(inode)) for device, inode in known["way"])
    return _Place(str(known["path"]), way, None if origin is None else (origin[0], origin[1]))


def _nested(one: str, other: str) -> bool:
    return mounts.within(one, other) or mounts.within(other, one)
