"""Runs that nobody watches: their priority, the wait before they begin, and their silence."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cleanup_nodemodule.commands import restraint
from cleanup_nodemodule.commands.restraint import Restraint
from cleanup_nodemodule.config.keys import Priority
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.terminal import Display, Terminal
from cleanup_nodemodule.work.tasks import Stopped
from support import processes
from support.processes import bound, mode
from support.tool import PROJECT, Tool
from support.trees import declare, listing
from support.waiting import TIMEOUT


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project that can be deleted, and one that is kept."""
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "notes": {"dist": {"essay.txt": "mine"}}})
    return top


# The priority.


def is_idle(pid: int) -> bool:
    """Whether a process has the lowest priority in all ways; fails if only in some."""
    found = (
        os.sched_getscheduler(pid) == os.SCHED_IDLE,
        os.getpriority(os.PRIO_PROCESS, pid) == 19,
        psutil.Process(pid).ionice().ioclass == psutil.IOPRIO_CLASS_IDLE,
    )
    assert len(set(found)) == 1, found
    return found[0]


WAITING = ("-v", "--delay", "30m")
"""What has a run wait, having its priority by then, and say so."""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell it in other ways")
@pytest.mark.parametrize(
    ("options", "idle"),
    [((), True), (("--priority", "normal"), False), (("--priority=idle",), True)],
)
@pytest.mark.parametrize("deletes", [False, True])
def test_a_run_without_a_terminal_is_idle_unless_told_otherwise(
    one_tool: Tool,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    *,
    idle: bool,
    deletes: bool,
) -> None:
    """And SIGTERM ends the wait of a delay at once, before anything is looked at or locked."""
    monkeypatch.delenv("CLEANUP_NODEMODULE_PRIORITY")
    before = listing(work)
    more = ("--no-dry-run",) if deletes else ()
    process = one_tool.start("-p", work, *options, *WAITING, *more)
    with process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("cleanup-nodemodule: waiting ")
        assert said.endswith(" first, as --delay says\n")
        assert is_idle(process.pid) == idle
        assert not (one_tool.home / "state").exists()
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (143, "")
    assert errors == "cleanup-nodemodule: interrupted; nothing was done\n"
    assert listing(work) == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell it in other ways")
@pytest.mark.parametrize(("options", "idle"), [((), False), (("--priority", "idle"), True)])
def test_a_run_at_a_terminal_is_not_idle_unless_told_so(
    work: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], *, idle: bool
) -> None:
    monkeypatch.delenv("CLEANUP_NODEMODULE_PRIORITY")
    with processes.Terminal(*options, *WAITING, cwd=work) as terminal:
        terminal.expect("first, as --delay says")
        assert is_idle(terminal.process.pid) == idle
        terminal.interrupt()
        assert terminal.finish() == 130


# The delay.


def begun(
    monkeypatch: pytest.MonkeyPatch, share: float, *, verbose: bool = False, stop: int | None = None
) -> list[float]:
    """Return how long a run with a delay of an hour waits, if that is the *share* of it that it draws."""
    waited: list[float] = []
    interrupts = Interrupts()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if stop is not None:
            os.kill(os.getpid(), stop)

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr(restraint, "random_share", lambda: share)
    with interrupts:
        terminal = Terminal(Display(), "dry-run", interrupts)
        Restraint(Priority.NORMAL, 3600, verbose).begin(terminal, interrupts)
    return waited


@pytest.mark.parametrize(("share", "seconds"), [(0.0, 0.0), (0.25, 900.0), (0.75, 2700.0)])
def test_a_delay_is_a_random_time_up_to_that(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    share: float,
    seconds: float,
) -> None:
    assert begun(monkeypatch, share) == [seconds]
    assert capsys.readouterr().err == ""


def test_a_verbose_run_says_how_long_it_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for share, said in ((0.5, "30min"), (0.0, "0s"), (0.01, "36s"), (0.03, "1min 48s")):
        begun(monkeypatch, share, verbose=True)
        assert capsys.readouterr().err == (
            f"cleanup-nodemodule: waiting {said} first, as --delay says\n"
        )


def test_a_signal_ends_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Stopped):
        begun(monkeypatch, 0.5, stop=signal.SIGTERM)


def test_two_machines_do_not_draw_the_same() -> None:
    drawn = {restraint.random_share() for _ in range(50)}
    assert len(drawn) == 50
    assert all(0 <= share < 1 for share in drawn)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("5", "--delay 5 needs a unit; type 5min for minutes, or one of s, h, d instead of min"),
        ("soon", "--delay takes a length of time such as 30s, 10min or 2h, and 'soon' is none"),
        ("2mo", "--delay cannot be longer than 30 days; type for instance 30min"),
    ],
)
def test_a_delay_that_makes_no_sense_is_refused_at_once(
    one_tool: Tool, work: Path, said: str, why: str
) -> None:
    done = one_tool.tell("-p", work, "--delay", said)
    assert (done.returncode, done.stderr) == (2, f"cleanup-nodemodule: {why}\n")


def test_a_file_says_the_delay_and_is_named_if_it_is_wrong(one_tool: Tool, work: Path) -> None:
    config = one_tool.home / "other.toml"
    config.write_text('delay = "soon"\n')
    done = one_tool.tell("-p", work, "--config", config)
    assert done.returncode == 2
    assert f"{config}, line 1: delay takes a length of time" in done.stderr


# What is quiet says nothing if there is nothing to say.


def test_a_quiet_run_prints_nothing(one_tool: Tool, work: Path) -> None:
    for more in ((), ("--no-dry-run",)):
        done = one_tool.tell("-p", work, "--quiet", *more)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (work / "app/node_modules").exists()


@pytest.mark.parametrize(
    "options", [("--json",), ("--format", "plain"), ("-0",), ("--output", "csv:-")]
)
def test_a_quiet_run_prints_what_was_asked_for(
    one_tool: Tool, work: Path, options: tuple[str, ...]
) -> None:
    quiet, loud = (one_tool.tell("-p", work, *options, *more) for more in (("-q",), ()))
    assert quiet.stderr == ""
    assert "node_modules" in quiet.stdout
    if options == ("--json",):
        assert json.loads(quiet.stdout)["artifacts"] == json.loads(loud.stdout)["artifacts"]
    else:
        assert quiet.stdout == loud.stdout


def test_a_quiet_run_does_not_tell_what_is_as_it_should_be(one_tool: Tool, work: Path) -> None:
    plan, log = one_tool.home / "plan.json", one_tool.home / "log"
    log_file = ("--log-file", log)
    for words in (
        ("-p", work, "-q", "--save-plan", plan, *log_file),
        ("apply", plan, "-q", "--no-dry-run", *log_file),
    ):
        done = one_tool.tell(*words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (work / "app/node_modules").exists()
    # The log has it all the same, and says what was looked at.
    logged = log.read_text()
    assert f"is saved in {plan}" in logged
    assert f"begin: apply, delete, what {plan} names\n" in logged
    assert "names 1 directory" in logged


def test_a_quiet_run_says_which_limit_was_exceeded(one_tool: Tool, work: Path) -> None:
    done = one_tool.tell("-p", work, "-q", "--no-dry-run", "--max-delete", "1KB")
    assert (done.returncode, done.stdout) == (4, "")
    assert "--max-delete 1KB" in done.stderr
    assert (work / "app/node_modules").exists()


def test_a_quiet_run_says_what_could_not_be_deleted(tool: Tool, work: Path) -> None:
    with mode(work / "app/node_modules/pkg", 0o555):
        process = tool.start("-p", work, "-q", "--no-dry-run", prefix=bound())
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (3, "")
    first, *rest = errors.splitlines()
    assert "Permission denied" in first
    assert any(line.startswith("Failed: ") for line in rest), rest
    assert rest[-1] == "When you have removed the cause, delete the rest: cleanup-nodemodule resume"


def test_a_quiet_run_at_a_terminal_shows_what_it_asks_about_and_then_nothing(work: Path) -> None:
    with processes.Terminal("-q", "--no-dry-run", cwd=work) as terminal:
        terminal.expect("Delete ")
        terminal.type("y\r")
        assert terminal.finish() == 0
    shown = [line for line in terminal.screen() if line.strip()]
    assert shown[0].startswith("Can be deleted in ")
    assert shown[-1].startswith("Delete ")
    assert not (work / "app/node_modules").exists()


# The journal of systemd.


def says(one_tool: Tool, work: Path, stream: str, error: Path) -> list[str]:
    """Return what a run says in a file that systemd may have called its journal."""
    with error.open("w") as file:
        status = os.fstat(file.fileno())
        stream = stream.format(device=status.st_dev, inode=status.st_ino)
        subprocess.run(
            [*one_tool.command, "-p", work, work.parent / "none", "--exclude", "nothing"],
            env={**one_tool.env, "JOURNAL_STREAM": stream},
            stdout=subprocess.DEVNULL,
            stderr=file,
            check=False,
        )
    return error.read_text().splitlines()


def test_the_journal_is_told_the_level_of_a_warning(
    one_tool: Tool, work: Path, tmp_path: Path
) -> None:
    lines = says(one_tool, work, "{device}:{inode}", tmp_path / "journal")
    warnings = [line for line in lines if line.startswith("<4>cleanup-nodemodule: ")]
    assert any("nothing matched nothing" in line for line in warnings)
    assert any("No such file or directory" in line for line in warnings)
    # What went well has the level that the service has.
    assert any(line.startswith("1 of 2 can be deleted") for line in lines)


@pytest.mark.parametrize("stream", ["{device}:1", "1:{inode}", "nonsense", ""])
def test_another_stream_is_told_no_level(
    one_tool: Tool, work: Path, tmp_path: Path, stream: str
) -> None:
    """As where standard error of a service was led into a file."""
    lines = says(one_tool, work, stream, tmp_path / "file")
    assert lines
    assert not any(line.startswith("<") for line in lines)
