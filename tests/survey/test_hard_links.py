"""Files with several links, settled over all artifacts of a run."""

import array
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest

from cleanup_nodemodule.engine.contract import Root
from cleanup_nodemodule.model import Size
from cleanup_nodemodule.survey.giving_back import ranked, settle
from cleanup_nodemodule.survey.ledger import Ledger
from support.trees import declare

NOTHING = Size.exact(0, 0, 0)

Record: TypeAlias = tuple[int, int, int, int, int]
"""Device, inode, link count, apparent and allocated bytes."""


def links(*records: Record) -> tuple[Record, ...]:
    """Return the links of an artifact."""
    return records


def add(ledger: Ledger, number: int, records: tuple[Record, ...]) -> None:
    """Take them down, packed as an engine does."""
    for device in sorted({record[0] for record in records}):
        packed = array.array("Q")
        for at, *fields in records:
            if at == device:
                packed.extend((*fields, fields[-1]))
        ledger.add_packed(number, device, (packed.tobytes(), b"", b"", b""))


def settled(ledger: Ledger, ranks: Mapping[int, int], selected: list[bool]) -> list[Size]:
    """Settle what was taken down, by the *ranks* of the artifacts."""
    records = ranked(ledger.by_place(ranks), lambda rank: rank)
    sums = settle((), records, bytes(selected), {})
    return [Size(*each) for each in zip(*sums, strict=True)]


def attribute(artifacts: list[tuple[Record, ...]], selected: list[bool]) -> list[Size]:
    """Settle *artifacts*, ranked in the order given."""
    ledger = Ledger()
    for number, each in enumerate(artifacts):
        add(ledger, number, each)
    return settled(ledger, {number: number for number in range(len(artifacts))}, selected)


def test_a_file_with_all_its_links_in_one_artifact_counts_once() -> None:
    twice = links((1, 10, 2, 5000, 8192), (1, 10, 2, 5000, 8192))
    assert attribute([twice], [True]) == [Size.exact(5000, 8192, 8192)]


def test_nothing_is_reclaimed_by_what_is_kept() -> None:
    twice = links((1, 10, 2, 5000, 8192), (1, 10, 2, 5000, 8192))
    assert attribute([twice], [False]) == [Size.exact(5000, 8192, 0)]


def test_a_link_outside_keeps_the_space_taken() -> None:
    two_of_three = links((1, 10, 3, 5000, 8192), (1, 10, 3, 5000, 8192))
    assert attribute([two_of_three], [True]) == [Size(5000, 8192, 0, 0, shared_bytes=8192)]


@pytest.mark.parametrize(
    ("selected", "reclaimable", "shared"),
    [
        ([True, True], 8192, 0),
        ([True, False], 0, 8192),
        ([False, True], 0, 0),
        ([False, False], 0, 0),
    ],
)
def test_a_file_shared_by_two_artifacts_is_reclaimed_only_if_both_go(
    selected: list[bool], reclaimable: int, shared: int
) -> None:
    """It is shared where it counts as size, if that goes alone."""
    file = links((1, 10, 2, 5000, 8192))
    assert attribute([file, file], selected) == [
        Size(5000, 8192, reclaimable, reclaimable, shared),
        NOTHING,
    ]


def test_a_shared_file_is_reclaimed_with_the_first_selected_artifact() -> None:
    """It counts as size where it was met first, though that one is kept."""
    kept, first, second = links(), links((1, 10, 2, 5, 512)), links((1, 10, 2, 5, 512))
    assert attribute([kept, first, second], [False, True, True]) == [
        NOTHING,
        Size.exact(5, 512, 512),
        NOTHING,
    ]
    both = [links((1, 10, 2, 5, 512)), links(), links((1, 10, 2, 5, 512))]
    assert attribute(both, [True, False, True]) == [Size.exact(5, 512, 512), NOTHING, NOTHING]


def test_links_in_an_artifact_that_is_kept_are_links_outside_the_selection() -> None:
    three = [links((1, 10, 3, 5, 512))] * 3
    assert attribute(three, [False, True, True]) == [Size.exact(5, 512, 0), NOTHING, NOTHING]
    assert attribute(three, [True, True, False]) == [Size(5, 512, 0, 0, 512), NOTHING, NOTHING]


def test_the_largest_link_count_met_is_believed() -> None:
    """A link was made or taken away between looking at one and at the other."""
    rising = links((1, 10, 2, 5, 512), (1, 10, 3, 5, 512))
    falling = links((1, 10, 3, 5, 512), (1, 10, 2, 5, 512))
    assert attribute([rising], [True]) == attribute([falling], [True]) == [Size(5, 512, 0, 0, 512)]


def test_more_links_than_were_counted_are_all_the_links() -> None:
    """A file was moved while the tree was read, and met in both places."""
    thrice = links(*[(1, 10, 2, 5, 512)] * 3)
    assert attribute([thrice], [True]) == [Size.exact(5, 512, 512)]


def test_the_same_inode_number_on_another_device_is_another_file() -> None:
    two = links((1, 10, 2, 5, 512), (2, 10, 2, 7, 1024))
    assert attribute([two], [True]) == [Size(12, 1536, 0, 0, 1536)]


def test_inodes_that_share_a_bucket_are_kept_apart() -> None:
    """Inode numbers are sorted into buckets by their remainder; these have the same."""
    records = [(1, 64 * number, 2, number, 512) for number in range(1, 100)]
    assert attribute([links(*records), links(*records)], [True, True]) == [
        Size.exact(sum(range(1, 100)), 99 * 512, 99 * 512),
        NOTHING,
    ]


def test_numbers_of_64_bits_are_taken() -> None:
    largest = 2**64 - 1
    record = (largest, largest, 2, 2**62, 2**63)
    assert attribute([links(record, record)], [True]) == [Size.exact(2**62, 2**63, 2**63)]


def test_artifacts_without_links_add_nothing() -> None:
    assert attribute([(), ()], [True, False]) == [NOTHING, NOTHING]
    assert settled(Ledger(), {}, []) == []


def test_the_order_of_ranks_decides_whoever_was_measured_first() -> None:
    """Workers finish in any order, in slices of any size; the result is one and the same."""
    slices = [
        (0, links((1, 10, 3, 5, 512))),
        (0, links((1, 11, 2, 6, 1024), (1, 12, 2, 7, 2048))),
        (1, links((1, 10, 3, 5, 512), (1, 12, 2, 7, 2048))),
        (2, links((1, 10, 3, 5, 512))),
        (2, links((1, 11, 2, 6, 1024))),
    ]
    ranks = {2: 0, 1: 1, 0: 2}
    for order in itertools.permutations(slices):
        ledger = Ledger()
        for number, each in order:
            add(ledger, number, each)
        assert settled(ledger, ranks, [True, False, True]) == [
            Size(11, 1536, 1024, 1024, 512),
            Size.exact(7, 2048, 0),
            NOTHING,
        ]
        # Settling changes nothing: the same links can be settled for another selection.
        assert settled(ledger, ranks, [True, True, True]) == [
            Size.exact(11, 1536, 1536),
            Size.exact(7, 2048, 2048),
            NOTHING,
        ]


def test_what_an_engine_lists_is_settled(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path, {"a": {"shared": 5000, "own": 100, "kept": 9000}, "b": {"other": 1}, "out": {}}
    )
    (tmp_path / "b" / "shared").hardlink_to(tmp_path / "a" / "shared")
    (tmp_path / "a" / "own too").hardlink_to(tmp_path / "a" / "own")
    (tmp_path / "out" / "kept").hardlink_to(tmp_path / "a" / "kept")
    ledger = Ledger()
    for number, name in enumerate("ab"):
        found = os.lstat(tmp_path / name)
        root = Root(os.fsencode(tmp_path / name), found.st_dev, found.st_ino)
        usage, left, faults = engine.measure(root, [b""], 100)
        assert (left, faults) == ([], [])
        ledger.add(number, found.st_dev, usage)
    allocated = {
        name: os.lstat(tmp_path / "a" / name).st_blocks * 512 for name in ("shared", "own", "kept")
    }
    assert settled(ledger, {0: 0, 1: 1}, [True, True]) == [
        Size(
            *(14_100, sum(allocated.values())),
            *(2 * (allocated["shared"] + allocated["own"],)),
            shared_bytes=allocated["kept"],
        ),
        NOTHING,
    ]
    assert settled(ledger, {0: 1, 1: 0}, [False, True]) == [
        Size.exact(5000, allocated["shared"], 0),
        Size(
            *(9100, allocated["own"] + allocated["kept"]),
            *(2 * (allocated["own"],)),
            shared_bytes=allocated["kept"],
        ),
    ]
