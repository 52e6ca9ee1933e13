"""What git would read of a repository, made hostile: it is not started; and unusual: it answers."""

import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.proof import git_config, git_content, git_files
from cleanup_nodemodule.system import mounts
from support.filesystems import Mounts
from support.git import git
from support.judges import DELETE, judge, verdict, verdicts
from support.needs import needs_root
from support.processes import strace
from support.tool import Tool, facts
from support.trees import Declared, declare

FILES: Final = {"file": "content"}
PROJECT: Final[Declared] = {".gitignore": "/dist\n", "package.json": "{}", "dist": FILES}

TERABYTE: Final = 1 << 40
GIGABYTE: Final = 1 << 30


def repository(top: Path) -> Path:
    """Build a repository that ignores dist, which git alone can say."""
    declare(top, PROJECT)
    git(top, "init", "--quiet")
    git(top, "add", ".gitignore", "package.json")
    git(top, "commit", "--quiet", "--message=all")
    return top


def sparse(path: Path, size: int) -> None:
    """Make a file that has a size and takes no space."""
    path.unlink(missing_ok=True)
    with open(path, "wb") as file:
        try:
            file.truncate(size)
        except OSError:  # ext4 has files of 16 TiB at most, xfs of more.
            file.truncate(size // 8)


def instead(path: Path, make: Callable[[Path], object]) -> None:
    """Put something else in the place of a file."""
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)


def listen(path: Path) -> None:
    """Make a socket."""
    here = os.getcwd()
    os.chdir(path.parent)  # The path of a socket has to be short.
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path.name)
    os.chdir(here)


def zero(path: Path) -> None:
    """Make a symlink to a device without end."""
    path.symlink_to("/dev/zero")


def configure(top: Path, name: str, value: str | Path) -> None:
    """Add to a configuration without git, which would read it."""
    section, _, key = name.rpartition(".")
    with open(top / ".git/config", "a", encoding="utf-8") as file:
        file.write(f"[{section}]\n\t{key} = {value}\n")


def fifo_beside(top: Path) -> Path:
    """Return a FIFO outside of the repository."""
    os.mkfifo(top.parent / "fifo")
    return top.parent / "fifo"


def includes_in_turn(top: Path) -> None:
    """Have a configuration include one that includes what never ends."""
    declare(top / ".git", {"more": "[include]\n\tpath = even-more\n"})
    declare(top / ".git", {"even-more": '[includeIf "gitdir:/nowhere"] path = "/dev/zero" ; x\n'})
    configure(top, "include.path", "more")


def includes_a_terabyte(top: Path) -> None:
    """Have a configuration include a file that is too large."""
    sparse(top / "huge", TERABYTE)
    configure(top, "include.path", "../huge")


def in_place_of_it(top: Path, make: Callable[[Path], object]) -> None:
    """Put something else in the place of the repository."""
    shutil.rmtree(top / ".git")
    make(top / ".git")


HOSTILE: Final[dict[str, Callable[[Path], object]]] = {
    "commondir /dev/zero": lambda top: zero(top / ".git/commondir"),
    "commondir 1 TB": lambda top: sparse(top / ".git/commondir", TERABYTE),
    "commondir FIFO": lambda top: os.mkfifo(top / ".git/commondir"),
    "commondir NUL": lambda top: (top / ".git/commondir").write_bytes(b"/x\0y\n"),
    "commondir nowhere": lambda top: (top / ".git/commondir").write_bytes(b"nowhere\n"),
    ".gitignore 8 GB": lambda top: sparse(top / ".gitignore", 8 * GIGABYTE),
    ".gitignore FIFO": lambda top: instead(top / ".gitignore", os.mkfifo),
    ".gitignore /dev/zero": lambda top: instead(top / ".gitignore", zero),
    ".gitignore directory": lambda top: instead(top / ".gitignore", os.mkdir),
    "index 8 TB": lambda top: sparse(top / ".git/index", 8 * TERABYTE),
    "index FIFO": lambda top: instead(top / ".git/index", os.mkfifo),
    "index /dev/zero": lambda top: instead(top / ".git/index", zero),
    "index directory": lambda top: instead(top / ".git/index", os.mkdir),
    "sharedindex 8 TB": lambda top: sparse(top / f".git/sharedindex.{40 * 'a'}", 8 * TERABYTE),
    "sharedindex FIFO": lambda top: os.mkfifo(top / f".git/sharedindex.{40 * 'a'}"),
    "HEAD FIFO": lambda top: instead(top / ".git/HEAD", os.mkfifo),
    "HEAD socket": lambda top: instead(top / ".git/HEAD", listen),
    "HEAD /dev/zero": lambda top: instead(top / ".git/HEAD", zero),
    "HEAD 1 TB": lambda top: sparse(top / ".git/HEAD", TERABYTE),
    "branch FIFO": lambda top: instead(
        top / ".git" / (top / ".git/HEAD").read_text()[5:].strip(), os.mkfifo
    ),
    "packed-refs FIFO": lambda top: os.mkfifo(top / ".git/packed-refs"),
    "config FIFO": lambda top: instead(top / ".git/config", os.mkfifo),
    "config /dev/zero": lambda top: instead(top / ".git/config", zero),
    "config 1 TB": lambda top: sparse(top / ".git/config", TERABYTE),
    "config outside": lambda top: instead(
        top / ".git/config", lambda path: path.symlink_to("/etc/passwd")
    ),
    "config.worktree FIFO": lambda top: os.mkfifo(top / ".git/config.worktree"),
    "info/exclude FIFO": lambda top: instead(top / ".git/info/exclude", os.mkfifo),
    "info/exclude 8 GB": lambda top: sparse(top / ".git/info/exclude", 8 * GIGABYTE),
    "info/sparse-checkout FIFO": lambda top: instead(top / ".git/info/sparse-checkout", os.mkfifo),
    "objects/info/alternates FIFO": lambda top: os.mkfifo(top / ".git/objects/info/alternates"),
    "shallow FIFO": lambda top: os.mkfifo(top / ".git/shallow"),
    "include /dev/zero": lambda top: configure(top, "include.path", "/dev/zero"),
    "include 1 TB": includes_a_terabyte,
    "include FIFO": lambda top: configure(top, "include.path", fifo_beside(top)),
    "include in turn": includes_in_turn,
    "include itself": lambda top: configure(top, "include.path", "config"),
    "excludesFile FIFO": lambda top: configure(top, "core.excludesFile", fifo_beside(top)),
    "excludesFile /dev/zero": lambda top: configure(top, "core.excludesFile", "/dev/zero"),
    "a line too much": lambda top: configure(top, "core.worktree", '"'),
    ".git FIFO": lambda top: in_place_of_it(top, os.mkfifo),
    ".git NUL": lambda top: in_place_of_it(top, lambda path: path.write_bytes(b"gitdir: /x\0y")),
    ".git 1 TB": lambda top: in_place_of_it(top, lambda path: sparse(path, TERABYTE)),
    ".git nowhere": lambda top: in_place_of_it(
        top, lambda path: path.write_text("gitdir: /nowhere")
    ),
}


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """Return in which working trees the tool has started git."""
    real, log = shutil.which("git"), tmp_path / "log"
    declare(tmp_path / "bin", {"git": f'#!/bin/sh\necho "$@" >>"{log}"\nexec "{real}" "$@"\n'})
    (tmp_path / "bin/git").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"

    def places() -> set[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        # The tests' own calls have no such option.
        return {line.split(" -C ")[1].split()[0] for line in lines if " -C " in line}

    monkeypatch.setenv("PATH", path)
    return places


@pytest.mark.parametrize("case", HOSTILE)
def test_git_is_not_started_on_what_it_should_not_read(
    tmp_path: Path, started: Callable[[], set[str]], case: str
) -> None:
    """A neighbour is answered all the same, and why there is no answer is said."""
    hostile, fine = repository(tmp_path / "top/hostile"), repository(tmp_path / "top/fine")
    HOSTILE[case](hostile)
    found = judge(tmp_path / "top")
    assert {path: verdict(one) for path, one in found.items()} == {
        "hostile/dist": "git-failed",
        "fine/dist": DELETE,
    }
    assert started() == {str(fine)}
    said = found["hostile/dist"].evidence.facts[-1]
    assert said.startswith(f"git gave no answer in {hostile}: /")


def test_many_repositories_that_would_be_waited_for_hold_nobody_up(
    tmp_path: Path, started: Callable[[], set[str]]
) -> None:
    """Git is started on none of them, so that there is nothing to wait for."""
    top = tmp_path / "top"
    for number in range(8):
        instead(repository(top / f"r{number}") / ".git/HEAD", os.mkfifo)
    assert set(verdicts(top).values()) == {"git-failed"}
    assert started() == set()


def test_a_size_that_makes_no_sense_is_said(tmp_path: Path) -> None:
    top = repository(tmp_path)
    sparse(top / ".git/packed-refs", 2 * GIGABYTE)
    assert judge(top)["dist"].evidence.facts[-1] == (
        f"git gave no answer in {top}: {top}/.git/packed-refs has 2,147,483,648 bytes, and more than"
        " 1,073,741,824 make no sense there"
    )


@pytest.mark.parametrize("link", ["info", "gitdir", "commondir", "symlink", "include", "worktree"])
def test_what_may_fall_silent_is_not_asked(
    tmp_path: Path, disks: Mounts, started: Callable[[], set[str]], link: str
) -> None:
    top = repository(tmp_path / "top")
    where = tmp_path / "silent"
    if link == "info":
        where = top / ".git/info"
        shutil.rmtree(where)
    silent = disks.misbehaving(where, {"exclude": "x", "config": "", "HEAD": "x"})
    match link:
        case "gitdir":
            in_place_of_it(top, lambda path: path.write_text(f"gitdir: {where}/config\n"))
        case "commondir":
            (top / ".git/commondir").write_text("../../top/../silent/config\n")
        case "symlink":
            instead(top / ".git/config", lambda path: path.symlink_to(where / "config"))
        case "include":
            configure(top, "include.path", where / "config")
        case "worktree":
            configure(top, "core.worktree", where / "config")
    name = "/exclude" if link == "info" else "/config"
    before = silent.calls("getattr", name)
    said = git_files.check(str(top), [str(top / "dist")], mounts.mounted())
    assert isinstance(said, git_files.Doubt)
    assert f"leads to {where}, where fuse" in said.why
    assert silent.calls("getattr", name) == before
    os.lstat(f"{where}{name}")
    assert silent.calls("getattr", name) > before
    assert verdicts(top) == {"dist": "git-failed"}
    assert started() == set()


# What is merely unusual is answered.


def as_a_link(top: Path) -> None:
    """As the program repo of Android keeps it."""
    shutil.move(top / ".git", top.parent / "kept")
    (top / ".git").symlink_to("../kept")


def with_objects_elsewhere(top: Path) -> None:
    """As that program keeps objects, too."""
    shutil.move(top / ".git/objects", top.parent / "objects")
    (top / ".git/objects").symlink_to(top.parent / "objects")


def with_an_old_head(top: Path) -> None:
    """As git made it when it began."""
    name = (top / ".git/HEAD").read_text()[5:].strip()
    instead(top / ".git/HEAD", lambda path: path.symlink_to(name))


def packed(top: Path) -> None:
    """With the directory of a branch where the branch was."""
    name = (top / ".git/HEAD").read_text()[5:].strip()
    git(top, "pack-refs", "--all")
    (top / ".git" / name).mkdir(parents=True)
    declare(top.parent, {"empty": ""})
    git(top, "config", "includeIf.onbranch:**.path", "../../empty")


def with_a_separate_directory(top: Path) -> None:
    """As git init --separate-git-dir makes it."""
    git(top, "init", "--quiet", f"--separate-git-dir={top.parent / 'kept'}")


def with_attributes(top: Path) -> None:
    """As large files are stored elsewhere, with a filter that is not installed."""
    declare(top, {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    git(top, "config", "filter.lfs.required", "true")
    git(top, "config", "filter.lfs.process", "git-lfs filter-process")


def with_an_ignore_file_elsewhere(top: Path) -> None:
    """One regular file that the configuration names, and one that is a symlink."""
    declare(top.parent, {"ignored": "/dist\n"})
    declare(top, {"sub": {"package.json": "{}", ".gitignore": top.parent / "ignored"}})
    git(top, "config", "core.excludesFile", "../ignored")


def including_a_file(top: Path) -> None:
    """Shared by a team, beside the repository."""
    declare(top.parent, {"shared": "[alias]\n\tst = status\n[include]\n\tpath = missing\n"})
    git(top, "config", "include.path", "../../shared")


UNUSUAL: Final[dict[str, Callable[[Path], object]]] = {
    "a link": as_a_link,
    "objects elsewhere": with_objects_elsewhere,
    "an old HEAD": with_an_old_head,
    "a detached HEAD": lambda top: git(top, "checkout", "--quiet", "--detach"),
    "packed references": packed,
    "a separate directory": with_a_separate_directory,
    "attributes": with_attributes,
    "ignored elsewhere": with_an_ignore_file_elsewhere,
    "an included file": including_a_file,
    "no commits": lambda top: git(top, "update-ref", "-d", "HEAD"),
    "no index checksum": lambda top: git(top, "-c", "index.skipHash=true", "add", "--all", "."),
    "a pseudo-merge": lambda top: git(top, "commit", "--quiet", "--allow-empty", "--message=x"),
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_an_unusual_repository_is_answered_for(tmp_path: Path, case: str) -> None:
    top = repository(tmp_path / "top")
    UNUSUAL[case](top)
    assert verdicts(top) == {"dist": DELETE}
    git(top, "add", "--force", "dist/file")
    assert verdicts(top) == {"dist": "tracked"}


@pytest.mark.parametrize(
    "option", ["--shared", "--depth=1", "--filter=blob:none", "--single-branch", "--no-hardlinks"]
)
def test_a_clone_is_answered_for(tmp_path: Path, option: str) -> None:
    top = repository(tmp_path / "top")
    git(top, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", option, f"file://{top}", "clone")
    declare(tmp_path / "clone", {"dist": FILES})
    assert verdicts(tmp_path / "clone") == {"dist": DELETE}


def test_a_worktree_of_a_bare_repository_is_answered_for(tmp_path: Path) -> None:
    git(repository(tmp_path / "top"), "clone", "--quiet", "--bare", ".", "../bare.git")
    git(tmp_path / "bare.git", "worktree", "add", "--quiet", tmp_path / "tree")
    declare(tmp_path / "tree", {"dist": FILES})
    assert verdicts(tmp_path / "tree") == {"dist": DELETE}
    shutil.move(tmp_path / "bare.git", tmp_path / "moved.git")
    said = judge(tmp_path / "tree")["dist"]
    assert verdict(said) == "git-failed"
    assert "git worktree repair" in said.evidence.facts[-1]


def test_a_submodule_in_a_submodule_is_answered_for(tmp_path: Path) -> None:
    add = ("submodule", "--quiet", "add")
    inner, middle, outer = (repository(tmp_path / name) for name in ("inner", "middle", "outer"))
    git(middle, *add, inner, "sub")
    git(middle, "commit", "--quiet", "--message=sub")
    git(outer, *add, middle, "sub")
    git(outer, "submodule", "--quiet", "update", "--init")
    git(outer, "submodule", "update", "--recursive", "--init")
    declare(outer / "sub/sub", {"dist": FILES})
    assert verdicts(outer / "sub/sub") == {"dist": DELETE}
    # A worktree of a submodule, whose configuration names another working tree.
    git(outer / "sub", "worktree", "add", "--quiet", tmp_path / "tree")
    declare(tmp_path / "tree", {"dist": FILES})
    assert verdicts(tmp_path / "tree") == {"dist": DELETE}


# Everything that git opens was looked at.


def opened(top: Path, log: Path) -> set[str]:
    """Return what git opened of a repository for the questions it is asked, but for directories."""
    questions = (
        ("rev-parse", "--show-toplevel", "--revs-only", "HEAD", "HEAD^{tree}"),
        ("ls-files", "--sparse", "-z", "--", ":(literal)dist", ":(glob)**/*/"),
        ("check-ignore", "--no-index", "--verbose", "-z", "--stdin"),
    )
    found: set[str] = set()
    for question in questions:
        command = [*strace(log, "--trace=open,openat"), "git", *question]
        subprocess.run(command, cwd=top, input=b"./dist\0", capture_output=True, check=False)
        for line in log.read_text().splitlines():
            if "= -1 " not in line and "O_DIRECTORY" not in line and "<" in line:
                found.add(line.rpartition("<")[2].split(">")[0])
    return {path for path in found if path.startswith(str(top.parent))}


@pytest.mark.parametrize("kind", ["plain", "worktree", "sparse", "split", "branch", "packed"])
def test_all_that_git_opens_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    top = repository(tmp_path / "all/top")
    match kind:
        case "worktree":
            git(top, "worktree", "add", "--quiet", "../tree")
            top = tmp_path / "all/tree"
        case "sparse":
            git(top, "sparse-checkout", "set", "--cone", "--sparse-index", "sub")
        case "split":
            git(top, "update-index", "--split-index")
            git(top, "add", "--force", "dist")
        case "branch":
            declare(top, {"empty": ""})
            git(top, "config", "includeIf.onbranch:none.path", "../empty")
        case "packed":
            git(top, "commit-graph", "write", "--reachable")
            git(top, "gc", "--quiet")
    looked: set[str] = set()
    real = os.lstat

    def lstat(path: str) -> os.stat_result:
        looked.add(path)
        return real(path)

    read = opened(top, tmp_path / "log")
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", lstat)
        said = git_files.check(str(top), [str(top / "dist")], mounts.mounted())
    assert isinstance(said, git_files.Checked)
    assert any(path.endswith("/index") for path in read), read
    assert read <= looked


# The configuration is read as git reads it.

PIECES: Final = (
    *(
        "[core]",
        "[include]",
        '[includeIf "a\\"b]c"]',
        "[Include.x]",
        "[ core]",
        "[core",
        '[a "b"',
        "]",
    ),
    *("path", "PATH", "excludesFile", "worktree", "-x", "9", "=", " ", "\t", "\n", "\r\n", "\r"),
    *("/dev/zero", "a b", "a  ", '"', '"a ; b"', "\\", "\\\n", "\\\\", "\\t", "\\n", "\\q", '\\"'),
    *("#", ";", "# c\n", "; path = x", "\ufeff", "\v", "~/x", "%(prefix)/x", "path = x\n", "x\\"),
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_configuration_is_read_as_git_reads_it(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """Or not at all: then git is not started."""
    file = tmp_path_factory.getbasetemp() / "config"
    content = b"[include]\n" + text.encode()
    file.write_bytes(content)
    done = subprocess.run(
        ["git", "config", "--file", file, "--no-includes", "--list", "-z"],
        cwd="/",
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return  # Git would not go on with it either.
    listed = [entry.partition(b"\n") for entry in done.stdout.split(b"\0")[:-1]]
    try:
        ours = [
            (section, key, value)
            for section, key, value in git_config.settings_of(content, "config")
        ]
    except git_content.Unfit:
        return
    assert [(key, b" ".join((value or b"").split())) for _, key, value in ours] == [
        (name.rpartition(b".")[2], b" ".join(value.split())) for name, _, value in listed
    ]
    assert [section for section, _, _ in ours] == [
        name.rpartition(b".")[0].partition(b'.a"b')[0] for name, _, _ in listed
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[include]path=/dev/zero", b"/dev/zero"),
        ("[INCLUDE]\n PATH\t=\t/dev/zero\t; comment", b"/dev/zero"),
        ('[include]\npath = "/dev"/ze\\\nro # comment', b"/dev/zero"),
        ('[includeIf "gitdir:\\"x"] path = /dev/"zero"', b"/dev/zero"),
        ("[core]\r\n\texcludesFile = /dev/zero\\\r\n", b"/dev/zero"),
        ("\ufeff[include]\npath = /dev/zero", b"/dev/zero"),
    ],
)
def test_a_file_is_named_in_many_ways(tmp_path: Path, text: str, value: bytes) -> None:
    assert git_config.NAMING.search(text.encode())
    [(_, _, found)] = git_config.settings_of(text.encode(), "config")
    assert found == value
    top = repository(tmp_path)
    (top / ".git/config").write_bytes(text.encode())
    assert verdicts(top) == {"dist": "git-failed"}


def test_a_table_of_references_is_looked_at(tmp_path: Path, tool: Tool) -> None:
    needs_root()
    top = repository(tmp_path / "top")
    assert tool.run(top).reasons == {"dist": None}
    declare(top / ".git", {"reftable": {"tables.list": "0x1-0x2.ref\n"}})
    os.mkfifo(top / ".git/reftable/0x1-0x2.ref")
    told = tool.run(top)
    assert told.reasons == {"dist": "git-failed"}
    assert "0x1-0x2.ref is a FIFO" in facts(told.rows["dist"])[-1]
    assert told.code == 0


def test_too_few_descriptors_say_nothing_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment later there are some."""
    top = repository(tmp_path)
    real, times = os.open, iter(range(3))

    def few(path: str, *more: Any, **how: Any) -> int:
        if str(path).startswith(f"{top}/.git/") and next(times, None) is not None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)
        return real(path, *more, **how)

    monkeypatch.setattr(os, "open", few)
    assert verdicts(top) == {"dist": DELETE}
    assert next(times, None) is None
