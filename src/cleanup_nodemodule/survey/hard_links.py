"""Settles files with several links: each inode once over the whole run.

A file's space comes back when its last link goes. So what an artifact frees cannot be known from the
artifact alone: every link of every artifact is needed, and which of them will be deleted.
"""

import struct
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from cleanup_nodemodule.engine.contract import LINK_FIELDS
from cleanup_nodemodule.model import Size

_RECORD: Final = struct.Struct(f"={LINK_FIELDS}Q")

_AT_ONCE: Final = 1_000_000
"""Links that are unpacked at a time. They are kept packed, 40 bytes each, and settled in as many
passes as it takes: a package store with many millions of links must not become as many objects."""


class Ledger:
    """Collects the links met in each artifact, then settles them."""

    def __init__(self) -> None:
        self._slices: list[tuple[int, bytes]] = []
        self._links = 0

    def __len__(self) -> int:
        """How many links were taken down."""
        return self._links

    def add(self, artifact: int, links: bytes) -> None:
        """Take down the ``Usage.links`` of a slice of the artifact with this number."""
        self._slices.append((artifact, links))
        self._links += len(links) // _RECORD.size

    def by_place(self, places: Mapping[int, int]) -> tuple[tuple[int, bytes], ...]:
        """Return all that was taken down, by the *places* of the artifacts; -1 for those that have none."""
        return tuple((places.get(artifact, -1), links) for artifact, links in self._slices)

    def take(self, artifacts: Collection[int]) -> "Ledger":
        """Return a ledger with all that was taken down of some *artifacts*, and forget it here."""
        if not self._slices:
            return Ledger()
        mine, others = Ledger(), Ledger()
        for artifact, links in self._slices:
            (mine if artifact in artifacts else others).add(artifact, links)
        self._slices, self._links = others._slices, others._links
        return mine

    def unmet(self) -> frozenset[int]:
        """Return the artifacts whose sizes depend on links that were not met yet.

        That is each with an inode of which the file system counts more links than are here, and each that shares an
        inode with one of these.
        """
        met: Counter[tuple[int, int]] = Counter()
        counted: dict[tuple[int, int], int] = {}
        sharing: dict[int, set[tuple[int, int]]] = {}
        for artifact, links in self._slices:
            inodes = sharing.setdefault(artifact, set())
            for device, inode, link_count, _, _ in _RECORD.iter_unpack(links):
                key = device, inode
                met[key] += 1
                counted[key] = max(counted.get(key, 0), link_count)
                inodes.add(key)
        dependent = {key for key, count in counted.items() if count > met[key]}
        waiting: set[int] = set()
        while more := [
            one
            for one, inodes in sharing.items()
            if one not in waiting and not dependent.isdisjoint(inodes)
        ]:
            waiting.update(more)
            dependent.update(*(sharing[one] for one in more))
        return frozenset(waiting)

    def attribute(self, ranks: Mapping[int, int], selected: Sequence[bool]) -> list[Size]:
        """Return, by rank, the bytes that files with several links add to each artifact.

        *ranks* gives the place of each artifact number in the final order, *selected* says by rank
        whether the artifact will be deleted. An inode counts with the first artifact that links to
        it. It is reclaimable, with the first selected one, if all links that the file system counts
        were met in selected artifacts.
        """
        sums = [[0, 0, 0] for _ in selected]
        slices = sorted((ranks[artifact], links) for artifact, links in self._slices)
        passes = 1 + self._links // _AT_ONCE
        for turn in range(passes):
            inodes: dict[tuple[int, int], list[int]] = {}
            for rank, links in slices:
                chosen = selected[rank]
                for device, inode, link_count, size, blocks in _RECORD.iter_unpack(links):
                    if inode % passes != turn:
                        continue
                    known = inodes.get((device, inode))
                    if known is None:
                        known = inodes[device, inode] = [link_count, 0, -1, blocks]
                        sums[rank][0] += size
                        sums[rank][1] += blocks
                    elif link_count > known[0]:
                        # Links may come and go while we look; the larger count promises less.
                        known[0] = link_count
                    if chosen:
                        known[1] += 1
                        if known[2] < 0:
                            known[2] = rank
            for link_count, selected_links, first_selected, blocks in inodes.values():
                if first_selected >= 0 and selected_links >= link_count:
                    sums[first_selected][2] += blocks
        return [Size(*sizes) for sizes in sums]
