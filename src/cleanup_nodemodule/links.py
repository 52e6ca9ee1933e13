"""Settles files with several links: each inode once over the whole run.

A file's space comes back when its last link goes. So what an artifact frees cannot be known from the
artifact alone: every link of every artifact is needed, and which of them will be deleted.
"""

import array
from collections.abc import Mapping, Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import LINK_FIELDS
from cleanup_nodemodule.model import Size

_BUCKETS: Final = 64
"""Links are kept packed, 48 bytes each, and unpacked one bucket at a time: a package store with
millions of links must not become millions of Python objects."""


class Ledger:
    """Collects the links met in each artifact, then settles them."""

    def __init__(self) -> None:
        self._buckets = [array.array("Q") for _ in range(_BUCKETS)]

    def add(self, artifact: int, links: bytes) -> None:
        """Take down the ``Usage.links`` of a slice of the artifact with this number."""
        records = array.array("Q")
        records.frombytes(links)
        for start in range(0, len(records), LINK_FIELDS):
            record = records[start : start + LINK_FIELDS]
            bucket = self._buckets[record[1] % _BUCKETS]
            bucket.append(artifact)
            bucket.extend(record)

    def settle(self, ranks: Mapping[int, int], selected: Sequence[bool]) -> list[Size]:
        """Return, by rank, the bytes that files with several links add to each artifact.

        *ranks* gives the place of each artifact number in the final order, *selected* says by rank
        whether the artifact will be deleted. An inode counts with the first artifact that links to
        it. It is reclaimable, with the first selected one, if all links that the file system counts
        were met in selected artifacts.
        """
        apparent = [0] * len(selected)
        allocated = [0] * len(selected)
        reclaimable = [0] * len(selected)
        for bucket in self._buckets:
            inodes: dict[tuple[int, int], _Inode] = {}
            for start in range(0, len(bucket), LINK_FIELDS + 1):
                artifact, device, inode, link_count, size, blocks = bucket[
                    start : start + LINK_FIELDS + 1
                ]
                rank = ranks[artifact]
                known = inodes.get((device, inode))
                if known is None:
                    known = inodes[device, inode] = _Inode(rank, size, blocks)
                known.see(rank, link_count, selected=selected[rank])
            for known in inodes.values():
                apparent[known.first] += known.size
                allocated[known.first] += known.blocks
                if known.first_selected is not None and known.selected_links >= known.link_count:
                    reclaimable[known.first_selected] += known.blocks
        return [Size(*sums) for sums in zip(apparent, allocated, reclaimable, strict=True)]


class _Inode:
    """What is known of one inode while its bucket is settled."""

    __slots__ = ("blocks", "first", "first_selected", "link_count", "selected_links", "size")

    def __init__(self, rank: int, size: int, blocks: int) -> None:
        self.first = rank
        self.size = size
        self.blocks = blocks
        self.link_count = 0
        self.selected_links = 0
        self.first_selected: int | None = None

    def see(self, rank: int, link_count: int, *, selected: bool) -> None:
        self.first = min(self.first, rank)
        # Links may come and go while we look; the larger count promises less.
        self.link_count = max(self.link_count, link_count)
        if selected:
            self.selected_links += 1
            if self.first_selected is None or rank < self.first_selected:
                self.first_selected = rank
