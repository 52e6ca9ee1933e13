"""``cover`` of the reference engine: what ranges of a disk have in common. Asks no disk."""

import heapq
import struct
from array import array
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import RANGE_FIELDS, Covered

_RECORD: Final = struct.Struct(f"={RANGE_FIELDS}Q")

_FULL: Final = 1024
"""Ranges, of :attr:`Covered.full`."""

_HIGHEST: Final = 2**64


def cover(slices: Sequence[tuple[int, bytes]], times: int) -> Covered:
    """Say what ranges have in common; see the contract."""
    if times < 1:
        raise ValueError("ranges are counted from one on")
    ranges = _ranges(slices)
    count = slices[-1][0] + 1 if slices else 0
    common, full = array("Q", bytes(8 * count)), array("Q", bytes(8 * count))
    ends: list[int] = []
    by_rank: list[tuple[int, int]] = []
    """The last rank first, negative, with the end. Some have ended already."""
    place = 0

    def go_to(end: int) -> None:
        """Count the bytes up to *end*, where nothing begins before that."""
        nonlocal place
        while place < end and ends:
            upto = min(end, ends[0])
            if upto > place and len(ends) >= times:
                while by_rank[0][1] <= place:
                    heapq.heappop(by_rank)
                rank = -by_rank[0][0]
                common[rank] += upto - place
                if len(ends) >= _FULL:
                    full[rank] += upto - place
            place = upto
            while ends and ends[0] <= place:
                heapq.heappop(ends)
        place = end

    for begin, length, rank in ranges:
        go_to(begin)
        heapq.heappush(ends, begin + length)
        heapq.heappush(by_rank, (-rank, begin + length))
    go_to(_HIGHEST)
    return Covered(common.tobytes(), full.tobytes())


def _ranges(slices: Sequence[tuple[int, bytes]]) -> list[tuple[int, int, int]]:
    """Return the ranges with their ranks, in the order of where they begin. Raises ValueError."""
    ranges: list[tuple[int, int, int]] = []
    last = 0
    for rank, packed in slices:
        if rank < last or len(packed) % _RECORD.size:
            raise ValueError("slices have to be whole, and in the order of their ranks")
        last = rank
        for begin, length in _RECORD.iter_unpack(packed):
            if begin + length > _HIGHEST:
                raise ValueError("ranges have to end at 2**64 at most")
            if length:
                ranges.append((begin, length, rank))
    ranges.sort()
    return ranges
