"""Going on in a directory too large for one call, where what one open of it has told is good for no other.

So it is in user space (FUSE): the place may be the number of an entry in what was read when the directory was
opened. sshfs(1) 3.7.3 ends, and the mount with it, when another open is gone on with from there.
"""

import os
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from cleanup_nodemodule.engine.contract import Names
from support.engine_calls import BUDGETS, find, measure, remove, root_of
from support.filesystems import Mounts, is_dead
from support.tool import Tool
from support.trees import Declared, declare, listing

pytestmark = pytest.mark.slow

FLAT: Final[Declared] = {
    **{f"file {number:03}": 1 for number in range(300)},
    **{f"d{number:02}": {"f": 1, "hit": {}} for number in range(40)},
}
"""A directory for several calls; with small pieces at a time, as the kernel asks for them, it takes many."""

MANY: Final = 50_000
SOME: Final = 6_000
"""More than any call deletes."""


@pytest.mark.parametrize("budget", BUDGETS)
def test_no_place_is_used_that_another_open_has_told(
    engine: ModuleType, disks: Mounts, tmp_path: Path, budget: int
) -> None:
    served = disks.misbehaving(tmp_path / "disk", {"top": {"flat": FLAT}}, strict=True)
    root = root_of(served.path / "top")
    found = find(engine, root, Names(frozenset({b"hit"}), frozenset(), 0), budget)
    assert (len(found.paths), found.directories, found.faults) == (40, 42, [])
    usage = measure(engine, root, budget)
    assert (usage.files, usage.directories, usage.faults) == (340, 82, [])
    removed = remove(engine, root, budget)
    assert (removed.files, removed.directories, removed.faults) == (340, 82, set())
    assert listing(served.path) == []
    assert not is_dead(served.path)


@pytest.mark.parametrize("function", ["measure", "remove"])
def test_what_is_deleted_meanwhile_is_met_no_more_and_hides_nothing(
    engine: ModuleType, disks: Mounts, tmp_path: Path, function: str
) -> None:
    """What is left keeps its names, not its numbers: those behind it have others by now."""
    served = disks.misbehaving(tmp_path / "disk", {"top": FLAT}, strict=True)
    root, stack = root_of(served.path / "top"), [b""]
    done, deleted = 0, 0
    while stack:
        said, stack, faults = getattr(engine, function)(root, stack, 20)
        assert faults == []
        done += said.files
        for path in sorted(Path(served.path, "top").glob("file *"))[:2]:
            path.unlink()
            deleted += 1
    if function == "remove":
        assert done + deleted == 340
        assert listing(served.path) == []
    else:
        assert 340 - deleted <= done <= 340
    assert not is_dead(served.path)


@pytest.mark.on_linux
def test_all_names_of_such_a_directory_wait_in_few_bytes(
    native: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    """They do so once, and cut up for all workers; of each, but its name and a byte."""
    names: Declared = {f"{number:040}": 1 for number in range(2_000)}
    served = disks.misbehaving(tmp_path / "disk", {"top": names}, strict=True)
    root, stack, calls = root_of(served.path / "top"), [b""], 0
    most = parts = 0
    while stack:
        _, stack, faults = native.measure(root, stack, 100)
        assert faults == []
        most = max(most, sum(map(len, stack)))
        parts = max(parts, len(stack))
        calls += 1
    assert most <= 2_000 * 41
    assert parts >= 19
    assert calls >= 20


def declare_many(top: Path, count: int) -> None:
    """Declare a project with so many files in its artifact."""
    declare(top, {"app": {"package.json": "{}", "node_modules": {}}})
    for number in range(count):
        os.mknod(top / f"app/node_modules/{number}")


def test_sshfs_outlives_a_search(tool: Tool, disks: Mounts, tmp_path: Path) -> None:
    top = disks.tmpfs(tmp_path / "top")
    declare_many(top, MANY)
    shown = disks.sshfs(tmp_path / "shown", top)
    told = tool.run(shown.path)
    assert shown.is_alive()
    assert (told.code, told.reasons) == (0, {"app/node_modules": None})
    assert told.rows["app/node_modules"]["files"] == MANY


def test_sshfs_outlives_a_deletion(tool: Tool, disks: Mounts, tmp_path: Path) -> None:
    top = disks.tmpfs(tmp_path / "top")
    declare_many(top, SOME)
    shown = disks.sshfs(tmp_path / "shown", top)
    told = tool.delete(shown.path)
    assert shown.is_alive()
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})
    assert listing(top) == [b"app", b"app/package.json"]
