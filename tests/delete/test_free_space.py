"""What is said of free space before and after: right, once a file system, in time, and with the likely reason."""

import asyncio
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.delete import free_space
from cleanup_nodemodule.delete.free_space import FreeSpace
from cleanup_nodemodule.model import (
    Artifact,
    Difference,
    Failed,
    Leftover,
    Observed,
    Outcome,
    Plan,
    Removed,
    Result,
    Size,
)
from cleanup_nodemodule.record import staged
from cleanup_nodemodule.system import space
from cleanup_nodemodule.system.space import Reading, Space
from cleanup_nodemodule.work.scheduler import Scheduler
from support.filesystems import Misbehaving, Mounts, ended
from support.given_back import Making, free_bytes, subvolume
from support.removals import artifact
from support.tool import Tool
from support.trees import declare
from support.waiting import TIMEOUT, await_condition

MEBIBYTE: Final = 1 << 20

DISKS: Final = {
    "ext4": ("ext4", (), ""),
    "xfs": ("xfs", (), ""),
    "btrfs": ("btrfs", ("-m", "single"), ""),
    "btrfs-dup": ("btrfs", ("-m", "dup"), ""),
    "btrfs-zstd": ("btrfs", (), "compress-force=zstd"),
}


def mounted(disks: Mounts, kind: str, tmp_path: Path) -> Path:
    """Return a new file system of a *kind*, with room for the trees of these tests."""
    where = tmp_path / "disk"
    if kind == "tmpfs":
        return disks.tmpfs(where)
    if kind == "overlay":
        base = disks.image("ext4", where, mebibytes=512)
        layers = [base / name for name in ("lower", "upper", "work")]
        for layer in layers:
            layer.mkdir()
        return disks.overlay(tmp_path / "merged", *layers)
    made, making, options = DISKS[kind]
    return disks.image(made, where, *making, options=options, mebibytes=512)


def promising(one: Artifact, promised: int, at_most: int | None = None) -> Artifact:
    """Return an artifact of which so many bytes are to come back."""
    size = Size(promised, promised, promised, promised if at_most is None else at_most, 0)
    return replace(one, size=size)


def observe(
    artifacts: Sequence[Artifact],
    delete: Callable[[], object] | None = None,
    *,
    results: Sequence[Result] | None = None,
    timeout: float | None = None,
    prepare: Callable[[Scheduler], None] = lambda _: None,
    leftovers: Sequence[Leftover] = (),
) -> tuple[Observed, ...]:
    """Have free space read, *artifacts* deleted, and free space read again."""

    async def work() -> tuple[Observed, ...]:
        with (
            ThreadPoolExecutor(2) as executor,
            Scheduler(executor, 2, timeout=timeout) as scheduler,
        ):
            watched = FreeSpace(artifacts, leftovers)
            await watched.before(scheduler)
            if delete is not None:
                delete()
            else:
                for one in artifacts:
                    shutil.rmtree(one.path)
            prepare(scheduler)
            gone = [Removed(one, one.size.reclaimable_bytes, gone=False) for one in artifacts]
            plan = Plan(("/",), tuple(artifacts), (), complete=True)
            outcome = Outcome(plan, tuple(gone if results is None else results), complete=True)
            async with asyncio.timeout(TIMEOUT):
                return await watched.after(outcome, leftovers, scheduler)

    return asyncio.run(work())


@pytest.mark.parametrize("kind", [*DISKS, "tmpfs", "overlay"])
def test_it_is_what_df_says_in_the_end(disks: Mounts, tmp_path: Path, kind: str) -> None:
    """Many small files, and a large one, whose space comes back late on some."""
    making = Making(mounted(disks, kind, tmp_path) / "tree")
    top = making.project("a")
    making.packages(top, 1500)
    (top / "large").write_bytes(making.content(60_000_000))
    place = making.top
    before = free_bytes(place)
    [seen] = observe([promising(artifact(top), 0, 1 << 40)])
    truth = free_bytes(place) - before
    assert truth > 50_000_000 or kind == "btrfs-zstd"
    assert seen.grown_bytes is not None
    assert abs(seen.grown_bytes - truth) <= truth / 200
    assert seen.settled
    assert seen.difference is None


def test_two_subvolumes_of_one_btrfs_count_once(disks: Mounts, tmp_path: Path) -> None:
    disk = mounted(disks, "btrfs", tmp_path)
    rows = []
    for name in ("one", "two"):
        subvolume("create", disk / name)
        making = Making(disk / name / "tree")
        making.many(making.project("a"), 100, 200_000)
        rows.append(promising(artifact(making.goes / "a/node_modules"), 0, 1 << 40))
    assert len({one.candidate.identity.device for one in rows}) == 2
    before = free_bytes(disk)
    [seen] = observe(rows)
    truth = free_bytes(disk) - before
    assert seen.grown_bytes is not None
    assert abs(seen.grown_bytes - truth) <= truth / 200


def test_a_bind_mount_counts_once_and_another_disk_for_itself(
    disks: Mounts, tmp_path: Path
) -> None:
    disk = mounted(disks, "ext4", tmp_path)
    declare(disk, {"a": {"f": 3 * MEBIBYTE}, "in": {"b": {"f": 5 * MEBIBYTE}}})
    again = disks.bind(disk / "in", tmp_path / "bound")
    other = disks.tmpfs(tmp_path / "other")
    declare(other, {"c": {"f": 7 * MEBIBYTE}})
    sizes = {disk / "a": 3, again / "b": 5, other / "c": 7}
    rows = [promising(artifact(path), size * MEBIBYTE) for path, size in sizes.items()]
    seen = {one.file_system: one for one in observe(rows)}
    assert set(seen) <= {str(disk), str(again), str(other)}
    assert len(seen) == 2
    both = next(one for name, one in seen.items() if name != str(other))
    assert (both.freed_bytes, both.promised_bytes) == (8 * MEBIBYTE, 8 * MEBIBYTE)
    assert both.kind == "ext4"
    assert both.grown_bytes == 8 * MEBIBYTE + 2 * 4096
    assert seen[str(other)].grown_bytes == 7 * MEBIBYTE


def test_an_overlay_and_what_lies_beneath_count_once(disks: Mounts, tmp_path: Path) -> None:
    """As in a container whose layers and volumes are on one disk."""
    merged = mounted(disks, "overlay", tmp_path)
    declare(merged, {"a": {"f": 3 * MEBIBYTE}})
    declare(tmp_path / "disk", {"volume": {"b": {"f": 5 * MEBIBYTE}}})
    rows = [artifact(merged / "a"), artifact(tmp_path / "disk/volume/b")]
    [seen] = observe([promising(one, 4 * MEBIBYTE) for one in rows])
    assert seen.grown_bytes == 8 * MEBIBYTE + 2 * 4096
    assert seen.freed_bytes == 8 * MEBIBYTE


@contextmanager
def holding(*arguments: str | Path, code: str) -> Iterator[None]:
    """Run a program that has something open, and says so."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            process.kill()


OPENED: Final = "import sys; file = open(sys.argv[1]); print('ready', flush=True); sys.stdin.read()"
MAPPED: Final = (
    "import mmap, sys\nwith open(sys.argv[1], 'rb') as file:\n"
    "    m = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
    "print('ready', flush=True)\nsys.stdin.read()"
)


@pytest.mark.parametrize("renamed", [False, True])
@pytest.mark.parametrize("code", [OPENED, MAPPED], ids=["opened", "mapped"])
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_who_still_has_a_deleted_file_open_is_named(
    disks: Mounts, tmp_path: Path, kind: str, code: str, *, renamed: bool
) -> None:
    """As it has been taken out of its project before, the file has another name by then."""
    disk = mounted(disks, kind, tmp_path)
    declare(disk, {"app": {"node_modules": {"held": {"f": 20 * MEBIBYTE}, "g": 9 * MEBIBYTE}}})
    os.sync()
    place = disk / "app/node_modules"
    row = promising(artifact(place), 29 * MEBIBYTE)

    def delete() -> None:
        if renamed:
            other = staged.new_name(str(place))
            place.rename(other)
            shutil.rmtree(other)
        else:
            shutil.rmtree(place)

    with holding(place / "held/f", code=code):
        [seen] = observe([row], delete)
    assert seen.difference is Difference.HELD_OPEN
    assert seen.difference_by is not None
    assert seen.difference_by.startswith("python")
    assert seen.difference_bytes is not None
    assert abs(seen.difference_bytes - 20 * MEBIBYTE) < MEBIBYTE
    assert seen.grown_bytes is not None
    assert abs(seen.grown_bytes - 9 * MEBIBYTE) < MEBIBYTE


def test_what_others_have_open_is_not_blamed(disks: Mounts, tmp_path: Path) -> None:
    """A deleted file that never was in what was deleted, and one that has another link."""
    disk = mounted(disks, "ext4", tmp_path)
    declare(
        disk, {"app": {"node_modules": {"f": MEBIBYTE, "linked": MEBIBYTE}}, "mine": 90 * MEBIBYTE}
    )
    os.link(disk / "app/node_modules/linked", disk / "linked")
    row = promising(artifact(disk / "app/node_modules"), 50 * MEBIBYTE)
    with (
        holding(disk / "mine", code=OPENED),
        holding(disk / "app/node_modules/linked", code=OPENED),
    ):
        (disk / "mine").unlink()
        [seen] = observe([row])
    assert (seen.difference, seen.difference_by) == (Difference.OTHERS, None)


def test_a_snapshot_is_the_likely_reason_on_btrfs(disks: Mounts, tmp_path: Path) -> None:
    disk = mounted(disks, "btrfs", tmp_path)
    subvolume("create", disk / "work")
    declare(disk / "work", {"dist": {"f": 20 * MEBIBYTE}})
    subvolume("snapshot", disk / "work", disk / "kept")
    [seen] = observe([promising(artifact(disk / "work/dist"), 20 * MEBIBYTE)])
    assert seen.difference is Difference.SNAPSHOT
    assert seen.grown_bytes is not None
    assert seen.grown_bytes < MEBIBYTE


def test_lower_layers_are_the_likely_reason_on_an_overlay(disks: Mounts, tmp_path: Path) -> None:
    base = disks.image("ext4", tmp_path / "disk", mebibytes=256)
    declare(base, {"lower": {"dist": {"f": 20 * MEBIBYTE}}, "upper": {}, "work": {}})
    merged = disks.overlay(
        tmp_path / "merged", *(base / name for name in ("lower", "upper", "work"))
    )
    [seen] = observe([promising(artifact(merged / "dist"), 20 * MEBIBYTE)])
    assert seen.difference is Difference.LOWER_LAYERS


# What a file system says is dictated from here on.


KINDS: Final = {"late": "xfs", "prompt": "ext4", "network": "nfs4"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing take long that is only waited for."""
    monkeypatch.setattr(free_space, "_PAUSE", 0.001)
    monkeypatch.setattr(free_space, "_STEP", 0.001)
    monkeypatch.setattr(free_space, "_PATIENCE", 0.2)


class Dictated:
    """What a file system is to say, one time after the other; the last answer again and again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str, answers: Iterator[int]) -> None:
        self.synced: list[bool] = []
        self._answers = answers
        monkeypatch.setattr(space, "space_of", lambda *_: Space("it", "/it", KINDS[kind]))
        monkeypatch.setattr(space, "read", self._read)

    def _read(self, _place: str, sync: bool) -> Reading:  # noqa: FBT001 - as what it stands for
        self.synced.append(sync)
        return Reading(next(self._answers) * MEBIBYTE, 1 << 40)


def saying(*free: int) -> Iterator[int]:
    return itertools.chain(free, itertools.repeat(free[-1]))


def some(tmp_path: Path, promised: int) -> list[Artifact]:
    declare(tmp_path, {"dist": {}})
    return [promising(artifact(tmp_path / "dist"), promised * MEBIBYTE)]


@pytest.mark.usefixtures("quick")
def test_what_comes_back_late_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_space, "_PATIENCE", float(TIMEOUT))
    disk = Dictated(monkeypatch, "late", saying(100, 100, 100, 100, 150, 199, 200))
    [seen] = observe(some(tmp_path, 100))
    assert (seen.grown_bytes, seen.settled, seen.difference) == (100 * MEBIBYTE, True, None)
    assert all(disk.synced)


@pytest.mark.usefixtures("quick")
def test_what_is_right_at_once_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Dictated(monkeypatch, "prompt", saying(100, 200, 300))
    [seen] = observe(some(tmp_path, 100))
    assert (seen.grown_bytes, seen.settled) == (100 * MEBIBYTE, True)
    assert disk.synced == [True, True]


@pytest.mark.usefixtures("quick")
def test_a_network_mount_is_asked_once_and_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Dictated(monkeypatch, "network", saying(100, 200, 300))
    [seen] = observe(some(tmp_path, 100))
    assert (seen.grown_bytes, seen.settled) == (100 * MEBIBYTE, True)
    assert disk.synced == [False, False]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("kind", "step"), [("late", -3), ("prompt", -3), ("prompt", 3)])
def test_that_others_are_at_work_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, step: int
) -> None:
    Dictated(monkeypatch, kind, itertools.count(100_000, step))
    [seen] = observe(some(tmp_path, 5_000))
    assert seen.difference is Difference.OTHERS_AT_WORK
    assert seen.difference_bytes == 4 * 3 * MEBIBYTE
    assert seen.settled == (kind == "prompt")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("grown", "why"),
    [(97, Difference.OTHERS), (99, None), (112, None), (125, Difference.OTHERS)],
)
def test_only_what_is_out_of_bounds_needs_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grown: int, why: Difference | None
) -> None:
    """Bounds of 100 and 120 MiB, and two per cent of that."""
    Dictated(monkeypatch, "prompt", saying(1000, 1000 + grown))
    declare(tmp_path, {"dist": {}})
    row = promising(artifact(tmp_path / "dist"), 100 * MEBIBYTE, 120 * MEBIBYTE)
    [seen] = observe([row])
    assert seen.difference is why


@pytest.mark.usefixtures("quick")
def test_that_it_did_not_settle_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on giving back, for longer than there is time."""
    Dictated(monkeypatch, "late", itertools.count(100))
    [seen] = observe(some(tmp_path, 100_000))
    assert (seen.difference, seen.settled) == (Difference.UNSETTLED, False)


@pytest.mark.usefixtures("quick")
def test_being_stopped_ends_the_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last answer, which is not said to be right."""
    monkeypatch.setattr(free_space, "_PATIENCE", 10.0 * TIMEOUT)
    stop: list[Callable[[], object]] = []

    def answers() -> Iterator[int]:
        yield 100
        for number in itertools.count(101):
            if number == 120:
                stop[0]()
            yield number

    Dictated(monkeypatch, "late", answers())

    def prepare(scheduler: Scheduler) -> None:
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(scheduler.stop))

    [seen] = observe(some(tmp_path, 5_000), prepare=prepare)
    assert seen.grown_bytes is not None
    assert 19 * MEBIBYTE <= seen.grown_bytes <= 21 * MEBIBYTE
    assert (seen.settled, seen.difference) == (False, None)


@pytest.mark.usefixtures("quick")
def test_a_stopped_run_looks_once_and_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Dictated(monkeypatch, "late", saying(100, 150, 200))
    [seen] = observe(some(tmp_path, 100), prepare=Scheduler.stop)
    assert (seen.grown_bytes, seen.settled) == (50 * MEBIBYTE, False)
    assert disk.synced == [True, False]


@pytest.mark.usefixtures("quick")
def test_a_sync_that_takes_too_long_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where others have written more than the disk can take in that time."""
    disk = Dictated(monkeypatch, "prompt", saying(100, 200))
    let_go: list[Callable[[], object]] = []
    read = space.read

    def slow(place: str, sync: bool) -> Reading | None:  # noqa: FBT001 - as what it stands for
        if sync and not (tmp_path / "dist").exists():
            await_condition(lambda: bool(let_go), "the test was over")
        return read(place, sync)

    monkeypatch.setattr(space, "read", slow)
    try:
        [seen] = observe(some(tmp_path, 100))
    finally:
        let_go.append(lambda: None)
    assert (seen.grown_bytes, seen.settled) == (100 * MEBIBYTE, False)
    assert disk.synced[:2] == [True, False]


@pytest.mark.usefixtures("quick")
def test_nothing_is_asked_where_nothing_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Dictated(monkeypatch, "late", saying(100))
    [row] = some(tmp_path, 100)
    untouched = Failed(row, 0, (), interrupted=False, untouched=True)
    for results in ([untouched], [Removed(row, 0, gone=True)], []):
        assert observe([row], lambda: None, results=results) == ()
    assert disk.synced == [True] * 3


@pytest.mark.usefixtures("quick")
def test_nobody_says_what_was_to_come_of_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one of two gives back may depend on the other one, which failed."""
    Dictated(monkeypatch, "prompt", saying(1000, 1107))
    declare(tmp_path, {"dist": {}, "build": {}})
    gone = promising(artifact(tmp_path / "dist"), 100 * MEBIBYTE)
    for most, known in ((50, 107 * MEBIBYTE), (60, None)):
        failed = promising(artifact(tmp_path / "build"), 50 * MEBIBYTE, most * MEBIBYTE)
        results: list[Result] = [
            Removed(gone, 100 * MEBIBYTE, gone=False),
            Failed(failed, 7 * MEBIBYTE, (), interrupted=False),
        ]
        [seen] = observe([gone, failed], lambda: None, results=results)
        assert (seen.freed_bytes, seen.difference) == (107 * MEBIBYTE, None)
        assert (seen.promised_bytes, seen.at_most_bytes) == (known, known)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("kind", "promised"), [("prompt", 107), ("late", 100)])
def test_what_was_left_by_an_interrupted_run_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, promised: int
) -> None:
    """Nobody has measured that, so where files may give back less than they take nothing is promised."""
    Dictated(monkeypatch, kind, saying(1000, 1105))
    declare(tmp_path, {"dist": {}, staged.PREFIX + "0123456789abcdef": {}})
    rest = artifact(tmp_path / (staged.PREFIX + "0123456789abcdef")).candidate
    leftover = Leftover(rest, None, "run", 1, finished=True, freed_bytes=7 * MEBIBYTE)
    gone = promising(artifact(tmp_path / "dist"), 100 * MEBIBYTE)
    [seen] = observe([gone], leftovers=[leftover])
    assert (seen.promised_bytes, seen.at_most_bytes) == (promised * MEBIBYTE, 107 * MEBIBYTE)
    assert (seen.freed_bytes, seen.difference) == (107 * MEBIBYTE, None)


# By the command.


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_run_says_what_it_has_observed(
    tool: Tool, disks: Mounts, tmp_path: Path, kind: str
) -> None:
    """In the report, once in total and for the file system, and in the journal."""
    making = Making(mounted(disks, kind, tmp_path) / "tree")
    making.packages(making.project("a"), 1500)
    before = free_bytes(making.top)
    told = tool.delete(making.goes)
    truth = free_bytes(making.top) - before
    [row] = told.document["observed"]
    grown = told.document["totals"]["observed_freed_bytes"]
    assert (
        grown == row["observed_freed_bytes"] == row["free_after_bytes"] - row["free_before_bytes"]
    )
    assert abs(grown - truth) <= truth / 200
    assert (row["file_system"], row["kind"]) == (str(tmp_path / "disk"), kind)
    assert row["settled"]
    log = tool.tell("log", "--json")
    assert f'"observed_freed_bytes": {grown}' in log.stdout


@pytest.mark.slow
def test_a_disk_that_does_not_say_what_it_has_free_keeps_nobody_waiting(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    served: Misbehaving = disks.misbehaving(
        top, {"app": {"package.json": "{}", "node_modules": {"f": 1}}}, mute=["statfs *"]
    )
    with ended(served):
        told = tool.delete(top, "--timeout", "3")
    assert told.document["totals"]["observed_freed_bytes"] is None
    assert [row["observed_freed_bytes"] for row in told.document["observed"]] in ([], [None])
