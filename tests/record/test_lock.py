"""Two runs that delete do not work on one tree at once; a dead one is in nobody's way."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cleanup_nodemodule.record import lock
from cleanup_nodemodule.record.lock import Held, Locked, LockError, acquire
from cleanup_nodemodule.system import machine, mounts
from support.filesystems import Mounts
from support.journals import fill
from support.needs import needs_root, unable
from support.trees import declare, listing
from support.waiting import TIMEOUT


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state directory that is not there yet."""
    return tmp_path / "state"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Directories to lock."""
    declare(tmp_path, {"tree": {"a": {"b": {"c": {}}}, "other": {}}})
    return tmp_path / "tree"


def take(home: Path, *roots: Path | str, run: str = "aaaa") -> Held:
    return acquire(str(home), [str(root) for root in roots], run)


def taken(home: Path, *roots: Path | str) -> bool:
    """Whether a run that wants these has to wait."""
    try:
        take(home, *roots, run="bbbb").release()
    except Locked:
        return True
    return False


@pytest.mark.parametrize(
    ("mine", "wanted", "in_the_way"),
    [
        ("a", "a", True),
        ("a", "a/b", True),
        ("a", "a/b/c", True),
        ("a/b/c", "a", True),
        ("a", "a/../a/.", True),
        ("a", "other", False),
        ("a/b", "other", False),
        ("a", "ab", False),
        ("gone", "gone", True),
        ("gone", "gone/a", True),
        ("gone", "a", False),
        ("gone", ".", True),
    ],
)
def test_roots_that_are_the_same_or_nested_exclude_each_other(
    home: Path, tree: Path, mine: str, wanted: str, *, in_the_way: bool
) -> None:
    with take(home, tree / mine):
        assert taken(home, tree / wanted) is in_the_way
        assert taken(home, tree / "unrelated", tree / wanted) is in_the_way
    assert not taken(home, tree / wanted)


def test_a_symlink_leads_to_the_same_tree(home: Path, tree: Path) -> None:
    (tree / "link").symlink_to("a/b")
    with take(home, tree / "link"):
        assert taken(home, tree / "a")
        assert taken(home, tree / "a/b/c")
        assert not taken(home, tree / "other")


def mount(*arguments: str | Path) -> None:
    result = subprocess.run(["mount", *map(str, arguments)], check=False, capture_output=True)
    if result.returncode != 0:
        unable(f"mount {arguments}: {result.stderr!r}")


@pytest.fixture
def bound(tree: Path) -> Iterator[Path]:
    """A directory that is another name for ``a/b``, by a bind mount."""
    needs_root()
    top = tree.parent / "bound \\ place"
    top.mkdir()
    mount("--bind", tree / "a/b", top)
    try:
        yield top
    finally:
        subprocess.run(["umount", "-l", top], check=True)


@pytest.mark.parametrize(
    ("mine", "wanted", "in_the_way"),
    [
        ("", "a/b", True),
        ("", "a/b/c", True),
        ("c", "a/b", True),
        ("c", "a/b/c", True),
        ("", "a", True),  # Which contains it, though nothing on the way to it says so.
        ("c", "", True),
        ("", "other", False),
        ("c", "a/b/d", False),
    ],
)
def test_a_bind_mount_leads_to_the_same_tree(
    home: Path, tree: Path, bound: Path, mine: str, wanted: str, *, in_the_way: bool
) -> None:
    (tree / "a/b/d").mkdir()
    with take(home, bound / mine):
        assert taken(home, tree / wanted) is in_the_way
    with take(home, tree / wanted):
        assert taken(home, bound / mine) is in_the_way


@pytest.mark.parametrize("name", ["re\rturn", "tab\tand line\nfeed", "back\\777slash"])
def test_a_bind_mount_leads_to_the_same_tree_whatever_it_is_called(
    home: Path, tree: Path, disks: Mounts, name: str
) -> None:
    other = disks.bind(tree / "a/b", tree.parent / name)
    with take(home, other / "c"):
        # Which contains it, though nothing on the way to it says so.
        assert taken(home, tree / "a")
        assert not taken(home, tree / "other")


def test_device_and_inode_tell_where_no_path_does(
    home: Path, tree: Path, bound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a system that does not say what is mounted from where."""
    monkeypatch.setattr(mounts, "origin", lambda _: None)
    with take(home, bound):
        assert taken(home, tree / "a/b")
        assert taken(home, tree / "a/b/c")
    with take(home, tree / "a/b/c"):
        assert taken(home, bound)


def test_another_file_system_mounted_in_a_tree_is_part_of_it(home: Path, tree: Path) -> None:
    needs_root()
    mount("-t", "tmpfs", "tmpfs", tree / "a/b")
    try:
        with take(home, tree):
            assert taken(home, tree / "a/b")
        with take(home, tree / "a/b"):
            assert taken(home, tree / "a")
            assert not taken(home, tree / "other")
    finally:
        subprocess.run(["umount", "-l", tree / "a/b"], check=True)


def test_the_message_names_the_process_the_time_and_the_tree(home: Path, tree: Path) -> None:
    before = time.time()
    with take(home, tree / "other", tree / "a"), pytest.raises(Locked) as caught:
        take(home, tree / "a/b", run="bbbb")
    holder = caught.value.holder
    assert (holder.pid, holder.run, holder.host) == (
        os.getpid(),
        "aaaa",
        machine.host_name(),
    )
    assert holder.roots == (f"{tree}/other", f"{tree}/a")
    assert caught.value.root == f"{tree}/a"
    assert before - 1 <= holder.started_at <= time.time() + 1
    since = time.strftime("%X", time.localtime(holder.started_at))
    assert str(caught.value) == (
        f"another run (process {os.getpid()}, since {since}) is deleting beneath '{tree}/a';"
        " wait for it with --wait"
    )


def test_a_name_that_is_not_utf_8_locks_like_any_other(home: Path, tree: Path) -> None:
    path = os.path.join(tree, os.fsdecode(b"caf\xe9\n"))
    os.mkdir(path)
    with take(home, path), pytest.raises(Locked) as caught:
        take(home, path, run="bbbb")
    assert caught.value.root == path


ONE = [b"0.json", b"0.lock", b"mutex.lock"]
"""The files that one run at a time needs."""


def test_a_lock_that_was_released_is_used_again(home: Path, tree: Path) -> None:
    for _ in range(3):
        held = take(home, tree)
        held.release()
        held.release()
        assert listing(home / "locks" / machine.machine()) == ONE
        assert lock.held(str(home)) == ()
    with take(home, tree / "a"), take(home, tree / "other", run="bbbb"):
        assert len(listing(home / "locks" / machine.machine())) == 5


def test_who_deletes_now_is_told(home: Path, tree: Path) -> None:
    assert lock.held(str(home)) == ()
    assert not home.exists()
    with take(home, tree / "a"), take(home, tree / "other", run="cccc"):
        found = lock.held(str(home))
    assert {(holder.run, holder.roots) for holder in found} == {
        ("aaaa", (f"{tree}/a",)),
        ("cccc", (f"{tree}/other",)),
    }
    assert lock.held(str(home)) == ()


# Other processes.

HOLD = """
import sys
from cleanup_nodemodule.record.lock import acquire
held = acquire(sys.argv[1], [sys.argv[2]], sys.argv[3])
print("held", flush=True)
sys.stdin.readline()
held.release()
"""


def hold(home: Path, root: Path, run: str) -> "subprocess.Popen[bytes]":
    """Start a process that holds the lock until it is told, or killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, home, root, run],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_the_lock_of_a_process_that_is_killed_is_free(home: Path, tree: Path) -> None:
    with hold(home, tree, "dead") as process:
        with pytest.raises(Locked) as caught:
            take(home, tree)
        assert caught.value.holder.pid == process.pid
        process.kill()
    assert lock.held(str(home)) == ()
    take(home, tree).release()
    assert listing(home / "locks" / machine.machine()) == ONE


def test_a_process_that_a_holder_started_does_not_inherit_the_lock(home: Path, tree: Path) -> None:
    held = take(home, tree)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        held.release()
        try:
            assert not taken(home, tree)
        finally:
            child.kill()


CONTEND = """
import os, sys
import time
from cleanup_nodemodule.record.lock import Locked, acquire

def take(roots, run):
    while True:
        try:
            return acquire(home, roots, run)
        except Locked:
            time.sleep(0.001)

home, tree, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for turn in range(10):
    with take([tree if turn % 2 else tree + "/a/b"], f"{name}x{turn}"):
        os.mkdir(os.path.join(tree, "alone"))  # Fails if another one is here.
        os.rmdir(os.path.join(tree, "alone"))
"""


def test_of_many_that_start_at_once_one_at_a_time_has_the_lock(home: Path, tree: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CONTEND, home, tree, f"p{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(8)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, errors) == (0, b"")
    assert listing(home / "locks" / machine.machine()) == ONE


# What cannot be understood or used.


def test_a_starting_run_that_was_stopped_is_named(
    home: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(home, tree).release()
    monkeypatch.setattr(lock, "_MUTEX_TIMEOUT", 0.2)
    with (
        lock._mutex(str(home / "locks" / machine.machine())),  # noqa: SLF001 - the one that runs share
        pytest.raises(LockError, match=r"has been starting for .*mutex\.lock"),
    ):
        take(home, tree)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"places": 1}', "\\xff"])
def test_a_file_that_says_nothing_is_passed_over(home: Path, tree: Path, content: str) -> None:
    with take(home, tree):
        (home / "locks" / machine.machine() / "0.json").write_text(content)
        assert not taken(home, tree)
        assert lock.held(str(home)) == ()


def test_a_state_directory_that_cannot_be_trusted_is_refused(home: Path, tree: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(LockError, match=r"others may write .*set XDG_STATE_HOME"):
        take(home, tree)
    assert listing(home) == []


def test_on_a_full_disk_there_is_no_lock_and_no_failure(home: Path, tree: Path) -> None:
    needs_root()
    home.mkdir()
    mount("-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", home)
    try:
        with take(home, tree / "a"):
            fill(home / "ballast")
            held = take(home, tree / "other", run="bbbb")
            assert not held.alone
            held.release()
            assert taken(home, tree / "a/b")
            (home / "ballast").unlink()
            with take(home, tree / "other", run="bbbb") as held:
                assert held.alone
    finally:
        subprocess.run(["umount", "-l", home], check=True)


def test_on_a_disk_without_room_for_a_file_nobody_has_a_lock(home: Path, tree: Path) -> None:
    needs_root()
    home.mkdir()
    mount("-t", "tmpfs", "-o", "nr_inodes=3,mode=700", "tmpfs", home)
    try:
        # Which makes the two directories that locks are in.
        assert not take(home, tree).alone
        assert listing(home) == [b"locks", os.fsencode(f"locks/{machine.machine()}")]
        assert lock.held(str(home)) == ()
    finally:
        subprocess.run(["umount", "-l", home], check=True)


def test_the_runs_of_another_machine_are_left_alone(
    home: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        monkeypatch.setattr(machine, "machine", lambda: "elsewhere")
        stack.enter_context(take(home, tree))
        monkeypatch.setattr(machine, "machine", lambda: "here")
        assert not taken(home, tree)
        assert b"elsewhere/0.json" in listing(home / "locks")
