"""Mounts in the way, and file systems that refuse, fail half way or do not tell.

At the level of the installed command and with both engines, on real file systems: in memory, on loop
devices, laid over each other, and one that misbehaves on purpose (``support/misbehaving.py``).
"""

import errno
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from support.accounts import NOBODY, as_account, give, give_away, lonely
from support.filesystems import Mounts
from support.journals import fill
from support.needs import needs_root, unable
from support.processes import bound, mode, strace
from support.tool import FULL, PROJECT, Told, Tool
from support.trees import Declared, declare, listing
from support.waiting import await_condition

pytestmark = pytest.mark.slow

PAIR: Final[Declared] = {"bad": PROJECT, "good": PROJECT}
"""Two projects: one that something is wrong with, and one that has to be dealt with all the same."""


def survived(tool: Tool, top: Path, reason: str) -> Told:
    """Delete beneath *top*; check that the bad project's artifact is kept, the good one's is not."""
    planned = tool.run(top)
    code = 3 if planned.problems else 0
    assert planned.code == code
    assert planned.reasons == {"bad/node_modules": reason, "good/node_modules": None}
    told = tool.delete(top)
    assert told.code == code
    assert told.reasons == planned.reasons
    assert told.outcomes == {"bad/node_modules": None, "good/node_modules": "deleted"}
    assert told.problems == planned.problems
    assert (top / "bad/package.json").exists()
    assert listing(top / "good") == [b"package.json"]
    return told


@pytest.mark.parametrize("kind", ["another", "bind", "file"])
def test_an_artifact_with_something_mounted_inside_is_kept(
    tool: Tool, tmp_path: Path, disks: Mounts, kind: str
) -> None:
    """Another file system, or a part of the same one, is mounted somewhere in the artifact: a
    directory, or a file, which no walk can tell from any other."""
    top = tmp_path / "top"
    declare(top, PAIR)
    place = top / "bad/node_modules/pkg/deep"
    declare(tmp_path / "elsewhere", {"precious": "precious"})
    if kind == "another":
        disks.tmpfs(place)
        declare(place, {"precious": "precious"})
    elif kind == "bind":
        disks.bind(tmp_path / "elsewhere", place)
    else:
        place = top / "bad/node_modules/file"
        disks.bind(tmp_path / "elsewhere/precious", place)
        assert tool.run(top).reasons["bad/node_modules"] == "mount-point"
        tool.delete(top)
        assert place.read_text() == "precious"
        assert (top / "bad/node_modules/pkg/deep/er").exists()
        return
    told = survived(tool, top, "mount-point")
    assert told.problems == set()
    assert listing(place) == [b"precious"]
    assert listing(top / "bad/node_modules/pkg") == [b"deep", b"deep/precious", b"index.js"]


@pytest.mark.parametrize("kind", ["another", "bind"])
def test_an_artifact_that_is_itself_a_mount_point_is_kept(
    tool: Tool, tmp_path: Path, disks: Mounts, kind: str
) -> None:
    """As where a project keeps its node_modules on a disk of their own, or in a volume."""
    top = tmp_path / "top"
    declare(top, PAIR)
    place = top / "bad/node_modules"
    if kind == "another":
        declare(disks.tmpfs(place), FULL)
    else:
        declare(tmp_path / "elsewhere", FULL)
        disks.bind(tmp_path / "elsewhere", place)
    told = survived(tool, top, "mount-point")
    assert told.problems == set()
    assert (place / "pkg/deep/er").exists()


def test_nothing_is_mounted_for_being_looked_at(tool: Tool, tmp_path: Path, disks: Mounts) -> None:
    """A place where a file system is mounted as soon as somebody goes there (autofs) is not gone to:
    in a tree, beside what is looked at for evidence, in an artifact, and as an artifact."""
    top = tmp_path / "top"
    declare(top, {**PAIR, "itself": {"package.json": "{}", "node_modules": {}}})
    triggers = [
        disks.automount(place)
        for place in (
            top / "net",
            top / "good/src",
            top / "bad/node_modules/pkg/net",
            top / "itself/node_modules",
        )
    ]
    for delete in ((), ("--no-dry-run",)):
        # A process group of its own, as this one's need not ask.
        told = tool.run(top, "--profile", "all", *delete, prefix=("setsid", "--wait"))
        assert [trigger.triggered for trigger in triggers] == [False] * 4
        assert told.reasons == {
            "bad/node_modules": "mount-point",
            "good/node_modules": None,
            "itself/node_modules": "mount-point",
        }
    assert not (top / "good/node_modules").exists()


def test_what_would_mount_something_does_so_here(tmp_path: Path, disks: Mounts) -> None:
    """That nothing was mounted above is worth knowing, as another program has it mounted."""
    trigger = disks.automount(tmp_path / "net")
    process = subprocess.Popen(
        ["setsid", "--wait", "ls", tmp_path / "net"], stderr=subprocess.DEVNULL
    )
    await_condition(lambda: trigger.triggered, "something was to be mounted")
    trigger.close()
    assert process.wait() != 0


def test_a_subvolume_inside_an_artifact_is_kept(tool: Tool, tmp_path: Path, disks: Mounts) -> None:
    """A subvolume of btrfs is not a mount point, and yet not part of what lies around it; a snapshot
    may be the only copy of what it holds."""
    top = disks.image("btrfs", tmp_path / "top")
    declare(top, {**PAIR, "itself": {"package.json": "{}"}})
    for place in (top / "bad/node_modules/snapshot", top / "itself/node_modules"):
        subprocess.run(["btrfs", "-q", "subvolume", "create", place], check=True)
        declare(place, {"precious": "precious"})
    told = tool.delete(top)
    assert told.code == 0
    assert told.reasons == {
        "bad/node_modules": "mount-point",
        "good/node_modules": None,
        "itself/node_modules": "mount-point",
    }
    assert told.problems == set()
    assert listing(top / "bad/node_modules/snapshot") == [b"precious"]
    assert listing(top / "itself/node_modules") == [b"precious"]
    assert listing(top / "good") == [b"package.json"]


def test_a_read_only_directory_is_not_made_writable(tool: Tool, tmp_path: Path) -> None:
    """Whoever runs it may not write to a directory inside: what is not in there is deleted, the rest
    reported, and the permissions are as they were."""
    top = tmp_path / "top"
    declare(top, PAIR)
    inner = top / "bad/node_modules/pkg/deep"
    inner.chmod(0o555)
    told = tool.delete(top, prefix=bound())
    assert (told.code, told.outcomes) == (
        3,
        {"bad/node_modules": "failed", "good/node_modules": "deleted"},
    )
    (left,) = (path for path in (top / "bad").rglob("deep"))
    assert stat.S_IMODE(left.stat().st_mode) == 0o555
    assert listing(left) == [b"er"]
    assert not (left.parent / "index.js").exists()
    assert told.problems == {(os.path.relpath(left / "er", top), "EACCES")}
    assert told.rows["bad/node_modules"]["left_at"] == str(left.parents[1])
    left.chmod(0o755)
    # Now that it may, the next run deletes the rest.
    assert tool.delete(top, prefix=bound()).code == 0
    assert listing(top / "bad") == [b"package.json"]


def test_what_may_not_be_read_is_not_deleted(tool: Tool, tmp_path: Path) -> None:
    """Nobody knows what is in a directory that may not be read: the size is a lower bound, and nothing
    of the artifact is deleted."""
    top = tmp_path / "top"
    declare(top, PAIR)
    closed = top / "bad/node_modules/pkg/deep"
    with mode(closed, 0):
        planned = tool.run(top, prefix=bound())
        told = tool.delete(top, prefix=bound())
        for said in (planned, told):
            assert said.code == 3
            assert said.problems == {("bad/node_modules/pkg/deep", "EACCES")}
            row = said.rows["bad/node_modules"]
            assert (row["reason"], row["complete"], row["files"]) == ("unreadable", False, 2)
        assert told.outcomes == {"bad/node_modules": None, "good/node_modules": "deleted"}
    assert listing(top / "bad/node_modules") == [
        *(b"file", b"pkg", b"pkg/deep", b"pkg/deep/er", b"pkg/index.js")
    ]


@pytest.mark.parametrize("where", ["around", "inside"])
def test_what_only_its_owner_may_delete_root_keeps_unless_told_to(
    tool: Tool, tmp_path: Path, where: str
) -> None:
    """In a sticky directory, such as /tmp, everybody deletes only what is their own. Root may delete
    all of it, and still does so only when asked."""
    needs_root()
    top = tmp_path / "top"
    declare(top, PAIR)
    sticky, theirs = {
        "around": (top / "bad", top / "bad/node_modules"),
        "inside": (top / "bad/node_modules/pkg", top / "bad/node_modules/pkg/index.js"),
    }[where]
    sticky.chmod(0o1777)
    give(NOBODY, theirs)
    told = tool.delete(top)
    assert told.reasons == {"bad/node_modules": "foreign", "good/node_modules": None}
    assert told.outcomes == {"bad/node_modules": None, "good/node_modules": "deleted"}
    assert theirs.exists()
    assert (top / "bad/node_modules/pkg/deep/er").exists()
    told = tool.delete(top, "--include-foreign")
    assert (told.code, told.outcomes) == (0, {"bad/node_modules": "deleted"})
    assert listing(top / "bad") == [b"package.json"]


def test_what_vanishes_while_it_is_looked_at_is_no_problem(tool: Tool, tmp_path: Path) -> None:
    """Between the name that a directory gives and the look at it a file goes, and so does a whole
    directory: trees in use change."""
    top, log = tmp_path / "top", tmp_path / "log"
    declare(top, {"app": {**PROJECT, "src": {"a": {"b": 1}}}, "gone": PROJECT})
    read = [top / "app/node_modules", top / "app/node_modules/pkg", top / "gone"]
    slow = strace(
        log,
        *("--trace=getdents64", "--inject=getdents64:delay_exit=700000"),
        *(word for path in read for word in ("-P", str(path))),
    )
    process = tool.start("--json", "-p", top, prefix=slow)

    def being_read(path: Path) -> bool:
        return log.exists() and f"<{path}>" in log.read_text()

    await_condition(lambda: being_read(top / "gone"), "one was being read")
    shutil.rmtree(top / "gone/node_modules")
    await_condition(lambda: being_read(read[0]), "the other was being read")
    (read[0] / "file").unlink()
    await_condition(lambda: being_read(read[1]), "what is in it was being read")
    shutil.rmtree(read[1] / "deep")
    told = tool.finish(process, top)
    assert (told.code, told.problems) == (0, set())
    assert told.rows["app/node_modules"]["complete"]


def test_what_vanishes_while_it_is_deleted_is_a_success(tool: Tool, tmp_path: Path) -> None:
    """Somebody else deletes the same files at the same time, and is faster."""
    top, log = tmp_path / "top", tmp_path / "log"
    many: Declared = {f"d{number}": FULL for number in range(50)}
    declare(top, {"app": {"package.json": "{}", "node_modules": many}})
    process = tool.start(
        *("--json", "-p", top, "--no-dry-run"),
        prefix=strace(log, "--trace=unlinkat", "--inject=unlinkat:delay_enter=10000"),
    )
    await_condition(lambda: log.exists() and log.read_text().count("\n") > 5, "it was deleting")
    for place in (top / "app").iterdir():
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
    told = tool.finish(process, top)
    assert (told.code, told.problems, told.outcomes) == (0, set(), {"app/node_modules": "deleted"})
    assert listing(top) == [b"app", b"app/package.json"]


@pytest.mark.parametrize("given", ["nowhere", "file", "file/beneath"])
def test_a_root_that_is_no_directory_is_wrong_usage_and_a_document(
    tool: Tool, tmp_path: Path, given: str
) -> None:
    """Unless there are others, which test_roots.py is about."""
    top = tmp_path / "top"
    declare(top, {"file": "", "app": PROJECT})
    before = listing(top)
    told = tool.run(top / given, "-p", top / given / "x", "--no-dry-run")
    assert told.code == 2
    assert [problem["errno"] for problem in told.document["problems"]] == [
        "ENOENT" if given == "nowhere" else "ENOTDIR"
    ]
    assert (told.document["artifacts"], told.document["complete"]) == ([], False)
    assert listing(top) == before


@pytest.mark.parametrize("kind", ["ext4", "fuse"])
def test_where_a_directory_does_not_tell_what_is_one_it_is_asked(
    tool: Tool, tmp_path: Path, disks: Mounts, kind: str
) -> None:
    """Some file systems do not say of an entry what it is (DT_UNKNOWN): ext4 without that feature,
    and others by network."""
    tree: Declared = {**PAIR, "a": {"b": {"c": {}}}}
    if kind == "ext4":
        top = disks.image("ext4", tmp_path / "top", "-O", "^filetype")
        declare(top, tree)
    else:
        top = disks.misbehaving(tmp_path / "top", tree, typeless=True).path
    planned = tool.run(top)
    assert (planned.code, planned.problems) == (0, set())
    assert set(planned.reasons) == {"bad/node_modules", "good/node_modules"}
    row = planned.rows["good/node_modules"]
    assert (row["files"], row["directories"], row["complete"]) == (3, 3, True)
    told = tool.delete(top)
    assert (told.code, set(told.outcomes.values())) == (0, {"deleted"})
    assert not (top / "bad/node_modules").exists()
    assert (top / "a/b/c").exists()


def test_fifos_sockets_and_devices_are_unlinked_and_never_opened(
    tool: Tool, tmp_path: Path
) -> None:
    """To open a FIFO blocks, to open a tape rewinds it."""
    top, log = tmp_path / "top", tmp_path / "log"
    declare(top, {"app": PROJECT})
    inside = top / "app/node_modules/pkg"
    os.mkfifo(inside / "odd-fifo")
    with socket.socket(socket.AF_UNIX) as bound_to:
        before = Path.cwd()
        os.chdir(inside)  # A socket's address is short (unix(7)).
        bound_to.bind("odd-socket")
        os.chdir(before)
    if os.geteuid() == 0:
        os.mknod(inside / "odd-char", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        os.mknod(inside / "odd-block", stat.S_IFBLK | 0o600, os.makedev(7, 99))
    odd = len([name for name in os.listdir(inside) if name.startswith("odd-")])
    told = tool.delete(top, prefix=strace(log, "--trace=open,openat,openat2,unlinkat"))
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})
    assert told.rows["app/node_modules"]["files"] == 3 + odd
    touched = [line for line in log.read_text().splitlines() if "odd-" in line]
    assert len(touched) == odd
    assert all("unlinkat(" in line for line in touched)


def test_a_hard_link_outside_is_as_it_was(tool: Tool, tmp_path: Path) -> None:
    """As where pnpm links a package's files to its store: only names go, and their space is no gain."""
    top = tmp_path / "top"
    declare(top, {"app": PROJECT, "store": b"precious\0" * 10_000})
    store = top / "store"
    store.chmod(0o640)
    os.utime(store, (1000, 2000))
    without = tool.run(top).rows["app/node_modules"]
    (top / "app/node_modules/pkg/linked").hardlink_to(store)
    before = os.lstat(store)
    told = tool.delete(top)
    assert (told.code, told.outcomes) == (0, {"app/node_modules": "deleted"})
    row = told.rows["app/node_modules"]
    assert row["allocated_bytes"] >= without["allocated_bytes"] + store.stat().st_blocks * 512
    assert row["reclaimable_bytes"] == without["reclaimable_bytes"]
    assert told.document["totals"]["freed_bytes"] == row["reclaimable_bytes"]
    after = os.lstat(store)
    assert store.read_bytes() == b"precious\0" * 10_000
    assert after.st_nlink == before.st_nlink - 1 == 1
    for unchanged in ("st_ino", "st_mode", "st_uid", "st_gid", "st_size", "st_mtime_ns"):
        assert getattr(after, unchanged) == getattr(before, unchanged)


@pytest.mark.parametrize(
    ("kind", "disk"), [("sparse", "ext4"), ("sparse", "xfs"), ("compressed", "btrfs")]
)
def test_what_counts_is_the_space_that_is_taken(
    tool: Tool, tmp_path: Path, disks: Mounts, kind: str, disk: str
) -> None:
    """A sparse file takes less than its size: what is said to be allocated is what du(1) says, and what is freed is what
    the file system then has more. Of compressed content that is much less than du(1) says."""
    compressing = "compress-force=zstd" if kind == "compressed" else ""
    top = disks.image(disk, tmp_path / "top", options=compressing)
    declare(top, {"app": {**PROJECT, "node_modules": {"text": b"again\n" * 500_000}}})
    if kind == "sparse":
        os.truncate(top / "app/node_modules/text", 10_000_000)
        with open(top / "app/node_modules/hole", "wb") as file:
            file.truncate(1_000_000_000)
    os.sync()
    artifact = top / "app/node_modules"
    du = subprocess.run(
        ["du", "--summarize", "--block-size=1", artifact],
        capture_output=True,
        text=True,
        check=True,
    )
    row = tool.run(top).rows["app/node_modules"]
    assert row["allocated_bytes"] == int(du.stdout.split()[0])
    if kind == "compressed":
        assert row["reclaimable_at_most_bytes"] < 500_000
    elif disk == "ext4":
        assert row["reclaimable_bytes"] == row["allocated_bytes"]
    assert row["apparent_bytes"] >= (1_010_000_000 if kind == "sparse" else 3_000_000)
    assert row["allocated_bytes"] <= 3_100_000
    totals = tool.delete(top).document["totals"]
    assert totals["freed_bytes"] == row["reclaimable_bytes"]
    if disk == "ext4":  # The others take and give back space for themselves.
        assert totals["observed_freed_bytes"] == totals["freed_bytes"]
    else:
        least, most = row["reclaimable_bytes"], row["reclaimable_at_most_bytes"]
        assert least - 65536 <= totals["observed_freed_bytes"] <= most + 65536


@pytest.mark.parametrize("disk", ["ext4", "xfs", "btrfs"])
def test_directories_that_shrink_while_they_are_emptied_are_freed_whole(
    tool: Tool, tmp_path: Path, disks: Mounts, disk: str
) -> None:
    """XFS gives back what a directory takes as its entries go: when it is removed it takes nothing."""
    top = disks.image(disk, tmp_path / "top")
    large: Declared = {f"a-file-with-a-rather-long-name-{number}": "" for number in range(2_000)}
    inner: Declared = {"node_modules": {"small": {f"file-{n}": "" for n in range(20)}}}
    declare(top, {"app": {**PROJECT, "node_modules": {"large": large, "nested": inner, "a": {}}}})
    row = tool.run(top).rows["app/node_modules"]
    totals = tool.delete(top).document["totals"]
    assert totals["counted_bytes"] == row["allocated_bytes"]
    assert totals["freed_bytes"] == row["reclaimable_bytes"]


@contextmanager
def attribute(flag: str, path: Path, top: Path) -> Iterator[None]:
    """Give *path* a file attribute (chattr(1)) until the end, wherever in *top* it is by then."""
    if subprocess.run(["chattr", f"+{flag}", path], check=False, capture_output=True).returncode:
        unable(f"cannot give a file the attribute {flag}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-R", f"-{flag}", top], check=True)


@pytest.mark.parametrize("flag", ["i", "a"])
@pytest.mark.parametrize("which", ["file", "directory"])
def test_what_is_immutable_is_reported_and_the_rest_goes(
    tool: Tool, tmp_path: Path, disks: Mounts, flag: str, which: str
) -> None:
    """An immutable or append-only entry stays, and what is in such a directory."""
    top = disks.image("ext4", tmp_path / "top")
    declare(top, PAIR)
    fixed = top / "bad/node_modules/pkg"
    with attribute(flag, fixed / "index.js" if which == "file" else fixed / "deep", top / "bad"):
        told = tool.delete(top)
        assert told.code == 3
        assert told.outcomes == {"bad/node_modules": "failed", "good/node_modules": "deleted"}
        assert {error for _, error in told.problems} == {"EPERM"}
        left = [path for path in listing(top / "bad") if not path.endswith(b"package.json")]
        assert len([path for path in left if path.endswith((b"index.js", b"deep/er"))]) == 1
        assert not [path for path in left if path.endswith(b"/file")]
    told = tool.delete(top)
    assert told.code == 0
    assert listing(top / "bad") == [b"package.json"]


def test_a_read_only_mount_is_reported_once(tool: Tool, tmp_path: Path, disks: Mounts) -> None:
    """Not once for each of the thousands of files that cannot be deleted there."""
    top = tmp_path / "top"
    declare(top, {"good": PROJECT})
    disk = disks.image("ext4", top / "disk")
    declare(disk, {f"app{number}": PROJECT for number in range(5)})
    disks.read_only(disk)
    before = listing(disk)
    told = tool.delete(top)
    # A mount within a tree is not searched; it is by its own path.
    assert (told.code, told.outcomes) == (0, {"good/node_modules": "deleted"})
    told = tool.delete(disk)
    assert told.code == 3
    assert set(told.outcomes.values()) == {"failed"}
    assert told.document["totals"]["failed"] == 5
    assert told.problems == {(".", "EROFS")}
    assert len(told.document["problems"]) == 1
    assert listing(disk) == before


@pytest.mark.parametrize("kind", ["tmpfs", "ext4", "many", "xfs", "btrfs", "overlay", "fuse"])
def test_wherever_directories_count_their_links_otherwise_all_are_found(
    tool: Tool, tmp_path: Path, disks: Mounts, kind: str
) -> None:
    """A directory of two links has no other in it, on some file systems; on others that says nothing,
    and ext4 stops counting somewhere."""
    top = tmp_path / "top"
    deep: Declared = {"a": {"b": {"c": {"app": PROJECT}, "file": 1}}, "empty": {}, "app": PROJECT}
    match kind:
        case "tmpfs":
            disks.tmpfs(top)
        case "overlay":
            declare(tmp_path, {"lower": deep, "upper": {}, "work": {}, "top": {}})
            disks.overlay(top, tmp_path / "lower", tmp_path / "upper", tmp_path / "work")
        case "fuse":
            disks.misbehaving(top, deep)
        case "many":
            disks.image("ext4", top, "-N", "80000", mebibytes=512)
        case _:
            disks.image(kind, top)
    if kind not in {"overlay", "fuse"}:
        declare(top, deep)
    crowd = top / "a" / "b" / "crowd"
    if kind == "many":
        crowd.mkdir()
        for number in range(65_000):
            (crowd / str(number)).mkdir()
        declare(crowd, {"app": PROJECT})
        assert crowd.stat().st_nlink == 1
    told = tool.run(top)
    assert (told.code, told.problems) == (0, set())
    expected = {"a/b/c/app/node_modules", "app/node_modules"}
    if kind == "many":
        expected.add("a/b/crowd/app/node_modules")
    assert set(told.reasons) == expected


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("operation", ["opendir", "getattr", "readdir"])
def test_a_directory_that_fails_is_asked_a_few_times_and_the_rest_goes_on(
    tool: Tool, tmp_path: Path, disks: Mounts, operation: str, number: int
) -> None:
    """A damaged disk, or a server that has forgotten a file handle: the size is a lower bound, it is
    not asked for ever, and what else there is is dealt with."""
    bad = "/bad/node_modules/pkg"
    disk = disks.misbehaving(tmp_path / "top", PAIR, fail={f"{operation} {bad}": number})
    top = disk.path
    told = survived(tool, top, "unreadable")
    assert told.problems == {("bad/node_modules/pkg", errno.errorcode[number])}
    row = told.rows["bad/node_modules"]
    assert (row["complete"], row["files"]) == (False, 1)
    assert disk.calls(operation, bad) <= 40
    disk.change()
    assert listing(top / "bad/node_modules") == [
        *(b"file", b"pkg", b"pkg/deep", b"pkg/deep/er", b"pkg/index.js")
    ]


@pytest.mark.parametrize("engine_sees", ["nothing", "some"])
def test_a_directory_that_fails_half_way_is_not_taken_for_empty(
    tool: Tool, tmp_path: Path, disks: Mounts, engine_sees: str
) -> None:
    """Reading it gives a few entries or none, and then an error, which is easily taken for its end:
    whether it is met while looking or only while deleting."""
    many: Declared = {"package.json": "{}", "node_modules": {"d": {str(n): 1 for n in range(9)}}}
    broken = {"/bad/node_modules/d": 0 if engine_sees == "nothing" else 4}
    disk = disks.misbehaving(tmp_path / "top", {**PAIR, "bad": many}, broken=broken)
    told = survived(tool, disk.path, "unreadable")
    assert told.problems == {("bad/node_modules/d", "EIO")}
    assert not told.rows["bad/node_modules"]["complete"]
    disk.change()
    assert len(listing(disk.path / "bad/node_modules/d")) == 9


def test_a_directory_that_fails_half_way_while_it_is_deleted_is_reported(
    tool: Tool, tmp_path: Path, disks: Mounts
) -> None:
    """It could be read as a whole before. What was read is gone by then; it is not said to be deleted,
    and nothing is where the project would take it for whole."""
    entries: Declared = {str(number): 1 for number in range(9)}
    tree = {**PAIR, "bad": {"package.json": "{}", "node_modules": {"d": entries}}}
    disk = disks.misbehaving(tmp_path / "top", tree, breaking={"/bad/*/d": 4})
    told = tool.delete(disk.path)
    assert told.code == 3
    assert told.outcomes == {"bad/node_modules": "failed", "good/node_modules": "deleted"}
    assert {error for _, error in told.problems} == {"EIO"}
    disk.change()
    assert not (disk.path / "bad/node_modules").exists()
    assert 0 < len([path for path in listing(disk.path / "bad") if b"/d/" in path]) < 9
    assert tool.delete(disk.path).code == 0
    assert listing(disk.path / "bad") == [b"package.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_to_delete_is_reported(
    tool: Tool, tmp_path: Path, disks: Mounts, number: int
) -> None:
    """File systems that never write in place need space to delete, and may have none."""
    disk = disks.misbehaving(tmp_path / "top", PAIR)
    top = disk.path
    fail = {f"unlink /bad/*/pkg/{name}": number for name in ("index.js", "deep/er")}
    disk.change(fail=fail)
    told = tool.delete(top)
    assert told.code == 3
    assert told.outcomes == {"bad/node_modules": "failed", "good/node_modules": "deleted"}
    assert {error for _, error in told.problems} == {errno.errorcode[number]}
    assert len(told.problems) == 2
    disk.change()
    assert len([path for path in listing(top / "bad") if path.endswith((b".js", b"/er"))]) == 2
    assert tool.delete(top).code == 0


def test_a_full_disk_is_no_reason_not_to_delete(tool: Tool, tmp_path: Path, disks: Mounts) -> None:
    """It is what people delete for. Neither the rename nor the record can have space."""
    top = disks.tmpfs(tmp_path / "top", "mode=755,size=1m")
    declare(top, {"app": PROJECT, "home": {}})
    (top / "home").chmod(0o700)
    fill(top / "filler")
    told = tool.delete(top, env={"XDG_STATE_HOME": str(top / "home/state")})
    assert told.outcomes == {"app/node_modules": "deleted"}
    assert listing(top / "app") == [b"package.json"]


SHORT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@pytest.mark.parametrize("number", SHORT)
def test_what_runs_short_for_a_moment_is_no_failure(
    tool: Tool, tmp_path: Path, number: int
) -> None:
    """Too many open files, in this process or on the whole machine, or too little memory: it goes on
    with less at a time. Simulated at the system call (``strace --inject``), as the machine cannot be
    made to run short for this test alone."""
    top, log = tmp_path / "top", tmp_path / "log"
    many: Declared = {f"d{number}": FULL for number in range(5)}
    declare(top, {f"app{number}": {**PROJECT, "node_modules": many} for number in range(10)})
    name = errno.errorcode[number]
    for first, delete in ((20, ()), (60, ("--no-dry-run",))):
        short = strace(
            log, "--trace=openat2", f"--inject=openat2:error={name}:when={first}..{first + 1}"
        )
        told = tool.run(top, "--jobs", "4", *delete, prefix=short)
        assert log.read_text().count(f"= -1 {name}") >= 2
        assert (told.code, told.problems) == (0, set())
        assert {row["files"] for row in told.rows.values()} == {15}
    assert set(told.outcomes.values()) == {"deleted"}
    assert listing(top) == sorted(
        path for n in range(10) for path in (b"app%d" % n, b"app%d/package.json" % n)
    )


@pytest.mark.parametrize("threads", [0, 1])
def test_no_more_threads_mean_less_at_a_time(tool: Tool, tmp_path: Path, threads: int) -> None:
    """The user has as many processes and threads as there may be (RLIMIT_NPROC), or all but one."""
    needs_root()
    top = tmp_path / "top"
    declare(top, {f"app{number}": PROJECT for number in range(20)})
    account = lonely()
    give_away(tool.home, top, account=account)
    few = (*as_account(account, anywhere=True), "prlimit", f"--nproc={1 + threads}")
    told = tool.run(top, "--jobs", "4", prefix=few)
    assert (told.code, told.problems, len(told.rows)) == (0, set(), 20)
    told = tool.delete(top, "--jobs", "4", prefix=few)
    assert (told.code, set(told.outcomes.values())) == (0, {"deleted"})
