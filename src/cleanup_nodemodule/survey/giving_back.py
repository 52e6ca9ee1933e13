"""What deleting a selection gives back: the promise, what it is at most, and what is shared. Pure.

What each file gives back alone is known (:class:`~cleanup_nodemodule.model.Contents`). The rest depends on what else goes:
a file with several links, a place on the disk that several files have, a chunk of inodes of XFS. Each of these counts
with one of those that it lies in. So the promises of all rows add up to that of the selection, and so does the rest.

A *rank* is a place in an order. What lies in an artifact goes with one rank, and what is kept may have one too.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import (
    AS_COUNTED,
    ATTRIBUTES,
    EXTENTS,
    LAYERS,
    LINK_FIELDS,
    LINKED_RANGE_FIELDS,
    TREE,
    Settled,
)
from cleanup_nodemodule.model import Accounted, Artifact, Contents, Records, Size
from cleanup_nodemodule.survey import tree_estimate
from cleanup_nodemodule.survey.chunks import CHUNK, going, in_chunks, in_tree
from cleanup_nodemodule.survey.hard_links import completed_by_rank

AS_DU_COUNTS: Final = Accounted("", "", "as du counts", exact=False)
"""How a device is accounted of which nobody knows anything."""

_APPARENT: Final = 2
_ALLOCATED: Final = 3
_OWN: Final = 4
"""Where these are in a record of ``Usage.links``."""

Slices: TypeAlias = Sequence[tuple[int, int, bytes]]
"""Records as the engine packs them, each with a rank or a place, and the number of the device."""


class Item(NamedTuple):
    """What is in one artifact, in bytes as in its :class:`~cleanup_nodemodule.model.Contents`."""

    rank: int
    device: int
    allocated: int
    own: int
    perhaps: int
    shared: int
    metadata: int
    dense: int
    proven: int
    inline: int


def item(rank: int, device: int, contents: Contents) -> Item:
    """Return what is in an artifact of this *rank*."""
    return Item(
        *(rank, device, contents.allocated_bytes, contents.own_bytes, contents.perhaps_bytes),
        *(contents.shared_bytes, contents.metadata_bytes, contents.dense_bytes),
        *(contents.proven_bytes, contents.inline_bytes),
    )


class Sums(NamedTuple):
    """Bytes for each rank. What is kept has nothing but the first two."""

    apparent: "array[int]"
    """Of files with several links, each with the first rank that has it."""
    allocated: "array[int]"
    """The same, allocated."""
    promised: "array[int]"
    """What surely comes back."""
    at_most: "array[int]"
    """What comes back at most."""
    shared: "array[int]"
    """What does not surely come back, because something else has it, too."""


def sizes(
    parts: Sequence[tuple[int, Contents]],
    selected: Sequence[bool],
    records: Records,
    known: Mapping[int, Accounted],
) -> list[Size]:
    """Return the size of each artifact of a plan, by its place.

    *parts* has the device and the contents of each, in path order: a file with several links counts with what lies
    deepest, which is behind what lies around it. *selected* says which of them go. *known* says by its number how a device
    is accounted.
    """
    end = len(parts)

    def rank(place: int) -> int:
        return end - 1 - place if place >= 0 else end

    items = [
        item(end - 1 - place, device, contents) for place, (device, contents) in enumerate(parts)
    ]
    sums = settle(items, ranked(records, rank), bytes((*reversed(selected), False)), known)
    return [size_of(contents, sums, end - 1 - place) for place, (_, contents) in enumerate(parts)]


def size_of(contents: Contents, sums: Sums, rank: int) -> Size:
    """Return the size of an artifact of this *rank*."""
    return Size(
        contents.apparent_bytes + sums.apparent[rank],
        contents.allocated_bytes + sums.allocated[rank],
        sums.promised[rank],
        sums.at_most[rank],
        sums.shared[rank],
    )


def resized(
    artifacts: Sequence[Artifact],
    selected: Sequence[bool],
    records: Records,
    known: Mapping[int, Accounted],
) -> list[Size]:
    """Return what the size of each artifact of a plan is if these are *selected*; else as :func:`sizes`."""
    parts = [(one.candidate.identity.device, one.contents) for one in artifacts]
    return sizes(parts, selected, records, known)


def accounted_by_device(accounted: Iterable[Accounted]) -> dict[int, Accounted]:
    """Return how each device is accounted, by its number."""
    return {device: one for one in accounted for device in one.devices}


def settle(
    items: Iterable[Item],
    records: Records,
    goes: bytes,
    known: Mapping[int, Accounted],
    *,
    last: bool = False,
) -> Sums:
    """Return what comes back with each rank, if those go whose byte in *goes* is not 0.

    The *items* are gone through twice. The *records* have ranks, in their order. A file with several links counts with the first rank that has it, and with
    the *last* one if that is asked: then the sums up to a rank are what comes back if no more goes than that. All else
    counts with the last rank in any case.
    """
    sums = Sums(*(array("Q", bytes(8 * len(goes))) for _ in Sums._fields))
    _Settling(sums, goes, known, records, last=last).settle(items)
    return sums


def ranked(records: Records, rank: Callable[[int], int]) -> Records:
    """Return the records with the *rank* of each place, in the order of these."""

    def each(slices: Slices) -> tuple[tuple[int, int, bytes], ...]:
        given = ((rank(place), device, packed) for place, device, packed in slices)
        return tuple(sorted(given, key=itemgetter(0)))

    return Records(*map(each, records))


class _Settling:
    """One selection, as far as it is settled."""

    def __init__(
        self,
        sums: Sums,
        goes: bytes,
        known: Mapping[int, Accounted],
        records: Records,
        *,
        last: bool,
    ) -> None:
        self._sums: Final = sums
        self._goes: Final = goes
        self._known: Final = known
        self._records: Final = records
        self._last: Final = last

    def _accounted(self, device: int) -> Accounted:
        return self._known.get(device, AS_DU_COUNTS)

    def _kind(self, device: int) -> int:
        return self._accounted(device).accounting.kind

    def settle(self, items: Iterable[Item]) -> None:
        """Add up everything."""
        doubted = self._doubted(items)
        for one in items:
            if self._goes[one.rank]:
                self._add_contents(one, doubted)
        self._add_links(doubted)
        self._add_ranges()
        self._add_chunks()

    def _doubted(self, items: Iterable[Item]) -> frozenset[Accounted]:
        """Return the file systems where anything shared was met: they may have snapshots."""
        sharing = {one.device for one in items if one.shared}
        sharing.update(device for _, device, packed in self._records.linked_ranges if packed)
        return frozenset(map(self._accounted, sharing))

    def _add_contents(self, one: Item, doubted: frozenset[Accounted]) -> None:
        accounted = self._accounted(one.device)
        kind = accounted.accounting.kind
        promised, at_most, shared = one.own, one.own + one.perhaps, one.shared
        if kind == AS_COUNTED:
            at_most = one.allocated
            promised, shared = (0, at_most) if accounted.doubtful else (at_most, 0)
        elif kind == LAYERS:
            promised = 0 if accounted.doubtful else one.own
            shared = one.allocated - promised - one.perhaps
        elif kind == TREE:
            surely = one.dense
            if accounted.compresses:
                surely -= tree_estimate.compressed(one.inline)
            # A snapshot that has the content of files has also what the tree says of them. It may have all that is
            # only in the tree, and nothing that is there tells.
            if one.shared or (not one.proven and accounted in doubted):
                surely = one.proven
            promised += tree_estimate.low(max(surely, 0), accounted.copies)
            at_most += tree_estimate.high(max(one.metadata, 0), accounted.copies)
        # What was written while it was measured may be missing around what has it.
        self._sums.promised[one.rank] += max(promised, 0)
        self._sums.at_most[one.rank] += max(promised, at_most, 0)
        self._sums.shared[one.rank] += max(shared, 0)

    def _add_links(self, doubted: frozenset[Accounted]) -> None:
        """Count each file with several links once."""
        slices = list(self._records.links)
        if not slices:
            return
        settled = engine.settle(slices, self._goes)
        sums = self._sums
        _add(sums.apparent, settled.apparent)
        _add(sums.allocated, settled.allocated)
        _add(sums.at_most, settled.freed if self._last else settled.reclaimable)
        surely = self._sure(slices, settled)
        _add(sums.promised, surely.freed if self._last else surely.reclaimable)
        for rank, (all_, ours) in enumerate(
            zip(numbers(settled.reclaimable), numbers(surely.reclaimable), strict=True)
        ):
            if self._goes[rank]:
                sums.shared[rank] += all_ - ours
        # What is not among that is shared with other links, or as the content of other files is.
        mine = [
            (rank, device, packed) for rank, device, packed in slices if self._kind(device) != TREE
        ]
        # Compressed content takes less than is allocated, and is not shared for that.
        trees = [
            (rank, device, _with_own(packed, memoryview(packed).cast("Q")[_ALLOCATED::LINK_FIELDS]))
            for rank, device, packed in slices
            if self._kind(device) == TREE
        ]
        both = sorted((*mine, *trees), key=itemgetter(0)) if trees else slices
        alone = engine.settle(both, self._goes) if trees else settled
        for rank, (taken, back) in enumerate(
            zip(numbers(alone.allocated), numbers(alone.reclaimable), strict=True)
        ):
            if self._goes[rank]:
                sums.shared[rank] += max(taken - back, 0)
        for device in {device for _, device, _ in trees}:
            self._add_tree_of_links(device, surely=self._accounted(device) not in doubted)

    def _sure(self, slices: Sequence[tuple[int, int, bytes]], settled: Settled) -> Settled:
        """Return what of files with several links is *settled* to come back, without what others may have, too."""
        doubtful = {device for _, device, _ in slices if self._accounted(device).doubtful}
        if not doubtful:
            return settled
        none = array("Q", bytes(8))
        return engine.settle(
            [
                (rank, device, _with_own(packed, none * (len(packed) // (8 * LINK_FIELDS))))
                if device in doubtful
                else (rank, device, packed)
                for rank, device, packed in slices
            ],
            self._goes,
        )

    def _add_tree_of_links(self, device: int, *, surely: bool) -> None:
        """Add what files with several links take in the tree of btrfs."""
        accounted = self._accounted(device)
        slices = [
            (rank, device, _with_own(packed, _in_tree(packed, accounted)))
            for rank, at, packed in self._records.links
            if at == device
        ]
        items = numbers(engine.settle(slices, self._goes).freed)
        for rank, count in enumerate(items):
            if count:
                self._sums.at_most[rank] += tree_estimate.high(count, accounted.copies)
                if surely:
                    self._sums.promised[rank] += tree_estimate.low(count, accounted.copies)

    def _add_ranges(self) -> None:
        """Count places on the disk that several files have."""
        by_file_system: defaultdict[Accounted, list[tuple[int, bytes]]] = defaultdict(list)
        for rank, device, packed in self._records.ranges:
            if self._goes[rank]:
                by_file_system[self._accounted(device)].append((rank, packed))
        for rank, device, packed in self._ranges_of_links():
            by_file_system[self._accounted(device)].append((rank, packed))
        sums = self._sums
        for accounted, slices in by_file_system.items():
            slices.sort(key=itemgetter(0))
            kind = accounted.accounting.kind
            if kind == ATTRIBUTES:
                covered = engine.cover(slices, 1)
                _add(sums.at_most, covered.common)
                # No block of attributes has more files than that, so that nobody else has it.
                _add(sums.promised, covered.full)
                for rank, count in enumerate(numbers(covered.full)):
                    sums.shared[rank] -= min(count, sums.shared[rank])
            elif kind in {EXTENTS, TREE}:
                # What is shared and occurs once is also somebody else's.
                _add(sums.at_most, engine.cover(slices, 2).common)

    def _ranges_of_links(self) -> Iterator[tuple[int, int, bytes]]:
        """Give the ranges of files with several links all of which go, each once, with the last rank of these."""
        by_device: defaultdict[int, dict[int, set[tuple[int, int]]]] = defaultdict(dict)
        for _, device, packed in self._records.linked_ranges:
            its = by_device[device]
            fields = memoryview(packed).cast("Q")
            for inode, start, length in zip(
                *(fields[at::LINKED_RANGE_FIELDS] for at in range(LINKED_RANGE_FIELDS)), strict=True
            ):
                its.setdefault(inode, set()).add((start, length))
        for device, inodes in by_device.items():
            by_rank: defaultdict[int, array[int]] = defaultdict(lambda: array("Q"))
            for inode, rank in completed_by_rank(self._records.links, device, self._goes):
                for one in inodes.get(inode, ()):
                    by_rank[rank].extend(one)
            yield from ((rank, device, some.tobytes()) for rank, some in by_rank.items())

    def _add_chunks(self) -> None:
        """Count chunks of inodes: what goes as a whole surely comes back, and what is left of others may be free."""
        by_chunks = {device for device, one in self._known.items() if in_chunks(one)}
        counted: Counter[int] = Counter()
        for (device, _), (count, rank) in going(self._records, self._goes, by_chunks).items():
            accounted = self._accounted(device)
            whole = CHUNK * accounted.inode
            counted[rank] += 1
            if accounted.whole_chunks:
                self._sums.at_most[rank] += whole
                if count >= CHUNK:
                    self._sums.promised[rank] += whole
            else:
                # They may be halves of two.
                self._sums.at_most[rank] += 2 * whole
        for rank, chunks in counted.items():
            self._sums.at_most[rank] += in_tree(chunks)


def gone(records: Records, goes: bytes, known: Mapping[int, Accounted]) -> Sequence[int]:
    """Return by rank what those files with several links take, as ``du`` counts, that have no link in what stays.

    Each counts with the last rank that has it.
    """
    slices = [
        (rank, device, packed)
        if known.get(device, AS_DU_COUNTS).accounting.kind == AS_COUNTED
        else (
            rank,
            device,
            _with_own(packed, memoryview(packed).cast("Q")[_ALLOCATED::LINK_FIELDS]),
        )
        for rank, device, packed in records.links
    ]
    return numbers(engine.settle(slices, goes).gone) if slices else [0] * len(goes)


def _add(sums: "array[int]", more: bytes) -> None:
    for rank, count in enumerate(numbers(more)):
        sums[rank] += count


def _with_own(packed: bytes, own: Iterable[int]) -> bytes:
    """Return records of files with several links with other own bytes."""
    fields = array("Q", packed)
    fields[_OWN::LINK_FIELDS] = array("Q", own)
    return fields.tobytes()


def _in_tree(packed: bytes, accounted: Accounted) -> Iterator[int]:
    """Give what each record's inode takes in the tree of btrfs, with its content or its extent."""
    accounting = accounted.accounting
    inode, inline = accounting.inode, accounting.inline
    for size in memoryview(packed).cast("Q")[_APPARENT::LINK_FIELDS]:
        if size > inline:
            yield inode + accounting.extent
        else:
            yield inode + (accounting.content + size if size else 0)


def numbers(packed: bytes) -> Sequence[int]:
    """Return the numbers of an answer of the engine, one for each rank."""
    return memoryview(packed).cast("Q")
