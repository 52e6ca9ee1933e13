"""A disk that loses what was not flushed, and one that fails (FUSE, fuse(4)).

    python power_loss.py MOUNTPOINT IMAGE RECORD WITNESS

A file system with a single file ``disk``, which is *IMAGE*: to be mounted with a loop device, whose driver
makes an fsync(2) of every flush. What is written, and when it was flushed, goes to the file *RECORD*; right
before each flush is answered, the files in the directory *WITNESS* are copied to ``RECORD.N``. So for each
flush it is known what the disk has, whatever happens next, and what was said elsewhere before the next one.

The extended attribute ``user.broken`` of the root has every write and flush fail from then on.
"""

import errno
import os
import shutil
import stat
import struct
import sys
from pathlib import Path
from typing import Any, Final

from mfusepy import FUSE, FuseOSError, Operations

_WRITE: Final = struct.Struct("=QQ")
"""Where, and how many bytes, which follow; a flush has no bytes, and its number."""


class Recorder(Operations):  # type: ignore[misc]  # it has no types
    """The operations."""

    use_ns = True

    def __init__(self, image: str, record: str, witness: str) -> None:
        self._image = os.open(image, os.O_RDWR)
        self._record_name = record
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._witness = Path(witness)
        self._flushes = 0
        self._broken = False

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:  # noqa: ARG002 - as FUSE has it
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path != "/disk":
            raise FuseOSError(errno.ENOENT)
        size = os.fstat(self._image).st_size
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": size}

    def readdir(self, path: str, fh: int) -> list[str]:  # noqa: ARG002 - as FUSE calls it
        return [".", "..", "disk"]

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:  # noqa: ARG002 - as FUSE calls it
        return os.pread(self._image, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:  # noqa: ARG002 - as FUSE calls it
        if self._broken:
            raise FuseOSError(errno.EIO)
        os.write(self._record, _WRITE.pack(offset, len(data)) + data)
        return os.pwrite(self._image, data, offset)

    def fsync(self, path: str, datasync: int, fh: int) -> int:  # noqa: ARG002 - as FUSE calls it
        if self._broken:
            raise FuseOSError(errno.EIO)
        # Whoever waits for this answer has not said anything because of it yet.
        shutil.copytree(self._witness, f"{self._record_name}.{self._flushes}")
        os.write(self._record, _WRITE.pack(self._flushes, 0))
        self._flushes += 1
        return 0

    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> int:  # noqa: ARG002 - as FUSE calls it
        if name != "user.broken":
            raise FuseOSError(errno.ENOTSUP)
        self._broken = True
        return 0


def recorded(record: Path) -> list[tuple[int, bytes | None]]:
    """Return what was recorded, in order: where on the disk, and the bytes that were written there.

    For a flush there are no bytes, and its number instead of a place on the disk.
    """
    content = record.read_bytes()
    steps: list[tuple[int, bytes | None]] = []
    place = 0
    while place < len(content):
        offset, length = _WRITE.unpack_from(content, place)
        place += _WRITE.size
        steps.append((offset, content[place : place + length] if length else None))
        place += length
    return steps


if __name__ == "__main__":
    FUSE(
        Recorder(*sys.argv[2:]),
        sys.argv[1],
        foreground=True,
        nothreads=True,
        # What is read is on the disk, whoever has written it there.
        direct_io=True,
        attr_timeout=0,
        entry_timeout=0,
    )
