"""``measure``: what counts and how much, whatever the names and the links."""

import ctypes
import os
import socket
import stat
import struct
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from cleanup_nodemodule.engine.contract import (
    Found,
    Names,
)
from support.engine_calls import (
    NODE_MODULES,
    NOTHING,
    Link,
    find,
    measure,
    remove,
    root_of,
)
from support.needs import unable
from support.openings import (
    every_opening,
)
from support.trees import declare, listing

_IN_OPEN: Final = 0x20  # inotify(7)


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
            Link(inside.st_ino, 2, 5000, inside.st_blocks * 512, inside.st_blocks * 512): 2,
            Link(outside.st_ino, 2, 9000, outside.st_blocks * 512, outside.st_blocks * 512): 1,
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
    assert engine.find(root, stack, NODE_MODULES, 10) == (Found(0, [], []), [], [])
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
