"""Deleting by group of inodes: where a file system lets one thread at a time delete in each (XFS)."""

import asyncio
import errno
import fcntl
import os
import pickle
import random
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.delete import by_group, empty
from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import Fault, Groups, Removal, Root
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.tasks import Stopped
from support.dictated import Dictated, expected, made, root_of, shuffles, trees, usual
from support.filesystems import Mounts
from support.removals import artifact, each_engine, remove
from support.trees import declare
from support.waiting import TIMEOUT

ENOUGH: Final = 1_000_000


def remove_by_group(
    engine: ModuleType, root: Root, groups: Groups, budget: int, shuffle: random.Random
) -> tuple[int, int, int]:
    """Remove a tree, one group after the other by chance; return files, directories and bytes."""
    files = directories = freed = 0
    stacks = {0: [b""]}
    while stacks:
        before = files + directories
        blocked: list[bytes] = []
        while stacks:
            group = shuffle.choice(sorted(stacks))
            stack = stacks.pop(group)
            counts, left, faults = engine.remove(root, stack, budget, groups, group)
            assert not faults
            assert not any(is_stray(root, entry, stack, group, groups) for entry in left)
            for other, entry in counts.elsewhere:
                assert other != group
                # It may be gone: what was blocked is met again where it is listed.
                assert group_of(root, entry.rstrip(b"/"), groups) in {other, None}
                stacks.setdefault(other, []).append(entry)
            if left:
                stacks.setdefault(group, []).extend(left)
            files, directories = files + counts.files, directories + counts.directories
            freed += counts.freed
            blocked += counts.blocked
        if blocked:
            stacks = {shuffle.randrange(groups.total): sorted(set(blocked), key=depth)}
            assert files + directories > before, "a round that deletes nothing"
    return files, directories, freed


def is_stray(root: Root, entry: bytes, stack: list[bytes], group: int, groups: Groups) -> bool:
    """Whether it was met in a call for *group* and should have been left to another."""
    path, *rest = entry.rstrip(b"/").split(b"\0")
    if rest or not path:
        return False
    for given_ in stack:
        # What a call is given, it deals with, and with the directories around that.
        if (given_.split(b"\0")[0].rstrip(b"/") + b"/").startswith(path + b"/"):
            return False
    return group_of(root, path, groups) not in {group, None}


def depth(entry: bytes) -> int:
    return entry.count(b"/")


def group_of(root: Root, path: bytes, groups: Groups) -> int | None:
    """Return the group of a directory; None if it is gone."""
    try:
        return groups.of(os.lstat(os.path.join(root.path, path)).st_ino)
    except FileNotFoundError:
        return None


@usual
@given(
    tree=trees,
    groups=st.builds(Groups, st.integers(0, 5), st.integers(1, 5)),
    budget=st.sampled_from([1, 2, 7, ENOUGH]),
    shuffle=shuffles,
)
def test_whatever_the_groups_everything_is_removed_and_counted_once(
    native: ModuleType,
    tree: Dictated,
    groups: Groups,
    budget: int,
    shuffle: random.Random,
) -> None:
    for engine in (native, _python):
        with made(tree) as place:
            true = expected(place.top)
            removed = remove_by_group(engine, root_of(place.top), groups, budget, shuffle)
            assert removed == (true.files, true.directories, true.freed)
            assert not os.path.lexists(place.top)


def test_what_lies_in_other_groups_comes_back_apart(engine: ModuleType, tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {**{f"d{number}": {"f": 1} for number in range(50)}, "file": 1})
    root, groups = root_of(os.fsencode(top)), Groups(0, 7)
    by_group: dict[int, set[bytes]] = {}
    for entry in os.scandir(top):
        if entry.is_dir():
            group = groups.of(entry.inode())
            by_group.setdefault(group, set()).add(os.fsencode(entry.name))
    assert len(by_group) > 1
    own = by_group.pop(groups.of(root.inode), set())
    counts, left, faults = engine.remove(root, [b""], ENOUGH, groups, groups.of(root.inode))
    assert (counts.files, counts.directories) == (1 + len(own), len(own))
    assert (left, faults, counts.blocked) == ([], [], [])
    apart: dict[int, set[bytes]] = {}
    for group, entry in counts.elsewhere:
        apart.setdefault(group, set()).add(entry.rstrip(b"/"))
    assert apart == by_group
    # One of them has to remove what is around it.
    assert sum(entry.endswith(b"/") for _, entry in counts.elsewhere) == 1


def test_a_deep_tree_of_many_groups_needs_no_second_attempt(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Each directory is removed by whoever removes the one in it, though they be in other groups."""
    top = tmp_path / "top"
    os.makedirs(top / "/".join("abcdefgh" * 10))
    stacks, calls = {0: [b""]}, 0
    while stacks:
        group, stack = stacks.popitem()
        counts, left, faults = engine.remove(
            root_of(os.fsencode(top)), stack, ENOUGH, Groups(0, 5), group
        )
        calls += 1
        assert (left, faults, counts.blocked) == ([], [], [])
        stacks |= {other: [entry] for other, entry in counts.elsewhere}
    assert calls > 1
    assert not top.exists()


# The scheduler


class Alone:
    """Says who deals with what at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.together = 0

    def __call__(self, key: str) -> None:
        with self._lock:
            self.now[key] += 1
            self.most[key] = max(self.most[key], self.now[key])
            self.together = max(self.together, self.now.total())

    def leave(self, key: str) -> None:
        with self._lock:
            self.now[key] -= 1


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """More threads than any scheduler here has workers."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


def run(work: Any) -> Any:
    async def patiently() -> Any:
        async with asyncio.timeout(TIMEOUT):
            return await work

    return asyncio.run(patiently())


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("shares", [1, 3])
def test_no_two_calls_are_at_the_same_group_whoever_makes_them(
    executor: ThreadPoolExecutor, workers: int, shares: int
) -> None:
    """Everything is dealt with once, and those that wait for nobody are at work together."""
    keys = "abcde"
    alone = Alone()
    done: Counter[tuple[int, str, bytes]] = Counter()
    met = threading.Event()
    wanted = min(workers, len(keys))
    barrier = threading.Barrier(wanted, action=met.set)

    def deal(share: int, key: str, stack: list[bytes]) -> None:
        alone(key)
        if len(stack[-1]) > 1 and not met.is_set():
            barrier.wait(TIMEOUT)
        done.update((share, key, entry) for entry in stack[-1:])
        alone.leave(key)

    async def work() -> None:
        scheduler = Scheduler(executor, workers)

        async def share(number: int) -> None:
            async def handle(
                key: str, stack: list[bytes]
            ) -> tuple[list[bytes], list[tuple[str, bytes]]]:
                await scheduler.change(deal, number, key, stack)
                entry = stack[-1]
                others = [(other, b"%s%d" % (entry, n)) for n in (0, 1) for other in keys]
                return stack[:-1], others if len(entry) < 3 else []

            stacks = {"a": [b"x"]}
            await scheduler.share_by_key(stacks, handle)
            assert not stacks

        await asyncio.gather(*(share(number) for number in range(shares)))

    run(work())
    levels = [
        b"x",
        *(b"x%d" % n for n in (0, 1)),
        *(b"x%d%d" % (m, n) for m in (0, 1) for n in (0, 1)),
    ]
    expected_: Counter[tuple[int, str, bytes]] = Counter()
    for share in range(shares):
        expected_[share, "a", b"x"] = 1
        for key in keys:
            for entry in levels[1:3]:
                expected_[share, key, entry] = 1
            for entry in levels[3:]:
                expected_[share, key, entry] = len(keys)
    assert done == expected_
    assert set(alone.most.values()) == {1}
    assert alone.together == wanted


def test_what_fails_in_one_group_comes_out(executor: ThreadPoolExecutor) -> None:
    async def work() -> None:
        scheduler = Scheduler(executor, 2)

        async def handle(
            key: str, _stack: list[bytes]
        ) -> tuple[list[bytes], list[tuple[str, bytes]]]:
            if key == "b":
                raise Stopped
            return [], [("b", b"x")]

        await scheduler.share_by_key({"a": [b""]}, handle)

    with pytest.raises(Stopped):
        run(work())


# Several calls of the engine, one after the other


ONE_GROUP: Final = Groups(60, 2)
"""All that there is belongs to the first, as no inode has so large a number."""


def part_of(top: Path, budget: int, groups: Groups | None = ONE_GROUP) -> by_group.Part:
    """Return what is to be done, all of it."""
    return by_group.Part(root_of(os.fsencode(top)), [b""], budget, groups, 0)


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a hundred files, and all the time in the world."""
    monkeypatch.setattr(by_group, "_UNBROKEN", 1e9)
    declare(tmp_path / "top", {str(number): 1 for number in range(100)})
    return tmp_path / "top"


@each_engine
def test_a_thread_goes_on_while_it_meets_nothing_for_others(long: Path) -> None:
    true = expected(os.fsencode(long))
    counts, left, faults = by_group.remove_on(part_of(long, 7))
    assert (left, faults, counts.blocked) == ([], [], [])
    assert (counts.files, counts.directories, counts.root) == (100, 1, True)
    assert counts.freed == true.freed
    assert not long.exists()


@each_engine
def test_a_process_apart_can_do_it(long: Path) -> None:
    """Where a disk may not answer, other processes make the calls, and what they get has to pickle."""
    pickled = pickle.dumps((by_group.remove_on, part_of(long, 7)))
    call, part = pickle.loads(pickled)  # noqa: S301 - pickled by this test, a line above
    assert call(part).counts.root


@each_engine
def test_it_comes_back_when_time_is_up(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_group, "_UNBROKEN", 0.0)
    counts, left, _ = by_group.remove_on(part_of(long, 7))
    assert (counts.files, bool(left)) == (7, True)


@each_engine
def test_it_comes_back_with_what_others_can_do_and_where_there_are_none(long: Path) -> None:
    (long / "others").mkdir()
    inode = os.lstat(long / "others").st_ino
    elsewhere = by_group.Part(root_of(os.fsencode(long)), [b""], 7, Groups(0, 2), (inode + 1) % 2)
    counts, _, _ = by_group.remove_on(elsewhere)
    assert counts.elsewhere[0][1].rstrip(b"/") == b"others"
    counts, _, _ = by_group.remove_on(part_of(long, 1, groups=None))
    assert counts.files + counts.directories <= 1


@each_engine
def test_a_fault_comes_back_at_once(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_remove, calls = engines.remove, []

    def fail(root: Root, stack: list[bytes], budget: int, *grouped: Any) -> Removal:
        calls.append(stack)
        removal = really_remove(root, stack, budget, *grouped)
        return removal._replace(faults=[Fault(b"", errno.EIO, "read")] * (len(calls) == 3))

    monkeypatch.setattr(engines, "remove", fail)
    counts, left, faults = by_group.remove_on(part_of(long, 7))
    assert (len(calls), len(faults), bool(left)) == (3, 1, True)
    assert 21 <= counts.files < 28


# XFS


@pytest.mark.parametrize(
    "making",
    [
        (),
        ("-d", "agcount=7"),
        ("-i", "size=1024"),
        ("-b", "size=1024", "-d", "agcount=5"),
    ],
    ids=" ".join,
)
def test_the_groups_of_xfs_are_those_it_has(
    tmp_path: Path, disks: Mounts, making: tuple[str, ...]
) -> None:
    """Checked against xfs_db(8), of xfsprogs."""
    top = disks.image("xfs", tmp_path / "top", *making, mebibytes=1024)
    declare(top, {f"d{number}": {} for number in range(40)})
    groups = groups_at(top)
    assert groups is not None
    inodes = [entry.inode() for entry in os.scandir(top)]
    told = [groups.of(inode) for inode in inodes]
    assert len(set(told)) > 2
    (image,) = (tmp_path / "images").iterdir()
    commands = [part for inode in inodes for part in ("-c", f"convert inode {inode} agno")]
    said = subprocess.run(
        ["xfs_db", "-r", *commands, image], capture_output=True, text=True, check=True
    ).stdout
    assert [int(line.split()[1].strip("()")) for line in said.splitlines()] == told


def groups_at(path: Path) -> Groups | None:
    descriptor = engines.open_directory(os.fsencode(path))
    try:
        return engines.groups_of(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("kind", ["tmpfs", "ext4", "btrfs", "fuse"])
def test_other_file_systems_have_no_groups(tmp_path: Path, disks: Mounts, kind: str) -> None:
    top = tmp_path / "top"
    match kind:
        case "tmpfs":
            disks.tmpfs(top)
        case "fuse":
            disks.misbehaving(top, {})
        case _:
            disks.image(kind, top)
    assert groups_at(top) is None


@pytest.mark.parametrize(("groups", "inode"), [(0, 512), (1, 512), (4, 0), (4, 8192)])
def test_one_group_is_none_and_nonsense_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: int, inode: int
) -> None:
    """mkfs.xfs makes no file system of a single group, and no kernel answers nonsense: so it is dictated."""

    def answer(_descriptor: int, _request: int, into: bytearray) -> int:
        struct.pack_into("7I", into, 0, 4096, 1, 1 << 18, groups, 1, 512, inode)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", answer)
    assert groups_at(tmp_path) is None


@each_engine
def test_two_that_delete_on_xfs_are_never_at_the_same_group(
    tmp_path: Path, disks: Mounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = disks.image("xfs", tmp_path / "top")
    packages = {f"p{n}": {"lib": {f"f{m}": 1 for m in range(9)}, "a": 5} for n in range(60)}
    for number in range(3):
        declare(top / f"app{number}", {"node_modules": packages, "package.json": "{}"})
    planned = [artifact(top / f"app{number}" / "node_modules") for number in range(3)]
    monkeypatch.setattr(empty, "_BUDGET", 20)
    monkeypatch.setattr(empty, "_MAX", 20)
    at_work, met = Alone(), threading.Event()
    really_remove = engines.remove
    together = threading.Barrier(2, action=met.set)

    def watched(
        root: Root, stack: list[bytes], budget: int, groups: Groups, group: int, *more: Any
    ) -> Removal:
        at_work(f"group {group}")
        if stack != [b""] and not met.is_set():
            together.wait(TIMEOUT)
        try:
            return really_remove(root, stack, budget, groups, group, *more)
        finally:
            at_work.leave(f"group {group}")

    monkeypatch.setattr(engines, "remove", watched)
    done = remove(planned, workers=2)
    assert (len(done.removed), done.failed) == (3, [])
    assert sorted(os.listdir(top / "app0")) == ["package.json"]
    assert set(at_work.most.values()) == {1}
    assert len(at_work.most) > 2
    assert at_work.together == 2
