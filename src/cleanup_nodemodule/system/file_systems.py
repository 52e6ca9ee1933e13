"""What names a file system, on this machine and on every other that mounts it.

A device number names it on one machine and until the next mount. Its UUID is in the file system itself, and that of a
network mount is the server with what it exports.
"""

import os
import re
import sys
from collections.abc import Iterable
from typing import Final

from cleanup_nodemodule.system import mounts

_GET_UUID: Final = 0x80111500
"""``FS_IOC_GETFSUUID`` of include/uapi/linux/fs.h, Linux 6.9: a length and 16 bytes."""

_PLAIN: Final = (
    getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_READABLE: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN

_BY_SOURCE: Final = {
    **dict.fromkeys(("nfs", "nfs4"), "nfs"),
    **dict.fromkeys(("cifs", "smb3", "smbfs"), "smb"),
    "lustre": "lustre",
    "ceph": "ceph",
    "fuse.glusterfs": "glusterfs",
}
"""Kinds of which the source names the file system wherever it is mounted, each with the word that goes before it."""

_BY_NUMBER: Final = frozenset({"btrfs", "zfs"})
"""Kinds with several trees that each have inode numbers of their own. The number of statvfs(3) is made of what names
the file system and of what names the tree, and is the same on every machine."""

_UUIDS: Final = "/dev/disk/by-uuid"
"""Where udev(7) has a symlink for each block device with a file system."""


class FileSystems:
    """The names of file systems, each found out once and remembered by its device number."""

    def __init__(self) -> None:
        self._known: dict[int, str | None] = {}
        self._mounts: mounts.Table | None = None

    def name_of(self, device: int, path: str, root: str) -> str | None:
        """Return what names the file system with this *device* number (st_dev) on every machine that mounts it.

        It holds the directory *path*, and most likely the directory *root* above. ``uuid:`` and the UUID, ``nfs:`` and
        the source of the mount (``smb:``, ``lustre:``, ``ceph:``, ``glusterfs:``), or ``fsid:`` and the number that
        statvfs(3) has for a subvolume of btrfs or a data set of ZFS. None where nothing names it, as for tmpfs, and
        where the system does not tell. No file system that may not answer is asked.
        """
        if device not in self._known:
            try:
                self._known[device] = self._found(device, path, root)
            except (OSError, ValueError):
                self._known[device] = None
        return self._known[device]

    def _found(self, device: int, path: str, root: str) -> str | None:
        if self._mounts is None:
            self._mounts = mounts.here()
        mount = self._mounts.mount_of(path)
        if mount is None:
            return None
        if mount.kind in _BY_SOURCE:
            # One file system may be mounted in several parts, and has one device number then.
            [source, *_] = self._mounts.sources(mount.device)
            return f"{_BY_SOURCE[mount.kind]}:{source}"
        if mounts.is_silent(mount.kind):
            return None
        if mount.kind in _BY_NUMBER:
            number = os.statvfs(path).f_fsid
            return f"fsid:{number:x}" if number else None
        if mount.device.startswith(
            "0:"
        ):  # It is on no block device, and is gone when it is unmounted.
            return None
        return _by_asking(device, (root, path, mount.point)) or _by_device(mount.device)


def _by_asking(device: int, places: Iterable[str]) -> str | None:
    """Return the UUID as a directory of the file system tells it, the first of these that can be opened."""
    for place in places:
        try:
            descriptor = os.open(place, _READABLE)
        except OSError:
            continue
        try:
            if os.fstat(descriptor).st_dev == device:
                uuid = uuid_of(descriptor)
                return None if uuid is None else f"uuid:{_spelled(uuid)}"
        finally:
            os.close(descriptor)
    return None


def _by_device(device: str) -> str | None:
    """Return the UUID that udev has found on a block device (``major:minor``)."""
    numbers = tuple(map(int, device.split(":")))
    for name in os.listdir(_UUIDS):
        number = os.stat(os.path.join(_UUIDS, name)).st_rdev
        if (os.major(number), os.minor(number)) == numbers:
            return f"uuid:{name.lower()}"
    return None


def _spelled(uuid: str) -> str:
    """Return the UUID as blkid(8) and udev spell it."""
    return re.sub(r"(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", uuid)


def uuid_of(descriptor: int) -> str | None:
    """Return the 32 digits of the UUID of the file system that something open is on, which may be so by O_PATH.

    None where the system does not tell.
    """
    if sys.platform != "linux":
        return None
    import fcntl  # noqa: PLC0415 - there is none on Windows

    answer = bytearray(17)
    try:
        # What was opened by O_PATH takes no such call.
        readable = os.open(".", _READABLE, dir_fd=descriptor)
    except OSError:
        return None
    try:
        fcntl.ioctl(readable, _GET_UUID, answer)
    except OSError:
        return None
    finally:
        os.close(readable)
    return answer[1:].hex() if any(answer[1:]) else None
