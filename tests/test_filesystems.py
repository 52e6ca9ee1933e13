"""What the tests mount: where it cannot be had they are skipped, and leave nothing open."""

import os
from pathlib import Path

import pytest

from filesystems import Misbehaving


def test_where_fuse_cannot_be_mounted_nothing_is_left_open(tmp_path: Path) -> None:
    """A pipe that is left open is a warning, and with that a failure instead of a skip."""
    where = tmp_path / "file"
    where.touch()  # No place for a file system whose root is a directory.
    before = os.listdir("/proc/self/fd")
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match="mount FUSE") as told:
        Misbehaving(where, {}, {})
    assert os.listdir("/proc/self/fd") == before
    assert told.value is not None
