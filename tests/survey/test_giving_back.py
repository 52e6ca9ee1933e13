"""What a selection gives back, against a disk that is played block by block."""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.engine.contract import (
    AS_COUNTED,
    ATTRIBUTES,
    EXTENTS,
    LAYERS,
    TREE,
    Accounting,
)
from cleanup_nodemodule.model import Accounted, Contents, Records, Size
from cleanup_nodemodule.survey.giving_back import AS_DU_COUNTS, sizes
from cleanup_nodemodule.survey.linked import Linked
from cleanup_nodemodule.survey.summary import Settled
from support.removals import artifact

BLOCK = 4096
INODE = 512
CHUNK = 64
ROWS = 3


class File(NamedTuple):
    """A file of the disk."""

    inode: int
    links: tuple[int, ...]
    """The rows that have its links; -1 for outside of all."""
    blocks: frozenset[int]
    """Several files may have the same one."""


class Disk(NamedTuple):
    """A file system with reflinks that gives back inodes by 64, as XFS does."""

    files: tuple[File, ...]

    def users(self, block: int) -> int:
        return sum(block in file.blocks for file in self.files)

    def freed(self, rows: Iterable[int]) -> int:
        """Return what comes back if these rows are deleted."""
        going = set(rows)
        stay = [file for file in self.files if not going.issuperset(file.links)]
        blocks = {block for file in self.files for block in file.blocks}
        blocks -= {block for file in stay for block in file.blocks}
        chunks = {file.inode // CHUNK for file in self.files}
        chunks -= {file.inode // CHUNK for file in stay}
        return len(blocks) * BLOCK + len(chunks) * CHUNK * INODE

    def _shared(self, file: File) -> list[int]:
        return [block for block in sorted(file.blocks) if self.users(block) > 1]

    def measured(self) -> tuple[list[tuple[int, Contents]], Records]:
        """Return what an engine says of it."""
        parts = []
        books: tuple[list[tuple[int, int, bytes]], ...] = ([], [], [], [])
        for row in range(ROWS):
            links, ranges, linked_ranges, chunks = (array("Q") for _ in range(4))
            allocated = own = shared = 0
            inodes: Counter[int] = Counter()
            for file in self.files:
                its = self._shared(file)
                takes, alone = len(file.blocks) * BLOCK, (len(file.blocks) - len(its)) * BLOCK
                for _ in range(file.links.count(row)):
                    if len(file.links) > 1:
                        links.extend((file.inode, len(file.links), takes, takes, alone))
                        for block in its:
                            linked_ranges.extend((file.inode, block * BLOCK, BLOCK))
                        continue
                    allocated, own = allocated + takes, own + alone
                    shared += len(its) * BLOCK
                    inodes[file.inode // CHUNK] += 1
                    for block in its:
                        ranges.extend((block * BLOCK, BLOCK))
            for chunk in inodes.items():
                chunks.extend(chunk)
            for book, packed in zip(books, (links, ranges, linked_ranges, chunks), strict=True):
                book.append((row, 1, packed.tobytes()))
            parts.append((1, contents(allocated=allocated, own=own, shared=shared)))
        return parts, Records(*map(tuple, books))


def contents(
    allocated: int = 0, own: int = 0, perhaps: int = 0, shared: int = 0, **more: Any
) -> Contents:
    empty = Contents(allocated, allocated, 1, 1, 0, complete=True, mounts=(), repositories=())
    return replace(empty, own_bytes=own, perhaps_bytes=perhaps, shared_bytes=shared, **more)


def on(kind: int, *devices: int, **more: float) -> dict[int, Accounted]:
    """Return how some devices are accounted, which are one file system."""
    accounted = Accounted(
        *("/", "xfs", "measured", False, Accounting(kind)),
        copies=more.get("copies", 1.0),
        inode=INODE if kind == EXTENTS else 0,
        devices=frozenset(devices),
    )
    return dict.fromkeys(devices, accounted)


places = st.lists(st.integers(-1, ROWS - 1), min_size=1, max_size=3).map(tuple)
blocks = st.frozensets(st.integers(0, 15), max_size=4)
few = st.lists(st.tuples(places, blocks), max_size=12)
selections = st.lists(st.booleans(), min_size=ROWS, max_size=ROWS)


def settled(disk: Disk, selected: list[bool]) -> list[Size]:
    parts, records = disk.measured()
    return sizes(parts, selected, records, on(EXTENTS, 1))


@given(few, st.permutations(range(2 * CHUNK)), selections, st.booleans())
def test_what_comes_back_is_never_less_than_promised_and_never_more_than_said(
    files: list[tuple[tuple[int, ...], frozenset[int]]],
    inodes: list[int],
    selected: list[bool],
    full: bool,  # noqa: FBT001 - drawn
) -> None:
    """With whole chunks of small files in them, too."""
    made = [File(inode, *one) for inode, one in zip(inodes, files, strict=False)]
    if full:
        made += [File(inode, (0,), frozenset()) for inode in inodes[len(made) :]]
    disk = Disk(tuple(made))
    rows = settled(disk, selected)
    freed = disk.freed(row for row, goes in enumerate(selected) if goes)
    promised = sum(row.reclaimable_bytes for row in rows)
    assert promised <= freed <= sum(row.reclaimable_at_most_bytes for row in rows)
    for row, goes in zip(rows, selected, strict=True):
        assert row.reclaimable_bytes <= row.reclaimable_at_most_bytes
        assert goes or (row.reclaimable_at_most_bytes, row.shared_bytes) == (0, 0)


@given(few, selections)
def test_where_nothing_is_shared_all_but_parts_of_chunks_is_promised(
    files: list[tuple[tuple[int, ...], frozenset[int]]], selected: list[bool]
) -> None:
    taken = 0
    made = []
    for inode, (links, its) in enumerate(files):
        made.append(File(inode, links, frozenset(range(taken, taken + len(its)))))
        taken += len(its)
    disk = Disk(tuple(made))
    rows = settled(disk, selected)
    going = {row for row, goes in enumerate(selected) if goes}
    content = sum(len(file.blocks) * BLOCK for file in made if going.issuperset(file.links))
    assert sum(row.reclaimable_bytes for row in rows) == content
    # A chunk is whole only if nobody has another inode of it.
    assert disk.freed(going) - content in {0, CHUNK * INODE}


def ranges(*pairs: tuple[int, int]) -> bytes:
    return array("Q", [number for pair in pairs for number in pair]).tobytes()


def test_a_clone_comes_back_at_most_if_both_go_and_not_at_all_if_one_does() -> None:
    part = contents(allocated=3 * BLOCK, own=BLOCK, shared=2 * BLOCK)
    records = Records(ranges=((0, 1, ranges((0, 2 * BLOCK))), (1, 1, ranges((BLOCK, 2 * BLOCK)))))
    both = sizes([(1, part), (1, part)], [True, True], records, on(EXTENTS, 1))
    assert [one.reclaimable_bytes for one in both] == [BLOCK, BLOCK]
    assert sum(one.reclaimable_at_most_bytes for one in both) == 3 * BLOCK
    assert [one.shared_bytes for one in both] == [2 * BLOCK, 2 * BLOCK]
    [one, other] = sizes([(1, part), (1, part)], [True, False], records, on(EXTENTS, 1))
    assert (one.reclaimable_bytes, one.reclaimable_at_most_bytes) == (BLOCK, BLOCK)
    assert other.reclaimable_at_most_bytes == 0


@pytest.mark.parametrize(
    ("known", "most"), [(on(TREE, 1, 2), BLOCK), ({**on(TREE, 1), **on(TREE, 2)}, 0)]
)
def test_subvolumes_share_places_and_other_file_systems_do_not(
    known: dict[int, Accounted], most: int
) -> None:
    part = contents(allocated=BLOCK, shared=BLOCK)
    records = Records(ranges=((0, 1, ranges((0, BLOCK))), (1, 2, ranges((0, BLOCK)))))
    rows = sizes([(1, part), (2, part)], [True, True], records, known)
    assert sum(one.reclaimable_at_most_bytes for one in rows) == most


def test_a_block_of_attributes_is_surely_ours_if_as_many_files_have_it_as_can() -> None:
    part = contents(allocated=1100 * BLOCK, shared=1030 * BLOCK, own=70 * BLOCK)
    records = Records(ranges=((0, 1, ranges(*[(0, BLOCK)] * 1024, *[(BLOCK, BLOCK)] * 6)),))
    [one] = sizes([(1, part)], [True], records, on(ATTRIBUTES, 1))
    assert (one.reclaimable_bytes, one.reclaimable_at_most_bytes) == (71 * BLOCK, 72 * BLOCK)
    assert one.shared_bytes == 1029 * BLOCK


def test_what_lies_in_a_lower_layer_is_shared() -> None:
    part = contents(allocated=9 * BLOCK, own=2 * BLOCK, perhaps=3 * BLOCK)
    [one] = sizes([(1, part)], [True], Records(), on(LAYERS, 1))
    assert one == Size(9 * BLOCK, 9 * BLOCK, 2 * BLOCK, 5 * BLOCK, 4 * BLOCK)
    # What lies in the upper layer may be clones.
    doubted = {1: replace(on(LAYERS, 1)[1], doubtful=True)}
    [one] = sizes([(1, part)], [True], Records(), doubted)
    assert (one.reclaimable_bytes, one.reclaimable_at_most_bytes) == (0, 5 * BLOCK)


def test_a_snapshot_may_have_all_of_a_tree_that_is_not_proven() -> None:
    plain = contents(metadata_bytes=10**6, dense_bytes=9 * 10**5, proven_bytes=10**5)
    empty = contents(metadata_bytes=10**6, dense_bytes=9 * 10**5)
    sharing = contents(
        shared=BLOCK, metadata_bytes=10**6, dense_bytes=9 * 10**5, proven_bytes=10**5
    )
    known = on(TREE, 1, copies=2.0)

    def promised(*parts: Contents) -> list[int]:
        rows = sizes([(1, one) for one in parts], [True] * len(parts), Records(), known)
        assert all(row.reclaimable_at_most_bytes > 2 * 10**6 for row in rows)
        return [row.reclaimable_bytes for row in rows]

    [whole, none] = promised(plain, empty)
    assert whole == none > 18 * 10**5
    # What has content that no snapshot has is no part of one; of what has none nobody knows.
    [same, little, doubtful] = promised(plain, sharing, empty)
    assert (same, doubtful) == (whole, 0)
    assert 2 * 10**5 <= little < 3 * 10**5


def test_what_is_told_before_all_is_found_is_what_a_plan_says(tmp_path: Path) -> None:
    """Whether the tree has something of a snapshot is told by whatever is shared, wherever that is found."""
    names = ("linked", "sharing")
    for name in names:
        (tmp_path / name).mkdir()
    artifacts = [artifact(tmp_path / name) for name in names]
    device = artifacts[0].candidate.identity.device
    items = {"metadata_bytes": 10**6, "dense_bytes": 9 * 10**5, "proven_bytes": 10**5}
    parts = [contents(**items), contents(shared=BLOCK, **items)]
    known = on(TREE, device)
    links = [one for inode in range(200) for one in [(inode, 2, 1000, 0, 0)] * 2]
    linking = ((0, device, array("Q", chain.from_iterable(links)).tobytes()),)
    cloned = array("Q", (BLOCK, BLOCK)).tobytes()
    books = Records(linking), Records(ranges=((0, device, cloned),))
    both = Records(linking, ((1, device, cloned),))
    whole = sizes([(device, part) for part in parts], [True, True], both, known)
    told: dict[str, Size] = {}
    linked = Linked(known)
    for one, part, its in zip(artifacts, parts, books, strict=True):
        [size] = sizes([(device, part)], [True], its, known)
        row = replace(one, contents=part, size=size)
        early = linked.without_waiting(Settled((row,), (), its, doubled=False))
        told.update((each.path, each.size) for each in early)
    for late in linked.settled():
        told.update((each.path, each.size) for each in late)
    assert [told[one.path] for one in artifacts] == whole


def test_what_nobody_asks_is_as_du_counts() -> None:
    part = contents(allocated=BLOCK, own=0, shared=9)
    assert sizes([(7, part)], [True], Records(), {}) == [Size.exact(BLOCK, BLOCK, BLOCK)]
    assert AS_DU_COUNTS.how == "as du counts"


def test_where_nobody_tells_what_is_shared_nothing_is_promised() -> None:
    """A ZFS with snapshots: any of it may come back, with and without several links."""
    doubtful = replace(on(AS_COUNTED, 1)[1], doubtful=True)
    known = {1: doubtful, 2: on(AS_COUNTED, 2)[2]}
    parts = [(1, contents(allocated=7000)), (2, contents(allocated=500))]
    links = array("Q", (5, 1, 30, 30, 30)).tobytes()
    records = Records(links=((0, 1, links), (1, 2, links)))
    first, second = sizes(parts, [True, True], records, known)
    assert (first.reclaimable_bytes, first.reclaimable_at_most_bytes) == (0, 7030)
    assert first.shared_bytes == 7030
    assert (second.reclaimable_bytes, second.reclaimable_at_most_bytes) == (530, 530)
    assert second.shared_bytes == 0
    first, second = sizes(parts, [False, True], records, known)
    assert (first.reclaimable_at_most_bytes, first.shared_bytes) == (0, 0)


def test_bcachefs_gives_back_no_chunks_of_inodes() -> None:
    known = {1: replace(on(EXTENTS, 1)[1], kind="bcachefs", inode=0)}
    chunks = array("Q", (3, CHUNK)).tobytes()
    [size] = sizes(
        [(1, contents(allocated=9000, own=4000, shared=5000))],
        [True],
        Records(chunks=((0, 1, chunks),)),
        known,
    )
    assert (size.reclaimable_bytes, size.reclaimable_at_most_bytes) == (4000, 4000)
