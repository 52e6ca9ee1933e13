"""Which directories share their free space, and how much of it there is.

A device number (st_dev) does not tell: each subvolume of one btrfs has its own. What is mounted does (mountinfo, in
proc_pid_mountinfo(5)): its number is that of the whole file system, the same for its subvolumes and for each bind mount.
"""

import contextlib
import errno
import os
import sys
from typing import Final, NamedTuple

from cleanup_nodemodule import engine
from cleanup_nodemodule.system import mounts

_READABLE: Final = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

_PROMPT: Final = frozenset({"ext2", "ext3", "ext4", "tmpfs", "ramfs"})
"""Kinds whose free space is right as soon as something was deleted and synced."""

_ECHOING: Final = frozenset({"overlay", "apfs"})
"""Kinds that tell the free space of something else, which may be here too: the file system beneath, the container. So
may all for which another machine or program answers."""

_ALIKE: Final = 1 << 20
"""Bytes of free space by which two readings of one file system may differ, because others are at work there."""


class Space(NamedTuple):
    """What has free space of its own: a file system, or a pool of them."""

    key: str
    """Tells it from all others, as long as it stays mounted."""
    point: str
    """Where it is mounted; one of the places, if there are several."""
    kind: str
    """Such as ``ext4``; empty if that is not known."""

    @property
    def silent(self) -> bool:
        """Whether it may not answer, as another machine or a program answers for it."""
        return mounts.is_silent(self.kind)

    @property
    def prompt(self) -> bool:
        """Whether its free space is right at once, so that it need not be asked again."""
        return self.kind in _PROMPT

    @property
    def echoes(self) -> bool:
        """Whether it tells the free space of something else, which may be here too."""
        return self.kind in _ECHOING or self.silent


class Reading(NamedTuple):
    """What a file system says of itself (statvfs(3)), in bytes."""

    free: int
    """Free for root, as what is kept for root comes back too."""
    total: int

    def is_of(self, other: "Reading") -> bool:
        """Whether both say the same, but for what others have written in between."""
        return self.total == other.total and abs(self.free - other.free) <= _ALIKE


def space_of(path: str, device: int) -> Space:
    """Return what the absolute *path* takes its space from; *device* is its st_dev. No disk is asked."""
    try:
        mount = mounts.here().mount_of(path)
    except OSError:  # As where there is no /proc.
        mount = None
    if mount is None:
        kinds = mounts.mounted()
        point = mounts.mount_point_of(path, kinds)
        return Space(f"device {device}", point, kinds.get(point, ""))
    # Each data set has a number of its own, and all of a pool have the same space (zfsconcepts(7)).
    pool = mount.source.partition("/")[0] if mount.kind == "zfs" else ""
    return Space(f"pool {pool}" if pool else mount.device, mount.point, mount.kind)


def read(place: str, sync: bool) -> Reading | None:  # noqa: FBT001 - it is called by way of an executor
    """Return what the file system that holds the directory *place* has free, with *sync* after all is written to its disk.

    *place* is absolute, without symlinks. None where that cannot be asked. May take as long as the disk does.
    """
    if not hasattr(os, "fstatvfs") or os.open not in os.supports_dir_fd:
        return None
    try:
        directory = engine.open_directory(os.fsencode(place))
    except OSError:
        return None
    try:
        if sync:
            _sync(directory)
        status = os.fstatvfs(directory)
    except OSError:
        return None
    finally:
        os.close(directory)
    return Reading(status.f_bfree * status.f_frsize, status.f_blocks * status.f_frsize)


def _sync(directory: int) -> None:
    """Sync the file system of a directory, which may be open by O_PATH, if it can be read."""
    with contextlib.suppress(PermissionError):
        # What was opened by O_PATH takes no such call.
        readable = os.open(".", _READABLE, dir_fd=directory)
        try:
            sync_all(readable)
        finally:
            os.close(readable)


def sync_all(descriptor: int) -> None:
    """Have a file system write to its disk all that it holds back (syncfs(2)). Raises OSError.

    *descriptor* is open on it, and not by O_PATH. Does nothing where there is no such call, as on macOS.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - it takes long to import, and only deleting needs it

    call = ctypes.CDLL(None, use_errno=True).syncfs
    if call(ctypes.c_int(descriptor)):
        number = ctypes.get_errno() or errno.EIO
        raise OSError(number, os.strerror(number))
