"""What is taken down of files that have something in common, until it is known what else goes.

A file's space comes back when its last link goes, and that of a clone when the last one does that has the same place on
the disk. So what an artifact frees cannot be known from the artifact alone.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from cleanup_nodemodule.engine.contract import (
    CHUNK_FIELDS,
    LINK_FIELDS,
    LINKED_RANGE_FIELDS,
    RANGE_FIELDS,
    Usage,
)
from cleanup_nodemodule.model import Records
from cleanup_nodemodule.survey.chunks import CHUNK

_SIZES: Final = tuple(
    8 * fields for fields in (LINK_FIELDS, RANGE_FIELDS, LINKED_RANGE_FIELDS, CHUNK_FIELDS)
)
"""Bytes of one record of each book."""


class Ledger:
    """What files have in common, by the number of the artifact that they lie in, in a book for each kind of it."""

    def __init__(self) -> None:
        self._books: Final[tuple[list[tuple[int, int, bytes]], ...]] = ([], [], [], [])
        self._records = 0

    def __len__(self) -> int:
        """How many records were taken down."""
        return self._records

    def add(self, artifact: int, device: int, usage: Usage) -> None:
        """Take down what the engine says of a slice of the artifact with this number, on this *device*."""
        # Those of btrfs say something of this artifact only (tree_estimate).
        chunks = b"" if usage.metadata else usage.chunks
        if usage.links or usage.ranges or usage.linked_ranges or chunks:
            self.add_packed(
                artifact, device, (usage.links, usage.ranges, usage.linked_ranges, chunks)
            )

    def add_packed(
        self, artifact: int, device: int, books: tuple[bytes, bytes, bytes, bytes]
    ) -> None:
        """Take down records, packed as the engine does: links, ranges, linked ranges, chunks."""
        for book, packed, size in zip(self._books, books, _SIZES, strict=True):
            if packed:
                book.append((artifact, device, packed))
                self._records += len(packed) // size

    def by_place(self, places: Mapping[int, int]) -> Records:
        """Return all that was taken down, by the *places* of the artifacts; -1 for those that have none."""
        return Records(
            *(
                tuple(
                    (places.get(artifact, -1), device, packed) for artifact, device, packed in book
                )
                for book in self._books
            )
        )

    def take(self, artifacts: Collection[int]) -> "Ledger":
        """Return a ledger with all that was taken down of some *artifacts*, and forget it here."""
        mine = Ledger()
        for book, its, size in zip(self._books, mine._books, _SIZES, strict=True):
            its.extend(one for one in book if one[0] in artifacts)
            if its:
                book[:] = (one for one in book if one[0] not in artifacts)
                taken = sum(len(packed) for _, _, packed in its) // size
                mine._records += taken
                self._records -= taken
        return mine


def many(records: Records) -> int:
    """Return how many records there are."""
    return sum(
        len(packed) // size
        for book, size in zip(records, _SIZES, strict=True)
        for _, _, packed in book
    )


def dependent(records: Records) -> frozenset[int]:
    """Return the places whose sizes depend on what was not met yet.

    That is each with an inode of which the file system counts more links than are here, and each that shares an inode with
    one of these; each with a place on the disk that others have; and each with a chunk of inodes that is not whole.
    """
    waiting = _waiting_for_links(records.links)
    for book in (records.ranges, records.linked_ranges):
        waiting.update(place for place, _, _ in book)
    waiting.update(_waiting_for_chunks(records.chunks))
    waiting.discard(-1)
    return frozenset(waiting)


def _waiting_for_links(links: tuple[tuple[int, int, bytes], ...]) -> set[int]:
    met: Counter[tuple[int, int]] = Counter()
    counted: dict[tuple[int, int], int] = {}
    sharing: dict[int, set[tuple[int, int]]] = {}
    for place, device, packed in links:
        inodes = sharing.setdefault(place, set())
        fields = memoryview(packed).cast("Q")
        for inode, link_count in zip(fields[::LINK_FIELDS], fields[1::LINK_FIELDS], strict=True):
            key = device, inode
            met[key] += 1
            counted[key] = max(counted.get(key, 0), link_count)
            inodes.add(key)
    open_ = {key for key, count in counted.items() if count > met[key]}
    waiting: set[int] = set()
    while more := [
        one
        for one, inodes in sharing.items()
        if one not in waiting and not open_.isdisjoint(inodes)
    ]:
        waiting.update(more)
        open_.update(*(sharing[one] for one in more))
    return waiting


def _waiting_for_chunks(chunks: tuple[tuple[int, int, bytes], ...]) -> Iterator[int]:
    """Give the places that have a part of a chunk."""
    met: Counter[tuple[int, int, int]] = Counter()
    for place, device, packed in chunks:
        fields = memoryview(packed).cast("Q")
        for number, count in zip(fields[::CHUNK_FIELDS], fields[1::CHUNK_FIELDS], strict=True):
            met[place, device, number] += count
    for (place, _, _), count in met.items():
        if count < CHUNK:
            yield place
