"""``remove``: what goes, what stays, and how many bytes that frees (``engine/contract.py``)."""

import errno
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import (
    Fault,
    Found,
    Hit,
)
from support.engine_calls import (
    EVERYTHING,
    NODE_MODULES,
    NOTHING,
    measure,
    remove,
    root_of,
)
from support.filesystems import Mounts
from support.needs import needs_root, unable
from support.openings import (
    by_descriptor,
    every_opening,
    every_python_opening,
)
from support.trees import declare, listing
from support.waiting import TIMEOUT, await_condition


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
    assert engine.find(root, stack[2:], NODE_MODULES, EVERYTHING) == (Found(0, [], []), [], [])
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


@pytest.mark.slow
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
