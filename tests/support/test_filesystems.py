"""What the tests mount: where it cannot be had they are skipped, and leave nothing open."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from support.filesystems import Misbehaving


def test_where_fuse_cannot_be_mounted_nothing_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that is left open is a warning, and with that a failure instead of a skip."""
    # What would mount it ends at once, as without /dev/fuse.
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    before = os.listdir("/proc/self/fd")
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match="mount FUSE") as told:
        Misbehaving(tmp_path, {}, {})
    assert os.listdir("/proc/self/fd") == before
    assert told.value is not None
