"""Reading a small file that may have become anything."""

import errno
import os
import stat


def read_small(path: str, most: int, *, follow: bool = False) -> tuple[bytes, os.stat_result]:
    """Return what the regular file *path* holds, and its status.

    Never waits, should it be a FIFO, and reads nothing but a regular file of *most* bytes or fewer. A symlink
    as the last name is refused unless told to *follow*. Raises OSError, whose text says which it was.
    """
    flags = os.O_RDONLY
    for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"):
        flags |= getattr(os, flag, 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # A NUL, which no name has.
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        with open(descriptor, "rb", closefd=False) as file:
            # One more, as it may grow, or lie about its size.
            content = file.read(most + 1)
        if len(content) > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", path)
    finally:
        os.close(descriptor)
    return content, status
