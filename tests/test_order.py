"""In which order a large directory is deleted, where that makes a difference.

ext4 lists names in the order of a hash, and keeps sixteen inodes in a block: whoever deletes in the order of
the listing changes a block for each file, and sixteen times each.
"""

import os
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from conftest import listing
from dictated import root_of
from filesystems import Mounts

FILES: Final = 6_000
"""In several times as many bytes as are read of a directory at once."""

NAME: Final = "a name of some length, {:05}"


@pytest.fixture
def large(tmp_path: Path, disks: Mounts) -> Path:
    """A directory on ext4, of files made one after the other."""
    top = disks.image("ext4", tmp_path / "disk", "-N", str(FILES + 100)) / "top"
    top.mkdir()
    for number in range(FILES):
        os.mknod(top / NAME.format(number))
    return top


def inodes(top: Path) -> dict[bytes, int]:
    """Return the number of each file, in the order in which the directory lists them."""
    return {os.fsencode(entry.name): entry.inode() for entry in os.scandir(top)}


def test_each_call_deletes_inodes_on_ext4_that_lie_side_by_side(
    native: ModuleType, large: Path
) -> None:
    numbers = inodes(large)
    assert list(numbers.values()) != sorted(numbers.values())
    root, stack = root_of(os.fsencode(large)), [b""]
    while stack:
        before = sorted(numbers.values())
        _, stack, faults = native.remove(root, stack, 1_000)
        assert faults == []
        left = inodes(large).keys() if large.exists() else set()
        deleted = sorted(numbers.pop(name) for name in numbers.keys() - left)
        first = before.index(deleted[0]) if deleted else 0
        assert deleted == before[first : first + len(deleted)]
    assert (numbers, listing(large.parent)) == ({}, [b"lost+found"])


def test_others_get_inodes_to_delete_that_lie_side_by_side(native: ModuleType, large: Path) -> None:
    """By name, so that two calls at a time seldom need the same block."""
    numbers = inodes(large)
    _, stack, _ = native.remove(root_of(os.fsencode(large)), [b""], 1_000)
    rest, *parts = stack
    assert rest.partition(b"\0")[2].startswith(b"/")
    handed_out = [numbers[name] for part in parts for name in part.split(b"\0")[1:]]
    assert len(handed_out) == FILES - 1_000
    assert handed_out == sorted(handed_out)
