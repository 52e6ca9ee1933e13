"""The file of the history: where it is, who may open it, and how a damaged one is set aside.

Each machine has one of its own, as of two that share a home directory each sees other disks by the same paths, and SQLite
does not promise to keep two machines apart (sqlite.org/wal.html, sqlite.org/faq.html#q5).
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.record import trust
from cleanup_nodemodule.system import machine, mounts
from cleanup_nodemodule.system.accounts import account_name, unmapped, writable_by_others
from cleanup_nodemodule.system.files import may

PREFIX: Final = "history."
SUFFIX: Final = ".db"

COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database (sqlite.org/tempfiles.html)."""

_LOCK: Final = ".lock"

_ASIDE: Final = ".damaged-"

_KEPT_ASIDE: Final = 3
"""Damaged files that are kept, for whoever wants to know what was wrong."""

_WAIT: Final = 2.0
"""Seconds that a run waits for another one that sets a damaged file aside."""

_PAUSE: Final = 0.02

_ROOM: Final = 16 << 20
"""Bytes that have to be free for a write-ahead log."""

_MAGIC: Final = b"SQLite format 3\0"

_HEADER: Final = 100
"""Bytes of the header of a database (sqlite.org/fileformat2.html)."""

_WAL: Final = 2
"""The byte at 18 of a database with a write-ahead log."""


class HistoryError(Exception):
    """The history cannot be used. The message is a part of a sentence, and says why."""


class DamagedError(HistoryError):
    """The file is no history that can be used, and is to be set aside."""


def path_of(directory: str) -> str:
    """Return the path of this machine's history in a state directory."""
    return os.path.join(directory, f"{PREFIX}{machine.machine()}{SUFFIX}")


def check(path: str) -> None:
    """Raise DamagedError for what is no file, or somebody else's, and OSError where that cannot be found out.

    It may lie only in a directory that can be trusted (:func:`cleanup_nodemodule.record.trust.check`), so what is found
    stays so.
    """
    for one in (path, *(path + ending for ending in COMPANIONS)):
        try:
            status = os.lstat(one)
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(status.st_mode):
            raise DamagedError(f"{os.path.basename(one)} is a symlink")
        if not stat.S_ISREG(status.st_mode):
            raise DamagedError(f"{os.path.basename(one)} is not a file")
        if not hasattr(os, "geteuid"):
            continue
        if status.st_uid not in {os.geteuid(), *unmapped()}:
            raise DamagedError(f"{os.path.basename(one)} belongs to {account_name(status.st_uid)}")
        if writable_by_others(status):
            raise DamagedError(f"others may write to {os.path.basename(one)}")


def has_log(path: str) -> bool:
    """Whether a database has a write-ahead log. Raises DamagedError if it is none, and OSError.

    To be called before SQLite opens it: when a process closes a file, all its locks on that are gone (fcntl_locking(2)).
    """
    with open(path, "rb") as file:
        head = file.read(_HEADER)
    if head and not head.startswith(_MAGIC):
        raise DamagedError("it is not a database")
    return len(head) == _HEADER and head[18] == _WAL


def make(path: str) -> None:
    """Make the file if it is not there, readable for nobody else. Raises OSError where it cannot be written.

    SQLite has one error for all reasons.
    """
    directory = os.path.dirname(path)
    if not may(directory, os.W_OK | os.X_OK):
        read_only = hasattr(os, "ST_RDONLY") and os.statvfs(directory).f_flag & os.ST_RDONLY
        number = errno.EROFS if read_only else errno.EACCES
        raise OSError(number, os.strerror(number), directory)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    os.close(os.open(path, flags, 0o600))


def can_share_memory(directory: str) -> bool:
    """Whether processes can share memory by way of a file in a directory, as a write-ahead log needs it.

    Not by way of a network mount or FUSE, and not where the disk is about full: who then writes to such memory is killed
    by SIGBUS, for which SQLite can do nothing (mmap(2)).
    """
    if may_be_silent(directory) or not hasattr(os, "statvfs"):
        return False
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize >= _ROOM


def may_be_silent(directory: str) -> bool:
    """Whether another machine or a program answers for a directory. No such file system is asked."""
    return mounts.resolve(directory, mounts.mounted())[1]


@contextlib.contextmanager
def held(path: str, *, alone: bool = False) -> Iterator[bool]:
    """Keep the file from being set aside, or with *alone* from being opened, for the time of this.

    Gives whether that could be had. It lasts no longer than the process (flock(2)). Where there are no such locks,
    or no room for one, it is given without.
    """
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        yield True
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path + _LOCK, flags, 0o600)
    except OSError:
        yield True
        return
    try:
        yield _locked(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    import fcntl  # noqa: PLC0415 - as above

    end = time.monotonic() + _WAIT
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)
        except OSError as error:
            return error.errno in {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}
        else:
            return True


def set_aside(path: str) -> str:
    """Rename a damaged file, with what SQLite keeps beside it, and return where it is now. Raises OSError.

    Of those that were set aside before, the latest stay: a disk that damages one each night would fill up.
    """
    there = f"{path}{_ASIDE}{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    number, new = 1, there
    while any(os.path.lexists(new + ending) for ending in ("", *COMPANIONS)):
        number += 1
        new = f"{there}-{number}"
    for ending in ("", *COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + ending, new + ending)
    _forget_old(path, new)
    return new


def _forget_old(path: str, new: str) -> None:
    """Delete what was set aside before *new*: all but the latest :data:`_KEPT_ASIDE`."""
    directory, begin = os.path.dirname(path), f"{os.path.basename(path)}{_ASIDE}"
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(directory) if name.startswith(begin)]
        bases = {name.removesuffix(_ending(name)) for name in names} - {os.path.basename(new)}
        # Their names end with the time.
        old = sorted(bases)[: max(0, len(bases) + 1 - _KEPT_ASIDE)]
        for name in names:
            # A directory may have been in the place of the file. It is not ours.
            if name.removesuffix(_ending(name)) in old:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(directory, name))


def _ending(name: str) -> str:
    return next((ending for ending in COMPANIONS if name.endswith(ending)), "")


def why(error: OSError | trust.StateError) -> str:
    """Return in words why the file could not be used."""
    if isinstance(error, trust.StateError):
        return str(error)
    return error.strerror or str(error)
