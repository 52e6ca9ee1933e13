"""What a report says of each artifact besides what it is: whose, found beneath which root, on which file system."""

import os
import pwd
import re
import socket
import subprocess
from pathlib import Path

import pytest

from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.file_systems import FileSystems
from support.accounts import NOBODY, SOMEBODY, give
from support.filesystems import Mounts
from support.needs import needs_root
from support.tool import PROJECT, Tool
from support.trees import declare


def test_each_artifact_has_its_owner_by_name_or_by_number(plain: Tool, tmp_path: Path) -> None:
    needs_root()
    top = tmp_path / "top"
    declare(top, {"mine": PROJECT, "theirs": PROJECT, "nameless": PROJECT})
    give(NOBODY, top / "theirs/node_modules")
    give(SOMEBODY, top / "nameless/node_modules")
    rows = plain.run(top).rows
    assert {path.split("/")[0]: row["owner"] for path, row in rows.items()} == {
        "mine": pwd.getpwuid(os.geteuid()).pw_name,
        "theirs": pwd.getpwuid(NOBODY).pw_name,
        "nameless": str(SOMEBODY),
    }


def test_each_artifact_has_the_root_it_was_found_beneath(plain: Tool, tmp_path: Path) -> None:
    """A root may be an artifact itself, and lies beneath none then but itself."""
    top = tmp_path / "top"
    declare(top, {"a": PROJECT, "b": PROJECT, "c": {"deep": PROJECT}})
    own = top / "b/node_modules"
    told = plain.run(top / "a", "-p", own, "-p", top / "c")
    roots = {row["path"]: row["root"] for row in told.document["artifacts"]}
    assert roots == {
        f"{top}/a/node_modules": f"{top}/a",
        f"{own}": f"{own}",
        f"{top}/c/deep/node_modules": f"{top}/c",
    }
    assert set(roots.values()) == set(told.document["roots"])
    for row in told.document["artifacts"]:
        assert row["inode"] == os.stat(row["path"]).st_ino
        assert row["host"] == told.document["host"] == socket.gethostname()


def test_what_is_mounted_is_not_asked(plain: Tool, tmp_path: Path, disks: Mounts) -> None:
    top = tmp_path / "top"
    declare(top, {"package.json": "{}", "node_modules": {}})
    disks.tmpfs(top / "node_modules")
    [row] = plain.run(top).document["artifacts"]
    assert row["reason"] == "mount-point"
    assert (row["owner"], row["file_system"], row["inode"]) == (None, None, None)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_file_system_is_named_by_its_uuid(
    plain: Tool, disks: Mounts, tmp_path: Path, kind: str
) -> None:
    """The same as blkid(8) says it, so that it can be looked up."""
    place = disks.image(kind, tmp_path / "disk")
    declare(place / "top", {"a": PROJECT, "b": PROJECT})
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        [device] = [line.split()[-2] for line in table if f" {place} " in line]
    uuid = subprocess.run(
        ["blkid", "-p", "-s", "UUID", "-o", "value", device],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    rows = plain.run(place / "top").document["artifacts"]
    assert [row["file_system"] for row in rows] == [f"uuid:{uuid}"] * 2


def test_each_subvolume_of_btrfs_has_a_name_of_its_own(
    disks: Mounts, tmp_path: Path, plain: Tool
) -> None:
    """Their inode numbers begin anew, so that the UUID and a number would name several directories."""
    place = disks.image("btrfs", tmp_path / "disk")
    tops = [place / "one", place / "two"]
    for top in tops:
        subprocess.run(["btrfs", "subvolume", "create", top], check=True, capture_output=True)
        declare(top, {"a": PROJECT})
    rows = [plain.run(top).document["artifacts"][0] for top in tops]
    assert rows[0]["inode"] == rows[1]["inode"]
    names = [row["file_system"] for row in rows]
    assert all(re.fullmatch("fsid:[0-9a-f]{8,}", name) for name in names)
    assert names[0] != names[1]


def test_nothing_names_what_is_in_memory(plain: Tool, disks: Mounts, tmp_path: Path) -> None:
    place = disks.tmpfs(tmp_path / "memory")
    declare(place, {"a": PROJECT})
    [row] = plain.run(place).document["artifacts"]
    assert row["file_system"] is None
    assert row["inode"] == os.stat(row["path"]).st_ino


TABLE = b"""\
20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 0:50 / /net/home rw - nfs4 server:/export/home rw
31 20 0:50 / /net/all rw - nfs4 server:/export rw
32 20 0:51 / /net/old rw - nfs server:/old\\040one rw
33 20 0:52 / /net/share rw - cifs //server/share rw
34 20 0:53 / /net/ssh rw - fuse.sshfs me@server:/ rw
35 20 0:54 / /memory rw - tmpfs tmpfs rw
36 20 0:55 / /layers rw - overlay overlay rw
"""


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/net/home/me/node_modules", "nfs:server:/export"),
        ("/net/all/home/me/node_modules", "nfs:server:/export"),
        ("/net/old/x", "nfs:server:/old one"),
        ("/net/share/x", "smb://server/share"),
        # Its inode numbers are made up by whoever mounts it.
        ("/net/ssh/x", None),
        ("/memory/x", None),
        ("/layers/x", None),
    ],
)
def test_what_others_answer_for_is_named_by_the_mount_table_alone(
    monkeypatch: pytest.MonkeyPatch, path: str, name: str | None
) -> None:
    """Two parts of one file system have one name: it is told by the shortest of their sources."""

    def asked(*_arguments: object, **_more: object) -> int:
        pytest.fail("a file system was asked")

    table = mounts.Table(mounts.parse(TABLE))
    monkeypatch.setattr(mounts, "here", lambda: table)
    for call in ("open", "stat", "lstat", "statvfs"):
        monkeypatch.setattr(os, call, asked)
    found = FileSystems().name_of(7, path, os.path.dirname(path))
    monkeypatch.undo()
    assert found == name


def test_where_the_kernel_does_not_tell_a_uuid_udev_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Linux before 6.9 has no call for it."""
    status = os.stat(tmp_path)
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    if device.startswith("0:"):
        pytest.skip("the temporary directory is on no block device")
    needs_root()
    links = tmp_path / "by-uuid"
    links.mkdir()
    os.mknod(links / "5D1F-86A1", 0o600 | 0o060000, status.st_dev)
    os.mknod(links / "0000-0000", 0o600 | 0o060000, os.makedev(240, 7))
    monkeypatch.setattr("cleanup_nodemodule.system.file_systems._UUIDS", str(links))
    monkeypatch.setattr("cleanup_nodemodule.system.file_systems.uuid_of", lambda _: None)
    name = FileSystems().name_of(status.st_dev, str(tmp_path), str(tmp_path))
    assert name == "uuid:5d1f-86a1"
    os.unlink(links / "5D1F-86A1")
    assert FileSystems().name_of(status.st_dev, str(tmp_path), str(tmp_path)) is None
