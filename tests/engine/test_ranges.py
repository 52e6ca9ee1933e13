"""``cover``: what ranges of a disk have in common, by both engines as counted byte by byte."""

import itertools
from array import array
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.engine.contract import Covered
from support.dictated import usual

Range = tuple[int, int]

HIGHEST = 2**64

ranges = st.tuples(st.integers(0, 30), st.integers(0, 12)).filter(lambda one: sum(one) <= 40)
runs = st.lists(st.tuples(st.integers(0, 5), st.lists(ranges, max_size=6)), max_size=8).map(
    lambda slices: sorted(slices, key=lambda one: one[0])
)


def pack(given: list[Range]) -> bytes:
    return array("Q", itertools.chain.from_iterable(given)).tobytes()


def by_hand(slices: list[tuple[int, list[Range]]], times: int, repeated: int) -> Covered:
    """Look at each byte on its own; each range is there *repeated* times."""
    count = slices[-1][0] + 1 if slices else 0
    common, full = array("Q", bytes(8 * count)), array("Q", bytes(8 * count))
    for place in range(40):
        having = [
            rank
            for rank, given in slices
            for begin, length in given
            if begin <= place < begin + length
        ]
        if having and len(having) * repeated >= times:
            common[max(having)] += 1
            full[max(having)] += len(having) * repeated >= 1024
    return Covered(common.tobytes(), full.tobytes())


@usual
@given(
    slices=runs,
    times=st.integers(1, 6),
    repeated=st.sampled_from([1, 2, 341, 512, 1023, 1024]),
    base=st.sampled_from([0, 7, 2**40, HIGHEST - 40]),
)
def test_each_byte_is_counted_once(
    engine: ModuleType,
    slices: list[tuple[int, list[Range]]],
    times: int,
    repeated: int,
    base: int,
) -> None:
    packed = [
        (rank, pack([(base + begin, length) for begin, length in given]) * repeated)
        for rank, given in slices
    ]
    assert engine.cover(packed, times) == by_hand(slices, times, repeated)


@pytest.mark.parametrize(("times", "common"), [(1, 5), (1024, 5), (1025, 5), (1026, 0)])
def test_so_many_have_to_have_it(engine: ModuleType, times: int, common: int) -> None:
    slices = [(0, pack([(100, 5)]) * 1000), (3, pack([(90, 20)])), (4, pack([(0, 105)]) * 24)]
    covered = engine.cover(slices, times)
    # At 1 the others have what lies around it.
    expected = {1: [0, 0, 0, 5, 105]}.get(times, [0, 0, 0, 0, common])
    assert list(array("Q", covered[0])) == expected
    assert list(array("Q", covered[1])) == [0, 0, 0, 0, common]


def test_the_whole_disk_is_a_range(engine: ModuleType) -> None:
    slices = [(0, pack([(0, HIGHEST - 1)])), (1, pack([(1, HIGHEST - 1)]))]
    assert list(array("Q", engine.cover(slices, 2)[0])) == [0, HIGHEST - 2]
    assert list(array("Q", engine.cover(slices[:1], 1)[0])) == [HIGHEST - 1]


def test_many_ranges_are_covered(engine: ModuleType) -> None:
    """Of a large file that was cloned as often as there are ranks, and each time has less in common."""
    blocks, copies = 20_000, 5
    slices = [
        (rank, pack([(4096 * block, 4096) for block in range(0, blocks, rank + 1)]))
        for rank in range(copies)
    ]
    having = [
        [rank for rank in range(copies) if block % (rank + 1) == 0] for block in range(blocks)
    ]
    for times in (1, 2, 5):
        expected = [
            4096 * sum(len(ranks) >= times and max(ranks) == rank for ranks in having)
            for rank in range(copies)
        ]
        assert list(array("Q", engine.cover(slices, times)[0])) == expected


@pytest.mark.parametrize(
    "slices",
    [[(1, b""), (0, b"")], [(-1, b"")], [(0, bytes(15))], [(0, bytes(17))]],
)
def test_slices_that_are_not_whole_or_not_in_order_are_refused(
    engine: ModuleType, slices: list[tuple[int, bytes]]
) -> None:
    with pytest.raises(ValueError, match="whole, and in the order of their ranks"):
        engine.cover(slices, 1)


@pytest.mark.parametrize("one", [(HIGHEST - 1, 2), (2, HIGHEST - 1), (HIGHEST - 1, HIGHEST - 1)])
def test_a_range_that_ends_beyond_everything_is_refused(engine: ModuleType, one: Range) -> None:
    with pytest.raises(ValueError, match=r"end at 2\*\*64 at most"):
        engine.cover([(0, pack([one]))], 1)


@pytest.mark.parametrize("times", [0, -1])
def test_nothing_is_had_no_times(engine: ModuleType, times: int) -> None:
    with pytest.raises(ValueError, match="from one on"):
        engine.cover([], times)


def test_nothing_is_nothing(engine: ModuleType) -> None:
    assert engine.cover([], 1) == (b"", b"")
    assert engine.cover([(1, b"")], 1) == (bytes(16), bytes(16))
    assert engine.cover([(0, pack([(5, 0), (HIGHEST - 1, 0)]))], 1) == (bytes(8), bytes(8))
