"""What is made of what the engine says of btrfs, without a file system."""

from array import array
from typing import Any

import pytest

from cleanup_nodemodule.engine.contract import Usage
from cleanup_nodemodule.survey import tree_estimate
from cleanup_nodemodule.survey.tree_estimate import HIGH, LOW, NODE, Estimated, Tally, high, low

NOTHING = Usage(0, 0, 0, 0, 0, b"", [], [], [], 0, [], [], 0, 0, 0, 0, 0, 0, b"", b"", b"")


def packed(*records: tuple[int, int]) -> bytes:
    return array("Q", [number for record in records for number in record]).tobytes()


def usage(*inodes: tuple[int, int], **fields: Any) -> Usage:
    """A slice with so many *inodes* of each chunk."""
    return NOTHING._replace(chunks=packed(*inodes), **fields)


def estimated(*usages: Usage) -> Estimated:
    tally = Tally()
    for one in usages:
        tally.add(one)
    return tally.estimated(sum(one.own for one in usages), sum(one.perhaps for one in usages))


WHOLE = [(number, 64) for number in range(100)]


def test_what_lies_together_comes_back_but_for_its_ends() -> None:
    found = estimated(usage(*WHOLE, metadata=1_000_000, proven=600_000, content=100_000))
    assert found.dense == 1_000_000 - NODE
    assert (found.proven, found.inline) == (600_000, 100_000)
    assert 1_000_000 < found.metadata < 1_100_000
    assert low(found.dense, 1) < high(found.metadata, 1)


def test_where_others_lie_between_nothing_is_promised() -> None:
    few = [(number, 28) for number in range(100)]
    assert estimated(usage(*few, metadata=1_000_000, proven=600_000)).dense == 0


@pytest.mark.parametrize("met", range(1, 64))
def test_more_of_a_chunk_never_promises_less(met: int) -> None:
    def dense(count: int) -> int:
        return estimated(usage((7, count), metadata=1_000_000)).dense

    assert dense(met) <= dense(met + 1)


def test_the_slices_of_a_chunk_add_up() -> None:
    halves = [usage((7, 32), metadata=500_000), usage((7, 32), metadata=500_000)]
    assert estimated(*halves) == estimated(usage((7, 64), metadata=1_000_000))


def test_a_gap_is_all_that_a_compressed_extent_takes() -> None:
    blocks = packed((1_000_000, 60_000), (1_012_288, 0), (9_000_000, 5000))
    found = estimated(usage(*WHOLE, metadata=1_000_000, own=3 * 4096, encoded=blocks))
    # The first one takes 12,288 bytes at most, and the last may take all that it can.
    assert found.own + found.perhaps == 3 * 4096 + 8192 + 5000
    assert 3 * 4096 < found.own < found.own + found.perhaps


def test_gaps_are_not_believed_where_others_lie_between() -> None:
    blocks = packed((1_000_000, 60_000), (1_012_288, 60_000))
    found = estimated(usage((7, 20), metadata=9000, own=2 * 4096, encoded=blocks))
    assert (found.own, found.perhaps) == (2 * 4096, 8192 + 60_000)


def test_content_in_the_tree_may_be_compressed() -> None:
    plain = usage(*WHOLE, metadata=1_000_000, content=400_000)
    other = plain._replace(encoded=packed((1_000_000, 0)))
    assert estimated(other).dense == estimated(plain).dense - tree_estimate.compressed(400_000)
    assert (estimated(other).inline, estimated(plain).inline) == (0, 400_000)


def test_names_of_files_with_other_links_lie_with_these() -> None:
    linked = usage(*WHOLE, metadata=1_000_000, links=bytes(8 * 5 * 1000))
    assert estimated(linked).dense == 1_000_000 - 1000 * tree_estimate.LINKED_ENTRY - NODE


def test_nothing_comes_back_of_next_to_nothing() -> None:
    assert estimated(usage((7, 1), metadata=500)).dense == 0
    assert (low(0, 2), high(0, 2)) == (0, 0)
    assert (low(1000, 2), high(1000, 2)) == (int(2000 * LOW), int(2000 * HIGH) + 1)
