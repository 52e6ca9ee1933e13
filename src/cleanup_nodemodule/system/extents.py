"""Where the content of an open file begins on the disk: files that share it begin at one place."""

import os
import struct
import sys
from typing import Final

_FIEMAP: Final = 0xC020660B
"""FS_IOC_FIEMAP (linux/fs.h): 32 bytes of request go in and out."""

_REQUEST: Final = struct.Struct("=QQIIII")
"""struct fiemap (linux/fiemap.h): start, length, flags, extents mapped, room for extents, reserved."""

_EXTENT: Final = struct.Struct("=QQQQQIIII")
"""struct fiemap_extent: logical, physical, length, two reserved, flags, three reserved."""

_NOWHERE: Final = 0x2 | 0x4 | 0x200
"""FIEMAP_EXTENT_UNKNOWN, _DELALLOC and _DATA_INLINE: it has no place, or none of its own."""


class CannotTellError(OSError):
    """The system or the file system does not tell where content lies."""


def first_of(descriptor: int) -> int | None:
    """Return where on its file system the content of an open regular file begins, in bytes.

    None where it has no place of its own: a file that is empty, that lies among the metadata, or that is not written to
    the disk yet. Nothing is written for it (Documentation/filesystems/fiemap.rst). Raises CannotTellError.
    """
    if sys.platform != "linux":
        raise CannotTellError
    import fcntl  # noqa: PLC0415 - there is none on Windows

    room = bytearray(_REQUEST.pack(0, 2**64 - 1, 0, 0, 1, 0) + bytes(_EXTENT.size))
    try:
        fcntl.ioctl(descriptor, _FIEMAP, room)
    except OSError as error:
        raise CannotTellError(error.errno, os.strerror(error.errno or 0)) from error
    if not _REQUEST.unpack_from(room)[3]:
        return None
    _, physical, _, _, _, flags, *_ = _EXTENT.unpack_from(room, _REQUEST.size)
    return None if flags & _NOWHERE or not physical else physical
