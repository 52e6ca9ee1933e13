"""Settles files with several links: each inode once over the whole run.

A file's space comes back when its last link goes. So what an artifact frees cannot be known from the
artifact alone: every link of every artifact is needed, and which of them will be deleted.
"""

import struct
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import LINK_FIELDS
from cleanup_nodemodule.model import Artifact, Size

_RECORD: Final = struct.Struct(f"={LINK_FIELDS}Q")


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
        if not self._slices:
            return [_NOTHING] * len(selected)
        slices = sorted((ranks[artifact], links) for artifact, links in self._slices)
        settled = engine.settle(slices, bytes(selected))
        sums = zip(
            numbers(settled.apparent),
            numbers(settled.allocated),
            numbers(settled.reclaimable),
            strict=True,
        )
        return [Size.exact(*each) if any(each) else _NOTHING for each in sums]


_NOTHING = Size.exact(0, 0, 0)


def numbers(packed: bytes) -> Sequence[int]:
    """Return the numbers of an answer of ``engine.settle``, one for each rank."""
    return array("Q", packed)


def alone(
    artifacts: Sequence[Artifact],
    around: Sequence[int | None],
    links: Sequence[tuple[int, bytes]],
) -> list[int]:
    """Return what each artifact takes alone, with all that is in it, as ``du -s`` counts: bytes, allocated.

    *around* has for each the place of the innermost other one around it, which comes before it. *links* are those of
    a plan.
    """
    taken = [one.contents.allocated_bytes for one in artifacts]
    inodes: dict[int, dict[tuple[int, int], int]] = {}
    for place, packed in links:
        if place >= 0:
            its = inodes.setdefault(place, {})
            for device, inode, _, _, blocks in _RECORD.iter_unpack(packed):
                its[device, inode] = blocks
    for place in range(len(taken) - 1, -1, -1):
        its = inodes.pop(place, {})
        around_it = around[place]
        if around_it is not None:
            taken[around_it] += taken[place]
            if its:
                inodes.setdefault(around_it, {}).update(its)
        taken[place] += sum(its.values())
    return taken


def completed(
    slices: Iterable[tuple[int, bytes]],
    chosen: Callable[[int], bool],
    among: Iterable[bytes],
    *,
    outside: bool,
) -> set[tuple[int, int]]:
    """Return which inodes lose all of their links with what is *chosen*, by its rank.

    They take some space, and have a link *among* some of the slices.

    Those that have links *outside*, where nobody has met them, are none of them; or else only links that were met count.
    """
    records = (record for packed in among for record in _RECORD.iter_unpack(packed))
    asked = {(device, inode) for device, inode, _, _, blocks in records if blocks}
    met: dict[tuple[int, int], list[int]] = {}
    for rank, packed in slices:
        goes = chosen(rank)
        for device, inode, count, _, _ in _RECORD.iter_unpack(packed):
            if (device, inode) in asked:
                its = met.setdefault((device, inode), [0, 0, 0])
                its[0] += 1
                its[1] += goes
                its[2] = max(its[2], count)
    return {
        being
        for being, (links, gone, count) in met.items()
        if (gone >= count if outside else gone == links)
    }


def inodes_of(packed: bytes) -> Iterator[tuple[int, int]]:
    """Give the device and the inode of each record."""
    for device, inode, _, _, _ in _RECORD.iter_unpack(packed):
        yield device, inode
