"""Opening and reading files that may have become anything."""

import errno
import os
import stat
from typing import Final

ABSENT: Final = (FileNotFoundError, NotADirectoryError, PermissionError)
"""What is raised where something is not there, or not to be gone to."""

_CLOSED: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO}
)
"""What open(2) says of a file that is not there any more, not to be read, or no file any more."""


class UnfitError(OSError):
    """What is there is no regular file, or larger than it may be. The text says which it is."""


def may(path: str, how: int) -> bool:
    """Whether this process may do with *path* what *how* says (access(2)).

    With the rights that it has: access(2) itself asks for those of the real user, who has no capabilities of root's.
    """
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


def open_regular(
    path: str,
    flags: int = os.O_RDONLY,
    mode: int = 0o600,
    *,
    follow: bool = False,
    directory: int | None = None,
) -> int:
    """Return a descriptor of the regular file *path*, opened with *flags*; in the open *directory* if one is given.

    With ``O_CREAT`` it is made with *mode* if it is not there. Never waits, should it be a FIFO. A symlink as the last
    name is refused unless told to *follow*. Raises UnfitError where it is no regular file, and OSError. Fit to be the
    ``opener`` of :func:`open`.
    """
    for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"):
        flags |= getattr(os, flag, 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, mode, dir_fd=directory)
    except ValueError as error:  # A NUL, which no name has.
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnfitError(errno.EINVAL, "it is no regular file", path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_small(path: str, max_bytes: int, *, follow: bool = False) -> tuple[bytes, os.stat_result]:
    """Return what the regular file *path* holds, and its status.

    Opens it as :func:`open_regular` does, and reads nothing but a file of *max_bytes* bytes or fewer. Raises
    UnfitError and OSError.
    """
    with open(open_regular(path, follow=follow), "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_size > max_bytes:
            raise UnfitError(errno.EFBIG, f"it has more than {max_bytes:,} bytes", path)
        # One more, as it may grow, or lie about its size.
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UnfitError(errno.EFBIG, f"it has more than {max_bytes:,} bytes", path)
    return content, status


def content(path: str, max_bytes: int) -> bytes | None:
    """Return what the regular file *path* holds, None for anything else, as :func:`read_small` reads it.

    None, too, for what is not there any more or must not be read. Raises OSError for anything else.
    """
    try:
        return read_small(path, max_bytes)[0]
    except UnfitError:
        return None
    except OSError as error:
        if error.errno in _CLOSED:
            return None
        raise
