"""Holds back what came of deletions until the disk has them.

After a power cut a disk has what it was made to keep, and the journal, which may be on another one, has
what was written there: so before the journal says that something is gone, the file system that held it is
asked to keep that. One answer serves for everything that was done before. It is also the only way to hear
that a disk has failed, as a file system goes on in memory without it.
"""

import asyncio
import errno
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.system.space import sync_all
from cleanup_nodemodule.work.scheduler import Scheduler

_SECONDS: Final = 2.0
"""How long results are held back at the least, so that many are settled by one answer."""

_SHARE: Final = 10
"""An answer that took long is not asked for again before so many times as long has passed."""

_NOTHING_TO_ASK: Final = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, errno.EBADF}
)
"""What fsync(2) and syncfs(2) fail with where a file system keeps nothing back, or knows no such call."""

_LOGGED: Final = frozenset(
    {
        0xEF53,  # ext2 to ext4
        0x58465342,  # XFS
        0x794C7630,  # overlay
    }
)
"""File systems (statfs(2)) with a log that keeps the order of what was done: once it has the last step, it
has all of them. So nobody's data need be written back, which syncfs(2) would wait for."""

_IMMEDIATE: Final = frozenset(
    {
        0x01021994,  # tmpfs
        0x858458F6,  # ramfs
        0x6969,  # NFS
        0xFF534D42,  # CIFS
        0xFE534D42,  # SMB
        0x65735546,  # FUSE
        0x01021997,  # 9P
    }
)
"""File systems that hold nothing back themselves. All others are asked by syncfs(2), as btrfs: its fsync(2)
is about one directory."""

_BROKEN: Final = frozenset({errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, 117})
"""What a file system says that has lost its disk. The last is EUCLEAN, of Linux."""

_MAX: Final = 4
"""Directories that are kept open of each disk: the last one may be deleted in its turn."""


class Durable:
    """The results that wait for their disk. Used from the event loop only."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler: Final = scheduler
        self._disks: dict[int, _Disk] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._round: asyncio.Task[None] | None = None
        self._pause = _SECONDS

    def add(self, device: int, around: int | None, tell: Callable[[int | None], None]) -> None:
        """Call *tell* when the disk *device* has all that was done by now.

        *around* is an open directory on it, to be closed here. *tell* gets None, or
        the error number if the disk did not keep it.
        """
        self._disks.setdefault(device, _Disk()).add(around, tell)
        if self._timer is None and self._round is None:
            self._wait()

    async def flush(self) -> None:
        """Settle everything."""
        if self._round is not None:
            await self._round
        if self._timer is not None:
            self._timer.cancel()
        await self._ask()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._round = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        disks, self._disks = self._disks, {}
        await asyncio.gather(*(self._ask_one(disk) for disk in disks.values()))
        self._pause = max(_SECONDS, _SHARE * (loop.time() - start))
        self._round = None
        if self._disks:
            self._wait()

    async def _ask_one(self, disk: "_Disk") -> None:
        try:
            number = await self._scheduler.ask_aside(keep, disk.take())
        except TimeoutError:
            number = errno.ETIMEDOUT
        for tell in disk.waiting:
            tell(number)


class _Disk:
    """One file system, and who waits for it."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[int | None], None]] = []
        self._around: deque[int] = deque()

    def add(self, around: int | None, tell: Callable[[int | None], None]) -> None:
        self.waiting.append(tell)
        if around is not None:
            self._around.append(around)
        while len(self._around) > _MAX:
            os.close(self._around.popleft())

    def take(self) -> list[int]:
        taken = list(reversed(self._around))
        self._around.clear()
        return taken


def keep(directories: Sequence[int]) -> int | None:
    """Have the file system of some open directories keep what was done on it by now, and close them.

    Return the error number if it did not. Of a file system that nothing can be asked, or without a
    directory, nothing is known, and nothing is said.
    """
    try:
        kind = engine.kind_of(directories[0]) if directories else 0
        if sys.platform == "linux" and kind in _LOGGED:
            # A step of its own, after all others: a log that was given up before takes none any more,
            # while fsync(2) of a directory then has nothing to do and says that all is well.
            if any(_step(directory) for directory in directories):
                return None
        elif sys.platform == "linux" and kind not in _IMMEDIATE:
            for directory in directories[:1]:
                sync_all(directory)
        for directory in directories:
            os.fsync(directory)
    except OSError as error:
        return None if error.errno in _NOTHING_TO_ASK else error.errno or errno.EIO
    finally:
        for directory in directories:
            os.close(directory)
    return None


def _step(directory: int) -> bool:
    """Have the disk keep a file without a name (O_TMPFILE, open(2)); return whether there can be one.

    Raises OSError if the disk did not keep it.
    """
    try:
        file = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0, dir_fd=directory)
    except OSError as error:
        if error.errno in _BROKEN:
            raise
        return False
    try:
        os.fsync(file)
    finally:
        os.close(file)
    return True
