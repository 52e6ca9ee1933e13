"""What was begun is known again after a restart, on another device number, in another place or name.

And nothing else is taken for it: another disk in its place, a copy, what somebody else marked.
"""

import errno
import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cleanup_nodemodule.delete import rename_away
from cleanup_nodemodule.model import Candidate
from cleanup_nodemodule.record import identity, mark, read, staged, state_directory
from cleanup_nodemodule.record.entries import Ending, Intent
from cleanup_nodemodule.record.mark import Mark
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.system import machine
from support.accounts import NOBODY, give
from support.filesystems import Mounts
from support.journals import a_run, abandon, fill
from support.needs import needs_root, unable
from support.processes import strace
from support.removals import artifact, leave
from support.tool import PROJECT, Told, Tool
from support.trees import declare, dig, listing
from support.waiting import TIMEOUT, await_condition

pytestmark = pytest.mark.slow

MANY = {f"f{number}": 1 for number in range(60)}


@pytest.fixture
def tool(one_tool: Tool) -> Tool:
    """The command with one engine, as none decides how a directory is recognised."""
    return one_tool


@pytest.fixture(autouse=True)
def same_record(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a test leaves in the record of the user that the command runs for."""
    monkeypatch.setenv("XDG_STATE_HOME", tool.env["XDG_STATE_HOME"])


def endings() -> list[str | None]:
    entries = read.read(state_directory.directory()).entries
    return [None if entry.end is None else entry.end.ending.value for entry in entries]


def kill_while_deleting(
    tool: Tool, top: Path, log: Path, env: dict[str, str] | None = None
) -> None:
    """Have a run end in the middle of deleting."""
    slowly = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=30000")
    running = tool.start("-p", top, "--no-dry-run", "-j", "1", prefix=slowly, env=env)
    await_condition(lambda: log.exists() and log.read_text().count("\n") > 3, "it was deleting")
    running.send_signal(signal.SIGKILL)
    with running:
        running.communicate(timeout=TIMEOUT)
    assert running.returncode == -signal.SIGKILL


def rows(told: Told) -> list[tuple[str, str | None]]:
    return [(row["path"], row["outcome"]) for row in told.document["leftovers"]]


# Disks.


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_disk_with_another_device_number_is_the_same_disk(
    tool: Tool, disks: Mounts, tmp_path: Path, kind: str
) -> None:
    disk = disks.disk(kind, tmp_path / "disk")
    declare(disk.path, {"project": {"node_modules": {"f": 1}}})
    place = leave(disk.path / "project/node_modules")
    number = place.stat().st_dev
    disk.take_out()
    told = tool.resume(tmp_path)
    assert (told.code, rows(told)) == (3, [(str(place), "failed")])
    disk.move()
    disk.put_in()
    assert place.stat().st_dev != number
    told = tool.resume(tmp_path)
    assert (told.code, rows(told)) == (0, [(str(place), "deleted")])
    assert not place.exists()
    assert endings() == ["deleted"]


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_another_disk_in_its_place_is_not_it(
    tool: Tool, disks: Mounts, tmp_path: Path, kind: str
) -> None:
    """With the same device number, and inode numbers as they are given out on any new disk."""
    disk = disks.disk(kind, tmp_path / "disk")
    declare(disk.path, {"project": {"node_modules": {"f": 1}}})
    place = leave(disk.path / "project/node_modules")
    before = place.stat()
    disk.take_out()
    disk.format()
    disk.put_in()
    declare(disk.path, {"project": {place.name: {"f": "precious"}}})
    assert place.stat().st_ino == before.st_ino
    if kind != "btrfs":  # Which gives the number of no device.
        assert place.stat().st_dev == before.st_dev
    told = tool.resume(tmp_path)
    assert (told.code, rows(told)) == (3, [(str(place), "failed")])
    told = tool.delete(disk.path)
    assert rows(told) == [(str(place), None)]
    assert (place / "f").read_text() == "precious"
    # Nor is it gone where nothing has the name.
    shutil.rmtree(disk.path / "project")
    told = tool.resume(tmp_path)
    assert (told.code, rows(told)) == (3, [(str(place), "failed")])
    assert endings() == [None]


def test_a_snapshot_of_a_subvolume_is_not_what_it_is_of(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    """In it everything has the same inode number, and was made at the same time, on the same disk."""
    disk = disks.image("btrfs", tmp_path / "disk")
    subvolume = ("btrfs", "subvolume")
    subprocess.run([*subvolume, "create", disk / "now"], check=True, capture_output=True)
    declare(disk / "now", {"project": {"node_modules": {"f": 1}}})
    place = leave(disk / "now/project/node_modules")
    subprocess.run(
        [*subvolume, "snapshot", disk / "now", disk / "then"], check=True, capture_output=True
    )
    told = tool.delete(disk / "then")
    kept = disk / "then/project" / place.name
    assert rows(told) == [(str(kept), None)]
    assert (kept / "f").exists()
    assert rows(tool.resume(tmp_path)) == [(str(place), "deleted")]


def test_a_directory_made_anew_with_the_inode_number_is_another_one(
    disks: Mounts, tmp_path: Path
) -> None:
    """ext4 gives out the lowest number that is free."""
    disk = disks.image("ext4", tmp_path / "disk")
    (disk / "one").mkdir()
    before, around = identity.seen(str(disk / "one"))
    assert before is not None
    (disk / "one").rmdir()
    (disk / "one").mkdir()
    after, still = identity.seen(str(disk / "one"))
    assert after is not None
    assert after.identity == before.identity
    assert not after.is_same(before.device, before.inode, before.volume, before.birth_ns)
    assert still.is_same(around.device, around.inode, around.volume, around.birth_ns)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs"])
def test_what_a_system_tells_of_a_directory_stays_with_it(
    disks: Mounts, tmp_path: Path, kind: str
) -> None:
    top = tmp_path / "top"
    disk = disks.tmpfs(top) if kind == "tmpfs" else disks.image(kind, top)
    (disk / "one").mkdir()
    before, around = identity.seen(str(disk / "one"))
    assert before is not None
    assert None not in {before.volume, around.volume}
    assert before.birth_ns
    (disk / "one").chmod(0o700)
    declare(disk / "one", {"f": 1})
    (disk / "one").rename(disk / "two")
    after, _ = identity.seen(str(disk / "two"))
    assert after is not None
    assert after.is_same(before.device, before.inode, before.volume, before.birth_ns)
    assert identity.seen(str(disk / "one"))[0] is None
    assert identity.seen(str(disk / "two/f"))[0] is None
    (disk / "link").symlink_to(disk / "two")
    assert identity.seen(str(disk / "link"))[0] is None
    with pytest.raises(FileNotFoundError):
        identity.seen(str(disk / "one/more"))


# Places and names.


def test_what_was_left_in_a_project_that_was_moved_is_finished_there(
    tool: Tool, tmp_path: Path
) -> None:
    declare(tmp_path, {"top": {"project": PROJECT}})
    project = tmp_path / "top/project"
    place = leave(project / "node_modules")
    moved = project.rename(tmp_path / "top/moved")
    for _ in range(2):
        told = tool.resume(tmp_path)
        assert (told.code, rows(told)) == (3, [(str(place), "failed")])
        [problem] = told.document["problems"]
        assert "cleanup-nodemodule -p DIRECTORY --no-dry-run" in problem["message"]
        assert endings() == [None]
    # Nobody is sent back to what cannot do it.
    with tool.start("-p", tmp_path / "top") as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert "its project was moved, so only a run that deletes there finishes it" in errors
    assert "To finish what an interrupted run left" not in errors
    told = tool.delete(tmp_path / "top")
    assert (told.code, rows(told)) == (0, [(str(moved / place.name), "deleted")])
    assert listing(moved) == [b"package.json"]
    assert endings() == ["deleted"]
    assert tool.resume(tmp_path).code == 0


def test_what_will_never_be_found_can_be_forgotten(tool: Tool, tmp_path: Path) -> None:
    declare(tmp_path, {"project": PROJECT, "other": PROJECT})
    leave(tmp_path / "project/node_modules")
    other = leave(tmp_path / "other/node_modules")
    shutil.rmtree(tmp_path / "project")
    (tmp_path / "other").rename(tmp_path / "moved")
    assert tool.resume(tmp_path).code == 3
    with tool.start("resume", "--forget", tmp_path / "nothing") as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 3
    assert f"nothing was left at or beneath {tmp_path}/nothing that cannot be reached" in errors
    with tool.start("resume", "--forget", "") as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, "--forget needs a path" in errors) == (2, True)
    with tool.start("resume", "--forget", tmp_path / "project/node_modules") as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, str(tmp_path / "project") in errors) == (3, False)
    assert sorted(map(str, endings())) == ["None", "forgotten"]
    told = tool.resume(tmp_path)
    assert (told.code, rows(told)) == (3, [(str(other), "failed")])
    with tool.start("resume", "--forget", tmp_path / "other") as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert tool.resume(tmp_path).code == 0


def test_what_can_be_finished_is_not_forgotten(tool: Tool, tmp_path: Path) -> None:
    declare(tmp_path, {"project": PROJECT})
    place = leave(tmp_path / "project/node_modules")
    with tool.start("resume", "--forget", tmp_path) as process:
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert not place.exists()
    assert endings() == ["deleted"]


def test_what_the_journal_says_is_deleted_and_is_there_is_finished(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    """As when the power was cut after the end was on disk and before the deletion was."""
    disk = disks.image("ext4", tmp_path / "disk")
    declare(disk, {"project": PROJECT})
    place = leave(disk / "project/node_modules")
    [entry] = read.read(state_directory.directory()).entries
    with Journal(state_directory.directory(), a_run("/")) as records:
        records.end(entry.number, Ending.DELETED, run=entry.run)
    told = tool.delete(disk)
    assert (told.code, rows(told)) == (0, [(str(place), "deleted")])
    assert not place.exists()


def test_a_path_longer_than_any_call_takes_is_finished(tool: Tool, tmp_path: Path) -> None:
    dig(tmp_path / "top", 25, b"d" * 200)
    directory = os.path.join(tmp_path, "top", *["d" * 200] * 25)
    path = os.path.join(directory, "node_modules")
    around = os.open(tmp_path / "top", os.O_RDONLY)
    for _ in range(25):
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=around)
        os.close(around)
        around = below
    os.mkdir("node_modules", dir_fd=around)
    declare(tmp_path / "other", {})
    being, outside = identity.seen(path)
    assert being is not None
    candidate = Candidate(path, "/", being.identity, mounted=False)
    planned = replace(artifact(tmp_path / "other"), candidate=candidate)
    place = staged.new_name(path)
    records = Journal(state_directory.directory(), a_run("/"))
    records.turn(*records.begin([Intent.to_delete(planned, place, being, outside)]))
    rename_away.stage(candidate, place)
    abandon(records)
    told = tool.resume(tmp_path)
    assert (told.code, rows(told)) == (0, [(place, "deleted")])
    assert os.listdir(around) == ["bottom"]
    os.close(around)


def test_the_name_of_the_machine_may_change(tool: Tool, disks: Mounts, tmp_path: Path) -> None:
    declare(tmp_path, {"upper": {}, "work": {}, "project": PROJECT})
    disks.overlay(Path("/etc"), Path("/etc"), tmp_path / "upper", tmp_path / "work")
    Path("/etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n", encoding="ascii")
    place = leave(tmp_path / "project/node_modules")
    renamed = (
        *("unshare", "--uts", "sh", "-c"),
        *('echo elsewhere >/proc/sys/kernel/hostname && exec "$@"', "sh"),
    )
    with tool.start("log", prefix=renamed) as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert "To finish it: cleanup-nodemodule resume" in errors
    told = tool.finish(tool.start("resume", "--json", prefix=renamed), tmp_path)
    assert (told.code, rows(told)) == (0, [(str(place), "deleted")])
    assert endings() == ["deleted"]


def test_a_machine_is_known_by_its_id_or_else_by_its_name(
    disks: Mounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(tmp_path, {"upper": {}, "work": {}})
    disks.overlay(Path("/etc"), Path("/etc"), tmp_path / "upper", tmp_path / "work")
    names = set()
    for number in ("0" * 31 + "1", "0" * 31 + "2"):
        Path("/etc/machine-id").write_text(f"{number}\n", encoding="ascii")
        assert number not in machine.machine()
        names.add(machine.machine())
    assert len(names) == 2
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    for nothing in ("", "uninitialized\n", "\xff", "0123\n"):
        Path("/etc/machine-id").write_text(nothing, encoding="latin-1")
        assert machine.machine() == "here"
    Path("/etc/machine-id").unlink()
    assert machine.machine() == "here"


# Without a journal.


@pytest.fixture
def full(disks: Mounts, tmp_path: Path) -> dict[str, str]:
    """The environment of a run that has no room for anything of its own."""
    disk = disks.tmpfs(tmp_path / "full", "mode=700,size=64k,nr_inodes=3")
    fill(disk / "ballast")
    (disk / "last").touch()
    return {"XDG_STATE_HOME": str(disk)}


def without_rights() -> tuple[str, ...]:
    """Return what to put before a command so that root may not set attributes that only root may."""
    if shutil.which("setpriv") is None:
        unable("needs setpriv (util-linux)")
    return ("setpriv", "--bounding-set=-sys_admin")


def test_what_could_not_be_written_down_is_said(
    tool: Tool, full: dict[str, str], tmp_path: Path
) -> None:
    declare(tmp_path, {"top": {"project": PROJECT}})
    told = tool.delete(tmp_path / "top", env=full)
    assert (told.code, told.outcomes) == (3, {"project/node_modules": "deleted"})
    [problem] = told.document["problems"]
    assert problem["errno"] == "ENOSPC"
    assert "records could not be written, because the disk is full" in problem["message"]
    assert told.errors.count("could not be written") == 1


@pytest.mark.parametrize("named_root", [True, False])
def test_what_a_killed_run_could_not_write_down_is_finished_by_its_mark(
    tool: Tool, full: dict[str, str], tmp_path: Path, *, named_root: bool
) -> None:
    """As root by an attribute that only root can set, or else by one on what nobody else may write."""
    needs_root()
    declare(tmp_path, {"top": {"project": {"package.json": "{}", "node_modules": MANY}}})
    project = tmp_path / "top/project"
    if named_root:
        give(NOBODY, project / "node_modules", project)
        kill_while_deleting(tool, tmp_path / "top", tmp_path / "log", env=full)
        prefix: tuple[str, ...] = ()
    else:
        prefix = without_rights()
        log = tmp_path / "log"
        slowly = strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=30000")
        running = tool.start(
            *("-p", tmp_path / "top", "--no-dry-run", "-j", "1"),
            prefix=(*slowly, *prefix),
            env=full,
        )
        await_condition(lambda: log.exists() and log.read_text().count("\n") > 3, "it was deleting")
        running.send_signal(signal.SIGKILL)
        with running:
            running.communicate(timeout=TIMEOUT)
    [place] = project.glob(f"{staged.PREFIX}*")
    space = "trusted" if named_root else "user"
    assert os.listxattr(place) == [f"{space}.cleanup-nodemodule"]
    moved = project.rename(tmp_path / "top/moved")
    told = tool.run(tmp_path / "top", prefix=prefix)
    [row] = told.document["leftovers"]
    assert row["original"] == str(moved / "node_modules")
    assert "only a run that deletes there finishes it" in row["error"]
    # What it took when the run began counts against a limit.
    told = tool.delete(tmp_path / "top", "--max-delete", "1KiB", prefix=prefix)
    assert told.code == 4
    told = tool.delete(tmp_path / "top", prefix=prefix)
    assert (told.code, rows(told)) == (0, [(str(moved / place.name), "deleted")])
    assert listing(moved) == [b"package.json"]
    [entry] = read.read(state_directory.directory()).entries
    assert entry.end is not None
    assert (entry.end.ending, entry.intent.path) == (Ending.DELETED, str(moved / "node_modules"))


def marked(top: Path) -> Path:
    """Mark a directory and rename it, as a run does that is killed then and has no journal."""
    being, _ = identity.seen(str(top))
    assert being is not None
    place = staged.new_name(str(top))
    marking = Mark.of("0123456789ab", 1, str(top), place, being)
    gone = replace(
        marking, pid=2**22 + 1
    )  # There is no such process (proc_sys_kernel(5), pid_max).
    candidate = Candidate(str(top), "/", being.identity, mounted=False)
    rename_away.stage(candidate, place, gone)
    return Path(place)


def test_what_its_run_is_at_work_with_is_left_to_it(tool: Tool, tmp_path: Path) -> None:
    declare(tmp_path, {"top": {"project": PROJECT}})
    path = tmp_path / "top/project/node_modules"
    being, _ = identity.seen(str(path))
    assert being is not None
    place = staged.new_name(str(path))
    marking = Mark.of("0123456789ab", 1, str(path), place, being)
    rename_away.stage(Candidate(str(path), "/", being.identity, mounted=False), place, marking)
    told = tool.delete(tmp_path / "top")
    [row] = told.document["leftovers"]
    assert (row["outcome"], row["error"]) == (None, "the run that is deleting it is still at work")
    assert os.path.exists(place)


def test_a_mark_on_a_copy_says_nothing(tool: Tool, tmp_path: Path) -> None:
    """Nor what a backup brought back: it has the attributes, and is another directory."""
    needs_root()
    declare(tmp_path, {"top": {"project": PROJECT, "elsewhere": {}}})
    place = marked(tmp_path / "top/project/node_modules")
    copy = tmp_path / "top/elsewhere" / place.name
    subprocess.run(["cp", "-a", "--preserve=all", place, copy], check=True)
    assert os.getxattr(copy, "trusted.cleanup-nodemodule")
    before = listing(copy)
    told = tool.delete(tmp_path / "top")
    assert dict(rows(told)) == {str(place): "deleted", str(copy): None}
    assert listing(copy) == before


@pytest.mark.parametrize("forged", ["another name", "another owner", "others may write", "torn"])
def test_a_mark_that_somebody_could_have_forged_says_nothing(
    tool: Tool, tmp_path: Path, forged: str
) -> None:
    """What an ordinary user can set, on what is theirs or what they may write."""
    needs_root()
    declare(tmp_path, {"top": {"project": PROJECT}})
    place = marked(tmp_path / "top/project/node_modules")
    text = os.getxattr(place, "trusted.cleanup-nodemodule")
    if forged == "another name":
        place = place.rename(place.with_name(staged.PREFIX + "0" * 16))
    elif forged == "torn":
        os.setxattr(place, "trusted.cleanup-nodemodule", text[:20])
    else:
        os.removexattr(place, "trusted.cleanup-nodemodule")
        os.setxattr(place, "user.cleanup-nodemodule", text)
        assert mark.believed(str(place)) is not None
        if forged == "another owner":
            give(NOBODY, place)
        else:
            place.chmod(0o777)
    before = listing(place)
    told = tool.delete(tmp_path / "top")
    assert rows(told) == [(str(place), None)]
    assert listing(place) == before


def test_what_is_put_back_bears_no_mark(tmp_path: Path) -> None:
    declare(tmp_path, {"project": PROJECT})
    path = tmp_path / "project/node_modules"
    place = marked(path)
    assert os.listxattr(place)
    being, _ = identity.seen(str(place))
    assert being is not None
    rename_away.put_back(str(place), str(path), being.identity)
    assert os.listxattr(path) == []


# In its place.


@pytest.fixture
def halved(tool: Tool, disks: Mounts, tmp_path: Path) -> Path:
    """A directory of a lower layer, which cannot be renamed, half deleted by a run that was killed."""
    layers = disks.tmpfs(tmp_path / "layers")
    for name in ("lower", "upper", "work"):
        (layers / name).mkdir()
    declare(layers / "lower", {"app": {"package.json": "{}", "node_modules": MANY}})
    top = disks.overlay(tmp_path / "top", layers / "lower", layers / "upper", layers / "work")
    kill_while_deleting(tool, top, tmp_path / "log")
    left = top / "app/node_modules"
    assert 0 < len(listing(left)) < len(MANY)
    return left


def test_half_of_what_was_deleted_in_its_place_is_said_and_not_touched(
    tool: Tool, halved: Path, tmp_path: Path
) -> None:
    declare(halved, {"mended": {"since": 1}})
    before = listing(halved)
    for _ in range(2):
        with tool.start("resume") as process:
            _, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 3
        assert "Nothing is left" not in errors
        assert f"-p {halved.parent} --targets node_modules --no-dry-run" in errors
        assert listing(halved) == before
    told = tool.delete(halved.parent, "--exclude", "node_modules/")
    assert (told.code, rows(told)) == (3, [(str(halved), "failed")])
    assert listing(halved) == before
    # What it said deletes it, and then there is nothing more to say.
    told = tool.delete(halved.parent, "--targets", "node_modules")
    assert (told.code, told.outcomes, rows(told)) == (0, {"node_modules": "deleted"}, [])
    assert tool.resume(tmp_path).code == 0
    assert not halved.exists()


def test_half_of_what_was_deleted_in_its_place_can_be_kept(
    tool: Tool, halved: Path, tmp_path: Path
) -> None:
    before = listing(halved)
    with tool.start("resume", "--forget", halved) as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, errors) == (0, "Nothing is left of any interrupted run.\n")
    assert tool.resume(tmp_path).code == 0
    assert listing(halved) == before


# What failed.


def test_what_failed_in_part_is_not_offered_as_if_it_were_finished(
    tool: Tool, tmp_path: Path
) -> None:
    """resume would fail in the same way, until somebody sees to what is in the way."""
    needs_root()
    declare(tmp_path, {"top": {"project": PROJECT}})
    fixed = tmp_path / "top/project/node_modules/pkg/index.js"
    if subprocess.run(["chattr", "+i", fixed], check=False, capture_output=True).returncode:
        unable("this file system has no immutable files")
    try:
        with tool.start("-p", tmp_path / "top", "--no-dry-run") as process:
            _, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 3
        assert "To finish what an interrupted run left" not in errors
        assert "When you have removed the cause, delete the rest: cleanup-nodemodule resume" in (
            errors
        )
        with tool.start("-p", tmp_path / "top") as process:
            _, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
        assert "To finish what an interrupted run left" not in errors
        [place] = (tmp_path / "top/project").glob(f"{staged.PREFIX}*")
        was = f"Still there: {place}, which was {tmp_path}/top/project/node_modules"
        [said] = [line for line in errors.splitlines() if line.startswith(was)]
        assert said.startswith(f"{was}: an earlier run could not ")
        assert said.endswith(f"{place}/pkg/index.js: {os.strerror(errno.EPERM)}.")
    finally:
        [fixed] = (tmp_path / "top").rglob("index.js")
        subprocess.run(["chattr", "-i", fixed], check=True)
    assert tool.resume(tmp_path).code == 0
    assert not place.exists()
