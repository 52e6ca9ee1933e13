"""What is mounted where, and by which names a place can be reached."""

import os
from pathlib import Path

import psutil
import pytest

from cleanup_nodemodule import mounts
from filesystems import Mounts

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
