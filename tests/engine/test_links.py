"""``settle``: files with several links are counted once, by both engines as by hand."""

import itertools
from array import array
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.engine import _python_links
from cleanup_nodemodule.engine.contract import Settled
from support.dictated import usual

# A count of links may change meanwhile, and what a file shares.
Record = tuple[int, int, int, int, int]
# Inodes of different file systems may have the same number.
Slice = tuple[int, int, list[Record]]

records = st.tuples(
    st.sampled_from([0, 1, 2, 3, 2**40, 2**64 - 1]),
    st.integers(1, 4),
    st.integers(0, 9000),
    st.sampled_from([0, 512, 4096, 2**40]),
    st.sampled_from([0, 512, 4096, 2**40, 2**41]),
)
devices = st.sampled_from([0, 1, 2**63, 2**64 - 1])
runs = st.lists(
    st.tuples(st.integers(0, 5), devices, st.lists(records, max_size=5)), max_size=8
).map(lambda slices: sorted(slices, key=lambda one: one[0]))


def pack(given: list[Record]) -> bytes:
    return array("Q", itertools.chain.from_iterable(given)).tobytes()


def by_hand(slices: list[Slice], chosen: bytes) -> Settled:
    """Look at each inode on its own."""
    links = [(rank, (device, one[0]), one) for rank, device, given in slices for one in given]
    apparent, allocated, reclaimable, freed, gone = sums = [
        array("Q", [0] * len(chosen)) for _ in Settled._fields
    ]
    for being in {being for _, being, _ in links}:
        its = [(rank, one) for rank, other, one in links if other == being]
        rank, first = its[0]
        apparent[rank] += first[2]
        allocated[rank] += first[3]
        own = min(one[4] for _, one in its)
        going = [rank for rank, _ in its if chosen[rank]]
        if going and len(going) >= max(one[1] for _, one in its):
            reclaimable[min(going)] += own
            freed[max(going)] += own
        if len(going) == len(its):
            gone[max(going)] += own
    return Settled(*(one.tobytes() for one in sums))


@usual
@given(slices=runs, chosen=st.lists(st.booleans(), min_size=6, max_size=6))
def test_each_inode_is_counted_once(
    engine: ModuleType, slices: list[Slice], chosen: list[bool]
) -> None:
    packed = [(rank, device, pack(given)) for rank, device, given in slices]
    assert engine.settle(packed, bytes(chosen)) == by_hand(slices, bytes(chosen))


@given(slices=runs, chosen=st.lists(st.booleans(), min_size=6, max_size=6))
def test_the_number_of_passes_changes_nothing(slices: list[Slice], chosen: list[bool]) -> None:
    packed = [(rank, device, pack(given)) for rank, device, given in slices]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_python_links, "_AT_ONCE", 2)
        assert _python_links.settle(packed, bytes(chosen)) == by_hand(slices, bytes(chosen))


def test_millions_of_links_are_counted_in_several_passes(engine: ModuleType) -> None:
    inodes = 600_000
    one = array("Q", bytes(40 * inodes))
    one[0::5] = array("Q", range(inodes))
    one[1::5] = array("Q", [2]) * inodes
    one[2::5] = array("Q", [100]) * inodes
    one[3::5] = array("Q", [512]) * inodes
    one[4::5] = array("Q", [500]) * inodes
    both = [(0, 7, one.tobytes()), (2, 7, one.tobytes())]
    own, none = 500 * inodes, 0

    def sums(chosen: bytes) -> list[list[int]]:
        return [list(array("Q", packed)) for packed in engine.settle(both, chosen)]

    assert sums(b"\1\0\1") == [
        [100 * inodes, 0, 0],
        [512 * inodes, 0, 0],
        [own, none, none],
        [none, none, own],
        [none, none, own],
    ]
    assert sums(b"\1\1\0")[2:] == [[0, 0, 0]] * 3


@pytest.mark.parametrize(
    "slices",
    [
        [(1, 7, b""), (0, 7, b"")],
        [(2, 7, b"")],
        [(-1, 7, b"")],
        [(0, 7, bytes(39))],
        [(0, 7, bytes(41))],
    ],
)
def test_slices_that_are_not_whole_or_not_in_order_are_refused(
    engine: ModuleType, slices: list[tuple[int, int, bytes]]
) -> None:
    with pytest.raises(ValueError, match="whole, and in the order of their ranks"):
        engine.settle(slices, b"\1\1")


def test_nothing_is_nothing(engine: ModuleType) -> None:
    assert engine.settle([], b"") == (b"",) * 5
    assert engine.settle([], b"\1") == (bytes(8),) * 5
