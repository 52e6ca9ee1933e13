"""A power cut at any moment of a deletion, and a disk that breaks: the journal says what is true."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cleanup_nodemodule.record import read, staged
from support.engines import NATIVE
from support.filesystems import Forgetful, Mounts
from support.power_loss import recorded
from support.processes import strace
from support.tool import PROJECT, Tool
from support.trees import declare, listing
from support.waiting import await_condition

pytestmark = pytest.mark.slow

PROJECTS = ("one", "three", "two")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Where the disk is mounted."""
    return tmp_path / "disk"


def states_of(tool: Tool) -> Path:
    """Return where the journal is, on another disk than what it tells of."""
    return tool.home / "state"


@pytest.fixture(params=["ext4", "xfs", "btrfs"])
def disk(request: pytest.FixtureRequest, disks: Mounts, top: Path, tool: Tool) -> Forgetful:
    """A disk with three projects, which it has."""
    states_of(tool).mkdir(mode=0o700)
    kind: str = request.param
    made = disks.forgetful(kind, top, states_of(tool))
    for name in PROJECTS:
        declare(top / name, PROJECT)
    # Until then nothing that was written may be missing.
    subprocess.run(["sync", "-f", top], check=True)
    return made


def slowly(log: Path) -> tuple[str, ...]:
    """Have each call that deletes take a while."""
    return strace(log, "--trace=unlinkat,rename,renameat", "--inject=unlinkat:delay_exit=20000")


def endings(state: Path) -> dict[str, str | None]:
    """Return what the journal in a state directory says of each project, last of all."""
    entries = read.read(str(state / "cleanup-nodemodule")).entries
    return {
        Path(entry.intent.project).name: None if entry.end is None else entry.end.ending.value
        for entry in sorted(entries, key=lambda entry: entry.began_at)
    }


def cuts(disk: Forgetful, base: Path, begun: int, last: Path) -> list[tuple[Path, Path]]:
    """Return what the disk has after each flush, with all that the journal said before the next one."""
    found: list[tuple[Path, Path]] = []
    image = base
    replayed = disk.top / "replayed"
    shutil.copy(base, replayed)
    with open(replayed, "r+b") as file:
        for offset, data in recorded(disk.record)[begun:]:
            if data is not None:
                file.seek(offset)
                file.write(data)
                continue
            file.flush()
            found.append((image, Path(f"{disk.record}.{offset}")))
            image = disk.top / f"after-{offset}"
            subprocess.run(["cp", "--sparse=always", replayed, image], check=True)
    return [*found, (image, last)]


# What a disk keeps, and when, depends on its file system; both engines make the same calls.
@pytest.mark.parametrize(
    ("tool", "disk"),
    [(NATIVE, "ext4"), (NATIVE, "xfs"), (NATIVE, "btrfs"), ("python", "ext4")],
    indirect=True,
)
def test_after_a_power_cut_the_journal_says_what_is_true_and_the_rest_is_finished(
    tool: Tool, disk: Forgetful, top: Path
) -> None:
    whole = listing(top / "one/node_modules")
    base = disk.snapshot("base")
    begun = len(recorded(disk.record))
    # Somebody else has everything written down all the time: so there are more moments to look at. At each the state
    # directory is copied, so nothing may come and go in it besides the journal.
    with tool.start(
        "--json",
        "-p",
        top,
        "--no-dry-run",
        "--yes",
        "--no-history",
        prefix=slowly(disk.top / "log"),
    ) as running:
        while running.poll() is None:
            subprocess.run(["sync", "-f", top], check=True)
        assert running.returncode == 0
    last = disk.top / "last"
    shutil.copytree(states_of(tool), last)
    assert set(endings(last).values()) == {"deleted"}
    flushed = len(recorded(disk.record))
    disk.unmount()
    seen: set[str] = set()
    moments = cuts(disk, base, begun, last)
    for image, said in [*moments[: -1 : 1 + len(moments) // 8], moments[-1]]:
        disk.mount(image)
        told = endings(said)
        for name in PROJECTS:
            there = (top / name / "node_modules").exists()
            left = list((top / name).glob(f"{staged.PREFIX}*"))
            assert not (there and left)
            if there:
                assert listing(top / name / "node_modules") == whole
            if there or left:
                assert told.get(name) not in {"deleted", "gone"}, (image.name, name)
            seen.add("there" if there else "left" if left else "gone")
        shutil.rmtree(states_of(tool))
        shutil.copytree(said, states_of(tool))
        # A file system of btrfs has another number each time that it is mounted.
        if "btrfs" not in disk.top.name:
            assert tool.resume(top).code == 0
            assert not list(top.glob(f"*/{staged.PREFIX}*"))
            assert None not in endings(states_of(tool)).values()
        tool.delete(top)
        assert {path for path in listing(top) if b"node_modules" in path} == set()
        disk.unmount()
    assert {"there", "gone"} <= seen
    assert flushed > begun


def test_what_a_broken_disk_did_not_keep_is_not_said_to_be_deleted(
    tool: Tool, disk: Forgetful, top: Path
) -> None:
    """All is well in memory, and nothing of it can have reached the disk.

    It breaks when the deletion has begun: before that the disk is asked how much is free, and told to write all that it
    holds back.
    """
    running = tool.start(
        "--json",
        "-p",
        top,
        "--no-dry-run",
        "--yes",
        "--no-history",
        prefix=slowly(disk.top / "log"),
    )
    await_condition(lambda: bool(endings(states_of(tool))), "the journal says that it has begun")
    disk.breaks()
    told = tool.finish(running, top)
    assert told.code == 3
    assert set(told.outcomes.values()) == {"failed"}
    # A project whose turn had not come is looked at again first, and what cannot be read is kept.
    assert all(
        problem["errno"] in {"EIO", "EROFS"} or "(unreadable)" in problem["message"]
        for problem in told.document["problems"]
    )
    assert set(endings(states_of(tool)).values()) <= {"failed", "kept"}
