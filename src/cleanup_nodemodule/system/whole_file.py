"""Writes a file whole or not at all: whoever reads it finds the old one or the new one, and never a half."""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

_NEW: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)

_BUFFER: Final = 1 << 20
"""Bytes that are written at a time."""

_PART: Final = 64
"""Characters of a name that its temporary file has, too, as there is no room for more of them in a long one."""


def is_stream(path: str) -> bool:
    """Whether *path* leads to a pipe, a terminal or the like: it takes what is written, and is never replaced."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def check(path: str) -> None:
    """Raise OSError where *path*, which is no symlink, can most likely not be written by :func:`write`."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file", path)
    if os.path.lexists(path) and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    # Nothing else tells whether a file can be made there, such as on a disk that is mounted to be read only.
    temporary = _temporary(path)
    os.close(os.open(temporary, _NEW, 0o600))
    os.unlink(temporary)


def write(path: str, pieces: Iterable[bytes], goes_on: Callable[[], object]) -> None:
    """Put what *pieces* make together in the place of the file *path*, which is no symlink, in one step.

    It is on disk before it is there (rename(2), fsync(2)). A new file has the mode that the umask leaves, and one that
    takes the place of another has the mode of that, and its owner if that can be given. Calls *goes_on* now and then.
    Raises OSError, and whatever *pieces* raise: then all is as it was.
    """
    temporary = _temporary(path)
    descriptor = os.open(temporary, _NEW, 0o666)
    try:
        with open(descriptor, "wb", buffering=_BUFFER) as file:
            for piece in pieces:
                file.write(piece)
                goes_on()
            file.flush()
            _make_like(path, descriptor)
            os.fsync(descriptor)
            goes_on()
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(os.path.dirname(path))


def write_stream(path: str, pieces: Iterable[bytes], goes_on: Callable[[], object]) -> None:
    """Write what *pieces* make together to a pipe or the like. Raises OSError, and whatever *pieces* raise."""
    with open(path, "wb") as file:
        for piece in pieces:
            file.write(piece)
            goes_on()


def _temporary(path: str) -> str:
    directory, name = os.path.split(path)
    part = os.fsdecode(os.fsencode(name)[:_PART])
    return os.path.join(directory, f".{part}.{os.urandom(8).hex()}.tmp")


def _make_like(path: str, descriptor: int) -> None:
    """Give what is open the mode and the owner of the file that it takes the place of, if there is one."""
    try:
        old = os.lstat(path)
    except OSError:
        return
    if not hasattr(os, "fchown"):
        return
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid):
        with suppress(OSError):  # Only root may.
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o777)


def _sync_directory(directory: str) -> None:
    """Have the new name on disk as well, where directories can be synced."""
    with suppress(OSError):
        descriptor = os.open(directory or os.curdir, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
