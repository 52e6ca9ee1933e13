"""Writes a file whole or not at all: whoever reads it finds the old one or the new one, and never a half."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

_NEW: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)

_DIRECTORY: Final = (
    getattr(os, "O_PATH", os.O_RDONLY)
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

_STREAM: Final = (
    os.O_WRONLY
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

Identity: TypeAlias = tuple[int, int]
"""Device and inode of a directory."""

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


def check(path: str) -> Identity:
    """Return which directory *path*, which is no symlink, lies in.

    Raises OSError where it can most likely not be written by :func:`write`.
    """
    with _around(path) as (directory, name):
        try:
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if mode is not None and not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        if mode is not None and not os.access(name, os.W_OK, dir_fd=directory):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        # Nothing else tells whether a file can be made there, such as on a disk that is mounted to be read only.
        temporary = _temporary(name)
        os.close(os.open(temporary, _NEW, 0o600, dir_fd=directory))
        os.unlink(temporary, dir_fd=directory)
        status = os.stat(os.path.dirname(path)) if directory is None else os.fstat(directory)
        return status.st_dev, status.st_ino


def write(
    path: str,
    pieces: Iterable[bytes],
    goes_on: Callable[[], object],
    expected: Identity | None = None,
    *,
    mode: int | None = None,
    durable: bool = True,
) -> None:
    """Put what *pieces* make together in the place of the file *path*, which is no symlink, in one step.

    It is on disk before it is there (rename(2), fsync(2)). If it need not be *durable* that is left to the system, as a busy
    disk takes its time for that; after a power failure it may be empty then (ext4(5), ``auto_da_alloc``). A new file has the mode that the umask leaves, and one that
    takes the place of another has the mode of that, and its owner if that can be given. With *mode* it has that one, and
    belongs to whoever runs this. Calls *goes_on* now and then.
    With *expected*, it is written only if that is still the directory around it: somebody else may have put a symlink
    in the way since. Raises OSError, and whatever *pieces* raise: then all is as it was.
    """
    with _around(path, expected) as (directory, name):
        temporary = _temporary(name)
        descriptor = os.open(temporary, _NEW, 0o666, dir_fd=directory)
        try:
            with open(descriptor, "wb", buffering=_BUFFER) as file:
                for piece in pieces:
                    file.write(piece)
                    goes_on()
                file.flush()
                if mode is None:
                    _make_like(name, directory, descriptor)
                elif hasattr(os, "fchmod"):
                    os.fchmod(descriptor, mode)
                if durable:
                    os.fsync(descriptor)
                goes_on()
            os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory)
            raise
        if durable:
            _sync_directory(os.path.dirname(path) if directory is None else os.curdir, directory)


@contextmanager
def _around(path: str, expected: Identity | None = None) -> Iterator[tuple[int | None, str]]:
    """Give the directory around a file, open, and the name of the file in it; without such calls None and the path."""
    directory, name = os.path.split(path)
    if os.open not in os.supports_dir_fd:
        yield None, path
        return
    descriptor = os.open(directory or os.curdir, _DIRECTORY)
    try:
        status = os.fstat(descriptor)
        if expected is not None and (status.st_dev, status.st_ino) != expected:
            raise OSError(
                errno.ESTALE, "another directory is in the place of the one around it", path
            )
        yield descriptor, name
    finally:
        os.close(descriptor)


def write_stream(path: str, pieces: Iterable[bytes], goes_on: Callable[[], object]) -> None:
    """Write what *pieces* make together to a pipe or the like. Raises OSError, and whatever *pieces* raise.

    What is a file by now, or a symlink that was put there, is left as it is.
    """
    # /dev/stderr and the like are symlinks of the system's own.
    links = 0 if is_systems(path) else getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, _STREAM | links)
    with open(descriptor, "wb") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no pipe or terminal any more", path)
        for piece in pieces:
            file.write(piece)
            goes_on()


def is_systems(path: str) -> bool:
    """Whether a path is one of the system's own devices and descriptors, which no user can exchange."""
    return os.path.dirname(path) in {"/dev", "/dev/fd", "/dev/pts", "/proc/self/fd"}


def _temporary(name: str) -> str:
    directory, name = os.path.split(name)
    part = os.fsdecode(os.fsencode(name)[:_PART])
    return os.path.join(directory, f".{part}.{os.urandom(8).hex()}.tmp")


def _make_like(name: str, directory: int | None, descriptor: int) -> None:
    """Give what is open the mode and the owner of the file that it takes the place of, if there is one."""
    try:
        old = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return
    if not hasattr(os, "fchown"):
        return
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid):
        with suppress(OSError):  # Only root may.
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o777)


def _sync_directory(path: str, directory: int | None) -> None:
    """Have the new name on disk as well, where directories can be synced."""
    with suppress(OSError):
        descriptor = os.open(
            path or os.curdir, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0), dir_fd=directory
        )
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
