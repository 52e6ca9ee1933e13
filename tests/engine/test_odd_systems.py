"""Large numbers, odd file systems and kernels that refuse a call; ways in which threads and signals interfere."""

import errno
import itertools
import os
import re
import select
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from cleanup_nodemodule.engine import _python_remove
from cleanup_nodemodule.engine._python_entries import status_of
from cleanup_nodemodule.engine.contract import (
    Fault,
    Root,
)
from support.children import enter_private_mounts, in_child, mount_tmpfs, run_by
from support.engine_calls import (
    Removed,
    Sum,
    measure,
    remove,
    root_of,
)
from support.filesystems import Mounts
from support.openings import (
    BY_KERNEL,
    Way,
)
from support.processes import strace
from support.trees import Declared, declare, listing
from support.waiting import TIMEOUT, await_condition

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

    monkeypatch.setattr(_python_remove, "status_of", status)
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
