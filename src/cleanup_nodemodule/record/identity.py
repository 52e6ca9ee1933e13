"""What makes a directory that very directory, also after a restart and on another device number.

A device number and an inode number name a directory only while its file system stays mounted: the next
mount may have another device number, another disk may get this one, and ext4 gives the inode number of what
was deleted to the next directory that is made. What stays is the UUID of the file system, and the time the
directory was made, which no call can set.
"""

import errno
import functools
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.model import Identity
from cleanup_nodemodule.system import file_systems

_BTRFS: Final = 0x9123683E
_ZFS: Final = 0x2FC12FC1
_EXT: Final = 0xEF53
_OVERLAY: Final = 0x794C7630
"""Kinds of file systems, as fstatfs(2) has them."""

_STATX: Final = (0x1000, 0x800, 0x50)
"""``AT_EMPTY_PATH``, ``STATX_BTIME``, and where ``stx_btime`` stands in the answer (statx(2))."""

_PLAIN: Final = (
    getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_BY_PATH: Final = getattr(os, "O_PATH", os.O_RDONLY) | _PLAIN


@dataclass(frozen=True, slots=True)
class Being:
    """A directory, wherever it is."""

    device: int
    inode: int
    volume: str | None
    """What names its file system, whatever device that is on; None if nothing does."""
    birth_ns: int
    """When it was made, nanoseconds since the epoch; 0 if that is not known."""
    owner: int
    """Account that it belongs to (st_uid)."""
    changed_ns: int
    """Its st_ctime, nanoseconds since the epoch."""
    modified_ns: int
    """Its st_mtime, nanoseconds since the epoch."""

    @property
    def identity(self) -> Identity:
        """What the engine knows it by, now."""
        return Identity(self.device, self.inode)

    def is_same(self, device: int, inode: int, volume: str | None, birth_ns: int) -> bool:
        """Whether it is the directory that was known so: by what is known of both."""
        if volume is not None and _kind(volume) == _kind(self.volume):
            there = volume == self.volume
        else:
            there = device == self.device
        born = not birth_ns or not self.birth_ns or birth_ns == self.birth_ns
        return there and inode == self.inode and born


def seen(path: str, volumes: dict[int, str | None] | None = None) -> tuple[Being | None, Being]:
    """Return the directory at *path*, and the one around it; the path may be of any length.

    The former is None if there is nothing, or something that is no directory. *volumes* keeps by device
    what was found out of file systems, for several calls that are made at once. Raises OSError where the
    directory around it cannot be opened.
    """
    volumes = {} if volumes is None else volumes
    above, name = os.path.split(path)
    if os.open not in os.supports_dir_fd:
        return _by_path(path), _by_path(above) or _fail(above)
    around = engine.open_directory(os.fsencode(above))
    try:
        try:
            inside = os.open(name, _BY_PATH, dir_fd=around)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                raise
            return None, being_of(around, volumes)
        try:
            return being_of(inside, volumes), being_of(around, volumes)
        finally:
            os.close(inside)
    finally:
        os.close(around)


def all_seen(paths: list[str]) -> list[tuple[Being | None, Being] | None]:
    """Do as :func:`seen` for each; None where the directory around it cannot be opened."""
    volumes: dict[int, str | None] = {}
    found: list[tuple[Being | None, Being] | None] = []
    for path in paths:
        try:
            found.append(seen(path, volumes))
        except OSError:
            found.append(None)
    return found


def being_of(descriptor: int, volumes: dict[int, str | None] | None = None) -> Being:
    """Return what is open, which may be by O_PATH. Raises OSError."""
    volumes = {} if volumes is None else volumes
    status = os.fstat(descriptor)
    kind = engine.kind_of(descriptor)
    if status.st_dev not in volumes:
        volumes[status.st_dev] = _volume(descriptor, kind)
    # What overlayfs changes it copies first, and the copy is made then.
    birth = 0 if kind == _OVERLAY else _birth(descriptor, status)
    return _being(status, volumes[status.st_dev], birth)


def _being(status: os.stat_result, volume: str | None, birth: int) -> Being:
    return Being(
        status.st_dev,
        status.st_ino,
        volume,
        birth,
        status.st_uid,
        status.st_ctime_ns,
        status.st_mtime_ns,
    )


def _by_path(path: str) -> Being | None:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISDIR(status.st_mode):
        return None
    return _being(status, None, 0)


def _fail(path: str) -> Being:
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _kind(volume: str | None) -> str | None:
    return None if volume is None else volume.partition(":")[0]


def _volume(descriptor: int, kind: int) -> str | None:
    """Return what names the file system that something is on.

    That is its UUID, where the system gives that. Of btrfs and ZFS the number of statvfs(3), as that is made
    of the UUID and of the number of the subvolume: a snapshot has all else in common with what it is of. That
    of ext4 is made of the UUID; those of others, such as XFS, of the device number.
    """
    if kind not in {_BTRFS, _ZFS}:
        uuid = file_systems.uuid_of(descriptor)
        if uuid is not None:
            return f"uuid:{uuid}"
    if kind in {_BTRFS, _ZFS, _EXT}:
        number = os.fstatvfs(descriptor).f_fsid
        return f"fsid:{number:x}" if number else None
    return None


def _birth(descriptor: int, status: os.stat_result) -> int:
    made: float | None = getattr(status, "st_birthtime", None)
    return _statx()(descriptor) if made is None else int(made * 1e9)


@functools.cache
def _statx() -> Callable[[int], int]:
    """Return what tells when something open was made, in nanoseconds since the epoch; 0 if unknown."""
    if sys.platform != "linux":
        return lambda _descriptor: 0
    import ctypes  # noqa: PLC0415 - it takes long to import, and only deleting needs it
    import struct  # noqa: PLC0415 - only to delete

    call = getattr(ctypes.CDLL(None), "statx", None)  # Not in glibc before 2.28.
    if call is None:
        return lambda _descriptor: 0
    flag, wanted, place = _STATX
    call.argtypes = (
        *(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint),
        ctypes.c_void_p,
    )

    def ask(descriptor: int) -> int:
        answer = ctypes.create_string_buffer(256)
        if call(descriptor, b"", flag, wanted, answer):
            return 0
        if not struct.unpack_from("=I", answer)[0] & wanted:
            return 0
        seconds, nanoseconds = struct.unpack_from("=qI", answer, place)
        born: int = seconds * 10**9 + nanoseconds
        return born

    return ask
