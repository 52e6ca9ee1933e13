"""The log of runs: what it says, and what it is not written into."""

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.unattended.log_file import LogFile
from support.filesystems import Mounts, ended
from support.needs import needs_root, unable
from support.places import CHECKOUT
from support.processes import bound, mode
from support.tool import PROJECT, Tool
from support.trees import declare
from support.waiting import TIMEOUT

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (INFO|WARNING|ERROR) \[\d+\] (.*)"
)


def lines(log: Path) -> list[tuple[str, str]]:
    """Return level and text of each line; fails for a line that is none."""
    found = [LINE.fullmatch(line) for line in log.read_text().splitlines()]
    assert None not in found, log.read_text()
    return [(one[1], one[2]) for one in found if one is not None]


def log_of(path: Path) -> LogFile:
    """Return the log of a run that deletes."""
    return LogFile(str(path), "clean, delete, /srv")


def finished(code: int = 0, failure: str | None = None) -> FinishedRun:
    return FinishedRun("abc", "", None, "delete", 0.0, 1.5, code, None, None, failure)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project that can be deleted, and one that is kept."""
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "notes": {"dist": {"essay.txt": "mine"}}})
    return top


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "cleanup.log"


def test_a_deletion_is_told_from_its_begin_to_its_end(
    one_tool: Tool, work: Path, log: Path
) -> None:
    done = one_tool.tell("-p", work, "-q", "--no-dry-run", "--log-file", log)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, second, third, last = lines(log)
    assert first == ("INFO", f"begin: clean, delete, {work}")
    assert second[1].startswith(f"deleted: {work}/app/node_modules, freed ")
    assert third == ("INFO", "kept: 1 unproven")
    assert last[0] == "INFO"
    assert re.fullmatch(r"end: exit code 0, deleted 1 of 1, freed .*, \d+\.\d s", last[1])
    assert log.stat().st_mode & 0o777 == 0o640


def test_each_run_adds_to_it(one_tool: Tool, work: Path, log: Path) -> None:
    for options in ((), ("--trash", "--no-dry-run")):
        one_tool.tell("-p", work, "-q", *options, "--log-file", log)
    told = [text for _, text in lines(log)]
    assert [text for text in told if text.startswith("begin: ")] == [
        f"begin: clean, dry-run, {work}",
        f"begin: clean, trash, {work}",
    ]
    assert f"moved to the trash: {work}/app/node_modules" in told


def test_what_went_wrong_is_a_warning(one_tool: Tool, work: Path, log: Path) -> None:
    with mode(work / "app/node_modules/pkg", 0o555):
        options = ("-q", "--no-dry-run", "--exclude", "nothing", "--log-file", log)
        process = one_tool.start("-p", work, *options, prefix=bound())
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == 3
    warnings = [text for level, text in lines(log) if level == "WARNING"]
    assert warnings[0].startswith(f"failed: {work}/app/node_modules: ")
    assert "the pattern nothing matched nothing" in warnings
    assert warnings[-1].startswith("end: exit code 3, deleted 0 of 1")


def test_a_run_that_does_nothing_is_told_with_the_reason(
    one_tool: Tool, work: Path, log: Path
) -> None:
    done = one_tool.tell("-p", work / "none", "-q", "--log-file", log)
    assert done.returncode == 2
    (_, begin), (level, why), (_, end) = lines(log)
    assert begin.startswith("begin: ")
    assert level == "ERROR"
    assert "No such file or directory" in why
    assert end.startswith("end: exit code 2, ")


def test_no_name_makes_a_line_of_its_own(one_tool: Tool, work: Path, log: Path) -> None:
    forged = "\n2026-11-30T03:00:00.000+00:00 ERROR [1] \x1b[31mforged"
    declare(work, {forged: PROJECT})
    one_tool.tell("-p", work, "-q", "--no-dry-run", "--log-file", log)
    assert len([text for _, text in lines(log) if text.startswith("deleted: ")]) == 2
    assert "\x1b" not in log.read_text()


def test_lines_of_two_runs_do_not_mix(log: Path) -> None:
    def write(letter: str) -> None:
        mine = log_of(log)
        for _ in range(200):
            mine.said(letter * 3000)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(text for _, text in lines(log)) == ["a" * 3000] * 200 + ["b" * 3000] * 200


def test_a_file_that_is_renamed_gets_no_more_lines(log: Path, tmp_path: Path) -> None:
    mine = log_of(log)
    mine.said("one")
    old = tmp_path / "cleanup.log.1"
    log.rename(old)
    mine.said("two")
    assert mine.hear(finished()) is None
    assert [text for _, text in lines(old)] == ["one"]
    assert [text for _, text in lines(log)] == ["two", "end: exit code 0, 1.5 s"]


def test_logrotate_rotates_it(log: Path, tmp_path: Path) -> None:
    """The example, with real paths, by the real program."""
    program = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        unable("logrotate is not there")
    needs_root()
    text = (CHECKOUT / "contrib/logrotate.conf").read_text()
    assert "/var/log/cleanup-nodemodule.log {" in text
    conf = tmp_path / "logrotate.conf"
    conf.write_text(text.replace("/var/log/cleanup-nodemodule.log", str(log)))
    conf.chmod(0o644)
    mine = log_of(log)
    for number in range(3):
        mine.said(str(number))
        subprocess.run(
            [program, "--force", "--state", tmp_path / "state", conf],
            check=True,
            capture_output=True,
        )
    mine.said("3")
    assert [text for _, text in lines(log)] == ["3"]
    assert [text for _, text in lines(tmp_path / "cleanup.log.1")] == ["2"]
    assert (tmp_path / "cleanup.log.2.gz").exists()
    assert (tmp_path / "cleanup.log.3.gz").exists()
    assert log.stat().st_mode & 0o777 == 0o640


# What it is not written into.


@pytest.mark.parametrize("end", ["symlink", "hard link", "pipe", "directory"])
def test_it_is_written_into_nothing_else(tmp_path: Path, log: Path, end: str) -> None:
    other = tmp_path / "precious"
    other.write_text("mine")
    match end:
        case "symlink":
            log.symlink_to(other)
        case "hard link":
            log.hardlink_to(other)
        case "pipe":
            os.mkfifo(log)
        case _:
            log.mkdir()
    mine = log_of(log)
    mine.begin(None, 0.0)
    told = mine.hear(finished())
    assert told is not None
    assert told.startswith(f"could not write to the log {log}: ")
    assert other.read_text() == "mine"


@pytest.mark.parametrize("what", ["the file", "the directory", "one above", "a symlink on the way"])
def test_another_user_cannot_lead_it_elsewhere(tmp_path: Path, what: str) -> None:
    needs_root()
    others, nobody = tmp_path / "others", 65534
    (others / "logs").mkdir(parents=True)
    log = others / "logs/cleanup.log"
    match what:
        case "the file":
            log.touch()
            os.chown(log, nobody, nobody)
        case "the directory":
            os.chown(others / "logs", nobody, nobody)
        case "one above":
            os.chown(others, nobody, nobody)
        case _:
            (tmp_path / "way").symlink_to(others / "logs")
            os.chown(tmp_path / "way", nobody, nobody, follow_symlinks=False)
            log = tmp_path / "way/cleanup.log"
    told = log_of(log).hear(finished())
    assert told is not None
    assert "belongs to another user" in told
    assert not log.exists() or log.read_text() == ""


def test_a_directory_that_a_group_writes_to_will_do(tmp_path: Path) -> None:
    """As /var/log does on Ubuntu: in there the group could only exchange the file."""
    place = tmp_path / "log"
    place.mkdir()
    place.chmod(0o775)
    assert log_of(place / "cleanup.log").hear(finished()) is None


def test_a_run_goes_on_without_its_log_and_says_so(one_tool: Tool, work: Path) -> None:
    log = work / "none/cleanup.log"
    done = one_tool.tell("-p", work, "-q", "--no-dry-run", "--log-file", log)
    assert done.returncode == 3
    why = f"could not write to the log {log}: No such file or directory"
    assert done.stderr == f"cleanup-nodemodule: {why}\n"
    assert not (work / "app/node_modules").exists()


def test_a_log_in_what_is_deleted_ends_the_run(one_tool: Tool, work: Path) -> None:
    log = work / "app/node_modules/cleanup.log"
    done = one_tool.tell("-p", work, "--no-dry-run", "--log-file", log)
    assert done.returncode == 2
    assert (work / "app/node_modules").exists()


def test_a_full_disk_leaves_no_two_lines_in_one(disks: Mounts, tmp_path: Path) -> None:
    log = disks.tmpfs(tmp_path / "small", "mode=755,size=64k") / "cleanup.log"
    mine = log_of(log)
    for _ in range(100):
        mine.said("x" * 1000)
    told = mine.hear(finished())
    assert told is not None
    assert "No space left on device" in told
    *whole, last = log.read_bytes().split(b"\n")
    assert all(LINE.fullmatch(line.decode()) for line in whole)
    assert len(last) < 1100


@pytest.mark.parametrize("path", ["", "/", "."])
def test_a_directory_is_no_log(one_tool: Tool, work: Path, path: str) -> None:
    done = one_tool.tell("-p", work, "--log-file", path)
    assert (done.returncode, done.stderr) == (
        2,
        "cleanup-nodemodule: --log-file takes the path of a file, such as cleanup.log\n",
    )


def test_another_machine_may_have_it(disks: Mounts, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    disks.sshfs(tmp_path / "here", tmp_path / "there")
    one = log_of(tmp_path / "here/cleanup.log")
    one.begin(None, 0.0)
    assert one.hear(finished()) is None
    assert [level for level, _ in lines(tmp_path / "there/cleanup.log")] == ["INFO", "INFO"]


def test_a_disk_that_does_not_answer_holds_up_no_run_for_long(
    one_tool: Tool, work: Path, disks: Mounts, tmp_path: Path
) -> None:
    served = disks.misbehaving(tmp_path / "disk", {"dir": {}}, silent=["/dir"])
    lost = tmp_path / "disk/dir/cleanup.log"
    with ended(served):
        told = one_tool.delete(work, "--log-file", lost)
    assert told.code == 3
    assert told.document["totals"]["deleted"] == 1
    assert f"could not write to the log {lost}: its disk did not answer for 5" in told.errors
