"""The contract of ``engine/contract.py``, on real file systems, for every engine."""

import contextlib
import ctypes
import errno
import itertools
import multiprocessing
import os
import re
import resource
import select
import shutil
import socket
import stat
import struct
import subprocess
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from cleanup_nodemodule.engine import _python, _python_entries, _python_remove
from cleanup_nodemodule.engine._python_entries import status_of
from cleanup_nodemodule.engine.contract import (
    Fault,
    Found,
    Hit,
    Names,
    Root,
)
from support.accounts import become_nobody
from support.children import bind, enter_private_mounts, in_child, mount_tmpfs, run_by
from support.engine_calls import (
    BUDGETS,
    EVERYTHING,
    NODE_MODULES,
    NOTHING,
    Link,
    Removed,
    Search,
    Sum,
    find,
    measure,
    measure_split,
    remove,
    root_of,
)
from support.engines import BY_PATH
from support.filesystems import Mounts
from support.needs import needs_root, unable
from support.openings import (
    BY_COMPONENT,
    BY_KERNEL,
    Way,
    by_descriptor,
    every_opening,
    every_python_opening,
)
from support.processes import strace
from support.trees import Declared, declare, dig, listing
from support.waiting import TIMEOUT, await_condition

_IN_OPEN: Final = 0x20  # inotify(7)


# find


@every_opening
def test_directories_with_a_wanted_name_are_hits_with_their_identity(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(
        tmp_path,
        {"node_modules": {}, "app": {"node_modules": {}, "src": {"dist": {}}}, "other": {}},
    )
    names = Names(frozenset({b"node_modules", b"dist"}), frozenset(), 0)
    found = find(engine, root_of(tmp_path), names)
    assert found.paths == [b"app/node_modules", b"app/src/dist", b"node_modules"]
    for hit in found.hits:
        status = os.lstat(os.path.join(os.fsencode(tmp_path), hit.path))
        assert hit == Hit(
            hit.path, status.st_dev, status.st_ino, mounted=False, changed=status.st_ctime_ns
        )
    assert found.faults == []
    assert found.directories == 4  # The root, app, src and other; hits are not gone through.


@every_opening
def test_a_hit_is_not_descended_into(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"node_modules": {"a": {"node_modules": {}}, "node_modules": {}}})
    found = find(engine, root_of(tmp_path))
    assert found.paths == [b"node_modules"]
    assert found.directories == 1


@pytest.mark.parametrize(
    ("min_depth", "expected"),
    [
        (0, [b"a/node_modules", b"node_modules"]),
        (1, [b"a/node_modules", b"node_modules/b/node_modules"]),
        (2, [b"a/node_modules/b/node_modules", b"node_modules/b/node_modules"]),
        (3, [b"a/node_modules/b/node_modules"]),
        (4, []),
    ],
)
@every_opening
def test_matches_above_the_minimum_depth_are_walked_like_any_directory(
    engine: ModuleType, tmp_path: Path, min_depth: int, expected: list[bytes]
) -> None:
    inside: dict[str | bytes, Any] = {"b": {"node_modules": {}}}
    declare(tmp_path, {"node_modules": inside, "a": {"node_modules": inside}})
    names = NODE_MODULES._replace(min_depth=min_depth)
    assert find(engine, root_of(tmp_path), names).paths == expected


@every_opening
def test_skipped_names_are_neither_reported_nor_entered(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {".git": {"node_modules": {}}, "a": {".git": {"x": {"node_modules": {}}}}})
    found = find(engine, root_of(tmp_path))
    assert found.paths == []
    assert found.directories == 2


@every_opening
def test_a_symlink_named_node_modules_is_never_a_hit(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "real": {"inner": {}},
            "app": {"node_modules": Path("../real"), "sub": {"node_modules": Path("/nowhere")}},
        },
    )
    assert find(engine, root_of(tmp_path)).paths == []


@every_opening
def test_a_file_named_node_modules_is_never_a_hit(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"node_modules": "not a directory"})
    found = find(engine, root_of(tmp_path))
    assert found.paths == []
    assert found.faults == []


@every_opening
def test_symlinks_are_not_followed_and_loops_of_them_end(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(
        tmp_path,
        {
            "tree": {
                "up": Path(".."),
                "self": Path("self"),
                "a": {"b": Path("../c")},
                "c": {"d": Path("../a")},
                "out": Path("../outside"),
            },
            "outside": {"node_modules": {}, "big": 10_000},
        },
    )
    root = root_of(tmp_path / "tree")
    found = find(engine, root)
    assert found.paths == []
    assert found.directories == 3
    usage = measure(engine, root)
    assert (usage.files, usage.directories) == (5, 3)
    assert usage.faults == []
    removed = remove(engine, root)
    assert (removed.files, removed.directories, removed.faults) == (5, 3, set())
    assert listing(tmp_path) == [b"outside", b"outside/big", b"outside/node_modules"]


# The budget

VARIED: Final[dict[str | bytes, Any]] = {
    "node_modules": {"a": {"b": {"x": 10, "y": 5000}}, "c": {}, "d": 1},
    "empty": {},
    "app": {
        "node_modules": {"p": {"node_modules": {"q": 3}}, "q": 100},
        "src": {"one": 1, "two": 2, "three": 3, "deep": {"deeper": {"deepest": {"f": 7}}}},
        ".git": {"HEAD": "ref"},
        "link": Path("src"),
    },
    "packages": {str(number): {"node_modules": {"f": number}} for number in range(9)},
}


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    top = tmp_path / "varied"
    declare(top, VARIED)
    (top / "app" / "src" / "linked").hardlink_to(top / "node_modules" / "a" / "b" / "y")
    (top / "empty" / "linked outside").hardlink_to(top / "app" / "src" / "one")
    (tmp_path / "outside").hardlink_to(top / "app" / "src" / "one")
    return top


@pytest.mark.parametrize("budget", BUDGETS)
@every_opening
def test_any_budget_finds_the_same(engine: ModuleType, varied: Path, budget: int) -> None:
    root = root_of(varied)
    everything = find(engine, root)
    assert len(everything.paths) == 11
    assert find(engine, root, budget=budget) == everything


@pytest.mark.parametrize("budget", BUDGETS)
@every_opening
def test_any_budget_measures_the_same(engine: ModuleType, varied: Path, budget: int) -> None:
    root = root_of(varied)
    everything = measure(engine, root)
    assert everything.files == 22
    assert measure(engine, root, budget) == everything
    assert measure_split(engine, root, budget) == everything


@pytest.mark.parametrize("budget", BUDGETS)
@every_opening
def test_any_budget_removes_everything_and_frees_the_same(
    engine: ModuleType, varied: Path, budget: int
) -> None:
    usage = measure(engine, root_of(varied))
    # Of the two files with several links, one has all of them inside.
    inside = sum(
        {link.inode: link.allocated for link in usage.links if link.link_count == 2}.values()
    )
    removed = remove(engine, root_of(varied), budget)
    assert removed[:4] == (
        usage.files,
        usage.directories,
        usage.allocated + inside,
        set(),
    )
    assert removed.calls >= (usage.files + usage.directories) // budget
    assert not varied.exists()


def test_a_call_stops_when_its_budget_is_used_up(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {str(number): {"sub": {"f": 1}} for number in range(10)})
    root = root_of(tmp_path)
    _, left, _ = engine.find(root, [b""], NODE_MODULES, 1)
    assert sorted(left) == [str(number).encode() for number in range(10)]
    found, left, _ = engine.find(root, left, NODE_MODULES, 1)
    assert found.directories == 1
    assert len(left) == 10  # Nine, and the directory in the one that was opened.
    usage, left, _ = engine.measure(root, [b""], 1)
    assert usage.directories <= 11
    assert len(left) >= 10 - usage.directories
    more, left, _ = engine.measure(root, left, 1)
    assert usage.directories + more.directories <= 12
    assert left


def test_a_call_removes_no_more_than_its_budget(engine: ModuleType, tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {str(number): 1 for number in range(10)})
    counts, left, _ = engine.remove(root_of(top), [b""], 4)
    assert (counts.files, counts.directories) == (4, 0)
    assert left
    assert len(listing(top)) == 6


@pytest.mark.parametrize("budget", [0, -1])
def test_without_a_budget_nothing_happens(engine: ModuleType, tmp_path: Path, budget: int) -> None:
    declare(tmp_path, {"top": {"node_modules": {"f": 1}}})
    root = root_of(tmp_path / "top")
    before = listing(tmp_path)
    assert engine.find(root, [b""], NODE_MODULES, budget)[1:] == ([b""], [])
    assert engine.measure(root, [b""], budget)[1:] == ([b""], [])
    assert engine.remove(root, [b""], budget) == (NOTHING, [b""], [])
    assert listing(tmp_path) == before


def test_an_empty_stack_is_done(engine: ModuleType, tmp_path: Path) -> None:
    root = root_of(tmp_path)
    assert engine.find(root, [], NODE_MODULES, 10) == (Found(0, []), [], [])
    assert engine.measure(root, [], 10)[1:] == ([], [])
    assert engine.remove(root, [], 10) == (NOTHING, [], [])
    assert tmp_path.exists()


def test_the_stack_given_is_left_alone(engine: ModuleType, tmp_path: Path) -> None:
    """Whoever calls may hold on to it, to begin again."""
    declare(tmp_path, {"top": {"a": {}, "b": {}}})
    root = root_of(tmp_path / "top")
    stack = [b"a", b"b"]
    engine.find(root, stack, NODE_MODULES, 1)
    engine.measure(root, stack, 1)
    engine.remove(root, stack, 1)
    assert stack == [b"a", b"b"]


# The root


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


# What counts


@every_opening
def test_every_entry_is_counted_as_lstat_sees_it(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path, {"top": {"a": {"f": 10, "g": 70_000, "e": {}}, "l": Path("a/f"), "sparse": 1}}
    )
    top = tmp_path / "top"
    os.truncate(top / "sparse", 10_000_000)
    entries = [os.lstat(top), *(os.lstat(os.path.join(os.fsencode(top), p)) for p in listing(top))]
    usage = measure(engine, root_of(top))
    assert usage.apparent == sum(entry.st_size for entry in entries)
    assert usage.allocated == sum(entry.st_blocks * 512 for entry in entries)
    assert usage.allocated < usage.apparent
    assert (usage.files, usage.directories) == (4, 3)
    assert usage.newest == max(int(entry.st_mtime) for entry in entries)
    assert not usage.links
    assert (usage.faults, usage.mounts, usage.repositories) == ([], [], [])


@pytest.mark.parametrize("newest", [b"", b"a", b"a/f", b"a/linked", b"l"])
@every_opening
def test_the_newest_modification_counts_wherever_it_is(
    engine: ModuleType, tmp_path: Path, newest: bytes
) -> None:
    declare(tmp_path, {"top": {"a": {"f": 1, "linked": 1}, "l": Path("a")}})
    top = os.fsencode(tmp_path / "top")
    os.link(os.path.join(top, b"a/linked"), tmp_path / "outside")
    for path in (b"", *listing(top)):
        os.utime(os.path.join(top, path), (1, 1000), follow_symlinks=False)
    os.utime(os.path.join(top, newest), (1, 4_000_000_000), follow_symlinks=False)
    assert measure(engine, root_of(tmp_path / "top")).newest == 4_000_000_000


@every_opening
def test_files_with_several_links_are_listed_and_not_summed(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(tmp_path, {"top": {"a": {"inside": 5000}, "single": 7}, "outside": 9000})
    top = tmp_path / "top"
    without = measure(engine, root_of(top))
    (top / "b").hardlink_to(tmp_path / "outside")
    (top / "a" / "also inside").hardlink_to(top / "a" / "inside")
    usage = measure(engine, root_of(top))
    inside, outside = os.lstat(top / "a" / "inside"), os.lstat(tmp_path / "outside")
    assert usage.links == Counter(
        {
            Link(inside.st_dev, inside.st_ino, 2, 5000, inside.st_blocks * 512): 2,
            Link(outside.st_dev, outside.st_ino, 2, 9000, outside.st_blocks * 512): 1,
        }
    )
    assert usage.files == 4
    assert usage.apparent == without.apparent - 5000
    assert usage.allocated == without.allocated - inside.st_blocks * 512


@every_opening
def test_a_git_directory_or_file_makes_a_repository(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "clone": {".git": {"HEAD": "ref"}},
            "deep": {"worktree": {".git": "gitdir: /elsewhere"}},
            "not": {".gitignore": "", "x.git": {}, "git": {}},
        },
    )
    assert measure(engine, root_of(tmp_path)).repositories == [b"clone", b"deep/worktree"]
    declare(tmp_path, {".git": ""})
    assert measure(engine, root_of(tmp_path)).repositories == [b"", b"clone", b"deep/worktree"]


@pytest.mark.parametrize("linked", ["HEAD", "objects", "refs", "all"])
@every_opening
def test_a_bare_repository_may_have_symlinks_for_its_parts(
    engine: ModuleType, tmp_path: Path, linked: str
) -> None:
    """Git itself once made HEAD one (core.preferSymlinkRefs, git-config(1)), and people have the others."""
    parts: dict[str | bytes, Any] = {
        "HEAD": "ref: refs/heads/dist",
        "objects": {},
        "refs": {"dist": {}},
    }
    linked_parts = list(parts) if linked == "all" else [linked]
    top = tmp_path / "top"
    declare(top, {"bare": parts, "not": {**parts, "HEAD": {}}, "elsewhere": {}, "dist": {}})
    for part in map(str, linked_parts):
        (top / "bare" / part).rename(top / "elsewhere" / f"its {part}")
        (top / "bare" / part).symlink_to(f"../elsewhere/its {part}")
    root = root_of(top)
    assert measure(engine, root).repositories == [b"bare"]
    assert measure(engine, root, 1).repositories == [b"bare"]
    wanted = NODE_MODULES._replace(wanted=frozenset({b".git", b"dist"}), skipped=frozenset())
    assert b"bare" in find(engine, root, wanted).paths
    branches = find(engine, root, NODE_MODULES._replace(wanted=frozenset({b"dist"}))).paths
    assert {b"dist", b"not/refs/dist"} <= set(branches)
    assert b"bare/refs/dist" not in branches


class Watch:
    """Tells which entries of a directory are opened (inotify(7))."""

    def __init__(self, directory: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if libc.inotify_add_watch(self.descriptor, os.fsencode(directory), _IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")

    def opened(self) -> set[bytes]:
        """Return the names of entries opened since it was last asked."""
        names = set()
        try:
            data = os.read(self.descriptor, 65536)
        except BlockingIOError:
            return set()
        while data:
            _, _, _, length = struct.unpack("iIII", data[:16])
            names.add(data[16 : 16 + length].rstrip(b"\0"))
            data = data[16 + length :]
        return names - {b""}


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with everything in it that it would be wrong to open."""
    top = tmp_path / "odd"
    declare(top, {"file": 1, "link": Path("file")})
    os.mkfifo(top / "fifo")
    monkeypatch.chdir(top)  # A socket's address is short (unix(7)).
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
    if os.geteuid() == 0:
        os.mknod(top / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    monkeypatch.undo()
    return top


@every_opening
def test_fifos_sockets_and_devices_are_counted_and_unlinked_and_never_opened(
    engine: ModuleType, odd: Path
) -> None:
    if not hasattr(ctypes.CDLL(None), "inotify_init1"):
        unable("needs inotify")
    names = listing(odd)
    watch = Watch(odd)
    try:
        os.close(os.open(odd / "file", os.O_RDONLY))
        assert watch.opened() == {b"file"}
        usage = measure(engine, root_of(odd))
        assert usage.files == len(names)
        assert usage.faults == []
        assert find(engine, root_of(odd)).faults == []
        removed = remove(engine, root_of(odd))
        assert (removed.files, removed.directories) == (len(names), 1)
        assert removed.faults == set()
        assert watch.opened() == set()
    finally:
        os.close(watch.descriptor)
    assert not odd.exists()


@every_opening
def test_a_named_fifo_in_place_of_a_directory_blocks_nothing(
    engine: ModuleType, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    os.mkfifo(top / "was a directory")
    root, stack = root_of(top), [b"was a directory"]
    assert engine.find(root, stack, NODE_MODULES, 10) == (Found(0, []), [], [])
    assert engine.measure(root, stack, 10)[1:] == ([], [])
    counts, left, faults = engine.remove(root, stack, 10)
    assert (counts, left, faults) == (NOTHING, [], [])
    assert listing(top) == [b"was a directory"]


NAMES: Final = (
    b"\xff\xfe not UTF-8 \x80",
    b"new\nline",
    b"-rf",
    b"--",
    b"\x1b[31mred",
    b"[brackets]",
    b"*",
    b" ",
    b"...",
    b"~",
    b"$HOME",
    b"back\\slash",
    "e\u0301".encode(),
    "\u00e9".encode(),
    b"n" * 255,
)


@every_opening
def test_any_name_is_found_measured_and_removed(engine: ModuleType, tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {name: {name: {name: 1}, b"f": 1} for name in NAMES})
    root = root_of(top)
    wanted = Names(frozenset(NAMES), frozenset(), 1)
    assert find(engine, root, wanted).paths == sorted(name + b"/" + name for name in NAMES)
    usage = measure(engine, root)
    assert (usage.files, usage.directories) == (2 * len(NAMES), 2 * len(NAMES) + 1)
    removed = remove(engine, root, budget=2)
    assert (removed.files, removed.directories) == (usage.files, usage.directories)
    assert removed.faults == set()
    assert listing(tmp_path) == []


# Depth, width and descriptors


@pytest.fixture
def abyss(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "abyss"
    subprocess.run(["rm", "-rf", "--", tmp_path / "abyss"], check=True)


def bind_memory(most: int) -> None:
    """Let this process take no more than *most* bytes in addition to what it has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + most, taken + most))


def _with_little_of_everything(way: Way, top: str, memory: int) -> tuple[Search, Sum, Removed]:
    way.engine()
    # AddressSanitizer takes terabytes of addresses for itself.
    if "ASAN_OPTIONS" not in os.environ:
        bind_memory(memory)
    return _with_few_descriptors(way, top)


@pytest.mark.on_linux
@pytest.mark.parametrize(
    ("levels", "length"), [(1000, 200), pytest.param(5000, 1, marks=pytest.mark.slow)]
)
def test_a_tree_of_any_depth_needs_32_descriptors_and_little_memory(
    engine: ModuleType, abyss: Path, levels: int, length: int
) -> None:
    """The paths of all levels together would take ten times the memory there is."""
    if not os.path.exists("/proc/self/statm"):
        unable("needs /proc, to know how much memory is taken")
    dig(abyss, levels, b"d" * length)
    found, usage, removed = in_child(
        _with_little_of_everything,
        Way(engine.__name__, BY_KERNEL),
        os.fspath(abyss),
        levels * levels * (length + 1) // 2 // 10 + (4 << 20),
    )
    assert (found.directories, found.faults) == (levels + 1, [])
    assert (usage.files, usage.directories, usage.faults) == (1, levels + 1, [])
    assert removed[:4] == (1, levels + 1, usage.allocated, set())
    assert not abyss.exists()


@by_descriptor
def test_paths_longer_than_the_system_takes_are_searched_measured_and_removed(
    engine: ModuleType, abyss: Path
) -> None:
    levels = 50
    dig(abyss, levels, b"d" * 255)
    root = root_of(abyss)
    found = find(engine, root, budget=3)
    assert (found.directories, found.faults) == (levels + 1, [])
    usage = measure(engine, root, budget=3)
    assert (usage.files, usage.directories, usage.faults) == (1, levels + 1, [])
    removed = remove(engine, root, budget=3)
    assert removed[:4] == (1, levels + 1, usage.allocated, set())
    assert not abyss.exists()


@by_descriptor
def test_a_hit_deeper_than_any_path_is_a_hit(engine: ModuleType, abyss: Path) -> None:
    name = b"d" * 255
    dig(abyss, 50, name)
    names = Names(frozenset({name}), frozenset(), 49)
    assert find(engine, root_of(abyss), names).paths == [b"/".join([name] * 50)]


def _with_few_descriptors(way: Way, top: str) -> tuple[Search, Sum, Removed]:
    engine = way.engine()
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    root = root_of(top)
    return find(engine, root), measure(engine, root), remove(engine, root)


def test_32_descriptors_are_enough(engine: ModuleType, opening: str, tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {str(number): {"node_modules": {"f": 1}, "x": {"y": {}}} for number in range(100)})
    os.makedirs(top / "/".join(["deep"] * 100))
    found, usage, removed = in_child(
        _with_few_descriptors, Way(engine.__name__, opening), os.fspath(top)
    )
    assert len(found.paths) == 100
    assert (usage.files, usage.directories) == (100, 501)
    assert found.faults == usage.faults == []
    assert removed[:2] == (100, 501)
    assert removed.faults == set()
    assert not top.exists()


# Without the rights


def _as_nobody(way: Way, top: str) -> tuple[Search, Sum, Removed]:
    engine = way.engine()
    become_nobody(Path(top).parent)
    root = root_of(top)
    return find(engine, root), measure(engine, root), remove(engine, root)


def test_an_unreadable_directory_is_a_fault_and_the_rest_is_done(
    engine: ModuleType, opening: str, place: Path
) -> None:
    top = place / "top"
    declare(top, {"a": {"node_modules": {"f": 1}}, "closed": {"node_modules": {"f": 1}}})
    closed = top / "closed"
    closed.chmod(0)
    found, usage, removed = in_child(_as_nobody, Way(engine.__name__, opening), os.fspath(top))
    closed.chmod(0o700)
    denied = [(b"closed", errno.EACCES)]
    assert found.paths == [b"a/node_modules"]
    assert [fault[:2] for fault in found.faults] == denied
    assert (usage.files, usage.directories) == (1, 4)
    assert [fault[:2] for fault in usage.faults] == denied
    assert removed.failed == {b"closed"}
    assert removed[:2] == (1, 2)
    assert listing(top) == [b"closed", b"closed/node_modules", b"closed/node_modules/f"]


def test_a_directory_whose_entries_may_not_be_looked_at_is_a_fault(
    engine: ModuleType, opening: str, place: Path
) -> None:
    top = place / "top"
    declare(top, {"listed": {"f": 1, "d": {"node_modules": {}}}, "g": 1})
    (top / "listed").chmod(0o400)
    found, usage, removed = in_child(_as_nobody, Way(engine.__name__, opening), os.fspath(top))
    (top / "listed").chmod(0o700)
    assert found.paths == []
    assert [fault[:2] for fault in found.faults] == [(b"listed/d", errno.EACCES)]
    assert (usage.files, usage.directories) == (1, 2)
    assert {fault[:2] for fault in usage.faults} == {
        (b"listed/d", errno.EACCES),
        (b"listed/f", errno.EACCES),
    }
    assert removed.failed == {b"listed/d", b"listed/f"}
    assert listing(top) == [b"listed", b"listed/d", b"listed/d/node_modules", b"listed/f"]


def test_a_read_only_directory_is_a_fault_and_the_rest_goes(
    engine: ModuleType, opening: str, place: Path
) -> None:
    top = place / "top"
    declare(top, {"a": {"f": 1, "kept": {"f": 1, "empty": {}, "g": 1}}, "b": {"f": 1}})
    kept = top / "a" / "kept"
    kept.chmod(0o500)
    _, usage, removed = in_child(_as_nobody, Way(engine.__name__, opening), os.fspath(top))
    assert usage.faults == []
    assert removed.failed == {b"a/kept/f", b"a/kept/g", b"a/kept/empty"}
    assert removed.faults == {
        Fault(b"a/kept/f", errno.EACCES, "delete"),
        Fault(b"a/kept/g", errno.EACCES, "delete"),
        Fault(b"a/kept/empty", errno.EACCES, "remove the directory"),
    }
    assert removed[:2] == (2, 1)
    assert listing(top) == [b"a", b"a/kept", b"a/kept/empty", b"a/kept/f", b"a/kept/g"]
    assert stat.S_IMODE(os.lstat(kept).st_mode) == 0o500


def _beneath_a_closed_parent(way: Way, top: str) -> tuple[Search, Sum]:
    engine = way.engine()
    root = root_of(Path(top) / "work")
    become_nobody(Path(top) / "work")
    return find(engine, root), measure(engine, root)


def test_a_parent_that_may_only_be_passed_through_is_enough(
    engine: ModuleType, opening: str, place: Path
) -> None:
    declare(place, {"home": {"work": {"node_modules": {"f": 1}}}})
    (place / "home").chmod(0o711)
    found, usage = in_child(
        _beneath_a_closed_parent, Way(engine.__name__, opening), os.fspath(place / "home")
    )
    assert found.paths == [b"node_modules"]
    assert (usage.files, usage.directories) == (1, 2)
    assert found.faults == usage.faults == []


# Mounts


class Mounted(NamedTuple):
    search: Search
    usage: Sum
    removed: Removed
    left: list[bytes]
    inside: list[bytes]


def _with_a_mount(way: Way, binds: bool, directory: str) -> Mounted:  # noqa: FBT001 - a parameter of the case, told by its name
    engine = way.engine()
    enter_private_mounts()
    top, elsewhere = Path(directory) / "top", Path(directory) / "elsewhere"
    mounted = top / "a" / "mounted"
    if binds:
        bind(elsewhere, mounted)
    else:
        mount_tmpfs(mounted)
    declare(mounted, {"node_modules": {"precious": 1}, "d": {}})
    root = root_of(top)
    search, usage, removed = find(engine, root), measure(engine, root), remove(engine, root)
    return Mounted(search, usage, removed, listing(top), listing(mounted))


# A bind mount of the same file system shows only to openat2(2), so only to the best opening.
MOUNTS: Final = (
    (BY_KERNEL, False),
    (BY_KERNEL, True),
    (BY_COMPONENT, False),
    (BY_PATH, False),
)
every_mount = pytest.mark.parametrize(("opening", "binds"), MOUNTS, indirect=["opening"])


@pytest.fixture
def mounted(
    engine: ModuleType,
    opening: str,
    binds: bool,  # noqa: FBT001 - a parameter of the case, told by its name
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> Mounted:
    """What comes of a tree with something mounted in it."""
    declare(
        tmp_path,
        {"top": {"a": {"mounted": {}, "f": 1, "z": {}}, "node_modules": {}}, "elsewhere": {}},
    )
    return in_child(_with_a_mount, Way(engine.__name__, opening), binds, os.fspath(tmp_path))


@every_mount
def test_what_is_mounted_in_a_tree_is_not_searched(mounted: Mounted) -> None:
    assert mounted.search.paths == [b"node_modules"]
    assert mounted.search.faults == []
    assert mounted.search.directories == 3


@every_mount
def test_what_is_mounted_in_a_tree_is_reported(mounted: Mounted) -> None:
    assert mounted.usage.mounts == [b"a/mounted"]
    assert mounted.usage.faults == []
    assert mounted.usage.files == 1


@every_mount
def test_what_is_mounted_in_a_tree_is_not_counted(mounted: Mounted) -> None:
    """As the contract has it: not entered and not counted."""
    assert mounted.usage.directories == 4


@every_mount
def test_what_is_mounted_in_a_tree_is_not_removed(mounted: Mounted) -> None:
    assert mounted.inside == [b"d", b"node_modules", b"node_modules/precious"]
    assert mounted.left == [
        b"a",
        b"a/mounted",
        b"a/mounted/d",
        b"a/mounted/node_modules",
        b"a/mounted/node_modules/precious",
    ]
    assert Fault(b"a/mounted", errno.EXDEV, "open") in mounted.removed.faults
    assert mounted.removed.failed == {b"a/mounted"}
    assert mounted.removed[:2] == (1, 2)


def _with_mounted_hits(way: Way, directory: str) -> list[Hit]:
    engine = way.engine()
    enter_private_mounts()
    top = Path(directory) / "top"
    mount_tmpfs(top / "tmpfs" / "node_modules")
    bind(Path(directory) / "elsewhere", top / "bound" / "node_modules")
    return find(engine, root_of(top)).hits


def test_a_hit_that_is_a_mount_point_is_said_to_be(
    engine: ModuleType,
    opening: str,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    """A bind mount of the same file system is what only openat2(2) tells."""
    project: dict[str | bytes, Any] = {"node_modules": {}}
    declare(
        tmp_path,
        {"top": {"bound": project, "tmpfs": project, "usual": project}, "elsewhere": {}},
    )
    hits = in_child(_with_mounted_hits, Way(engine.__name__, opening), os.fspath(tmp_path))
    assert {hit.path: hit.mounted for hit in hits} == {
        b"bound/node_modules": opening == BY_KERNEL,
        b"tmpfs/node_modules": True,
        b"usual/node_modules": False,
    }


def _with_a_mounted_root(
    way: Way, directory: str
) -> list[tuple[Search, Sum, Removed, list[bytes]]]:
    engine = way.engine()
    enter_private_mounts()
    results = []
    # A bind mount of the same file system shows only to openat2(2).
    for kind in ("tmpfs", "bound") if way.opening == BY_KERNEL else ("tmpfs",):
        top = Path(directory) / kind
        if kind == "bound":
            bind(Path(directory) / "elsewhere", top)
        else:
            mount_tmpfs(top)
        declare(top, {"node_modules": {"precious": 1}})
        root = root_of(top)
        results.append(
            (find(engine, root), measure(engine, root), remove(engine, root), listing(top))
        )
    return results


@by_descriptor
def test_a_root_that_is_a_mount_point_is_searched_and_not_measured_or_removed(
    engine: ModuleType,
    opening: str,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    declare(tmp_path, {"tmpfs": {}, "bound": {}, "elsewhere": {}})
    results = in_child(_with_a_mounted_root, Way(engine.__name__, opening), os.fspath(tmp_path))
    assert results
    for found, usage, removed, left in results:
        assert found.paths == [b"node_modules"]
        assert found.faults == []
        assert usage.mounts == [b""]
        assert usage[:4] == (0, 0, 0, 0)
        assert usage.faults == []
        assert removed[:3] == (0, 0, 0)
        assert {fault[:2] for fault in removed.faults} == {(b"", errno.EXDEV)}
        assert left == [b"node_modules", b"node_modules/precious"]


def _with_a_mounted_file(way: Way, directory: str) -> Removed:
    engine = way.engine()
    enter_private_mounts()
    bind(Path(directory) / "precious", Path(directory) / "top" / "file")
    return remove(engine, root_of(Path(directory) / "top"))


def test_a_file_that_something_is_mounted_on_is_a_fault(
    engine: ModuleType,
    opening: str,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    declare(tmp_path, {"top": {"file": "covered", "other": 1}, "precious": "precious"})
    removed = in_child(_with_a_mounted_file, Way(engine.__name__, opening), os.fspath(tmp_path))
    assert removed.faults == {Fault(b"file", errno.EBUSY, "delete")}
    assert (removed.files, removed.directories) == (1, 0)
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "top" / "file").read_text() == "covered"


# Limits


LARGEST: Final = 2**63 - 1
"""The largest size there is, which tmpfs takes for a file with nothing in it."""


def _with_large_files(way: Way, directory: str) -> tuple[Sum, Removed]:
    engine = way.engine()
    enter_private_mounts()
    mount_tmpfs(Path(directory))
    top = Path(directory) / "top"
    declare(top, {"a": 0, "b": 0, "d": {"c": 0}})
    for name in ("a", "b", "d/c"):
        os.truncate(top / name, LARGEST)
    return measure(engine, root_of(top)), remove(engine, root_of(top))


def test_sizes_add_up_however_large_they_are(
    engine: ModuleType,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    usage, removed = in_child(
        _with_large_files, Way(engine.__name__, BY_KERNEL), os.fspath(tmp_path)
    )
    assert 3 * LARGEST < usage.apparent < 3 * LARGEST + 10_000
    assert (usage.files, usage.directories, usage.faults) == (3, 2, [])
    assert removed[:2] == (3, 2)


@pytest.mark.on_linux
def test_a_subvolume_is_not_emptied_though_nobody_has_measured_it(
    engine: ModuleType, tmp_path: Path, disks: Mounts
) -> None:
    """It came to be there since, or in what an interrupted run left, and it is no mount point."""
    top = disks.image("btrfs", tmp_path / "disk") / "top"
    declare(top, {"a": {"f": 1}, "g": 1})
    for place in (top / "a/snapshot", top / "new"):
        subprocess.run(["btrfs", "-q", "subvolume", "create", place], check=True)
    declare(top / "a/snapshot", {"precious": {"f": 1}})
    counts, left, faults = engine.remove(root_of(top), [b""], 1000)
    assert (counts.files, counts.directories, left) == (2, 0, [])
    assert sorted(faults) == [
        Fault(b"a/snapshot", errno.EXDEV, "open"),
        Fault(b"new", errno.EXDEV, "open"),
    ]
    assert listing(top / "a/snapshot") == [b"precious", b"precious/f"]
    assert (top / "new").exists()


UNKNOWN: Final = """
import importlib, os, sys
from cleanup_nodemodule.engine.contract import Root
engine = importlib.import_module(sys.argv[1])
found = os.lstat(sys.argv[2])
root = Root(os.fsencode(sys.argv[2]), found.st_dev, found.st_ino)
before = len(os.listdir("/proc/self/fd"))
print(engine.remove(root, [b""], 1000)[2], len(os.listdir("/proc/self/fd")) - before)
"""


@pytest.mark.on_linux
def test_a_directory_of_which_nobody_knows_what_it_is_on_is_not_emptied(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Asking the open directory fails, by strace: with what it failed is said, and nothing stays open."""
    declare(tmp_path / "top", {"a": {"f": 1}})
    failing = strace(
        *(tmp_path / "log", "-P", os.fspath(tmp_path / "top/a")),
        *("--trace=fstat,newfstatat", "--inject=fstat,newfstatat:error=EIO"),
    )
    done = run_by(failing, UNKNOWN, engine.__name__, tmp_path / "top")
    assert (done.stdout, done.stderr) == (f"{[Fault(b'a', errno.EIO, 'open')]} 0\n", "")
    assert listing(tmp_path / "top") == [b"a", b"a/f"]


SAVED: Final = """
import importlib, os, sys, threading
from cleanup_nodemodule.engine.contract import Root
engine = importlib.import_module(sys.argv[1])
top, saved = sys.argv[2:]
found = os.lstat(top)
root = Root(os.fsencode(top), found.st_dev, found.st_ino)

def save():
    while os.path.exists(f"{top}/a/c"):
        pass
    os.rename(f"{top}/a", saved)

other = threading.Thread(target=save)
other.start()
counts, left, faults = engine.remove(root, [b"a/b", b"a/c"], 1000)
other.join()
print(counts.directories, left, faults)
"""
"""Has an inner directory moved away, by another thread, between two of the empty ones in it."""


@pytest.mark.slow
@pytest.mark.on_linux
def test_what_is_moved_away_loses_no_directory_any_more(engine: ModuleType, tmp_path: Path) -> None:
    """The directory around the last one that was removed is still open. Beneath the root each opening
    waits, by strace, until the other thread has moved it."""
    top = tmp_path / "top"
    declare(top, {"a": {"b": {}, "c": {}}})
    slow = strace(
        *(tmp_path / "log", "-P", os.fspath(top)),
        *("--trace=openat2", "--inject=openat2:delay_enter=2000000"),
    )
    done = run_by(slow, SAVED, engine.__name__, top, tmp_path / "saved")
    assert (done.stdout, done.stderr) == ("1 [] []\n", "")
    assert listing(tmp_path / "saved") == [b"b"]


HINDERED: Final = """
import os, sys
from cleanup_nodemodule.engine.contract import Root
import importlib
engine = importlib.import_module(sys.argv[1])
found = os.lstat(sys.argv[2])
root = Root(os.fsencode(sys.argv[2]), found.st_dev, found.st_ino)
print(*(engine.remove(root, [b""], 1000)[2] for _ in range(2)), sep="\\n")
"""


@pytest.mark.on_linux
def test_where_the_best_way_to_open_fails_once_no_weaker_one_is_taken(
    engine: ModuleType,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    """Bind mounts of one file system show to openat2(2) alone: without it they would be emptied."""
    declare(tmp_path, {"top": {"a": {"f": 1}, "bound": {}}, "elsewhere": {"precious": {"f": 1}}})
    hinder = strace(tmp_path / "log", "--trace=openat2", "--inject=openat2:error=ENFILE:when=1")
    done = subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-ec",
            'mount --bind "$1" "$2/bound"; shift; top=$1; shift; "$@"',
            "sh",
            tmp_path / "elsewhere",
            tmp_path / "top",
            *hinder,
            sys.executable,
            "-c",
            HINDERED,
            engine.__name__,
            tmp_path / "top",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        str([Fault(b"", errno.ENFILE, "open")]),
        str([Fault(b"bound", errno.EXDEV, "open")]),
    ]
    assert listing(tmp_path / "elsewhere") == [b"precious", b"precious/f"]


OVERTAKEN: Final = """
import importlib, os, sys
from cleanup_nodemodule.engine.contract import Names, Root
engine = importlib.import_module(sys.argv[1])
found = os.lstat(sys.argv[2])
root = Root(os.fsencode(sys.argv[2]), found.st_dev, found.st_ino)
names = Names(frozenset(), frozenset(), 0, (), frozenset({b"marker"}))
print(engine.find(root, [b""], names, 1000)[2])
print(engine.measure(root, [b""], 1000)[2])
print(engine.remove(root, [b""], 1000)[2])
"""


def test_a_directory_that_is_removed_while_it_is_open_is_no_fault(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Reading it fails with ENOENT then (getdents(2)), as when two calls remove one tree."""
    declare(tmp_path, {"top": {"a": {"gone": {}}, "f": 1}})
    overtake = strace(
        *(tmp_path / "log", "-P", os.fspath(tmp_path / "top" / "a" / "gone")),
        *("--trace=getdents64", "--inject=getdents64:error=ENOENT"),
    )
    done = run_by(overtake, OVERTAKEN, engine.__name__, tmp_path / "top")
    assert (done.stdout, done.stderr) == ("[]\n" * 3, "")
    assert (tmp_path / "log").read_text().count("INJECTED") == 3
    assert listing(tmp_path) == [b"log"]


def test_a_file_that_has_become_a_directory_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since the directory around it was read; the native engine looks at the status alone."""
    top = tmp_path / "top"
    declare(top, {"a": 1})

    def status(tree: Any, entry: "os.DirEntry[str]") -> os.stat_result:
        if entry.name == "a":
            (top / "a").unlink()
            declare(top, {"a": {"f": 1}})
        return status_of(tree, entry)

    monkeypatch.setattr(_python_entries, "status_of", status)
    counts, left, faults = _python_remove.remove(root_of(top), [b""], 1000)
    assert (counts.files, counts.directories, left, faults) == (1, 2, [], [])
    assert listing(tmp_path) == []


EVERYTHING_OF: Final = """
import os, sys
from cleanup_nodemodule.engine import _kernel as engine
from cleanup_nodemodule.engine.contract import Names, Root
root = Root(os.fsencode(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
finding = engine.find(root, [b""], Names(frozenset({b"hit"}), frozenset(), 0), 1000)
print([hit.path for hit in finding.found.hits], finding.left, finding.faults)
usage, left, faults = engine.measure(root, [b""], 1000)
print(usage.files, usage.directories, left, faults)
counts, left, faults = engine.remove(root, [b""], 1000)
print(counts.files, counts.directories, left, faults)
"""


@pytest.mark.parametrize("call", ["openat2", "getdents64", "newfstatat", "unlinkat", "fstatfs"])
@pytest.mark.usefixtures("native")
@pytest.mark.on_linux
def test_a_call_that_a_signal_interrupts_is_made_again(tmp_path: Path, call: str) -> None:
    """The first one in a directory, by strace. (The Python engine's calls are the interpreter's own,
    and those say that they were interrupted.)"""
    declare(tmp_path, {"top": {"a": {"f": 1, "hit": {"g": 1}}, "b": {"h": 1}, "i": 1}})
    top = tmp_path / "top"
    interrupt = strace(
        tmp_path / "log",
        *("-P", os.fspath(top), "-P", os.fspath(top / "a"), "-P", os.fspath(top / "b")),
        *(f"--trace={call}", f"--inject={call}:error=EINTR:when=1"),
    )
    done = run_by(interrupt, EVERYTHING_OF, *map(str, (top, *root_of(top)[1:])))
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[b'a/hit'] [] []", "4 4 [] []", "4 4 [] []"]
    assert "INJECTED" in (tmp_path / "log").read_text()


@pytest.mark.on_linux
@pytest.mark.parametrize("count", [10, 38, 1000])
def test_entries_are_looked_at_in_the_order_they_lie_on_the_disk(
    native: ModuleType, tmp_path: Path, count: int
) -> None:
    """A directory lists them by a hash of the name, or the last one first; a disk would go to and fro.

    Those that are read at once, that is: in a build for tests a kibibyte.
    """
    top = tmp_path / "top"
    declare(top, {f"{number * 7919 % 1000:03}": 1 for number in range(count)})
    numbers = {entry.name: entry.inode() for entry in os.scandir(top)}
    assert list(numbers.values()) != sorted(numbers.values())
    log = tmp_path / "log"
    measured = (
        f"from cleanup_nodemodule.engine import _kernel; from {Root.__module__} import Root;"
        f" print(_kernel.measure(Root(*{tuple(root_of(top))}), [b''], 100_000).usage.files)"
    )
    watched = strace(log, "--trace=newfstatat")
    done = subprocess.run(
        [*watched, sys.executable, "-c", measured], capture_output=True, text=True, check=True
    )
    assert (done.stdout, native.__name__) == (f"{count}\n", "cleanup_nodemodule.engine._kernel")
    looked_at = re.findall(r'newfstatat\(\d+<[^>]*>, "(\d{3})"', log.read_text())
    assert sorted(looked_at) == sorted(numbers)
    order = [numbers[name] for name in looked_at]
    back = sum(before > after for before, after in itertools.pairwise(order))
    assert back <= count * 24 // 1024  # An entry takes 24 bytes (getdents(2)).


HANGING: Final = """
import os, sys, threading, time
from cleanup_nodemodule.engine import _kernel
from cleanup_nodemodule.engine.contract import Root
top = sys.argv[1]
found = os.lstat(top)
root = Root(os.fsencode(top), found.st_dev, found.st_ino)
threading.Thread(target=_kernel.measure, args=(root, [b""], 1000), daemon=True).start()
# Until somebody has asked about what is never answered.
while "mute" not in sys.stdin.readline():
    pass
print("free", flush=True)
os._exit(0)
"""


@pytest.mark.on_linux
def test_other_threads_go_on_while_a_call_waits_for_a_disk(
    native: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    """It lets go of the interpreter for as long as it takes; otherwise nothing else would ever happen."""
    tree: Declared = {"top": {"a": {"f": 1}}}
    served = disks.misbehaving(tmp_path / "disk", tree, mute=["opendir /top/a"])
    assert native.__name__.endswith("_kernel")
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, served.path / "top"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            await_condition(lambda: served.calls("opendir", "/top/a") > 0, "it waits")
            process.stdin.write(b"mute\n")
            process.stdin.flush()
            # Its end waits for the disk, too.
            answered, _, _ = select.select([process.stdout], [], [], TIMEOUT)
        finally:
            served.kill()
            process.kill()
        assert answered
        assert process.stdout.read() == b"free\n"


SEARCHED: Final = """
import importlib, os, sys
from cleanup_nodemodule.engine.contract import Names, Root
engine = importlib.import_module(sys.argv[1])
found = os.lstat(sys.argv[2])
root = Root(os.fsencode(sys.argv[2]), found.st_dev, found.st_ino)
names = Names(frozenset({b"hit"}), frozenset(), 0, (), frozenset({b"marker"} if sys.argv[3:] else ()))
print(engine.find(root, [b""], names, 1000)[0])
"""


@pytest.mark.parametrize("marked", [0, 1])
def test_a_directory_without_directories_is_read_only_for_a_marker(
    engine: ModuleType, disks: Mounts, tmp_path: Path, marked: int
) -> None:
    top = disks.tmpfs(tmp_path / "top")
    declare(top, {"a": {"leaf": {"file": 1, "marker": ""}, "b": {"hit": {}}}})
    log = tmp_path / "log"
    watched = strace(log, "-P", os.fspath(top / "a" / "leaf"), "--trace=getdents64")
    done = run_by(watched, SEARCHED, engine.__name__, top, *(["marked"] * marked))
    assert done.stderr == ""
    assert done.stdout.startswith("Found(directories=4, ")
    assert done.stdout.count("path=b'a/leaf'") == marked
    assert done.stdout.count("path=b'a/b/hit'") == 1
    assert ("getdents64" in log.read_text()) == bool(marked)


ENGINE: Final = Path(_python.__file__).parent
PYTHON_H: Final = "#include <Python.h>"
OWN_HEADER: Final = re.compile(r'^\s*#\s*include\s*"([^"]*)".*$', re.MULTILINE)


def kernel_code() -> str:
    """Return the C code of the native engine, its own headers in the places where they are included.

    There are no comments in it, and no line that goes on in the next one.
    """

    def read(name: str) -> str:
        source = (ENGINE / name).read_text().replace("\\\n", " ")
        return re.sub(r"/\*.*?\*/", " ", source, flags=re.DOTALL)

    return OWN_HEADER.sub(lambda include: read(include[1]), read("_kernel.c"))


def test_each_header_of_the_native_engine_is_included_once_on_its_side_of_python() -> None:
    """Headers include no header of the engine, so the order is that of ``_kernel.c``."""
    code = re.sub(r"/\*.*?\*/", " ", (ENGINE / "_kernel.c").read_text(), flags=re.DOTALL)
    before, include, behind = code.partition(PYTHON_H)
    assert include
    walking = [f"native/{header.name}" for header in (ENGINE / "native").glob("*.h")]
    between = [f"native/bridge/{header.name}" for header in (ENGINE / "native/bridge").glob("*.h")]
    assert len(list(ENGINE.rglob("*.h"))) == len(walking) + len(between)
    assert sorted(OWN_HEADER.findall(before)) == sorted(walking)
    assert sorted(OWN_HEADER.findall(behind)) == sorted(between)
    for name in walking + between:
        text = (ENGINE / name).read_text()
        assert OWN_HEADER.findall(text) == []
        assert "Python.h>" not in text


def test_nothing_that_walks_can_call_the_interpreter() -> None:
    """It is not declared there: Python.h comes behind all of that. Where the lock of the interpreter is let go,
    there is one call of what stands above, with nothing of Python's among its arguments but in structures."""
    code = kernel_code()
    assert code.count(PYTHON_H) == 1
    before, _, behind = code.partition(PYTHON_H)
    # Of Python's headers there is only pyconfig.h, which declares nothing.
    lines = re.findall(r"^\s*#\s*include\b.*$", before, re.MULTILINE)
    included = re.findall(r"^\s*#\s*include\s*<([\w/]+\.h)>\s*$", before, re.MULTILINE)
    assert len(included) == len(lines)
    of_python = Path(sysconfig.get_path("include"))
    if not (of_python / "Python.h").exists():
        unable("needs Python's headers, to tell them from the system's")
    assert [name for name in included if (of_python / name).exists()] == ["pyconfig.h"]
    assert "_Py" not in before
    assert re.findall(r"\bPy\w*", before) == []
    unlocked = re.findall(r"Py_BEGIN_ALLOW_THREADS(.*?)Py_END_ALLOW_THREADS", behind, re.DOTALL)
    calls = [re.fullmatch(r"\s*(\w+)\((?:&\w+(?:, )?)+\);\s*", part) for part in unlocked]
    assert len(calls) == 3
    for call in calls:
        assert call is not None
        assert re.search(rf"^{call[1]}\(", before, re.MULTILINE)


def test_no_macro_counts_references() -> None:
    """Python 3.11's write to objects that all interpreters share from 3.12 on, each with a lock of its own."""
    code = kernel_code()
    assert "Py_DecRef(" in code
    counting = r"\bPy_(?:X?(?:INCREF|DECREF|NewRef)|CLEAR|X?SETREF|RETURN_\w+)\b"
    assert re.findall(counting, code) == []


def resident() -> int:
    """Return the bytes of memory this process has in use."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _memory_after_many_calls(way: Way, top: str) -> list[int]:
    engine = way.engine()
    root = root_of(top)
    names = NODE_MODULES._replace(globs=(b"n*",), markers=frozenset({b"f"}))
    stale = root._replace(inode=root.inode + 1)
    taken = []
    for times in (1000, 10_000):
        for _ in range(times):
            for each in (root, stale):
                engine.find(each, [b""], names, 100)
                engine.measure(each, [b""], 3)
                engine.remove(each, [b"nowhere//"], 3)
            for stack in ([1], None, [b"", "a"]):
                with contextlib.suppress(TypeError):
                    engine.measure(root, stack, 3)
        taken.append(resident())
    return taken


def test_ten_thousand_calls_leak_nothing(native: ModuleType, tmp_path: Path) -> None:
    if not os.path.exists("/proc/self/statm"):
        unable("needs /proc, to know how much memory is taken")
    top = tmp_path / "top"
    declare(top, {"node_modules": {}, "a": {"f": 1, "g": 2, ".git": {}}, "l": Path("a")})
    (top / "h").hardlink_to(top / "a" / "g")
    before, after = in_child(
        _memory_after_many_calls, Way(native.__name__, BY_KERNEL), os.fspath(top)
    )
    # The least that any function could lose is 16 bytes a call.
    assert after - before < 10_000 * 16


# A directory that fails or changes while it is read; only the Python engine can be made to see that.


class Scan:
    """What ``os.scandir`` gives, with something happening before an entry is handed out."""

    def __init__(self, entries: Any, before: Callable[[str], None]) -> None:
        self._entries = entries
        self._before = before

    def __enter__(self) -> "Iterator[os.DirEntry[str]]":
        return self._each()

    def __exit__(self, *error: object) -> None:
        self._entries.close()

    def _each(self) -> "Iterator[os.DirEntry[str]]":
        # By name, so that it is the same on every file system.
        for entry in sorted(self._entries, key=lambda entry: str(entry.name)):
            self._before(entry.name)
            yield entry


def before_each_entry(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    really_scan = os.scandir
    monkeypatch.setattr(
        "cleanup_nodemodule.engine._python.os.scandir",
        lambda directory: Scan(really_scan(directory), before),
    )


@every_python_opening
def test_a_directory_that_fails_half_way_is_a_fault_and_not_taken_for_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(
        tmp_path, {"top": {"bad": {"a": {}, "b": 1, "c": 1, "node_modules": {}}, "good": {"f": 1}}}
    )
    root = root_of(tmp_path / "top")

    def fail(name: str) -> None:
        if name == "c":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        before_each_entry(patch, fail)
        found = find(_python, root)
        usage = measure(_python, root)
        removed = remove(_python, root)
    broken = Fault(b"bad", errno.EIO, "read")
    assert (found.paths, found.faults) == ([], [broken])
    assert found.directories == 4  # What was read before it failed counts.
    assert (usage.files, usage.directories, usage.faults) == (2, 4, [broken])
    assert removed.failed == {b"bad"}
    assert broken in removed.faults
    assert removed[:2] == (2, 2)
    assert listing(tmp_path / "top") == [b"bad", b"bad/c", b"bad/node_modules"]


@every_python_opening
def test_entries_that_vanish_while_their_directory_is_read_are_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"

    def vanish(name: str) -> None:
        if name == "f":
            (top / "f").unlink()
        if name in {"node_modules", "sub"}:
            (top / name).rmdir()

    def build() -> Root:
        declare(top, {"f": 1, "g": 1, "node_modules": {}, "sub": {}})
        return root_of(top)

    with monkeypatch.context() as patch:
        before_each_entry(patch, vanish)
        found = find(_python, build())
        assert (found.paths, found.faults) == ([], [])
        (top / "g").unlink()
        usage = measure(_python, build())
        assert (usage.files, usage.directories, usage.faults) == (1, 1, [])
        removed = remove(_python, build())
        assert (removed.files, removed.directories, removed.faults) == (1, 1, set())
    assert listing(tmp_path) == []


# remove


@every_opening
def test_a_hard_link_outside_is_left_exactly_as_it_was(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"top": {"d": {}}, "outside": b"precious\0" * 1000})
    outside = tmp_path / "outside"
    outside.chmod(0o640)
    os.utime(outside, (1000, 2000))
    (tmp_path / "top" / "d" / "linked").hardlink_to(outside)
    before = os.lstat(outside)
    usage = measure(engine, root_of(tmp_path / "top"))
    removed = remove(engine, root_of(tmp_path / "top"))
    assert removed[:4] == (1, 2, usage.allocated, set())
    assert listing(tmp_path) == [b"outside"]
    after = os.lstat(outside)
    assert outside.read_bytes() == b"precious\0" * 1000
    assert after.st_nlink == before.st_nlink - 1 == 1
    for unchanged in ("st_ino", "st_mode", "st_uid", "st_gid", "st_size", "st_mtime_ns"):
        assert getattr(after, unchanged) == getattr(before, unchanged)


@every_opening
def test_freed_is_what_the_last_links_gave_back(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {"top": {"single": 5000, "twice": 9000, "d": {"e": {}}, "shared": 20_000}, "other": {}},
    )
    top = tmp_path / "top"
    (top / "d" / "e" / "again").hardlink_to(top / "twice")
    (tmp_path / "other" / "kept").hardlink_to(top / "shared")
    expected = sum(
        os.lstat(path).st_blocks * 512
        for path in (top, top / "d", top / "d" / "e", top / "single", top / "twice")
    )
    removed = remove(engine, root_of(top), budget=1)
    assert removed.freed == expected
    assert (removed.files, removed.directories) == (4, 3)


def test_what_two_calls_delete_two_names_of_is_freed_once(
    engine: ModuleType, tmp_path: Path
) -> None:
    # Both in the same order, so that they may meet: without turns, three of five runs of this counted a file
    # too few with the Python engine; with the native one it is seldomer.
    names = [f"{number:05}" for number in range(3000)]
    declare(tmp_path, {"one": dict.fromkeys(names, 1), "two": {}})
    for name in names:
        (tmp_path / "two" / name).hardlink_to(tmp_path / "one" / name)
    tops = [tmp_path / "one", tmp_path / "two"]
    paths = [*tops, *tops[0].iterdir()]
    expected = sum(os.lstat(path).st_blocks * 512 for path in paths)
    begin = threading.Barrier(len(tops))

    def delete(top: Path) -> int:
        begin.wait()
        freed: int = remove(engine, root_of(top)).freed
        return freed

    with ThreadPoolExecutor(len(tops)) as executor:
        assert sum(executor.map(delete, tops)) == expected


SUBINTERPRETER: Final = """
import os, sys
sys.path[:0] = {path!r}
from cleanup_nodemodule.engine import _kernel as engine
from cleanup_nodemodule.engine.contract import Root
found = os.lstat({top!r})
root, stack, freed = Root(os.fsencode({top!r}), found.st_dev, found.st_ino), [b""], 0
while stack:
    counts, stack, faults = engine.remove(root, stack, 100)
    assert not faults
    freed += counts.freed
os.write({pipe}, b"%d " % freed)
"""

SEVERAL_INTERPRETERS: Final = """
import sys, threading
try:
    import _xxsubinterpreters as interpreters
except ImportError:  # Python 3.13
    import _interpreters as interpreters
said = []
def run(number, text):
    said.append(interpreters.run_string(number, text))
threads = [threading.Thread(target=run, args=(interpreters.create(), text)) for text in sys.argv[1:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*said)
"""


@pytest.mark.usefixtures("native")
def test_several_interpreters_delete_at_once(tmp_path: Path) -> None:
    """From Python 3.12 on each has a lock of its own; what they take turns at is the same for all."""
    tops = [tmp_path / str(number) for number in range(3)]
    names = [f"{number:04}" for number in range(1000)]
    declare(tmp_path, {top.name: {} for top in tops})
    declare(tops[0], dict.fromkeys(names, 1))
    for name in names:
        for top in tops[1:]:
            (top / name).hardlink_to(tops[0] / name)
    expected = sum(os.lstat(path).st_blocks * 512 for path in [*tops, *tops[0].iterdir()])
    told, pipe = os.pipe()
    with open(told, "rb") as answers:
        path = [entry for entry in sys.path if entry]
        texts = [SUBINTERPRETER.format(path=path, top=os.fspath(top), pipe=pipe) for top in tops]
        program = [sys.executable, "-c", SEVERAL_INTERPRETERS, *texts]
        done = subprocess.run(
            program, pass_fds=[pipe], capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
        os.close(pipe)
        assert (done.stdout, done.stderr) == ("None None None\n", "")
        assert sum(map(int, answers.read().split())) == expected
    assert listing(tmp_path) == []


def test_a_disk_that_hangs_holds_up_no_file_on_another_one(
    engine: ModuleType, disks: Mounts, tmp_path: Path
) -> None:
    """While a name of a file with several is deleted there, others of files with the same numbers go."""
    served = disks.misbehaving(
        tmp_path / "hanging", {"top": {"f": 1}}, links=2, mute=["unlink /top/f"]
    )
    (tmp_path / "healthy").mkdir()
    top = disks.tmpfs(tmp_path / "healthy") / "top"
    declare(top, {str(number): 1 for number in range(300)})
    for number in range(300):
        (top / f"again {number}").hardlink_to(top / str(number))
    # Whatever is locked by a remainder of that number, all are in there.
    assert {os.lstat(path).st_ino % 256 for path in top.iterdir()} == set(range(256))
    with ThreadPoolExecutor(2) as executor:
        try:
            hanging = executor.submit(remove, engine, root_of(served.path / "top"))
            await_condition(lambda: served.calls("unlink", "/top/f") > 0, "it hangs")
            healthy = executor.submit(remove, engine, root_of(top)).result(TIMEOUT)
            assert not hanging.done()
        finally:
            served.kill()
    assert (healthy.files, healthy.directories, healthy.faults) == (600, 1, set())
    assert hanging.result().faults


@every_opening
def test_a_budget_of_one_makes_progress_with_every_call(engine: ModuleType, varied: Path) -> None:
    root, stack = root_of(varied), [b""]
    left = len(listing(varied)) + 1
    while stack:
        counts, stack, faults = engine.remove(root, stack, 1)
        assert faults == []
        assert counts.files + counts.directories == 1
        left -= 1
        assert len(listing(varied)) + varied.exists() == left
    assert left == 0


@every_opening
def test_what_vanished_before_it_could_be_removed_is_no_fault(
    engine: ModuleType, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    declare(top, {"a": {"b": {"f": 1}}, "c": {"f": 1}})
    root, stack = root_of(top), [b""]
    counts, stack, faults = engine.remove(root, stack, 1)
    assert counts.files == 1
    shutil.rmtree(top)
    for _ in range(10):
        counts, stack, more = engine.remove(root, stack, 1)
        assert counts == NOTHING
        faults += more
    assert (stack, faults) == ([], [])


@every_opening
def test_a_directory_swapped_for_a_symlink_is_not_followed(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Whatever of the walk was yet to come when it was swapped."""
    outside: dict[str | bytes, Any] = {"f": 1, "deep": {"node_modules": {}, "g": 1}, "empty": {}}
    declare(tmp_path, {"top": {"inner": Path("../outside")}, "outside": outside})
    before = listing(tmp_path)
    root = root_of(tmp_path / "top")
    stack = [b"inner/empty/", b"inner/", b"inner/empty", b"inner/deep", b"inner"]
    assert engine.find(root, stack[2:], NODE_MODULES, EVERYTHING) == (Found(0, []), [], [])
    usage, left, faults = engine.measure(root, stack[2:], EVERYTHING)
    assert (usage.files, usage.directories, usage.apparent, left, faults) == (0, 0, 0, [], [])
    counts, left, faults = engine.remove(root, stack, EVERYTHING)
    assert (counts[:3], left, faults) == ((0, 0, 0), [], [])
    # What was to go once inner had gone is for another time, as inner has not.
    assert set(counts.blocked) == {b""}
    assert listing(tmp_path) == before
    # Begun again, the symlink is an entry like any other.
    assert remove(engine, root)[:4] == (1, 1, os.lstat(tmp_path).st_blocks * 512, set())
    assert listing(tmp_path / "outside") == [path[8:] for path in before if b"outside/" in path]


@every_opening
def test_a_root_replaced_after_the_first_call_is_left_alone(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(tmp_path, {"top": {"a": {"f": 1}, "b": {"f": 1}}})
    root = root_of(tmp_path / "top")
    _, stack, _ = engine.remove(root, [b""], 1)
    (tmp_path / "top").rename(tmp_path / "aside")
    declare(tmp_path, {"top": {"a": {"f": 1}, "b": {"f": 1}}})
    before = listing(tmp_path)
    counts, left, faults = engine.remove(root, stack, EVERYTHING)
    assert (counts, left) == (NOTHING, [])
    assert [fault[:2] for fault in faults] == [(b"", errno.ESTALE)]
    assert listing(tmp_path) == before


@every_python_opening
def test_a_root_replaced_at_the_last_moment_is_not_removed(tmp_path: Path) -> None:
    """Between opening it and removing it, both within one call."""
    (tmp_path / "top").mkdir()
    open_tree = vars(_python)["open_tree"]  # Whichever the fixture has put there.
    with open_tree(root_of(tmp_path / "top"), mount_ok=False) as tree:
        (tmp_path / "top").rename(tmp_path / "aside")
        (tmp_path / "top").mkdir()
        with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
            tree.rmdir_root()
    assert listing(tmp_path) == [b"aside", b"top"]


def _swap_for_ever(directory: str, rounds: "multiprocessing.Queue[int]") -> None:
    """Put a symlink in the place of a directory and take it away, as fast as can be."""
    inner, aside = os.path.join(directory, "top/inner"), os.path.join(directory, "aside")
    swapped = 0
    while not os.path.exists(os.path.join(directory, "stop")):
        try:
            os.rename(inner, aside)
            os.symlink(os.path.join(directory, "outside"), inner)
            swapped += 1
            os.unlink(inner)
            os.rename(aside, inner)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
    rounds.put(swapped)


@by_descriptor
def test_a_directory_that_another_process_keeps_swapping_leads_nowhere(
    engine: ModuleType, tmp_path: Path
) -> None:
    inner: dict[str | bytes, Any] = {"sub": {"f": 1, "g": {"h": 1}}, "f": 1}
    declare(tmp_path, {"outside": inner, "top": {"inner": inner}})
    before = listing(tmp_path / "outside")
    context = multiprocessing.get_context("spawn")
    rounds: multiprocessing.Queue[int] = context.Queue()
    attacker = context.Process(target=_swap_for_ever, args=(os.fspath(tmp_path), rounds))
    attacker.start()
    try:
        while not (tmp_path / "top" / "inner").is_symlink():
            assert attacker.is_alive()  # Not before it has begun.
        for _ in range(300):
            if not (tmp_path / "top").exists():
                declare(tmp_path / "new", {"inner": inner})
                (tmp_path / "new").rename(tmp_path / "top")
            root = root_of(tmp_path / "top")
            for budget in (1, 2, 3, EVERYTHING):
                stack = [b""]
                while stack:
                    _, stack, _ = engine.remove(root, stack, budget)
            assert listing(tmp_path / "outside") == before
    finally:
        (tmp_path / "stop").touch()
        swapped = rounds.get(timeout=TIMEOUT)
        attacker.join()
    assert swapped > 0


@every_opening
def test_what_cannot_be_removed_is_a_fault_and_the_rest_goes(
    engine: ModuleType, tmp_path: Path
) -> None:
    needs_root()
    top = tmp_path / "top"
    declare(
        top,
        {
            "a": {"fixed": 1, **{str(number): 1 for number in range(20)}},
            "b": {"c": {"f": 1}, **{str(number): {"x": 1} for number in range(5)}},
            "d": {},
        },
    )
    fixed = [top / "a" / "fixed", top / "b" / "c"]
    if subprocess.run(["chattr", "+i", *fixed], check=False, capture_output=True).returncode:
        unable("needs a file system with immutable files")
    try:
        removed = remove(engine, root_of(top), budget=1)
    finally:
        subprocess.run(["chattr", "-i", *fixed], check=True)
    refused = {Fault(b"a/fixed", errno.EPERM, "delete"), Fault(b"b/c/f", errno.EPERM, "delete")}
    # Whoever was to remove a directory around them may have found it not empty, or not have tried.
    around = {Fault(path, errno.ENOTEMPTY, "remove the directory") for path in (b"b", b"")}
    assert refused <= removed.faults <= refused | around
    assert (removed.files, removed.directories) == (25, 6)
    assert listing(top) == [b"a", b"a/fixed", b"b", b"b/c", b"b/c/f"]


def test_arguments_and_results_reach_another_process(engine: ModuleType, varied: Path) -> None:
    """The executor may be one of processes, or of a cluster."""
    root = root_of(varied)
    here = (
        engine.find(root, [b""], NODE_MODULES, 5),
        engine.measure(root, [b""], 5),
    )
    stale = root._replace(inode=root.inode + 1)
    refused_here = engine.remove(stale, [b""], 5)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = (
            pool.submit(engine.find, root, [b""], NODE_MODULES, 5).result(),
            pool.submit(engine.measure, root, [b""], 5).result(),
        )
        refused = pool.submit(engine.remove, stale, [b""], 5).result()
        counts, stack, faults = pool.submit(engine.remove, root, [b""], EVERYTHING).result()
    assert there == here
    assert [type(result) for result in there] == [type(result) for result in here]
    assert isinstance(there[0][0].hits[0], Hit)
    assert refused == refused_here
    assert isinstance(refused[2][0], Fault)
    assert (counts.files, stack, faults) == (22, [], [])
    assert not varied.exists()


# What is not looked at.


def test_what_is_closed_is_neither_counted_nor_gone_into(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Some names come before and behind each other as paths do and as names do not."""
    tree: Declared = {
        "a": {"x": 1, "node_modules": {"x": 1}},
        "a-b": {"x": 1},
        "a.c": {"x": 1},
        "f": 5,
    }
    declare(tmp_path, {**tree, "in": tree, "in-": tree})
    every = engine.measure(root_of(tmp_path), [b""], EVERYTHING).usage
    closed = tuple(
        sorted([b"a", b"f", b"in/a", b"in/a-b", b"in/f", b"in-/a/node_modules", b"nowhere/x"])
    )
    root = root_of(tmp_path)._replace(closed=closed)
    for one in closed[:-1]:
        (tmp_path / os.fsdecode(one)).stat()
    usage = engine.measure(root, [b""], EVERYTHING).usage
    # Three directories with a file and one in them each; what is closed but for the last is one of these.
    assert every.files - usage.files == (2 + 1) + (2 + 1 + 1) + 1
    assert every.directories - usage.directories == 2 + 2 + 1 + 1
    assert usage.mounts == []
    found = find(engine, root)
    assert [(hit.path, hit.mounted, hit.inode) for hit in found.hits] == [
        (b"in-/a/node_modules", True, 0)
    ]


def test_what_is_closed_may_be_a_repository(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path, {"a": {".git": {}}, "b": {"objects": {}, "refs": {}, "HEAD": "x", "dist": {}}}
    )
    closed = (b"a/.git", b"b/HEAD", b"b/objects")
    root = root_of(tmp_path)._replace(closed=closed)
    usage = engine.measure(root, [b""], EVERYTHING).usage
    assert sorted(usage.repositories) == [b"a", b"b"]
    assert find(engine, root, Names(frozenset({b"dist"}), frozenset(), 0)).hits == []
