"""Asks XFS how it is made: in what groups it keeps its inodes, and what one takes."""

import os
import struct
import sys
from typing import Final, NamedTuple

from cleanup_nodemodule.engine.contract import Groups

_GEOMETRY: Final = struct.Struct("@8I4Q16s7I0Q")
"""``struct xfs_fsop_geom_v1`` of Linux's fs/xfs/libxfs/xfs_fs.h."""

_ASK_GEOMETRY: Final = 2 << 30 | _GEOMETRY.size << 16 | ord("X") << 8 | 100
"""``XFS_IOC_FSGEOMETRY_V1``, of the same: ``_IOR('X', 100, struct xfs_fsop_geom_v1)``. Some processors have
other numbers for it (asm/ioctl.h): there it is not known, and nothing is told apart."""

_SPARSE_INODES: Final = 1 << 18
"""``XFS_FSOP_GEOM_FLAGS_SPINODES``: for these, mkfs.xfs(8) aligns chunks to their size, and else to a cluster of inodes."""

_MAX: Final = 32
"""Groups that are told apart at most. A file system on many disks has one for each terabyte; with more
of them than processors, nothing is gained by telling them apart, and each call gets the less to do."""


class Geometry(NamedTuple):
    """How an XFS is made."""

    block: int
    """Bytes of a block."""
    blocks: int
    """Blocks of an allocation group."""
    groups: int
    """Allocation groups."""
    inode: int
    """Bytes of an inode."""
    aligned: bool
    """Each chunk of 64 inodes begins at a multiple of 64."""


def geometry_of(directory: int) -> Geometry | None:
    """Return how an XFS is made; None for any other file system.

    *directory* is an open one (O_PATH will do). See ioctl_xfs_fsgeometry(2).
    """
    if not sys.platform.startswith("linux"):
        return None
    import fcntl  # noqa: PLC0415 - Windows has none

    answer = bytearray(_GEOMETRY.size)
    try:
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            fcntl.ioctl(readable, _ASK_GEOMETRY, answer)
        finally:
            os.close(readable)
    except OSError:
        return None
    block, _, blocks, groups, _, _, inode, *_, flags, _, _, _ = _GEOMETRY.unpack(answer)
    if not 0 < inode <= block:
        return None
    return Geometry(block, blocks, groups, inode, bool(flags & _SPARSE_INODES))


def groups_of(directory: int) -> Groups | None:
    """Return the allocation groups of an XFS; None for any other file system, or one with a single group.

    *directory* is an open one (O_PATH will do).
    """
    geometry = geometry_of(directory)
    if geometry is None or geometry.groups <= 1:
        return None
    # XFS_AGINO_TO_INO: as many bits as the blocks of a group take, and those of the inodes in a block.
    in_block = geometry.block // geometry.inode
    shift = (geometry.blocks - 1).bit_length() + in_block.bit_length() - 1
    return Groups(shift, min(geometry.groups, _MAX))
