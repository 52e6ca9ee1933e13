"""Trees of a size and a depth that take more than there is, unless they are dealt with bit by bit."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from support.engines import NATIVE
from support.filesystems import Mounts
from support.tool import Tool
from support.trees import dig
from support.waiting import TIMEOUT

pytestmark = pytest.mark.slow

FILES: Final = 200_000

LEVELS: Final = 1_000
"""Deeper than any path may be long; that memory does not grow with them is for the engine's tests to say.

To delete takes time with their square, as each is opened from the root.
"""

DESCRIPTORS: Final = 32

_MEBIBYTE: Final = 1024 * 1024

CEILING: Final = 72 * _MEBIBYTE
"""The most memory that a deletion may ever have had (ru_maxrss of getrusage(2)), in bytes.

With everything loaded that it uses, the interpreter takes 42 MiB for a tree of ten files (CPython 3.11).
The names of the files are 250 bytes each: 48 MiB on top of that, even as plain strings of C.
So whoever keeps them all is found out, and there is room for another version of Python."""

NAME: Final = "%0250d"
"""Of a file. The longer the names, the fewer files it takes until whoever keeps them all is found out."""

_BOUND: Final = f"""
import json, os, resource, sys
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    json.dump(usage.ru_maxrss * 1024, file)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command with few descriptors and writes down the most memory it had.

It is small itself, as what a process has before it becomes another program counts for that too."""


def bound(peak: Path) -> tuple[str, ...]:
    """Return what to put before a command to bind it so, its peak written to a file."""
    return (sys.executable, "-S", "-c", _BOUND, str(peak))


def fill(directory: Path) -> None:
    """Make many empty files."""
    directory.mkdir()
    around = os.open(directory, os.O_RDONLY)
    for number in range(FILES):
        os.mknod(NAME % number, dir_fd=around)
    os.close(around)


def disk_of(kind: str, disks: Mounts, where: Path) -> Path:
    """Return an empty file system of a *kind* with room for all of that."""
    if kind == "tmpfs":
        return disks.tmpfs(where, "mode=755,size=4g,nr_inodes=0")
    # No journal: it is made faster, and read and deleted as any other. Its image is a sparse file.
    making = ("-O", "^has_journal", "-N", str(FILES + LEVELS + 1000), "-I", "128")
    return disks.image(kind, where, *making, mebibytes=1024)


# On ext4 the native engine sorts many names at once, and only that one does.
@pytest.mark.parametrize(
    ("tool", "kind"),
    [("python", "tmpfs"), (NATIVE, "tmpfs"), (NATIVE, "ext4")],
    indirect=["tool"],
)
def test_a_directory_of_any_size_and_1000_levels_take_little_memory_and_few_descriptors(
    tool: Tool, disks: Mounts, tmp_path: Path, kind: str
) -> None:
    """The files are all in one directory, which is read and deleted in hundreds of calls."""
    top = disk_of(kind, disks, tmp_path / "disk") / "top"
    modules = top / "node_modules"
    modules.mkdir(parents=True)
    (top / "package.json").write_text("{}")
    fill(modules / "wide")
    dig(modules / "deep", LEVELS, b"level")
    peak = tmp_path / "peak"
    run = tool.start("--json", "-p", top, "--no-dry-run", cwd=Path("/"), prefix=bound(peak))
    # There is much to do.
    told = tool.finish(run, top, timeout=3 * TIMEOUT)
    assert (told.code, told.errors) == (0, "")
    row = told.rows["node_modules"]
    # With the file at the bottom; with the artifact, both directories in it and the levels.
    assert (row["files"], row["directories"]) == (FILES + 1, LEVELS + 3)
    assert row["outcome"] == "deleted"
    assert os.listdir(top) == ["package.json"]
    assert json.loads(peak.read_text()) < CEILING


def test_whoever_keeps_all_names_is_found_out(tmp_path: Path) -> None:
    """By the same measure as above, with most of what a run has loaded."""
    script = f"""\
import asyncio, pydantic, psutil, typer, cleanup_nodemodule.run.cleaning, cleanup_nodemodule.delete.remove
names = bytearray(b"".join(b"{NAME}" % number for number in range({FILES})))
"""
    peak = tmp_path / "peak"
    subprocess.run([*bound(peak), sys.executable, "-c", script], check=True)
    assert json.loads(peak.read_text()) > CEILING
