"""What a file system tells about how it gives back space: its kind, and what its blocks and inodes take.

Nothing of that needs a privilege. What to make of it is decided elsewhere (survey/accounting.py).
"""

import contextlib
import math
import os
import struct
import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

from cleanup_nodemodule import engine
from cleanup_nodemodule.system import mounts, zfs

_READABLE: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

# include/uapi/linux/btrfs.h. Some processors have other numbers for it (asm/ioctl.h): there nothing is known.
_SPACES: Final = struct.Struct("=QQ")
"""``struct btrfs_ioctl_space_args``, before its spaces: how many there is room for, and how many there are."""
_SPACE: Final = struct.Struct("=QQQ")
"""``struct btrfs_ioctl_space_info``: flags, bytes, bytes in use."""
_ASK_SPACES: Final = 3 << 30 | _SPACES.size << 16 | 0x94 << 8 | 20
"""``BTRFS_IOC_SPACE_INFO``."""
_FILE_SYSTEM: Final = 1024
"""Bytes of ``struct btrfs_ioctl_fs_info_args``; after two numbers of 64 bits it has the UUID."""
_ASK_FILE_SYSTEM: Final = 2 << 30 | _FILE_SYSTEM << 16 | 0x94 << 8 | 31
"""``BTRFS_IOC_FS_INFO``."""

# include/uapi/linux/btrfs_tree.h
_DATA: Final = 1 << 0
_METADATA: Final = 1 << 2
_COPIES: Final = (
    (1 << 4 | 1 << 5 | 1 << 6, 2),  # RAID1, DUP, RAID10
    (1 << 9, 3),  # RAID1C3
    (1 << 10, 4),  # RAID1C4
)
_MOST_SPACES: Final = 64
"""A file system has three or four, and a few more while it is balanced."""


_HERE: Final = -100
"""``AT_FDCWD`` (include/uapi/linux/fcntl.h), and of the same and include/uapi/linux/stat.h:"""
_EMPTY_PATH: Final = 0x1000
_BASIC: Final = 0x7FF
_STATX: Final = 256
_MASK: Final = struct.Struct("=Q")
_MASK_AT: Final = 56
"""``stx_attributes_mask`` of ``struct statx``."""
_ENCRYPTED: Final = 0x800
"""``STATX_ATTR_ENCRYPTED``."""

_INODES_PER_CHUNK: Final = 64
"""``XFS_INODES_PER_CHUNK``, fs/xfs/libxfs/xfs_format.h."""

_MAX_INLINE: Final = 2048
"""``BTRFS_DEFAULT_MAX_INLINE`` (fs/btrfs/fs.h)."""


class Facts(NamedTuple):
    """What a file system tells of itself."""

    name: str
    """Where it is mounted; empty if nobody tells."""
    kind: str = ""
    """As mount(8) calls it, such as ``xfs``; empty if nobody tells."""
    block: int = 0
    """Bytes of a block, or of a cluster of these (ext4); 0 if it was not asked."""
    inode: int = 0
    """Bytes of an inode (XFS); 0 if it was not asked."""
    whole_chunks: bool = True
    """Each 64 inodes that follow a multiple of 64 come back when all of them go (XFS)."""
    copies: float = 0.0
    """How often it keeps its tree for each time that it keeps content (btrfs); 0 if it was not asked."""
    compresses: bool = False
    """It is mounted so that it compresses what is written (btrfs)."""
    inline: int = _MAX_INLINE
    """Bytes of a file that it keeps in its tree (btrfs)."""
    layers: bool = False
    """It tells in which layer an entry is (overlayfs)."""
    since: int = 0
    """When its upper layer was made, nanoseconds since the epoch; 0 if nobody knows."""
    shares: bool | None = None
    """Something else, such as a snapshot, may have a part of what lies there (ZFS); None if nobody tells."""
    identity: str = ""
    """What tells it apart from others where device numbers do not: its UUID (btrfs)."""


def ask(device: int, places: Iterable[str], only_name: bool = False) -> Facts:  # noqa: FBT001, FBT002 - by position, as all that a scheduler hands on
    """Return what the file system with this *device* number (st_dev) tells.

    It holds the first of the *places*, which are absolute paths of directories without symlinks, and most likely the others.
    One that may not answer is not asked, nor is any if *only_name*.
    """
    places = list(places)
    try:
        mount = mounts.here().mount_of(places[0])
    except (OSError, ValueError):
        mount = None
    if mount is None:
        return Facts("")
    facts = Facts(mount.point, mount.kind)
    if mount.kind == "zfs" and not only_name:
        return facts._replace(shares=zfs.may_share(mount.source))
    if only_name or sys.platform != "linux" or mounts.is_silent(mount.kind):
        return facts
    with contextlib.suppress(OSError):
        for place in places:
            try:
                opened = os.open(place, _READABLE)
            except OSError:
                continue
            try:
                if os.fstat(opened).st_dev == device:
                    return _asked(opened, facts, places, mount.options)
            finally:
                os.close(opened)
    return facts


def _asked(directory: int, facts: Facts, places: Iterable[str], options: str) -> Facts:
    match facts.kind:
        case "ext4" | "ext3" | "ext2":
            return facts._replace(block=_cluster(directory, places, facts.name))
        case "xfs":
            inode, aligned = engine.inodes_of(directory) or (0, False)
            kept = _keeps_inodes(directory, inode, options)
            return facts._replace(inode=inode, whole_chunks=aligned and not kept)
        case "overlay":
            layers = engine.tells_layers(directory)
            return facts._replace(
                layers=layers,
                since=engine.made(facts.name) or 0,
                shares=layers and not _shares_nothing(directory, facts.name),
            )
        case "btrfs":
            return facts._replace(
                copies=_copies(directory),
                compresses="compress" in options,
                inline=_inline(options),
                identity=_uuid(directory),
            )
        case _:
            return facts


def _cluster(directory: int, places: Iterable[str], mounted: str) -> int:
    """Return how many bytes ext4 gives out at once: a block, or a cluster of them (bigalloc). Raises OSError.

    Nothing tells without a privilege; but what every directory takes is a multiple of it, and most take one.
    """
    block = os.fstatvfs(directory).f_bsize
    common = 0
    for place in places:
        while len(place) >= len(mounted):
            with contextlib.suppress(OSError):
                common = math.gcd(common, os.lstat(place).st_blocks * 512)
            if common == block or place == os.path.dirname(place):
                break
            place = os.path.dirname(place)  # noqa: PLW2901 - from each of them up
    return max(block, common)


def _shares_nothing(directory: int, mounted: str) -> bool:
    """Whether what an overlay writes to surely neither shares nor compresses content: whether it is ext4.

    The overlay tells not what it is, but hands on which attributes files may have there (statx(2)). Of ext4, XFS, btrfs and tmpfs
    only the first says that a file may be encrypted. On the others a file may take what
    other files have, too, or be compressed, and what it takes is no promise.
    """
    import ctypes  # noqa: PLC0415 - only for overlays, and it takes long to import

    call = getattr(ctypes.CDLL(None), "statx", None)
    if call is None:
        return False
    for where, name in ((directory, b""), (_HERE, os.fsencode(mounted))):
        answer = ctypes.create_string_buffer(_STATX)
        if call(where, name, _EMPTY_PATH if not name else 0, _BASIC, answer):
            return False
        if not _MASK.unpack_from(answer, _MASK_AT)[0] & _ENCRYPTED:
            return False
    return True


def _keeps_inodes(directory: int, inode: int, options: str) -> bool:
    """Whether an XFS never gives back what inodes take: ``xfs_difree_inobt``, fs/xfs/libxfs/xfs_ialloc.c. Raises OSError.

    It was told so (``ikeep``, until Linux 6.17), or a block has more inodes than are given back together.
    """
    block = os.fstatvfs(directory).f_frsize
    return "ikeep" in options.split(",") or block > _INODES_PER_CHUNK * inode > 0


def _inline(options: str) -> int:
    """Return how many bytes of a file a btrfs mounted with these *options* keeps in its tree."""
    inline = _MAX_INLINE
    for option in options.split(","):
        name, _, value = option.partition("=")
        if name == "nodatacow":
            return 0
        if name == "max_inline" and value.isdecimal():
            inline = min(int(value), _MAX_INLINE)
    return inline


def _copies(directory: int) -> float:
    """Return how often a btrfs keeps its tree, for each time that it keeps content. Raises OSError."""
    import fcntl  # noqa: PLC0415 - Windows has none

    answer = bytearray(_SPACES.size + _MOST_SPACES * _SPACE.size)
    _SPACES.pack_into(answer, 0, _MOST_SPACES, 0)
    fcntl.ioctl(directory, _ASK_SPACES, answer)
    _, count = _SPACES.unpack_from(answer)
    used: dict[int, tuple[int, int]] = {}
    for number in range(min(count, _MOST_SPACES)):
        flags, _, in_use = _SPACE.unpack_from(answer, _SPACES.size + number * _SPACE.size)
        for what in (_DATA, _METADATA):
            if flags & what:
                # While it is balanced there are several of one kind.
                used[what] = max(used.get(what, (-1, 1)), (in_use, _copies_of(flags)))
    return used.get(_METADATA, (0, 1))[1] / used.get(_DATA, (0, 1))[1]


def _copies_of(flags: int) -> int:
    return next((count for profile, count in _COPIES if flags & profile), 1)


def _uuid(directory: int) -> str:
    """Return the UUID of a btrfs, which all its subvolumes have in common. Raises OSError."""
    import fcntl  # noqa: PLC0415 - Windows has none

    answer = bytearray(_FILE_SYSTEM)
    fcntl.ioctl(directory, _ASK_FILE_SYSTEM, answer)
    return answer[16:32].hex()
