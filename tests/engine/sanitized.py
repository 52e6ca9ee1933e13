"""What only the build of the native engine for tests can show: ``make sanitize`` runs this.

It counts its allocations, and makes any of them fail. AddressSanitizer and UndefinedBehaviorSanitizer
watch meanwhile, and end the process at the first thing that is wrong.
"""

import array
import errno
import multiprocessing
import os
import random
import shutil
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.engine.contract import (
    CHUNK_FIELDS,
    ENCODED_FIELDS,
    LINK_FIELDS,
    LINKED_RANGE_FIELDS,
    RANGE_FIELDS,
    Accounting,
    Fault,
    Groups,
    Names,
    Removal,
    Root,
    Watch,
)
from support.accounted import ON_BTRFS, ON_EXT4, ON_XFS, clone, unpacked, words, write
from support.accounts import NOBODY, become_nobody, give_up_rights
from support.children import in_child
from support.dictated import Dictated, budgets, expected, made, root_of, trees, usual
from support.engine_calls import EVERYTHING
from support.filesystems import Mounts
from support.openings import BY_KERNEL, Way
from support.trees import Declared, declare, listing
from support.waiting import TIMEOUT, await_condition

INCLUDE_FOREIGN: Final = True

QUERY: Final = Names(
    frozenset({b"node_modules", b"dist"}),
    frozenset({b".git"}),
    0,
    (b"*.egg-info", b"[bc]uild"),
    frozenset({b"CACHEDIR.TAG"}),
    frozenset({b"a", b"app", b"d", b"objects"}),
)

WATCH: Final = Watch(
    frozenset({b"app", b"cachedir.tag", b"a"}),
    frozenset({b"info", b"tag"}),
    (b"f1*", b"*[2-4]", b"*ong*"),
    since=1,
    written=frozenset({b"d"}),
)


def called(kernel: ModuleType, function: str) -> Callable[..., Any]:
    """Return a function of the engine by its name; "watch" is ``measure`` with something to watch for, and "account"
    is ``measure`` that finds out what deleting gives back as on btrfs: other file systems know extents too."""
    if function == "watch":
        return lambda root, stack, budget: kernel.measure(root, stack, budget, WATCH)
    if function == "account":
        return lambda root, stack, budget: kernel.measure(root, stack, budget, None, ON_BTRFS)
    made: Callable[..., Any] = getattr(kernel, function)
    return made


@pytest.fixture(autouse=True)
def kernel(native: ModuleType) -> ModuleType:
    """The native engine, which must be the build for tests and give back all it took."""
    assert hasattr(native, "_held"), "this is not the build for tests"
    return native


@pytest.fixture(autouse=True)
def nothing_held(kernel: ModuleType) -> Any:
    assert kernel._held() == 0
    yield
    kernel._fail_allocation(-1)
    assert kernel._held() == 0


@pytest.mark.parametrize("near", [0, 20])
def test_what_cannot_be_opened_is_met_once_where_nobody_can_go_on(
    kernel: ModuleType, tmp_path: Path, disks: Mounts, near: int
) -> None:
    """Some file systems in user space say where to go on in ways that lseek(2) does not take: then all of
    a directory is met in one call, however many others are in it. If it does take the first of them, these
    come first."""
    names = [f"{number:060}" for number in range(30)]
    tree: Declared = {"top": {**{name: {"f": 1} for name in names}, "g": 1}}
    disks.misbehaving(tmp_path / "disk", tree, near=near, fail={"opendir /top/*": errno.EACCES})
    root = root_of(os.fsencode(tmp_path / "disk/top"))
    counts, left, faults = kernel.remove(root, [b""], EVERYTHING)
    while left:
        more, left, others = kernel.remove(root, left, EVERYTHING)
        counts, faults = counts.plus(more), faults + others
    assert (counts.files, counts.directories) == (1, 0)
    assert sorted(faults) == [Fault(name.encode(), errno.EACCES, "open") for name in names]


# Memory that runs out


def declare_small(top: Path) -> None:
    declare(
        top,
        {
            "app": {
                "node_modules": {"a": {"f": 10, "long" * 60: 1}, "CACHEDIR.TAG": "x"},
                "dist": {},
                "x.egg-info": {"f": 1},
                ".git": {"HEAD": "ref"},
            },
            "bare": {"HEAD": "ref", "objects": {}, "refs": {}},
            "cache": {"CACHEDIR.TAG": "x", "d": {}},
            **{f"f{number}": 1 for number in range(12)},
        },
    )
    (top / "linked").hardlink_to(top / "f0")
    (top / "bare").chmod(0o1777)
    os.chown(top / "bare" / "HEAD", os.geteuid() or NOBODY, -1)
    (top / "app" / "dangling").symlink_to("nowhere")


def walk(
    call: Callable[..., tuple[Any, list[bytes], list[Fault]]], root: Root, *rest: Any
) -> tuple[list[Any], list[Fault]]:
    """Call to the end; what it says with every call, and all the faults."""
    said, faults, stack = [], [], [b""]
    while stack:
        value, stack, more = call(root, stack, *rest)
        said.append(value)
        faults += more
        assert len(said) < 10_000
    return said, faults


def found(said: list[Any]) -> Any:
    return (
        sorted(hit for value in said for hit in value.hits),
        sum(value.directories for value in said),
        sorted(path for value in said for path in value.noticed),
    )


def measured(said: list[Any]) -> Any:
    numbers = array.array("Q", b"".join(value.links for value in said)).tolist()
    return (
        tuple(sum(value[field] for value in said) for field in (0, 1, 2, 3, *range(13, 18))),
        max(value.newest for value in said),
        sorted(zip(*[iter(numbers)] * LINK_FIELDS, strict=True)),
        *(sorted(path for value in said for path in value[field]) for field in (6, 7, 8, 10, 11)),
    )


@pytest.mark.parametrize("budget", [4, EVERYTHING])
@pytest.mark.parametrize(
    ("function", "rest", "sum_up"),
    [("find", (QUERY,), found), ("measure", (), measured), ("watch", (), measured)],
)
def test_without_memory_a_call_is_lost_or_says_what_it_lacks(
    kernel: ModuleType,
    tmp_path: Path,
    function: str,
    rest: tuple[Any, ...],
    sum_up: Callable[[list[Any]], Any],
    budget: int,
) -> None:
    """Each allocation fails once; a total without a fault is the true one."""
    declare_small(tmp_path / "top")
    root = root_of(os.fsencode(tmp_path / "top"))
    call = called(kernel, function)
    truth, faults = walk(call, root, *rest, budget)
    assert faults == []
    lost = said = 0
    for number in range(100_000):
        kernel._fail_allocation(number)
        try:
            values, faults = walk(call, root, *rest, budget)
        except MemoryError:
            lost += 1
        else:
            if kernel._fail_allocation(-1):
                break  # It has not come to that one: there are no more.
            said += bool(faults)
            assert {fault.errno for fault in faults} <= {errno.ENOMEM}
            assert faults or sum_up(values) == sum_up(truth)
        assert kernel._held() == 0
    else:
        pytest.fail("it never ends")
    assert lost > 0
    assert said > 0


def accounted(said: list[Any]) -> Any:
    chunks: Counter[int] = Counter()
    for value in said:
        for number, met in unpacked(value.chunks, CHUNK_FIELDS):
            chunks[number] += met
    packed = (
        ("ranges", RANGE_FIELDS),
        ("linked_ranges", LINKED_RANGE_FIELDS),
        ("encoded", ENCODED_FIELDS),
    )
    return (
        measured(said),
        sum(value.extents for value in said),
        sum(value.content for value in said),
        chunks,
        *(
            sorted(each for value in said for each in unpacked(getattr(value, name), fields))
            for name, fields in packed
        ),
    )


@pytest.mark.parametrize("budget", [4, EVERYTHING])
@pytest.mark.parametrize(
    ("kind", "options", "accounting"),
    [
        ("xfs", (), ON_XFS),
        ("btrfs", (), ON_BTRFS),
        ("ext4", ("-I", "128", "-b", "4096"), ON_EXT4._replace(all=True)),
    ],
)
def test_without_memory_what_comes_back_is_told_in_whole_or_not(
    kernel: ModuleType,
    tmp_path: Path,
    disks: Mounts,
    kind: str,
    options: tuple[str, ...],
    accounting: Accounting,
    budget: int,
) -> None:
    zstd = "compress-force=zstd" if kind == "btrfs" else ""
    top = disks.image(kind, tmp_path / "disk", *options, options=zstd) / "top"
    declare(top, {"d": {}, "small": 100})
    write(top / "d" / "words", words(600_000))
    write(top / "d" / "words", words(5000), 200_000)
    for at in range(12):
        write(top / "holes", b"x" * 4096, 8192 * at)
    if kind != "ext4":
        clone(top / "holes", top / "clone")
        clone(top / "holes", top / "linked")
        (top / "d" / "linked").hardlink_to(top / "linked")
    for path in (top / "d", top / "small", top / "holes"):
        os.setxattr(path, "user.x", b"x" * 300)
    root = root_of(os.fsencode(top))

    def call(root: Root, stack: list[bytes], budget: int) -> Any:
        return kernel.measure(root, stack, budget, None, accounting)

    truth, faults = walk(call, root, budget)
    assert faults == []
    lost = said = 0
    for number in range(100_000):
        kernel._fail_allocation(number)
        try:
            values, faults = walk(call, root, budget)
        except MemoryError:
            lost += 1
        else:
            if kernel._fail_allocation(-1):
                break  # It has not come to that one: there are no more.
            said += bool(faults)
            assert {fault.errno for fault in faults} <= {errno.ENOMEM}
            assert faults or accounted(values) == accounted(truth)
        assert kernel._held() == 0
    else:
        pytest.fail("it never ends")
    assert lost > 0
    assert said > 0


def remove_all(
    kernel: ModuleType, root: Root, budget: int, groups: Groups | None, *, include_foreign: bool
) -> tuple[list[Any], list[Fault]]:
    """Call to the end, for one group after the other if there are *groups*."""
    said, faults, stacks = [], [], {0: [b""]}
    while stacks:
        group, stack = stacks.popitem()
        value, left, more = kernel.remove(root, stack, budget, groups, group, include_foreign)
        said.append(value)
        faults += more
        for other, entry in value.elsewhere:
            stacks.setdefault(other, []).append(entry)
        if left:
            stacks[group] = left
        assert len(said) < 10_000
    return said, faults


@pytest.mark.parametrize(
    ("groups", "other_faults"), [(None, {errno.EPERM}), (None, set()), (Groups(0, 3), set())]
)
@pytest.mark.parametrize("budget", [1, 4, EVERYTHING])
def test_without_memory_what_is_not_removed_is_said(
    kernel: ModuleType, tmp_path: Path, budget: int, groups: Groups | None, other_faults: set[int]
) -> None:
    """After a call that was lost, as after one that lacked memory, another does the rest."""
    top = tmp_path / "top"
    lost = said = 0
    for number in range(100_000):
        declare_small(top)
        root = root_of(os.fsencode(top))
        true = expected(os.fsencode(top))
        kernel._fail_allocation(number)
        try:
            values, faults = remove_all(
                kernel, root, budget, groups, include_foreign=not other_faults
            )
        except MemoryError:
            values, faults = [], []
            lost += 1
            ended = False
        else:
            ended = bool(kernel._fail_allocation(-1))
            said += any(fault.errno == errno.ENOMEM for fault in faults)
            assert {fault.errno for fault in faults} <= {errno.ENOMEM, *other_faults}
            removed = sum(value.files + value.directories for value in values)
            left = len(listing(top)) + top.exists()
            assert removed + left == true.files + true.directories
            assert faults or any(value.blocked for value in values) or not left
        assert kernel._held() == 0
        if top.exists():
            root = root_of(os.fsencode(top))
            _, faults = walk(kernel.remove, root, EVERYTHING, None, 0, INCLUDE_FOREIGN)
            assert faults == []
            assert not top.exists()
        if ended:
            break
    else:
        pytest.fail("it never ends")
    assert lost > 0
    assert said > 0


@pytest.mark.parametrize("function", ["find", "measure", "watch", "account", "remove"])
def test_ten_thousand_calls_hold_nothing(kernel: ModuleType, tmp_path: Path, function: str) -> None:
    declare_small(tmp_path / "top")
    root = root_of(os.fsencode(tmp_path / "top"))
    stale = root._replace(inode=root.inode + 1)
    missing = root._replace(path=root.path + b"/missing")
    call = called(kernel, function)
    rest = (QUERY,) if function == "find" else ()
    stacks: list[Any] = [[b""], [b"nowhere//"], [b"app", b"bare", b"f0"], []]
    if function == "remove":
        stacks[0], stacks[2] = [b"nowhere/x"], [b"f0"]
    for turn in range(2500):
        call(root, stacks[turn % 4], *rest, 1 + turn % 7)
        call((root, stale, missing)[turn % 3], [b"nowhere/" + b"x" * 300], *rest, 3)
        for wrong in ((root, [b"", "text"], *rest, 3), (root[:2], [b""], *rest, 3)):
            with pytest.raises(TypeError):
                call(*wrong)
        if function == "remove":
            for groups in (1, (1,), ("1", 2), (1, 2, 3)):
                with pytest.raises(TypeError):
                    call(root, [b"nowhere"], 3, groups, 0)
            for nonsense in ((64, 2), (3, 0)):
                with pytest.raises(ValueError, match="groups"):
                    call(root, [b"nowhere"], 3, nonsense, 0)
        if function == "watch":
            names, endings, globs, since, _ = WATCH
            for bad in (
                1,
                WATCH[:3],
                (names, ("a",), globs, since),
                (names, endings, (b"*", 1), 0),
                (names, endings, globs, 0, 1),
                (names, endings, globs, 0, ("a",)),
            ):
                with pytest.raises(TypeError):
                    kernel.measure(root, [b""], 3, bad)
            for nul in (([b"a", b"\0"], endings, globs, 0), (names, endings, (b"a", b"\0"), 0)):
                with pytest.raises(ValueError, match="null byte"):
                    kernel.measure(root, [b""], 3, nul)
        assert kernel._held() == 0


# Trees that are hostile, and change


@usual
@given(
    tree=trees,
    budget=budgets,
    numbers=st.lists(st.integers(0, 400), min_size=1, max_size=5),
    function=st.sampled_from(["find", "measure", "watch", "account", "remove"]),
)
def test_any_tree_survives_memory_that_runs_out_anywhere(
    kernel: ModuleType, tree: Dictated, budget: int, numbers: list[int], function: str
) -> None:
    rest = (QUERY,) if function == "find" else ()
    with made(tree) as hostile:
        root = root_of(hostile.top)
        for number in numbers:
            stack = [b""]
            kernel._fail_allocation(number)
            while stack and os.path.exists(hostile.top):
                try:
                    _, stack, faults = called(kernel, function)(root, stack, *rest, budget)
                    assert {fault.errno for fault in faults} <= {errno.ENOMEM}
                except MemoryError:
                    break
            assert kernel._held() == 0


PIECES: Final = (
    b"a", b"b", b"node_modules", b"dist", b".git", b"objects", b"refs", b"HEAD", b"CACHEDIR.TAG",
    b"\xff\xfe", b"new\nline", b"-rf", b"x" * 255, b"*", b" ", b"x.egg-info",
)  # fmt: skip


def disturb(directory: bytes, seed: int) -> None:
    """Make, rename, replace and delete in *directory* between its files "start" and "stop"."""
    give_up_rights()
    shuffle = random.Random(seed)
    top = os.path.join(directory, b"top")
    await_condition(lambda: os.path.exists(os.path.join(directory, b"start")), "it may start")

    def somewhere() -> bytes:
        depth = shuffle.choice((1, 1, 2, 2, 3, 5, 8))
        return os.path.join(top, *(shuffle.choice(PIECES) for _ in range(depth)))

    def write(path: bytes) -> None:
        # Whatever has its name: a FIFO would block, a symlink lead elsewhere.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW)
        os.write(file, b"x" * shuffle.choice((0, 1, 5000)))
        os.close(file)

    def is_inside(path: bytes) -> bool:
        """Whether no symlink leads to it: what is outside is not for this one to touch either."""
        return os.path.realpath(os.path.dirname(path)) == os.path.dirname(path)

    def rename(path: bytes) -> None:
        if is_inside(target := somewhere()):
            os.rename(path, target)

    def link(path: bytes) -> None:
        if is_inside(source := somewhere()):
            os.link(source, path, follow_symlinks=False)

    def chmod(path: bytes) -> None:
        if not os.path.islink(path):
            os.chmod(path, shuffle.choice((0, 0o400, 0o300, 0o700, 0o1777)))

    def delete(path: bytes) -> None:
        if os.path.isdir(path):  # It would wait for somebody to write to a FIFO.
            shutil.rmtree(path, ignore_errors=True)

    actions: list[Callable[[bytes], object]] = [
        lambda path: os.makedirs(path, exist_ok=True),
        lambda path: os.makedirs(path, exist_ok=True),
        write,
        write,
        os.mkfifo,
        lambda path: os.symlink(os.path.join(directory, b"outside"), path),
        lambda path: os.symlink(shuffle.choice(PIECES), path),
        link,
        rename,
        rename,
        chmod,
        os.unlink,
        os.rmdir,
        delete,
    ]
    while not os.path.exists(os.path.join(directory, b"stop")):
        try:
            os.makedirs(top, exist_ok=True)
            for _ in range(20):
                path = somewhere()
                if is_inside(path):
                    shuffle.choice(actions)(path)
        except OSError:
            continue


class Outcome(NamedTuple):
    rounds: int
    entries: int
    errnos: set[int]
    held: int
    descriptors: int


def walk_disturbed(way: Way, directory: str, rounds: int, seed: int) -> Outcome:
    kernel = way.engine()
    here = os.fsencode(directory)
    other = multiprocessing.get_context("spawn").Process(target=disturb, args=(here, seed))
    other.start()  # While this one still has the right to.
    become_nobody(Path(directory))
    open(os.path.join(here, b"start"), "wb").close()
    shuffle = random.Random(seed)
    top = os.path.join(here, b"top")
    done = entries = 0
    errnos: set[int] = set()
    before = len(os.listdir("/proc/self/fd"))
    try:
        while done < rounds:
            try:
                root = root_of(top)
            except FileNotFoundError:
                assert other.is_alive()
                continue
            for name in shuffle.sample(
                ("find", "measure", "watch", "account", "remove"), shuffle.randint(1, 5)
            ):
                rest = (QUERY,) if name == "find" else ()
                stack, budget = [b""], shuffle.choice((1, 3, 10, EVERYTHING))
                for _ in range(200):
                    said, stack, faults = called(kernel, name)(root, stack, *rest, budget)
                    entries += said.directories
                    errnos |= {fault.errno for fault in faults}
                    if isinstance(said, Removal):
                        stack = [*said.counts.blocked[:3], *stack]
                    if not stack:
                        break
            done += 1
    finally:
        open(os.path.join(here, b"stop"), "wb").close()
        other.join(TIMEOUT)
        other.kill()
    return Outcome(done, entries, errnos, kernel._held(), len(os.listdir("/proc/self/fd")) - before)


@pytest.mark.parametrize("opening", [BY_KERNEL, "component"])
@pytest.mark.parametrize("seed", range(3))
def test_a_tree_that_another_process_turns_over_harms_nothing(
    kernel: ModuleType, place: Path, opening: str, seed: int
) -> None:
    declare(place, {"outside": {"precious": "precious", "d": {"node_modules": {"f": 1}}}})
    before = listing(place / "outside")
    way = Way(kernel.__name__, opening)
    outcome = in_child(walk_disturbed, way, os.fspath(place), 250, seed)
    assert outcome.rounds == 250
    assert outcome.entries > 0
    assert (outcome.held, outcome.descriptors) == (0, 0)
    # Rights that were taken away, renames without end, a file where a directory was (EISDIR), an
    # inode that is another by now: nothing else may come of it.
    assert outcome.errnos <= {
        errno.EACCES, errno.EPERM, errno.EAGAIN, errno.EISDIR, errno.ESTALE, errno.ENOENT,
        errno.ENOTDIR, errno.ELOOP, errno.EINVAL,
    }  # fmt: skip
    assert listing(place / "outside") == before
    assert (place / "outside" / "precious").read_text() == "precious"
    assert stat.S_ISREG(os.lstat(place / "outside" / "precious").st_mode)


def test_covering_ranges_gives_back_all_memory_whichever_allocation_fails(
    kernel: ModuleType,
) -> None:
    ranges = array.array("Q", [4096 * (number // 2) for number in range(400)]).tobytes()
    slices = [(0, ranges), (2, ranges)]
    whole = kernel.cover(slices, 2)
    assert kernel._held() == 0
    for number in range(100):
        kernel._fail_allocation(number)
        try:
            assert kernel.cover(slices, 2) == whole
        except MemoryError:
            assert kernel._held() == 0
            continue
        assert kernel._fail_allocation(-1)
        break
    else:
        raise AssertionError("it never succeeds")
    for wrong in ([(0, "text")], [(0,)], [1], [("0", b"")]):
        with pytest.raises(TypeError):
            kernel.cover(wrong, 1)
    for accounting in (1, (), (2, 4096), tuple("abcdefghij")):
        with pytest.raises(TypeError):
            kernel.measure(root_of(b"/"), [], 1, None, accounting)
    assert kernel._held() == 0


def test_settling_links_gives_back_all_memory_whichever_allocation_fails(
    kernel: ModuleType,
) -> None:
    links = array.array("Q", [2, 2, 100, 512, 512]).tobytes()
    slices = [(0, 1, links), (2, 1, links)]
    whole = kernel.settle(slices, b"\1\0\1")
    assert kernel._held() == 0
    for number in range(10):
        kernel._fail_allocation(number)
        try:
            assert kernel.settle(slices, b"\1\0\1") == whole
        except MemoryError:
            assert kernel._held() == 0
            continue
        assert kernel._fail_allocation(-1)
        break
    else:
        raise AssertionError("it never succeeds")
    for wrong in ([(0, 1, "text")], [(0, links)], [1]):
        with pytest.raises(TypeError):
            kernel.settle(wrong, b"\1")
    assert kernel._held() == 0
