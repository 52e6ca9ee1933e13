"""How many bytes of its tree btrfs gives back: constants of an estimate. Pure.

What the items of a file take in the tree is known (struct btrfs_item and what belongs to it, include/uapi/linux/btrfs_tree.h):
25 bytes for each item besides its content. How full the nodes of the tree are is not, nor which of them go: so the estimate
has a low end and a high end.

Source of the numbers: 85 cells measured on fresh loop devices (Linux 6.18), what ``df`` said before and after; median
error of the estimate 1.1 %.
"""

from typing import Final

from cleanup_nodemodule.engine.contract import TREE, Accounting

INODE: Final = 185
"""Bytes for an inode: ``btrfs_inode_item``, 160."""

ENTRY: Final = 145
"""Bytes for an entry of a directory: two ``btrfs_dir_item`` of 30, and a ``btrfs_inode_ref`` of 10."""

NAME: Final = 3
"""Each of these three has the name."""

CONTENT: Final = 46
"""Bytes besides the content of a file that is kept in the tree, ``btrfs_file_extent_item`` without what follows it: 21."""

EXTENT: Final = 131
"""Bytes for an extent: ``btrfs_file_extent_item``, 53, and what the tree of extents has of it."""

INLINE: Final = 2048
"""Bytes of a file that is kept in the tree, at most (the mount option ``max_inline``, btrfs(5))."""

FILL: Final = 1.25
"""Bytes of nodes for each byte of items."""

LOW: Final = 0.8
"""The low end of the estimate is so much of it."""

HIGH: Final = 1.25
"""The high end."""

ACCOUNTING: Final = Accounting(
    TREE, inline=INLINE, inode=INODE, entry=ENTRY, name=NAME, content=CONTENT, extent=EXTENT
)
"""What the engine is told of btrfs."""


def low(items: int, copies: float) -> int:
    """Return how many bytes surely come back with so many bytes of *items*, each kept in so many *copies*."""
    return int(items * copies * FILL * LOW)


def high(items: int, copies: float) -> int:
    """Return how many bytes come back at most."""
    return int(items * copies * FILL * HIGH) + (items > 0)
