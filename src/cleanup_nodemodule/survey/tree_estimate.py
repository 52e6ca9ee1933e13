"""How much btrfs gives back of what it keeps in its trees, and of compressed content: an estimate. Pure.

What the items of a file take is known (struct btrfs_item and what belongs to it, include/uapi/linux/btrfs_tree.h): 25 bytes for
each item besides its content. They lie in nodes of 16 KiB, in the order of the numbers of the inodes. How full these are is not
known, nor which of them go: a node in which something stays is not given back. So the estimate has a low end and a high end.

The numbers come from 110 cells measured on fresh loop devices (Linux 6.18): what ``df`` said before and after, and how large each
tree was. Where all of an artifact lay together, 1.05 to 1.33 bytes came back for each byte of items; where every second inode between
was somebody else's, 0.43 to 0.66.
"""

from array import array
from itertools import pairwise
from typing import Final, NamedTuple

from cleanup_nodemodule.engine.contract import (
    CHUNK_FIELDS,
    ENCODED_FIELDS,
    LINK_FIELDS,
    TREE,
    Accounting,
    Usage,
)

INODE: Final = 185
"""Bytes for an inode: ``btrfs_inode_item``, 160."""

ENTRY: Final = 145
"""Bytes for an entry of a directory: two ``btrfs_dir_item`` of 30, and a ``btrfs_inode_ref`` of 10."""

NAME: Final = 3
"""Each of these three has the name."""

CONTENT: Final = 46
"""Bytes besides the content of a file that is kept in the tree: ``btrfs_file_extent_item`` without what follows it, 21."""

EXTENT: Final = 78
"""Bytes for an extent of a file: ``btrfs_file_extent_item``, 53. The tree of extents has as much of it, once for all files:
``btrfs_extent_item``, 24, and ``btrfs_extent_data_ref``, 29 with its kind."""

ATTRIBUTE: Final = 55
"""Bytes for an extended attribute: ``btrfs_dir_item``, 30."""

INLINE: Final = 2048
"""Bytes of a file that is kept in the tree, at most (the mount option ``max_inline``, btrfs(5))."""

CHECKED: Final = 1024
"""Bytes of content for each byte of checksums: 4 for a sector of 4,096 (crc32c)."""

LOW: Final = 1.05
"""Bytes of nodes that surely come back for each byte of items, where no other inodes lie between."""

HIGH: Final = 1.34
"""The same at most."""

HIGH_OF_EXTENTS: Final = 1.5
"""At most, for each byte in the trees of extents and of checksums. These are in the order of the disk, where others lie between: so
nothing of them is promised."""

NODE: Final = 16_384
"""Bytes of a node."""

FREE: Final = 32
"""Bytes for a free place on the disk, where others lie between: ``btrfs_free_space_info``, without content."""

LINKED_ENTRY: Final = 64
"""Bytes for an entry, its inode's reference with the name, that lie at the inode: with others', if that has other links."""

LOW_OF_CONTENT: Final = 0.1
"""What is promised of content in the tree, if it may be compressed."""

LOW_OF_GAPS: Final = 0.7
"""What is promised of the gaps behind compressed extents, where no other inodes lie between."""

_TOGETHER: Final = ((0.5, 0.0), (0.62, 0.4), (0.75, 0.85), (0.85, 1.0))
"""If that share of 64 inodes that follow one another goes, at least that share of their items comes back as nodes. What remains of a
node is moved to the next one only when it is a third full (``btrfs_del_items``, fs/btrfs/ctree.c)."""

_DENSE: Final = 0.8
"""With no smaller share of the items together, the gaps behind compressed extents are taken for what these take."""

_MOSTLY: Final = 0.9
"""Nor are they if a smaller share of the extents is compressed."""

_CHUNK: Final = 64
"""Inodes of a chunk (``Usage.chunks``)."""

_SECTOR: Final = 4096
"""Bytes that every compressed extent takes at least."""

ACCOUNTING: Final = Accounting(
    TREE,
    inline=INLINE,
    inode=INODE,
    entry=ENTRY,
    name=NAME,
    content=CONTENT,
    extent=EXTENT,
    attribute=ATTRIBUTE,
)
"""What the engine is told of btrfs."""


class Estimated(NamedTuple):
    """What an artifact has in the trees, in bytes of items, and what its content takes, in bytes of the disk."""

    own: int
    """Of its content, what surely comes back."""
    perhaps: int
    """What may come back besides."""
    metadata: int
    """Items, with those in the trees that all files have in common. The high end goes by these."""
    dense: int
    """Items between which no others lie. The low end goes by these."""
    proven: int
    """Those of them that no snapshot has."""
    inline: int
    """What of the dense ones is the content of files, if it is not known to be compressed."""


class Tally:
    """What has been counted of one artifact on btrfs."""

    def __init__(self) -> None:
        self._extents = self._linked = 0
        self._metadata = self._proven = self._content = 0
        self._chunks: dict[int, int] = {}
        self._encoded: Final[list[bytes]] = []

    def add(self, usage: Usage) -> None:
        """Take in what the engine says of a slice of it."""
        self._extents += usage.extents
        self._linked += len(usage.links) // (8 * LINK_FIELDS)
        self._metadata += usage.metadata
        self._proven += usage.proven
        self._content += usage.content
        fields = memoryview(usage.chunks).cast("Q")
        for chunk, count in zip(fields[::CHUNK_FIELDS], fields[1::CHUNK_FIELDS], strict=True):
            self._chunks[chunk] = self._chunks.get(chunk, 0) + count
        if usage.encoded:
            self._encoded.append(usage.encoded)

    def estimated(self, own: int, perhaps: int) -> Estimated:
        """Return what the artifact has, with what the engine says of its content."""
        gaps = self._gaps()
        share = self._together()
        surely = own
        extents = sum(map(len, self._encoded)) // (8 * ENCODED_FIELDS)
        # Behind a compressed extent may lie one that is not.
        if share >= _DENSE and extents >= _MOSTLY * self._extents:
            surely += int(gaps * LOW_OF_GAPS)
        perhaps += own + gaps - surely
        items = self._metadata - self._linked * LINKED_ENTRY
        content = self._content
        if self._encoded:
            items -= compressed(content)
            content = 0
        # The first and the last node have something of others.
        dense = int(items * share - self._extents * FREE * (1 - share)) - NODE
        common = self._extents * EXTENT + (surely + perhaps) // CHECKED
        dense = max(dense, 0)
        return Estimated(
            own=surely,
            perhaps=perhaps,
            # What is reserved for changes shrinks with these trees (btrfs_update_global_block_rsv, fs/btrfs/block-rsv.c).
            metadata=self._metadata + int(common * 2 * HIGH_OF_EXTENTS / HIGH) + 4 * NODE,
            dense=dense,
            proven=min(int(self._proven * share), dense),
            inline=min(int(content * share), dense),
        )

    def _together(self) -> float:
        """Return what share of the items lies where few others do."""
        inodes = sum(self._chunks.values())
        if not inodes:
            return 0.0
        return sum(count * _share(count / _CHUNK) for count in self._chunks.values()) / inodes

    def _gaps(self) -> int:
        """Return what compressed extents take at most, besides what surely is theirs: no more than to the next one."""
        fields = array("Q", b"".join(self._encoded))
        extents = sorted(zip(fields[::ENCODED_FIELDS], fields[1::ENCODED_FIELDS], strict=True))
        gaps = sum(
            min(most, max(behind - start - _SECTOR, 0))
            for (start, most), (behind, _) in pairwise(extents)
        )
        return gaps + (extents[-1][1] if extents else 0)


def _share(filled: float) -> float:
    """Return what share of the items comes back as nodes, if that share of the inodes goes."""
    for (less, low), (more, high) in pairwise(_TOGETHER):
        if filled < more:
            return low + (high - low) * max(filled - less, 0.0) / (more - less)
    return 1.0


def compressed(content: int) -> int:
    """Return by how much less so many bytes of *content* in the tree may take."""
    return content - int(content * LOW_OF_CONTENT)


def low(items: int, copies: float) -> int:
    """Return how many bytes surely come back with so many bytes of dense *items*, each kept in so many *copies*."""
    return int(items * copies * LOW)


def high(items: int, copies: float) -> int:
    """Return how many bytes come back at most."""
    return int(items * copies * HIGH) + (items > 0)
