"""What the operating system tells, read from /proc as psutil reads it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import psutil
import pytest

from cleanup_nodemodule import system
from cleanup_nodemodule.apart import Apart
from conftest import COMMAND, declare, needs_root
from filesystems import Mounts
from judges import judge
from processes import execute

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/fdinfo"), reason="there is no /proc")

AtWork: TypeAlias = Callable[[int, str], Iterator[tuple[str, str]]]

BOTH: Final = pytest.mark.parametrize("at_work", [system._work_in_proc, system._work_by_psutil])  # noqa: SLF001 - what each system uses

SLEEP: Final = "print(flush=True); import time; time.sleep(60)"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "a place (that is\\not)"
    place.mkdir()
    return place


def running(program: str, *, cwd: Path = Path("/")) -> "subprocess.Popen[bytes]":
    """Start a process; return when it has begun."""
    command = (sys.executable, "-c", program)
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def places(at_work: AtWork, process: "subprocess.Popen[bytes]", run: int) -> set[str]:
    """Return where one process is at work to another run."""
    return {place for place, who in at_work(run, "helper") if who.endswith(f"({process.pid})")}


@BOTH
def test_where_a_process_is_at_work(at_work: AtWork, place: Path) -> None:
    (place / "file").touch()
    program = (
        f"import os; file = open({str(place / 'file')!r});"
        f" directory = os.open({str(place)!r}, os.O_DIRECTORY); {SLEEP}"
    )
    with running(program, cwd=place.parent) as process:
        try:
            found = places(at_work, process, os.getpid())
            assert {str(place / "file"), str(place.parent)} <= found
            assert os.path.realpath(sys.executable) in found
            # To have a directory open, as opendir(3) does, is to look at it.
            assert str(place) not in found
            assert places(at_work, process, process.pid) == set()
        finally:
            process.kill()


@BOTH
def test_those_that_started_the_run_are_left_out(at_work: AtWork) -> None:
    with running(SLEEP) as process:
        try:
            who = {who for _, who in at_work(process.pid, "helper")}
            assert not any(who_.endswith(f"({os.getpid()})") for who_ in who)
        finally:
            process.kill()


@BOTH
def test_what_helps_a_run_is_left_out_for_that_run(at_work: AtWork) -> None:
    helper = Apart()
    process = helper.call(os.getpid)

    def seen(run: int, word: str) -> bool:
        return any(who.endswith(f"({process})") for _, who in at_work(run, word))

    assert not seen(os.getpid(), "cleanup_nodemodule.apart")
    assert seen(os.getpid(), "another.module")
    # To another run it is somebody else's.
    assert seen(1, "cleanup_nodemodule.apart")
    helper.close()


def test_a_place_that_was_deleted_is_one_all_the_same(place: Path) -> None:
    with running(SLEEP, cwd=place) as process:
        try:
            place.rmdir()
            found = places(system._work_in_proc, process, os.getpid())  # noqa: SLF001 - the one that reads links
            assert str(place) in found
        finally:
            process.kill()


def test_mounts_are_those_that_psutil_tells(place: Path, disks: Mounts) -> None:
    disks.tmpfs(place / "tab\tand line\nfeed", "mode=755")
    told = {one.mountpoint: one.fstype for one in psutil.disk_partitions(all=True)}
    assert told[str(place / "tab\tand line\nfeed")] == "tmpfs"
    assert system.mounted() == told
    assert dict(system._mounts_by_psutil()) == told  # noqa: SLF001 - what other systems use


def test_a_program_of_another_user_is_told_by_its_arguments(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its owner may read what /proc/PID/exe leads to; here nobody may."""
    link = system._link  # noqa: SLF001 - what a link of /proc says
    monkeypatch.setattr(system, "_link", lambda path: [] if path.endswith("/exe") else link(path))
    program = place / "python"
    program.symlink_to(sys.executable)
    with subprocess.Popen([program, "-c", SLEEP], stdout=subprocess.DEVNULL) as process:
        try:
            assert str(program) in places(system._work_in_proc, process, os.getpid())  # noqa: SLF001 - as above
        finally:
            process.kill()


def test_a_proc_that_knows_nothing_of_this_process_is_not_believed(tmp_path: Path) -> None:
    """It is empty in a chroot, say, and then nobody would be at work anywhere."""
    needs_root()
    declare(tmp_path, {"package.json": "{}", "node_modules": {".package-lock.json": "{}"}})
    script = 'mount --make-rprivate / && mount -t tmpfs none /proc && exec "$@"'
    command = ("unshare", "-m", "sh", "-c", script, "sh", COMMAND, "--json", "--no-dry-run")
    done = execute(*command, cwd=tmp_path)
    [row] = json.loads(done.stdout)["artifacts"]
    assert (row["decision"], row["reason"]) == ("keep", "in-use")
    assert (tmp_path / "node_modules").exists()


def test_where_nobody_can_be_asked_everything_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_asked: object, **_also: object) -> Iterator[tuple[str, str]]:
        raise FileNotFoundError("/proc")

    declare(tmp_path, {"package.json": "{}", "node_modules": {".package-lock.json": "{}"}})
    monkeypatch.setattr(system, "at_work", nobody)
    [artifact] = judge(tmp_path).values()
    assert artifact.evidence.protection is not None
    assert artifact.evidence.protection.value == "in-use"
