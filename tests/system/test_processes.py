"""Where processes are at work, read from /proc as psutil reads it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from cleanup_nodemodule.system import processes, processes_by_psutil
from cleanup_nodemodule.system.at_work import Work
from cleanup_nodemodule.work.helper_process import HelperProcess
from support.judges import judge
from support.needs import needs_root
from support.places import COMMAND
from support.processes import execute
from support.trees import declare

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/fdinfo"), reason="there is no /proc")

Look: TypeAlias = Callable[[int, Sequence[str]], Work]

BOTH: Final = pytest.mark.parametrize(
    "find_work",
    [processes._read_proc, processes_by_psutil.ask_psutil],  # noqa: SLF001 - what each system uses
)

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


def places(find_work: Look, process: "subprocess.Popen[bytes]", run: int) -> set[str]:
    """Return where one process is at work to another run."""
    return {
        place
        for place, who in find_work(run, ("helper",)).places
        if who.endswith(f"({process.pid})")
    }


@BOTH
def test_where_a_process_is_at_work(find_work: Look, place: Path) -> None:
    (place / "file").touch()
    program = (
        f"import os; file = open({str(place / 'file')!r});"
        f" directory = os.open({str(place)!r}, os.O_DIRECTORY); {SLEEP}"
    )
    with running(program, cwd=place.parent) as process:
        try:
            found = places(find_work, process, os.getpid())
            assert {str(place / "file"), str(place.parent)} <= found
            assert os.path.realpath(sys.executable) in found
            # To have a directory open, as opendir(3) does, is to look at it.
            assert str(place) not in found
            assert places(find_work, process, process.pid) == set()
        finally:
            process.kill()


@BOTH
def test_those_that_started_the_run_are_left_out(find_work: Look) -> None:
    with running(SLEEP) as process:
        try:
            who = {who for _, who in find_work(process.pid, ("helper",)).places}
            assert not any(who_.endswith(f"({os.getpid()})") for who_ in who)
        finally:
            process.kill()


@BOTH
def test_what_helps_a_run_is_left_out_for_that_run(find_work: Look) -> None:
    helper = HelperProcess()
    process = helper.call(os.getpid)

    def seen(run: int, word: str) -> bool:
        return any(who.endswith(f"({process})") for _, who in find_work(run, (word,)).places)

    assert not seen(os.getpid(), "cleanup_nodemodule.work.helper_process")
    assert seen(os.getpid(), "another.module")
    # To another run it is somebody else's.
    assert seen(1, "cleanup_nodemodule.work.helper_process")
    helper.close()


def test_a_place_that_was_deleted_is_one_all_the_same(place: Path) -> None:
    with running(SLEEP, cwd=place) as process:
        try:
            place.rmdir()
            found = places(processes._read_proc, process, os.getpid())  # noqa: SLF001 - what Linux uses
            assert str(place) in found
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
    def nobody(*_asked: object, **_also: object) -> Work:
        raise FileNotFoundError("/proc")

    declare(tmp_path, {"package.json": "{}", "node_modules": {".package-lock.json": "{}"}})
    monkeypatch.setattr(processes, "find_work", nobody)
    [artifact] = judge(tmp_path).values()
    assert artifact.evidence.protection is not None
    assert artifact.evidence.protection.value == "in-use"
