"""The root of a tree: nothing is done if another directory is in its place."""

import errno
import os
from pathlib import Path
from types import ModuleType

from cleanup_nodemodule.engine.contract import (
    Root,
)
from support.engine_calls import (
    EVERYTHING,
    NODE_MODULES,
    find,
    measure,
    remove,
    root_of,
)
from support.needs import unable
from support.openings import (
    by_descriptor,
    every_opening,
)
from support.trees import declare, listing


@every_opening
def test_another_directory_in_the_place_of_the_root_is_stale(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(tmp_path, {"top": {"node_modules": {"f": 1}}})
    root = root_of(tmp_path / "top")
    (tmp_path / "top").rename(tmp_path / "aside")
    declare(tmp_path, {"top": {"node_modules": {"other": 2}}})
    before = listing(tmp_path)
    stale = [(b"", errno.ESTALE)]
    found = find(engine, root)
    assert found.paths == []
    assert [fault[:2] for fault in found.faults] == stale
    usage = measure(engine, root)
    assert usage[:4] == (0, 0, 0, 0)
    assert [fault[:2] for fault in usage.faults] == stale
    removed = remove(engine, root)
    assert removed[:3] == (0, 0, 0)
    assert [fault[:2] for fault in removed.faults] == stale
    assert listing(tmp_path) == before


@every_opening
def test_a_symlink_in_the_place_of_the_root_is_not_followed(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Not even if it leads to the very directory that is meant."""
    declare(tmp_path, {"top": {"node_modules": {"f": 1}}})
    root = root_of(tmp_path / "top")
    (tmp_path / "top").rename(tmp_path / "aside")
    (tmp_path / "top").symlink_to("aside")
    before = listing(tmp_path)
    refused = {errno.ELOOP, errno.ENOTDIR}
    found = find(engine, root)
    assert found.paths == []
    assert {fault.errno for fault in found.faults} <= refused
    assert len(found.faults) == 1
    usage = measure(engine, root)
    assert usage[:4] == (0, 0, 0, 0)
    assert {fault.errno for fault in usage.faults} <= refused
    assert len(usage.faults) == 1
    removed = remove(engine, root)
    assert removed[:3] == (0, 0, 0)
    assert {fault.errno for fault in removed.faults} <= refused
    assert len(removed.faults) == 1
    assert listing(tmp_path) == before


@by_descriptor
def test_a_symlink_among_the_parents_of_the_root_is_not_followed(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(tmp_path, {"real": {"top": {"node_modules": {"f": 1}}}, "way": Path("real")})
    status = os.stat(tmp_path / "way" / "top")
    root = Root(os.fsencode(tmp_path / "way" / "top"), status.st_dev, status.st_ino)
    before = listing(tmp_path)
    assert find(engine, root).paths == []
    assert len(find(engine, root).faults) == 1
    assert measure(engine, root)[:4] == (0, 0, 0, 0)
    assert len(measure(engine, root).faults) == 1
    assert len(remove(engine, root).faults) == 1
    assert listing(tmp_path) == before


@every_opening
def test_a_root_that_has_vanished_is_a_fault_only_for_a_search(
    engine: ModuleType, tmp_path: Path
) -> None:
    """A search was asked for by name; what it found may go any time."""
    declare(tmp_path, {"top": {}})
    root = root_of(tmp_path / "top")
    (tmp_path / "top").rmdir()
    found = find(engine, root)
    assert found.paths == []
    assert [fault[:2] for fault in found.faults] == [(b"", errno.ENOENT)]
    assert measure(engine, root)[:4] == (0, 0, 0, 0)
    assert measure(engine, root).faults == []
    assert remove(engine, root)[:4] == (0, 0, 0, set())


@every_opening
def test_directories_that_have_vanished_are_no_fault(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"top": {"kept": {"f": 1}, "was": "a directory once"}})
    root = root_of(tmp_path / "top")
    gone = [b"kept", b"gone", b"gone/too", b"was", b"was/inside"]
    found, left, faults = engine.find(root, gone, NODE_MODULES, EVERYTHING)
    assert (found.directories, left, faults) == (1, [], [])
    usage, left, faults = engine.measure(root, gone, EVERYTHING)
    assert (usage.files, left, faults) == (1, [], [])
    gone.append(b"gone/")
    counts, left, faults = engine.remove(root, gone, EVERYTHING)
    assert (counts.files, counts.directories, left, faults) == (1, 1, [], [])
    assert listing(tmp_path) == [b"top", b"top/was"]


@by_descriptor
def test_no_descriptor_is_left_open(engine: ModuleType, tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        unable("needs /proc")
    declare(tmp_path, {"top": {"a": {"b": {}}, "l": Path("a")}, "file": 1, "link": Path("top")})
    root = root_of(tmp_path / "top")
    stale = root._replace(inode=root.inode + 1)
    missing = root._replace(path=root.path + b"/missing")
    beneath_a_file = root._replace(path=os.fsencode(tmp_path / "file" / "top"))
    through_a_link = root._replace(path=os.fsencode(tmp_path / "link" / "a"))
    before = sorted(os.listdir("/proc/self/fd"))
    for each in (root, stale, missing, beneath_a_file, through_a_link):
        stack = [b"", b"a", b"a/b", b"l", b"l/b", b"missing", b"missing/" + b"x/" * 3000]
        engine.find(each, stack, NODE_MODULES, EVERYTHING)
        engine.measure(each, stack, EVERYTHING)
        engine.remove(each, [b"l", b"l/b/", b"missing/"], EVERYTHING)
    remove(engine, root)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_file_systems_own_root_can_be_searched(engine: ModuleType) -> None:
    found, left, _ = engine.find(root_of("/"), [b""], NODE_MODULES, 1)
    assert found.directories == 1
    assert b"" not in left
    assert {b"/" + path for path in left} <= {os.path.join(b"/", name) for name in os.listdir(b"/")}
    assert left
