"""What git may take when somebody changes a repository behind the look at it, and how it is ended."""

import json
import os
import shlex
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.proof import git as asking
from cleanup_nodemodule.proof import git_process
from support.accounts import give_away
from support.git import git
from support.judges import DELETE, judge, verdict, verdicts
from support.needs import needs_root
from support.tool import Run, Tool, facts
from support.trees import Declared, declare
from support.waiting import TIMEOUT, await_condition

pytestmark = pytest.mark.slow

FILES: Final = {"file": "content"}
PROJECT: Final[Declared] = {".gitignore": "/dist\n", "package.json": "{}", "dist": FILES}


def repository(top: Path) -> Path:
    """Build a repository that ignores dist, which git alone can say."""
    declare(top, PROJECT)
    git(top, "init", "--quiet")
    git(top, "add", ".gitignore", "package.json")
    git(top, "commit", "--quiet", "--message=all")
    return top


class Instead:
    """A git that does something first. It leaves the number of each process in a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = f"{directory / 'bin'}:{os.environ['PATH']}"
        self.real = shutil.which("git")
        self._processes = directory / "processes"

    def does(self, script: str) -> None:
        """Have it do this; ``real`` stands for the real one with the same arguments."""
        script = script.replace("real", f'exec {self.real} "$@"')
        note = f"note() {{ echo $1 >>{shlex.quote(str(self._processes))}; }}; note $$"
        declare(self.directory / "bin", {"git": f"#!/bin/sh\n{note}\n{script}\n"})
        (self.directory / "bin/git").chmod(0o755)

    @property
    def processes(self) -> list[int]:
        """Those that it, and what it started, were."""
        if not self._processes.exists():
            return []
        return [int(line) for line in self._processes.read_text().split()]

    def all_ended(self) -> bool:
        """Whether none of them is there any more."""
        return not any(map(runs, self.processes))


def runs(process: int) -> bool:
    """Whether a process that is no child of this one runs, or could still."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


@pytest.fixture
def tool(one_tool: Tool) -> Tool:
    """The command with one engine, as none decides how long git may take."""
    return one_tool


@pytest.fixture
def instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instead:
    """Be called in the place of git by what runs in this process."""
    stand_in = Instead(tmp_path / "instead")
    monkeypatch.setenv("PATH", stand_in.path)
    return stand_in


def said(top: Path) -> str:
    """Return what is said of the repository that gave no answer."""
    found = judge(top)
    assert {verdict(one) for one in found.values()} == {"git-failed"}
    return found["dist"].evidence.facts[-1].removeprefix(f"git gave no answer in {top}: ")


def limits(text: str) -> dict[str, tuple[str, str]]:
    """Return soft and hard limits by their names (proc_pid_limits(5))."""
    lines = text.splitlines()[1:]
    return {line[:25].strip(): (line[26:46].strip(), line[47:67].strip()) for line in lines}


def test_git_runs_under_limits_from_its_first_instruction(tmp_path: Path, instead: Instead) -> None:
    top = repository(tmp_path / "top")
    instead.does(f"cat /proc/$$/limits >{tmp_path}/limits\nreal")
    assert verdicts(top) == {"dist": DELETE}
    found = limits((tmp_path / "limits").read_text())
    index = (top / ".git/index").stat().st_size
    memory = str(((1 << 30) + 4 * index) // 1024 * 1024)
    assert found["Max address space"] == (memory, memory)
    assert found["Max cpu time"] == ("60", "61")
    assert found["Max core file size"] == ("0", "0")
    assert found["Max file size"] == (str(64 << 20), str(64 << 20))


def test_a_lower_limit_stays(tmp_path: Path, tool: Tool) -> None:
    needs_root()
    top = repository(tmp_path / "top")
    stand_in = Instead(tmp_path / "instead")
    stand_in.does(f"cat /proc/$$/limits >{tmp_path}/limits\nreal")
    lower = 900_000 * 1024
    told = tool.run(
        top,
        "--timeout",
        "7",
        env={"PATH": stand_in.path},
        prefix=("sh", "-c", 'ulimit -S -v 900000; exec "$@"', "sh"),
    )
    assert told.reasons == {"dist": None}
    found = limits((tmp_path / "limits").read_text())
    assert found["Max address space"][0] == str(lower)
    assert found["Max cpu time"] == ("7", "8")


SWAPS: Final = {
    "a commondir": ("ln -sf /dev/zero {top}/.git/commondir", "memory"),
    "a list": ("mv -f {top}/huge {top}/.gitignore 2>&-", "memory"),
    "an index": ("mv -f {top}/huge {top}/.git/index 2>&-", "memory"),
    "a device": ("ln -sf /dev/zero {top}/.git/config", "bad config line 1"),
    "an included device": (
        "printf '[include] path = /dev/zero' >>{top}/.git/config",
        "bad config line 1 in file /dev/zero",
    ),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_what_is_swapped_for_something_without_end_behind_the_look_ends_git(
    tmp_path: Path, instead: Instead, swap: str
) -> None:
    top = repository(tmp_path / "top")
    with open(top / "huge", "wb") as file:
        file.truncate(1 << 40)
    script, words = SWAPS[swap]
    instead.does(f"{script.format(top=top)}\nreal")
    assert words in said(top)
    await_condition(instead.all_ended, "git has ended")


@pytest.mark.parametrize("name", ["HEAD", "index", "config", ".gitignore", "info/exclude"])
def test_what_is_swapped_for_a_fifo_behind_the_look_is_not_waited_for(
    tmp_path: Path, instead: Instead, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    top = repository(tmp_path / "top")
    file = top / name if name == ".gitignore" else top / ".git" / name
    instead.does(f"rm -f {file}; mkfifo {file}\nreal")
    monkeypatch.setattr(asking, "_TIMEOUT", 1)
    assert "ended after 1 seconds" in said(top)
    await_condition(instead.all_ended, "git has ended")


def test_who_makes_many_be_waited_for_is_waited_for_ever_less(
    tmp_path: Path, instead: Instead, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        repository(tmp_path / f"top/r{number}")
    monkeypatch.setattr("cleanup_nodemodule.proof.witnesses._REPOSITORIES_AT_ONCE", 1)
    monkeypatch.setattr(asking, "_TIMEOUT", 2)
    monkeypatch.setattr(asking, "_LEAST", 0.5)
    instead.does("exec sleep 1000")
    found = judge(tmp_path / "top")
    times = sorted(
        float(one.evidence.facts[-1].partition("ended after ")[2].split()[0])
        for one in found.values()
    )
    assert times == [0.5, 0.5, 1, 2]
    await_condition(instead.all_ended, "git has ended")


GRANDCHILDREN: Final = {
    "waits": "sleep 1000 & note $!; wait",
    "ends": "sleep 1000 & note $!; exit 0",
    "does not care": "trap '' INT TERM HUP; sleep 1000 & note $!; sleep 1000",
}


@pytest.mark.parametrize("how", GRANDCHILDREN)
def test_nothing_is_left_of_what_git_starts(
    tmp_path: Path, instead: Instead, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    top = repository(tmp_path / "top")
    instead.does(GRANDCHILDREN[how])
    monkeypatch.setattr(asking, "_TIMEOUT", 1)
    said(top)
    assert len(instead.processes) == 2
    await_condition(instead.all_ended, "git and what it started have ended")


@pytest.mark.parametrize("how", GRANDCHILDREN)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_ends_git_and_what_it_started(
    tmp_path: Path, tool: Tool, number: int, code: int, how: str
) -> None:
    top = tmp_path / "top"
    for name in ("r1", "r2", "r3"):
        repository(top / name)
    instead = Instead(tmp_path / "instead")
    instead.does(GRANDCHILDREN[how])
    running = tool.start("--json", "-p", top, env={"PATH": instead.path})
    await_condition(lambda: len(instead.processes) == 6, "git and what it starts are at work")
    running.send_signal(number)
    output, errors = running.communicate(timeout=TIMEOUT)
    assert (running.returncode, errors) == (code, "")
    assert not json.loads(output)["complete"]
    await_condition(instead.all_ended, "git and what it started have ended")


def test_git_does_not_go_on_for_long_when_the_run_was_killed(tmp_path: Path, tool: Tool) -> None:
    top = repository(tmp_path / "top")
    instead = Instead(tmp_path / "instead")
    instead.does("while :; do :; done")
    running = tool.start("--json", "--timeout", "2", "-p", top, env={"PATH": instead.path})
    await_condition(lambda: bool(instead.processes), "git is at work")
    running.kill()
    running.communicate()
    await_condition(instead.all_ended, "the limit of processor time has ended git")


def test_the_time_limit_of_the_run_is_that_of_git(tmp_path: Path, tool: Tool) -> None:
    top = repository(tmp_path / "top")
    instead = Instead(tmp_path / "instead")
    instead.does("exec sleep 1000")
    told = tool.run(top, "--timeout", "1", env={"PATH": instead.path})
    assert (told.code, told.reasons) == (0, {"dist": "git-failed"})
    assert facts(told.rows["dist"])[-1] == (
        f"git gave no answer in {top}: it was ended after 1 seconds without one"
    )


ENDLESS: Final = {
    "a name": "exec cat /dev/zero | tr '\\0' x",
    "names": "exec yes x | tr '\\n' '\\0'",
    "complaints": "exec cat /dev/zero >&2",
}


@pytest.mark.parametrize("what", ["a name", "names"])
def test_an_answer_without_end_is_none(
    tmp_path: Path, instead: Instead, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    top = repository(tmp_path / "top")
    instead.does(f'case "$*" in *ls-files*) {ENDLESS[what]};; esac\nreal')
    monkeypatch.setattr(git_process, "_OUTPUT", 10_000_000)
    assert "it gave" in said(top)
    await_condition(instead.all_ended, "git has ended")


def test_complaints_without_end_are_not_kept(
    tmp_path: Path, instead: Instead, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository(tmp_path / "top")
    instead.does(ENDLESS["complaints"])
    monkeypatch.setattr(asking, "_TIMEOUT", 1)
    assert "ended after" in said(top)


# Why there is no answer.

COMPLAINTS: Final[dict[str, tuple[str, str]]] = {
    "its own words": ("echo fatal: this and that >&2; exit 128", "fatal: this and that"),
    "the last of them": (
        "echo error: first >&2; echo fatal: last >&2; echo hint: more >&2; exit 1",
        "fatal: last",
    ),
    "other words": ("echo something >&2; exit 3", "something"),
    "no words": ("exit 3", "it ended with exit code 3"),
    "what cannot be shown": (
        "printf 'fatal: \\033[2J\\rx\\n' >&2; exit 128",
        "fatal: ?[2J",
    ),
    "very many words": (
        f"echo fatal: {'x' * 5000} >&2; exit 128",
        f"fatal: {'x' * 293}",
    ),
    "a signal": ("kill -9 $$", "it was ended by signal 9"),
    "processor time": (
        "kill -XCPU $$",
        "it took more than the 60 seconds of a processor that it is given",
    ),
    "another place": ("echo /elsewhere", "its working tree is /elsewhere"),
}


@pytest.mark.parametrize("case", COMPLAINTS)
def test_why_there_is_no_answer_is_said(tmp_path: Path, instead: Instead, case: str) -> None:
    top = repository(tmp_path / "top")
    script, words = COMPLAINTS[case]
    instead.does(script)
    assert said(top) == words


def cut_off(top: Path) -> None:
    """Leave a worktree without what it is one of."""
    git(top, "worktree", "add", "--quiet", "../tree")
    shutil.rmtree(top)
    (top.parent / "tree").rename(top)
    declare(top, {"dist": FILES})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            give_away,
            "writes there: if you trust that user, type: git config --global --add safe.directory {quoted}",
        ),
        (cut_off, "type `git worktree repair`"),
    ],
)
def test_what_to_do_about_it_is_said_in_every_form(
    tmp_path: Path, run: Run, make: Callable[[Path], None], words: str
) -> None:
    needs_root()
    top = repository(tmp_path / "it's here")
    make(top)
    words = words.format(top=top, quoted=shlex.quote(str(top)))
    document = json.loads(run("--json", "-p", top).stdout)
    assert [row["reason"] for row in document["artifacts"]] == ["git-failed"]
    assert words in facts(document["artifacts"][0])[-1]
    plain = run("--verbose", "-p", top)
    assert plain.returncode == 0
    assert words in plain.stdout + plain.stderr
    assert words in run("explain", top / "dist").stdout


def test_the_configuration_of_another_user_is_not_read(tmp_path: Path, tool: Tool) -> None:
    """Under a sudo that leaves HOME as it was: it would have root trust that user's repositories."""
    needs_root()
    top = repository(tmp_path / "top")
    give_away(top)
    home = tmp_path / "theirs"
    declare(home, {".gitconfig": "[safe]\n\tdirectory = *\n", "git": {"config": "nonsense"}})
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    own = tool.run(top, env={"HOME": str(home)})
    assert own.reasons == {"dist": None}
    give_away(home)
    told = tool.run(top, env=env)
    assert told.reasons == {"dist": "git-failed"}
    assert "safe.directory" in facts(told.rows["dist"])[-1]


def test_what_nobody_thought_of_is_no_answer_for_one_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path / "top/fine")
    strange = repository(tmp_path / "top/strange")
    check = asking._check_top  # noqa: SLF001 - what asks first

    async def checks(top: str, *more: Any) -> bool:
        if top == str(strange):
            raise RuntimeError("can't start new thread")
        return await check(top, *more)

    monkeypatch.setattr(asking, "_check_top", checks)
    found = judge(tmp_path / "top")
    assert {path: verdict(one) for path, one in found.items()} == {
        "fine/dist": DELETE,
        "strange/dist": "git-failed",
    }
    assert "can't start new thread" in found["strange/dist"].evidence.facts[-1]
