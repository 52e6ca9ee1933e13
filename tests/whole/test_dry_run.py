"""A dry run changes nothing but its history: as the kernel sees it, and as the disk looks afterwards."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import pytest

from support.git import git
from support.places import COMMAND
from support.processes import Terminal, execute, strace
from support.trees import declare

NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""An installed package is byte-compiled by pip, an editable one is not: there the interpreter, before
any of this program runs, would write ``__pycache__``."""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded, as strace writes it."""

    name: str
    arguments: str
    result: str

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Return the call on a line; None for one that failed, a signal or an end."""
        match = re.fullmatch(r"(\w+)\((.*)\)\s+= (.*)", line)
        if match is None or match[3].startswith(("-1 ", "?")):
            return None
        return cls(match[1], match[2], match[3])


def calls(log: Path) -> Iterator[Call]:
    """Give the successful calls of all processes, those cut in two by another process mended."""
    begun: dict[str, str] = {}
    for line in log.read_text(errors="surrogateescape").splitlines():
        process, _, text = line.partition(" ")
        text = text.lstrip()
        if text.endswith("<unfinished ...>"):
            begun[process] = text.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>", text):
            text = begun.pop(process) + text[resumed.end() :]
        if call := Call.parse(text):
            yield call


_ALTERING: Final = re.compile(
    r"(unlink|rename|mkdir|mknod|link|symlink|chmod|fchmod|chown|lchown|fchown|utime|futimesat)\w*"
    r"|rmdir|creat|f?truncate\w*|fallocate|utimensat\w*|[lf]?(set|remove)xattr\w*"
    r"|copy_file_range|u?mount\w*|swapo(n|ff)|pivot_root|chroot|quotactl\w*|open_by_handle_at"
    # What these do later is not to be seen in a trace.
    r"|io_uring_\w+|io_submit"
)
_WRITING: Final = re.compile(r"p?writev?\d*|sendfile\d*|splice|vmsplice|tee")
_NOTHING_KEPT: Final = re.compile(
    r"/dev/(null|tty|ptmx|pts/\d+)|(pipe|socket|anon_inode|eventfd|eventpoll):?\[.*\]?.*"
)


def alters(call: Call) -> bool:
    """Whether *call* can have changed a file system."""
    if call.name in {"open", "openat", "openat2"}:
        wants = re.search(r"\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b", call.arguments)
        return wants is not None and not _nothing_kept(_descriptor(call.result))
    if _WRITING.fullmatch(call.name):
        into = 1 if call.name in {"splice", "tee"} else 0
        return not _nothing_kept(_descriptor(call.arguments.split(", ")[into]))
    if call.name == "mmap":
        shared = "MAP_SHARED" in call.arguments and "PROT_WRITE" in call.arguments
        return shared and "MAP_ANONYMOUS" not in call.arguments
    if call.name == "ioctl":
        return re.search(r"\b(FICLONE|FIDEDUPE|FS_IOC_(FS)?SET)\w*", call.arguments) is not None
    return _ALTERING.fullmatch(call.name) is not None


def _descriptor(text: str) -> str:
    """Return what strace -y says that a descriptor leads to."""
    match = re.match(r"\d+<(.*)>$", text)
    return match[1] if match else text


def _nothing_kept(leads_to: str) -> bool:
    """Whether writing there leaves nothing on a file system."""
    return _NOTHING_KEPT.fullmatch(leads_to) is not None


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project in a git repository, whose index git would like to refresh, and one outside."""
    top = tmp_path / "work"
    declare(
        top,
        {
            "repo": {
                ".gitignore": "dist/\nnode_modules/\n",
                "package.json": "{}",
                "dist": {"bundle.js": 4000},
                "node_modules": {"a": {"index.js": 100}},
            },
            "plain": {"package.json": "{}", "node_modules": {"b": {"index.js": 100}}},
            "notes": {"dist": {"essay.txt": "mine"}},
        },
    )
    git(top / "repo", "init", "--quiet")
    git(top / "repo", "add", ".gitignore", "package.json")
    # The index now holds another time than the file: `git status` would write it anew.
    os.utime(top / "repo/package.json", (1_000_000_000, 1_000_000_000))
    return top


def state(top: Path) -> dict[str, tuple[object, ...]]:
    """Return everything that the disk knows about each entry, but when it was last read."""
    found: dict[str, tuple[object, ...]] = {}
    for directory, directories, files in os.walk(top):
        for name in (".", *directories, *files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            content = None
            if name in files:
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[path] = (
                *(status.st_ino, status.st_mode, status.st_nlink, status.st_uid, status.st_gid),
                *(status.st_size, status.st_blocks, status.st_mtime_ns, status.st_ctime_ns),
                content,
            )
    return found


def checked(log: Path, work: Path) -> list[Call]:
    """Return the calls in *log* that can have changed something, having checked it is a whole one."""
    made = list(calls(log))
    # The tree was read, under the eyes of strace, and git was asked.
    assert [call for call in made if call.name == "getdents64" and f"{work}/repo" in call.arguments]
    assert [call for call in made if call.name == "execve" and "check-ignore" in call.arguments]
    return [call for call in made if alters(call)]


def outside(found: Iterable[Call], state_directory: Path) -> list[Call]:
    """Return the calls that are about something else than the state directory, which is part of no tree."""
    return [call for call in found if str(state_directory.parent) not in str(call)]


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--exclude", "x", "-v", "--yes"]])
def test_a_dry_run_alters_nothing_but_its_history(
    work: Path, tmp_path: Path, state_directory: Path, arguments: list[str]
) -> None:
    before = state(work)
    log = tmp_path / "log"
    result = execute(*strace(log), COMMAND, *arguments, cwd=work, env=NO_BYTECODE)
    assert result.returncode == 0, result.stderr
    assert result.stdout != b""
    altering = checked(log, work)
    assert outside(altering, state_directory) == []
    assert altering != []
    assert state(work) == before


def test_a_dry_run_without_history_makes_no_call_that_alters_a_file_system(
    work: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    result = execute(*strace(log), COMMAND, "--no-history", cwd=work, env=NO_BYTECODE)
    assert result.returncode == 0, result.stderr
    assert checked(log, work) == []


def test_a_dry_run_at_a_terminal_alters_nothing_but_its_history(
    work: Path, tmp_path: Path, state_directory: Path
) -> None:
    before = state(work)
    log = tmp_path / "log"
    with Terminal(cwd=work, prefix=strace(log), env=NO_BYTECODE) as terminal:
        assert terminal.finish() == 0
    assert terminal.screen()[0].startswith("Can be deleted in ")
    assert outside(checked(log, work), state_directory) == []
    assert state(work) == before


def test_a_refused_command_line_makes_no_call_that_alters_a_file_system(
    work: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    arguments = ("--no-dry-run", "--dryrun")
    result = execute(*strace(log), COMMAND, *arguments, cwd=work, env=NO_BYTECODE)
    assert result.returncode == 2
    made = list(calls(log))
    assert [call for call in made if call.name == "execve"]
    assert [call for call in made if alters(call)] == []


def test_the_check_catches_a_deletion(work: Path, tmp_path: Path, state_directory: Path) -> None:
    before = state(work)
    log = tmp_path / "log"
    result = execute(*strace(log), COMMAND, "--no-dry-run", cwd=work, env=NO_BYTECODE)
    assert result.returncode == 0
    caught = outside(checked(log, work), state_directory)
    # The mark on what is taken out of its project, and the file without a name that tells whether the disk
    # has it, come on top.
    more = {"setxattr", "openat"}
    assert {call.name for call in caught} <= {"renameat", "unlink", "unlinkat", "rmdir", *more}
    assert all("O_TMPFILE" in call.arguments for call in caught if call.name == "openat")
    assert sum(call.name == "renameat" for call in caught) == 3
    gone = [path for path in before if not os.path.lexists(path)]
    for path in gone:
        name = os.path.basename(os.path.normpath(path))
        assert [call for call in caught if f'{name}"' in call.arguments] != []
    assert {path for path in gone if path.endswith("/.")} == {
        f"{work}/{path}/."
        for path in (
            *("repo/dist", "repo/node_modules", "repo/node_modules/a"),
            *("plain/node_modules", "plain/node_modules/b"),
        )
    }


def test_the_check_catches_every_way_to_write(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = """
        : >new; echo text >>new; mkdir directory; ln new hard; ln -s new soft; mv hard harder
        chmod 600 new; touch new; truncate -s 9 new; cp new copy; rmdir directory; rm copy
        mkfifo fifo
    """
    result = execute(*strace(log), "sh", "-c", script, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    caught = {re.sub(r"(at)?\d?$", "", call.name) for call in calls(log) if alters(call)}
    expected = {"open", "write", "mkdir", "link", "symlink", "rename", "rmdir", "unlink", "mknod"}
    assert expected <= caught
    assert {"ftruncate", "truncate"} & caught
    assert {"fchmod", "chmod"} & caught
    assert {"utimens", "utime"} & caught


def test_the_repository_is_one_that_git_itself_would_refresh(work: Path) -> None:
    before = state(work)
    git(work / "repo", "status")
    changed = {path for path, facts in state(work).items() if before.get(path) != facts}
    assert f"{work}/repo/.git/index" in changed
