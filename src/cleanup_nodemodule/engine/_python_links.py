"""``settle`` of the reference engine: files with several links, each inode counted once. Asks no disk."""

import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import LINK_FIELDS, Settled

_RECORD: Final = struct.Struct(f"={LINK_FIELDS}Q")

_AT_ONCE: Final = 1_000_000
"""Links that are unpacked in one pass, about. They are kept packed, 40 bytes each: a package store with many millions
of links must not become as many objects."""


def settle(slices: Sequence[tuple[int, int, bytes]], chosen: bytes) -> Settled:
    """Count each inode once; see the contract."""
    count = len(chosen)
    last = 0
    for rank, _, links in slices:
        if not last <= rank < count or len(links) % _RECORD.size:
            raise ValueError("slices have to be whole, and in the order of their ranks")
        last = rank
    sums = tuple(array("Q", bytes(8 * count)) for _ in Settled._fields)
    apparent, allocated, reclaimable, freed, gone = sums
    passes = 1 + sum(len(links) for _, _, links in slices) // _RECORD.size // _AT_ONCE
    for turn in range(passes):
        inodes: dict[tuple[int, int], list[int]] = {}
        for rank, device, (inode, link_count, size, taken, own) in _records(slices, turn, passes):
            known = inodes.get((device, inode))
            if known is None:
                known = inodes[device, inode] = [link_count, own, 0, 0, -1, -1]
                apparent[rank] += size
                allocated[rank] += taken
            else:
                # Links come and go while we look, and so do clones. More links and fewer bytes promise less.
                known[0] = max(known[0], link_count)
                known[1] = min(known[1], own)
            known[2] += 1
            if chosen[rank]:
                known[3] += 1
                known[5] = rank
                if known[4] < 0:
                    known[4] = rank
        for link_count, own, met, selected, first, last in inodes.values():
            if selected and selected >= link_count:
                reclaimable[first] += own
                freed[last] += own
            if selected == met:
                gone[last] += own
    return Settled(*(one.tobytes() for one in sums))


def _records(
    slices: Sequence[tuple[int, int, bytes]], turn: int, passes: int
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Give the records whose turn it is, each with its rank and its device."""
    for rank, device, links in slices:
        for record in _RECORD.iter_unpack(links):
            if record[0] % passes == turn:
                yield rank, device, record
