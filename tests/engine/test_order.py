"""In which order a large directory is deleted, where that makes a difference.

ext4 lists names in the order of a hash, and keeps sixteen inodes in a block: whoever deletes in the order of
the listing changes a block for each file, and sixteen times each.
"""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from support.dictated import root_of
from support.filesystems import Mounts
from support.processes import strace
from support.trees import listing

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


IN_PIECES: Final = """
import os, sys
from cleanup_nodemodule.engine import _kernel as engine
from cleanup_nodemodule.engine.contract import Root
found = os.lstat(sys.argv[1])
root, stack = Root(os.fsencode(sys.argv[1]), found.st_dev, found.st_ino), [b""]
files = 0
while stack:
    counts, stack, faults = engine.remove(root, stack, 1_000)
    files += counts.files
    for fault in faults:
        print(fault.path, fault.errno, fault.doing)
print(files)
"""


@pytest.mark.parametrize(("failing", "faults"), [("3", []), ("3+", [f"b'' {errno.EIO} read"])])
def test_what_was_read_is_deleted_though_the_next_piece_cannot_be(
    large: Path, tmp_path: Path, failing: str, faults: list[str]
) -> None:
    """Simulated: the third piece of the directory, or each from there on, is said to be unreadable."""
    hinder = strace(
        *(tmp_path / "log", "-P", os.fspath(large), "--trace=getdents64"),
        f"--inject=getdents64:error=EIO:when={failing}",
    )
    done = subprocess.run(
        [*hinder, sys.executable, "-c", IN_PIECES, large],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    *told, files = done.stdout.splitlines()
    assert told == faults
    left = len(inodes(large)) if large.exists() else 0
    assert int(files) + left == FILES
    assert 0 < left < FILES if faults else left == 0
