"""Chunks of inodes: XFS makes and gives back 64 of them together (``XFS_INODES_PER_CHUNK``, fs/xfs/libxfs/xfs_format.h). Pure."""

from collections.abc import Collection, Iterator
from typing import Final

from cleanup_nodemodule.engine.contract import CHUNK_FIELDS, EXTENTS
from cleanup_nodemodule.model import Accounted, Records
from cleanup_nodemodule.survey.hard_links import completed_by_rank

_SHIFT: Final = 6
CHUNK: Final = 1 << _SHIFT
"""Inodes of a chunk."""

_RECORD: Final = 128
"""Bytes of the two trees of inodes for a chunk at most, in nodes that are half full: 16 each (``xfs_inobt_rec``)."""

_NODES: Final = 4
_NODE: Final = 4096
"""So many nodes of so many bytes may come back when only one chunk goes."""


def in_tree(chunks: int) -> int:
    """Return the bytes of the trees of inodes that come back at most with so many *chunks*."""
    return min(chunks * _NODE, _NODES * _NODE + chunks * _RECORD)


def in_chunks(accounted: Accounted) -> bool:
    """Whether a file system gives back inodes in chunks."""
    return accounted.accounting.kind == EXTENTS and accounted.inode > 0


def going(
    records: Records, goes: bytes, by_chunks: Collection[int]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return how many inodes of each chunk go, by its device and its number, and the last rank of these.

    *by_chunks* has the devices that give them back so. That goes whose byte in *goes* is not 0, by its rank.
    """
    chunks: dict[tuple[int, int], tuple[int, int]] = {}
    for rank, device, packed in records.chunks:
        if goes[rank] and device in by_chunks:
            fields = memoryview(packed).cast("Q")
            for number, count in zip(fields[::CHUNK_FIELDS], fields[1::CHUNK_FIELDS], strict=True):
                met, _ = chunks.get((device, number), (0, 0))
                chunks[device, number] = met + count, rank
    for device in {device for _, device, _ in records.links}.intersection(by_chunks):
        for inode, rank in completed_by_rank(records.links, device, goes):
            key = device, inode >> _SHIFT
            met, last = chunks.get(key, (0, 0))
            chunks[key] = met + 1, max(last, rank)
    return chunks


def whole(records: Records, goes: bytes, by_chunks: Collection[int]) -> frozenset[tuple[int, int]]:
    """Return the device and the number of each chunk that goes as a whole; else as :func:`going`."""
    chunks = going(records, goes, by_chunks)
    return frozenset(key for key, (count, _) in chunks.items() if count >= CHUNK)


def chunks_of(device: int, packed: bytes) -> Iterator[tuple[int, int]]:
    """Give the *device* and the number of each chunk of some records."""
    for number in memoryview(packed).cast("Q")[::CHUNK_FIELDS]:
        yield device, number
