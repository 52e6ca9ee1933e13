"""What is mounted where, and by which names a place can be reached."""

import os
from pathlib import Path

import psutil
import pytest

from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.mounts import Table, layers, parse, resolve
from support.filesystems import Mounts

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/mountinfo"), reason="there is no /proc"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "a place (that is\\not)"
    place.mkdir()
    return place


def test_mounts_are_those_that_psutil_tells(place: Path, disks: Mounts) -> None:
    disks.tmpfs(place / "tab\tand line\nfeed", "mode=755")
    told = {one.mountpoint: one.fstype for one in psutil.disk_partitions(all=True)}
    assert told[str(place / "tab\tand line\nfeed")] == "tmpfs"
    assert mounts.mounted() == told
    assert dict(mounts._mounts_by_psutil()) == told  # noqa: SLF001 - what other systems use


def test_a_line_is_read_whatever_is_in_it() -> None:
    table = (
        b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n"
        b"37 36 0:5 / /with\\040blank\\134and\rreturn rw - tmpfs none rw\n"
        b"38 36 0:5 /gone//deleted /\xff\\777 rw - tmpfs none rw,size=1k\n"
        b"cut off by a line feed in a name\n"
        b"39 36 0:5 / /x rw - \n"
        b"40 36 0:6 / /without rw shared:7 nfs server:/ rw\n"
        b"\n"
        b"41 36 0:7 / /last rw - fuse.sshfs a:b rw"
    )
    found = [(one.number, one.device, one.top, one.point, one.kind) for one in parse(table)]
    assert found == [
        (36, "98:0", "/mnt1", "/mnt2", "ext3"),
        (37, "0:5", "/", "/with blank\\and\rreturn", "tmpfs"),
        (38, "0:5", "/gone", os.fsdecode(b"/\xff\\777"), "tmpfs"),
        (41, "0:7", "/", "/last", "fuse.sshfs"),
    ]
    assert parse(table)[0].options == "rw,errors=continue"


@pytest.mark.parametrize("name", ["tab\tand line\nfeed", "re\rturn", "back\\040slash", "\udcff#"])
def test_where_a_place_lies_is_told_for_any_name(place: Path, disks: Mounts, name: str) -> None:
    """For the lock, too, which read it in another way before."""
    one = disks.tmpfs(place / name)
    (one / "deep").mkdir()
    other = disks.bind(one / "deep", place / "other")
    assert mounts.origin(str(other / "x")) == mounts.origin(str(one / "deep/x"))
    device, path = mounts.origin(str(other / "x")) or ("", "")
    assert (path, device.partition(":")[0]) == ("/deep/x", "0")
    names = mounts.names()
    assert set(names(str(other / "x"))) == {str(other / "x"), str(one / "deep/x")}
    assert names(str(place / "otherwise")) == (str(place / "otherwise"),)


def test_what_is_deleted_beneath_a_mount_has_its_old_place(place: Path, disks: Mounts) -> None:
    source = place / "source/deep"
    source.mkdir(parents=True)
    other = disks.bind(source, place / "other")
    source.rmdir()
    assert (mounts.origin(str(other)) or ("", ""))[1].endswith("/source/deep")


def table(*lines: str, root: str = "/") -> Table:
    return Table(parse("\n".join(lines).encode()), root)


def test_the_later_of_two_mounts_at_one_place_counts() -> None:
    here = table(
        "1 0 8:1 / / rw - ext4 a rw", "2 1 8:2 / /m rw - xfs b rw", "3 2 8:3 /s /m rw - xfs c rw"
    )
    assert here.origin("/m/x") == ("8:3", "/s/x")
    assert here.origin("/more/x") == ("8:1", "/more/x")
    assert list(here.points()) == [("/m", "8:2", "/")]


def test_where_a_mount_point_lies_is_told_by_what_is_around_it() -> None:
    seen = table(
        "5 4 8:1 /c / rw - ext4 a rw",
        "6 5 8:1 /srv/app /app rw - ext4 a rw",
        "7 6 8:9 / /app/v rw - xfs b rw",
    )
    assert list(seen.points()) == [("/app", "8:1", "/c/app"), ("/app/v", "8:1", "/srv/app/v")]
    rooted = table(
        "6 5 8:1 /srv/app /app rw - ext4 a rw", "7 6 8:9 / /app/v rw - xfs b rw", root="/jail"
    )
    assert list(rooted.points()) == [("/jail/app/v", "8:1", "/srv/app/v")]


def test_the_layers_of_an_overlay_are_told_whatever_they_are_called() -> None:
    options = r"rw,lowerdir=/a\:b:/c\,d:e,upperdir=/u,workdir=/w,index=off"
    assert layers(options) == ["/a:b", "/c,d", "/u"]
    assert layers("rw,lowerdir+=/x:y,datadir+=/z") == ["/x:y", "/z"]


def test_a_symlink_is_followed_up_to_what_may_not_answer(place: Path) -> None:
    kinds = {"/": "ext4", str(place / "net"): "nfs4"}
    (place / "net/inner").mkdir(parents=True)
    (place / "way").symlink_to("net/link")
    (place / "net/link").symlink_to("inner")
    (place / "near").symlink_to(".")
    assert resolve(f"{place}/way/x", kinds) == (f"{place}/net/link/x", True)
    assert resolve(f"{place}/near/near/x", kinds) == (f"{place}/x", False)
    assert resolve(f"{place}/way/x", {"/": "ext4"}) == (f"{place}/net/inner/x", False)
