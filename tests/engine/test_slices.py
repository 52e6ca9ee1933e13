"""One directory shared out among several: nothing is counted or deleted twice, nothing is left out.

A directory with more entries than a call may handle is cut into parts, which are handed out like any
other slice of what is left. Whoever gets them may get them in any order, at any time.
"""

import os
import random
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.engine.contract import LINK_FIELDS, Fault, Root, Usage
from support.dictated import Dictated, examples, expected, made, root_of, shuffles, trees, usual
from support.filesystems import Mounts
from support.processes import strace
from support.trees import declare, listing

pytestmark = pytest.mark.slow

BUDGETS: Final = (1, 2, 7, 64, 400, 1_000_000)


def slices(left: list[bytes], shuffle: random.Random) -> Iterator[list[bytes]]:
    """Yield all of *left*, cut up and mixed up by chance."""
    left = list(left)
    shuffle.shuffle(left)
    while left:
        length = shuffle.randint(1, len(left))
        yield left[:length]
        del left[:length]


# measure


class Sum(NamedTuple):
    apparent: int
    allocated: int
    files: int
    directories: int
    newest: int
    links: bytes
    mounts: list[bytes]
    repositories: list[bytes]
    foreign: list[bytes]
    faults: list[Fault]


def total(usages: list[Usage], faults: list[Fault]) -> Sum:
    records = sorted(
        usage.links[start : start + 8 * LINK_FIELDS]
        for usage in usages
        for start in range(0, len(usage.links), 8 * LINK_FIELDS)
    )
    return Sum(
        sum(usage.apparent for usage in usages),
        sum(usage.allocated for usage in usages),
        sum(usage.files for usage in usages),
        sum(usage.directories for usage in usages),
        max(usage.newest for usage in usages),
        b"".join(records),
        sorted(path for usage in usages for path in usage.mounts),
        sorted(path for usage in usages for path in usage.repositories),
        sorted(path for usage in usages for path in usage.foreign),
        sorted(faults),
    )


def measure(
    engine: ModuleType, root: Root, stack: list[bytes], budget: int, shuffle: random.Random
) -> Sum:
    usages: list[Usage] = []
    faults: list[Fault] = []
    waiting = [stack]
    while waiting:
        usage, left, more = engine.measure(
            root, waiting.pop(shuffle.randrange(len(waiting))), budget
        )
        usages.append(usage)
        faults += more
        waiting += slices(left, shuffle)
    return total(usages, faults)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """One directory with a great many entries of all kinds."""
    top = tmp_path / "flat"
    odd: dict[str | bytes, Any] = {
        **{b"new\nline %d" % number: number for number in range(20)},
        **{b"\xff%d" % number: 3 for number in range(20)},
        **{b"x" * 250 + b"%d" % number: 1 for number in range(20)},
        b" ": 1,
        b"-1": 1,
    }
    declare(
        top,
        {
            **{f"file {number:04}": number for number in range(300)},
            **{f"link {number}": Path(f"file {number:04}") for number in range(20)},
            **{f"d{number}": {"inside": 10, "deeper": {"f": 1}} for number in range(25)},
            **odd,
        },
    )
    for number in range(30):
        (top / f"hard {number}").hardlink_to(top / f"file {number // 2:04}")
    os.mkfifo(top / "fifo")
    return top


def as_a_repository(top: Path) -> list[bytes]:
    (top / ".git").mkdir()
    return [b""]


def as_a_worktree(top: Path) -> list[bytes]:
    (top / ".git").write_text("gitdir: elsewhere")
    return [b""]


def as_a_bare_repository(top: Path) -> list[bytes]:
    declare(top, {"HEAD": "ref: refs/heads/main", "objects": {"pack": {}}, "refs": {"heads": {}}})
    return [b""]


def as_an_old_bare_repository(top: Path) -> list[bytes]:
    declare(top, {"objects": {"pack": {}}, "refs": {"heads": {"main": "0" * 40}}})
    (top / "HEAD").symlink_to("refs/heads/main")
    return [b""]


def as_a_bare_repository_spread_out(top: Path) -> list[bytes]:
    for part in ("objects", "refs"):
        (top / part).symlink_to(top / "d1")
    (top / "HEAD").write_text("ref: refs/heads/main")
    return [b""]


def as_no_repository(top: Path) -> list[bytes]:
    declare(top, {"HEAD": {}, "objects": {"pack": {}}, "refs": "no directory"})
    return []


@pytest.mark.parametrize(
    "become",
    [
        as_a_repository,
        as_a_worktree,
        as_a_bare_repository,
        as_an_old_bare_repository,
        as_a_bare_repository_spread_out,
        as_no_repository,
    ],
)
def test_a_large_directory_measures_the_same_however_it_is_cut(
    engine: ModuleType, flat: Path, become: Callable[[Path], list[bytes]]
) -> None:
    repositories = become(flat)
    true = expected(os.fsencode(flat))
    entries = [os.lstat(os.path.join(os.fsencode(flat), path)) for path in (b"", *listing(flat))]
    summed = [entry for entry in entries if stat.S_ISDIR(entry.st_mode) or entry.st_nlink == 1]
    for budget in BUDGETS:
        measured = measure(engine, root_of(os.fsencode(flat)), [b""], budget, random.Random(budget))
        assert measured.apparent == sum(entry.st_size for entry in summed)
        assert measured.allocated == sum(entry.st_blocks * 512 for entry in summed)
        assert measured[2:5] == (true.files, true.directories, true.newest)
        assert len(measured.links) == 8 * LINK_FIELDS * (len(entries) - len(summed))
        assert measured.repositories == repositories
        assert (measured.mounts, measured.foreign, measured.faults) == ([], [], [])


@pytest.mark.on_linux
def test_what_is_left_of_a_large_directory_can_be_shared(flat: Path, native: ModuleType) -> None:
    """Or one directory of a million files would keep but one worker busy, as in the Python engine."""
    _, left, _ = native.measure(root_of(os.fsencode(flat)), [b""], 20)
    assert len(left) > 8
    counted = [
        native.measure(root_of(os.fsencode(flat)), [entry], 20)[0].files for entry in left[-9:]
    ]
    assert 0 < max(counted) <= 20
    assert sum(counted) > 100


@pytest.mark.on_linux
def test_no_more_names_wait_than_a_few_calls_handle(native: ModuleType, tmp_path: Path) -> None:
    """However large the directory: memory is bounded by the budget and by what is read at once."""
    declare(tmp_path, {f"{number:0250}": "" for number in range(1000)})
    stack, most = [b""], 0
    while stack:
        _, stack, _ = native.measure(root_of(os.fsencode(tmp_path)), stack, 5)
        most = max(most, sum(entry.count(b"\0") for entry in stack))
    read_at_once = (
        65536 // 280
    )  # Bytes, of which each of these entries takes so many (getdents(2)).
    assert 5 < most <= 20 * 5 + read_at_once


@pytest.mark.parametrize(("budget", "seed"), [(1, 1), (7, 2), (64, 3)])
def test_entries_that_vanish_between_calls_are_no_fault(
    engine: ModuleType, flat: Path, budget: int, seed: int
) -> None:
    shuffle = random.Random(seed)
    before = expected(os.fsencode(flat))
    root = root_of(os.fsencode(flat))
    usage, left, faults = engine.measure(root, [b""], budget)
    going = shuffle.sample(range(30, 300), 120)
    for number in going:
        (flat / f"file {number:04}").unlink()
    after = expected(os.fsencode(flat))
    rest = measure(engine, root, left, budget, shuffle)
    assert (faults, rest.faults) == ([], [])
    assert usage.directories + rest.directories == before.directories
    assert after.files <= usage.files + rest.files <= before.files
    assert usage.files + rest.files <= after.files + usage.files


@pytest.mark.on_linux
def test_parts_of_a_directory_that_has_become_something_else_are_no_fault(
    native: ModuleType, flat: Path, tmp_path: Path
) -> None:
    root = root_of(os.fsencode(tmp_path))
    _, stack, _ = native.measure(root, [b"flat"], 10)
    assert sum(entry.startswith(b"flat\0") for entry in stack) > 8
    flat.rename(tmp_path / "aside")
    flat.symlink_to(tmp_path / "aside")
    measured = measure(native, root, stack, 10, random.Random(0))
    assert (measured.files, measured.directories, measured.faults) == (0, 0, [])
    (tmp_path / "flat").unlink()
    assert measure(native, root, stack, 10, random.Random(0)) == measured
    _, stack, _ = native.remove(root, [b"aside"], 10)
    before = listing(tmp_path / "aside")
    (tmp_path / "aside").rename(tmp_path / "again")
    (tmp_path / "aside").symlink_to(tmp_path / "again")
    counts, left, faults = native.remove(root, stack, 10)
    assert (counts[:3], left, faults) == ((0, 0, 0), [], [])
    assert listing(tmp_path / "again") == before


# remove


@pytest.mark.on_linux
def test_a_part_whose_names_look_like_a_place_is_deleted(
    native: ModuleType, tmp_path: Path
) -> None:
    """A part is names, or a place to go on from: -1 is the one behind everything."""
    names = [f"{letter}-1 {number:04}" for letter in "0a" for number in range(300)]
    declare(tmp_path, {"flat": dict.fromkeys(names, "")})
    root = root_of(os.fsencode(tmp_path))
    counts, stack, faults = native.remove(root, [b"flat"], 20)
    parts = [entry for entry in stack if entry.startswith(b"flat\0") and entry[5:6] != b"/"]
    assert (len(parts) > 1, faults) == (True, [])
    for part in parts:
        counts, left, faults = native.remove(root, [part], 10_000)
        assert (counts.files, counts.blocked, left, faults) == (part.count(b"\0"), [], [], [])


class Removed(NamedTuple):
    files: int
    directories: int
    freed: int
    faults: list[Fault]


def remove(
    engine: ModuleType, root: Root, budget: int, workers: int, shuffle: random.Random
) -> Removed:
    """Remove as the remover does, with slices going to several threads at once."""
    files = directories = freed = 0
    faults: list[Fault] = []
    stack = [b""]
    with ThreadPoolExecutor(workers) as pool:
        while stack:
            before = files + directories
            blocked: list[bytes] = []
            running = {pool.submit(engine.remove, root, stack, budget)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for call in done:
                    counts, left, more = call.result()
                    files, directories = files + counts.files, directories + counts.directories
                    freed += counts.freed
                    blocked += counts.blocked
                    faults += more
                    running |= {
                        pool.submit(engine.remove, root, slice_, budget)
                        for slice_ in slices(left, shuffle)
                    }
            stack = sorted(set(blocked), key=lambda entry: entry.count(b"/"))
            assert not stack or files + directories > before, "a round that deletes nothing"
    return Removed(files, directories, freed, faults)


@pytest.mark.parametrize(("budget", "workers"), [(1, 1), (1, 4), (7, 2), (64, 4), (1000, 2)])
def test_a_large_directory_is_removed_by_several_at_once(
    engine: ModuleType, flat: Path, tmp_path: Path, budget: int, workers: int
) -> None:
    true = expected(os.fsencode(flat))
    removed = remove(
        engine, root_of(os.fsencode(flat)), budget, workers, random.Random(budget * workers)
    )
    assert (removed.files, removed.directories, removed.faults) == (
        true.files,
        true.directories,
        [],
    )
    assert removed.freed == true.freed
    assert listing(tmp_path) == []


@settings(usual, max_examples=examples(60))
@given(
    tree=trees,
    budget=st.integers(1, 12),
    workers=st.integers(2, 4),
    shuffle=shuffles,
)
def test_any_tree_is_removed_whoever_gets_which_part(
    engine: ModuleType, tree: Dictated, budget: int, workers: int, shuffle: random.Random
) -> None:
    with made(tree) as place:
        true = expected(place.top)
        removed = remove(engine, root_of(place.top), budget, workers, shuffle)
        assert (removed.files, removed.directories, removed.faults) == (
            true.files,
            true.directories,
            [],
        )
        assert removed.freed == true.freed
        assert os.listdir(os.path.dirname(place.top)) == [b"outside"]


@pytest.mark.parametrize("name", ["p-{}.html", "/{}", "-{}", "9{}", "+{}x"])
def test_names_are_never_taken_for_a_place_to_read_on_from(
    engine: ModuleType, tmp_path: Path, name: str
) -> None:
    """Parts of a directory hold names or such a place, which is a number."""
    top = tmp_path / "top"
    declare(top, {name.format(number).lstrip("/"): 1 for number in range(300)})
    root = root_of(os.fsencode(top))
    counted, stack = 0, [b""]
    while stack:
        usage, stack, faults = engine.measure(root, stack, 20)
        counted += usage.files
        assert faults == []
    assert counted == 300
    removed = remove(engine, root, 20, 2, random.Random(1))
    assert (removed.files, removed.directories, removed.faults) == (300, 1, [])


def test_what_is_blocked_is_an_entry_for_another_call(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"top": {"a": {"b": {}, "f": 1}}})
    root = root_of(os.fsencode(tmp_path / "top"))
    counts, left, faults = engine.remove(root, [b"a/b//"], 100)
    assert (counts[:2], counts.blocked, left, faults) == ((0, 1), [b"a/"], [], [])
    assert listing(tmp_path) == [b"top", b"top/a", b"top/a/f"]
    counts, left, faults = engine.remove(root, counts.blocked, 100)
    assert (counts[:2], counts.blocked, left, faults) == ((1, 2), [], [], [])
    assert listing(tmp_path) == []


def test_a_directory_that_is_written_into_between_two_parts_is_blocked_or_emptied(
    engine: ModuleType, flat: Path, tmp_path: Path
) -> None:
    root, stack = root_of(os.fsencode(flat)), [b""]
    blocked: list[bytes] = []
    written = 0
    while stack:
        counts, stack, faults = engine.remove(root, stack, 100)
        blocked += counts.blocked
        assert faults == []
        if written < 20 and flat.exists():
            (flat / f"late {written}").write_text("late")
            written += 1
    if blocked:
        assert set(blocked) == {b""}
        assert all(path.startswith(b"flat/late ") for path in listing(tmp_path)[1:])
        assert remove(engine, root, 100, 1, random.Random(0)).faults == []
    assert listing(tmp_path) == []


# What is long, and what is wide


BATCH: Final = 65_536
"""Bytes of names in a part of a directory, at most."""

LONGEST_NAME: Final = 255

LEVELS: Final = BATCH // LONGEST_NAME + 2

MOST_WAITING: Final = 2_000_000
"""Bytes of entries; all paths of the directories are half as many again."""


@pytest.fixture
def abyss(tmp_path: Path) -> Path:
    """A directory whose way down takes more bytes than a part has for names, with files at the bottom."""
    top = tmp_path / "abyss"
    top.mkdir()
    down = os.open(top, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir("d" * LONGEST_NAME, dir_fd=down)
        below = os.open("d" * LONGEST_NAME, os.O_RDONLY, dir_fd=down)
        os.close(down)
        down = below
    for number in range(3_000):
        os.mknod(f"f{number}", dir_fd=down)
    for number in range(100):  # Of which each keeps the whole way in memory.
        os.mkdir(f"d{number}", dir_fd=down)
    os.close(down)
    return top


def test_a_large_directory_is_shared_out_however_long_its_path(
    engine: ModuleType, abyss: Path
) -> None:
    root = root_of(os.fsencode(abyss))
    measured = measure(engine, root, [b""], 100, random.Random(0))
    assert (measured.files, measured.faults) == (3_000, [])
    assert measured.directories == 1 + LEVELS + 100
    removed = remove(engine, root, 100, 2, random.Random(0))
    assert (removed.files, removed.directories) == (3_000, measured.directories)
    assert removed.faults == []
    assert not abyss.exists()


OVERTAKEN: Final = """
import contextlib, os, sys, threading
from cleanup_nodemodule.engine import _kernel as engine
from cleanup_nodemodule.engine.contract import Root
doing, top, directory = getattr(engine, sys.argv[1]), *sys.argv[2:]
found = os.lstat(top)
root = Root(os.fsencode(top), found.st_dev, found.st_ino)
names = os.listdir(directory)

def is_open():
    for descriptor in range(100):
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(f"/proc/self/fd/{descriptor}") == directory:
                return True

def overtake():
    while not is_open():
        pass
    for name in names:
        os.unlink(os.path.join(directory, name))
    os.rmdir(directory)

rest = [entry for entry in engine.measure(root, [b"a"], 1)[1] if b"\\0/" in entry]
other = threading.Thread(target=overtake, daemon=True)
other.start()
print(len(rest), *doing(root, rest, 1)[1:])
other.join(10)
"""
"""Goes on with a directory that another thread removes as soon as it is open, before it is read."""


@pytest.mark.on_linux
@pytest.mark.parametrize("doing", ["measure", "remove"])
@pytest.mark.usefixtures("native")
def test_going_on_with_a_directory_that_was_removed_since_it_was_opened_is_no_fault(
    tmp_path: Path, disks: Mounts, doing: str
) -> None:
    """ext4 has no place to go on from then (EINVAL). lseek(2) waits, by strace, until it is gone."""
    top = disks.image("ext4", tmp_path / "disk") / "top"
    declare(top, {"a": {f"{number}": 1 for number in range(20)}})
    log = tmp_path / "log"
    overtaken = strace(
        *(log, "-P", os.fspath(top / "a")),
        *("--trace=lseek", "--inject=lseek:delay_enter=2000000"),
    )
    done = subprocess.run(
        [*overtaken, sys.executable, "-c", OVERTAKEN, doing, top, top / "a"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1 [] []\n", "")
    assert "EINVAL" in log.read_text()
    assert not (top / "a").exists()


@pytest.mark.on_linux
def test_of_many_directories_in_one_few_wait_in_memory(
    native: ModuleType, tmp_path: Path, disks: Mounts
) -> None:
    """Half of a tree may be directories in a single one: their paths are not all kept at once."""
    top = disks.tmpfs(tmp_path / "disk") / "top"
    top.mkdir()
    for number in range(30_000):
        (top / f"{number:0100}").mkdir()
    root, stack = root_of(os.fsencode(top)), [b""]
    counted = 0
    while stack:
        usage, stack, faults = native.measure(root, stack, 20_000)
        counted += usage.directories
        assert faults == []
        assert sum(map(len, stack)) < MOST_WAITING
    assert counted == 30_001
    stack, deleted = [b""], 0
    while stack:
        counts, stack, faults = native.remove(root, stack, 1_000)
        deleted += counts.directories
        assert (counts.blocked, faults) == ([], [])
        assert sum(map(len, stack)) < MOST_WAITING
    assert (deleted, listing(top.parent)) == (30_001, [])
