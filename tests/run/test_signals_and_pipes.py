"""Runs that are stopped, and runs whose output has nowhere to go."""

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self, TypeAlias

import jsonschema
import pytest

from cleanup_nodemodule.run.signals import Interrupts
from support.git import git
from support.places import COMMAND
from support.processes import Terminal, execute, execute_text, start, strace, surroundings
from support.trees import declare, listing
from support.waiting import TIMEOUT, await_condition

pytestmark = pytest.mark.slow

Document: TypeAlias = dict[str, Any]

SIGNALS = [
    (signal.SIGINT, 130),
    pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
]


class Running:
    """The command on its way, without a terminal."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        prefix: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
    ) -> None:
        self.process = start(*prefix, COMMAND, *arguments, cwd=cwd, env=env)

    def stop(self, number: int) -> tuple[int, str, str]:
        """Send a signal; return exit code, output and error output.

        What strace has to say for itself, being surprised by the end, is left out.
        """
        with self.process:
            try:
                self.process.send_signal(number)
                output, errors = self.process.communicate(timeout=TIMEOUT)
            finally:
                self.process.kill()
        lines = errors.splitlines(keepends=True)
        said = "".join(line for line in lines if not line.startswith("strace: "))
        return self.process.returncode, output, said


def slowly(log: Path, call: str, delay: int, *paths: Path) -> tuple[str, ...]:
    """Return what makes each system call of a kind take *delay* microseconds, as on a bad disk.

    Of calls that name no path, only those on the descriptors of *paths* are meant.
    """
    only = (option for path in paths for option in ("-P", str(path)))
    return strace(log, f"--trace={call}", f"--inject={call}:delay_enter={delay}", *only)


def await_calls(log: Path, pattern: str, count: int) -> None:
    """Wait until *count* calls that match *pattern* have been made."""

    def made() -> bool:
        return log.exists() and len(re.findall(pattern, log.read_text())) >= count

    await_condition(made, f"{count} calls of {pattern} were made")


# Stopped before and after.

_SIGNALLED = """
import asyncio, os, signal, sys
from cleanup_nodemodule.__main__ import main

def run(work, run=asyncio.run):
    before()
    try:
        return run(work)
    finally:
        after()

def nothing(): pass
def stop(): sent.append(1) or len(sent) == 1 and os.kill(os.getpid(), signal.{name})
sent = []

before, after = {when}
asyncio.run = run
sys.argv[1:] = {arguments}
main()
"""
"""A run to which a signal comes just before, or just after, its event loop is there to be told."""


@pytest.mark.parametrize("when", ["stop, nothing", "nothing, stop"])
@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("mode", ["--dry-run", "--no-dry-run"])
def test_a_signal_that_comes_while_a_loop_is_set_up_or_closed_is_not_lost(
    tmp_path: Path, schema: Document, when: str, number: int, code: int, mode: str
) -> None:
    top = tmp_path / "tree"
    declare(top, {"package.json": "{}", "node_modules": {"a": "b"}})
    before = listing(top)
    arguments = ["--json", "--yes", mode, "-p", str(top)]
    program = _SIGNALLED.format(name=signal.Signals(number).name, when=when, arguments=arguments)
    done = execute(sys.executable, "-c", program, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, b"")
    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema).validate(document)
    late = when == "nothing, stop"
    assert not document["complete"] or late
    # A run has one loop. So all is done when that is closed, and the result says so.
    deleted = late and mode == "--no-dry-run"
    assert document["totals"]["deleted"] == deleted
    assert listing(top) == ([b"package.json"] if deleted else before)


def test_who_insists_is_heard_where_nothing_can_be_told_to_stop() -> None:
    interrupts = Interrupts()
    with interrupts, interrupts.telling(interrupts.insist):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert interrupts.number == signal.SIGINT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_afterwards_a_signal_does_what_it_did_before(tmp_path: Path, number: int) -> None:
    program = f"""\
import signal
from cleanup_nodemodule.run.signals import Interrupts
signal.signal({number}, signal.SIG_DFL)
with Interrupts():
    pass
signal.raise_signal({number})
"""
    done = execute(sys.executable, "-c", program, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (-number, b"", b"")


# Stopped while it looks.


@pytest.fixture
def searched(tmp_path: Path) -> Path:
    """A tree that takes long to search."""
    top = tmp_path / "tree"
    project = {"package.json": "{}", "node_modules": {"a": "b"}}
    declare(top, {f"d{number:02}": project for number in range(40)})
    return top


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A tree that takes long to measure."""
    top = tmp_path / "tree"
    modules = {f"d{number:02}": {"a": "b"} for number in range(90)}
    declare(top, {"package.json": "{}", "node_modules": modules})
    return top


def helpers(log: Path) -> set[int]:
    """Return the processes that a traced run has had help it."""
    started = re.findall(
        r"^(\d+) +execve\(.*cleanup_nodemodule\.work\.helper", log.read_text(), re.MULTILINE
    )
    return {int(process) for process in started}


def alive(process: int) -> bool:
    """Whether a process that is no child of this one runs, or could still."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_process_that_helps_the_python_engine_ends_with_the_run(
    measured: Path, tmp_path: Path, number: int, code: int
) -> None:
    log = tmp_path / "log"
    running = Running(
        *("--json", "--engine", "python", "--jobs", "2", "-p", str(measured)),
        cwd=tmp_path,
        prefix=slowly(
            *(log, "getdents64,execve", 30_000),
            *(Path(sys.executable), *measured.glob("node_modules/d*")),
        ),
    )
    await_condition(lambda: log.exists() and len(helpers(log)) >= 1, "help was called")
    helper = min(helpers(log))
    returned, output, errors = running.stop(number)
    assert (returned, errors) == (code, "")
    assert not json.loads(output)["complete"]
    await_condition(lambda: not alive(helper), "the process that helped has ended")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_stopped_search_gives_one_incomplete_document(
    searched: Path, tmp_path: Path, schema: Document, number: int, code: int
) -> None:
    before = listing(searched)
    log = tmp_path / "log"
    running = Running(
        *("--json", "--no-dry-run"),
        cwd=searched,
        prefix=slowly(log, "getdents64", 30_000, *searched.glob("d*")),
    )
    await_calls(log, rf"{searched}/d\d\d>", 3)
    returned, output, errors = running.stop(number)
    document = json.loads(output)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert (returned, errors) == (code, "")
    assert (document["complete"], document["mode"]) == (False, "delete")
    assert [row["outcome"] for row in document["artifacts"] if row["outcome"]] == []
    assert document["totals"]["found"] < 40
    assert listing(searched) == before


def test_a_stopped_measurement_decides_nothing(
    measured: Path, tmp_path: Path, schema: Document
) -> None:
    before = listing(measured)
    log = tmp_path / "log"
    running = Running(
        *("--json", "--no-dry-run"),
        cwd=measured,
        prefix=slowly(log, "getdents64", 30_000, *measured.glob("node_modules/d*")),
    )
    await_calls(log, rf"{measured}/node_modules/d\d\d>", 3)
    returned, output, errors = running.stop(signal.SIGINT)
    document = json.loads(output)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert (returned, errors, document["complete"]) == (130, "", False)
    row = document["artifacts"][0]
    assert row["path"] == f"{measured}/node_modules"
    assert (row["decision"], row["reason"], row["complete"]) == ("keep", "interrupted", False)
    assert listing(measured) == before


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_stopped_run_says_so(measured: Path, tmp_path: Path, number: int, code: int) -> None:
    log = tmp_path / "log"
    directories = measured.glob("node_modules/d*")
    running = Running(cwd=measured, prefix=slowly(log, "getdents64", 300_000, *directories))
    await_calls(log, rf"{measured}/node_modules/d\d\d>", 3)
    returned, output, errors = running.stop(number)
    assert returned == code
    # Nothing is known of it but that it is there.
    assert output == ""
    assert errors == "Interrupted while searching: 1 found so far, nothing was deleted.\n"


@pytest.mark.parametrize("form", ["plain", "table"])
def test_a_stopped_run_shows_what_it_knows_by_then(tmp_path: Path, form: str) -> None:
    """Of what it has measured the size, and of all the rest how much there is."""
    top = tmp_path / "tree"
    declare(top / "small", {"package.json": "{}", "node_modules": {"a": 5000}})
    for number in range(5):
        modules = {f"d{n:02}": {"a": "b"} for n in range(90)}
        declare(top / f"large{number}", {"package.json": "{}", "node_modules": modules})
    log = tmp_path / "log"
    slow = top.glob("large*/node_modules/d*")
    running = Running(
        *("--format", form), cwd=top, prefix=slowly(log, "getdents64", 300_000, *slow)
    )
    await_calls(log, rf"{top}/large\d/node_modules/d\d\d>", 30)
    _, output, errors = running.stop(signal.SIGINT)
    assert "small" in output
    assert "≥ 0 B" not in output
    assert "large" not in output
    words = re.fullmatch(
        r"Interrupted while (searching|measuring): 6 found( so far|, 1 of them measured),"
        r" nothing was deleted\.\n(1 of 6 can be deleted.*\n)?",
        errors,
    )
    assert words, errors


@pytest.mark.parametrize("mode", ["--dry-run", "--no-dry-run"])
def test_a_run_that_found_nothing_by_then_does_not_say_that_there_is_nothing(
    tmp_path: Path, mode: str
) -> None:
    top = tmp_path / "tree"
    declare(top, {f"d{number:02}": {"src": {}} for number in range(40)})
    log = tmp_path / "log"
    running = Running(mode, cwd=top, prefix=slowly(log, "getdents64", 30_000, *top.glob("d*")))
    await_calls(log, rf"{top}/d\d\d>", 3)
    _, output, errors = running.stop(signal.SIGINT)
    assert output == ""
    assert errors == "Interrupted while searching: 0 found so far, nothing was deleted.\n"


def test_a_stopped_run_reads_no_further(measured: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    directories = sorted(measured.glob("node_modules/d*"))
    running = Running(cwd=measured, prefix=slowly(log, "getdents64", 300_000, *directories))
    await_calls(log, rf"{measured}/node_modules/d\d\d>", 3)
    assert running.stop(signal.SIGINT)[0] == 130
    read = set(re.findall(rf"{measured}/node_modules/d\d\d(?=>)", log.read_text()))
    assert 0 < len(read) < len(directories)


# Stopped while the result is printed.

_GRANTED = """
import asyncio, os, signal, sys
from cleanup_nodemodule.show import terminal
from cleanup_nodemodule.__main__ import main

def run(work, run=asyncio.run):
    result = run(work)
    if stopped == "True":
        os.kill(os.getpid(), signal.SIGTERM)
    return result

terminal.GRACE, stopped = float(sys.argv.pop(1)), sys.argv.pop(1)
asyncio.run = run
main()
"""
"""The command, with a time to print in, and whether it is stopped just before, that are told first."""


class Printing:
    """The command, with more to print than the pipe of standard output takes."""

    def __init__(
        self, work: Path, seconds: float, env: dict[str, str], *, stopped: bool = False
    ) -> None:
        if not hasattr(fcntl, "F_SETPIPE_SZ"):
            pytest.skip("the size of a pipe cannot be set on this system")
        # More than the smallest pipe takes where a page has 64 KiB.
        declare(work, {f"p{n}": {"package.json": "{}", "node_modules": {}} for n in range(200)})
        self._read, self._write = os.pipe()
        fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _GRANTED, str(seconds), str(stopped), "--json"],
            cwd=work,
            env=surroundings(env),
            stdin=subprocess.DEVNULL,
            stdout=self._write,
        )

    def _is_full(self) -> bool:
        # Not how many bytes are in it: a short one takes a page of it, too (pipe(7)).
        return not select.select([], [self._write], [], 0)[1]

    def rest(self) -> str:
        """Return all that is printed."""
        with open(self._read, encoding="utf-8", closefd=False) as file:
            return file.read()

    def ends(self) -> int:
        """Wait for the end, and return the exit code."""
        return self.process.wait(TIMEOUT)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self.__exit__)
            try:
                await_condition(self._is_full, "the pipe is full")
            finally:
                os.close(self._write)
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._read)
        with self.process:
            self.process.kill()


@pytest.mark.parametrize("env", [{}, {"PYTHONUNBUFFERED": "1"}])
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_run_that_is_stopped_while_it_prints_prints_all_of_its_document(
    tmp_path: Path, env: dict[str, str], number: int, code: int
) -> None:
    with Printing(tmp_path, 600, env) as printing:
        printing.process.send_signal(number)
        document = json.loads(printing.rest())
        assert (printing.ends(), len(document["artifacts"]), document["complete"]) == (
            code,
            200,
            True,
        )


@pytest.mark.parametrize("env", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_a_run_that_is_stopped_waits_for_no_reader(tmp_path: Path, env: dict[str, str]) -> None:
    with Printing(tmp_path, 0.1, env) as printing:
        printing.process.send_signal(signal.SIGTERM)
        assert printing.ends() == 143


def test_who_insists_is_heard_while_the_result_is_printed(tmp_path: Path) -> None:
    with Printing(tmp_path, 600, {}) as printing:
        printing.process.send_signal(signal.SIGINT)
        printing.process.send_signal(signal.SIGTERM)
        # Which of two that come at the same time is first, nobody says.
        assert printing.ends() in {130, 143}


def test_a_run_that_was_stopped_before_it_prints_waits_for_no_reader(tmp_path: Path) -> None:
    with Printing(tmp_path, 0.1, {}, stopped=True) as printing:
        assert printing.ends() == 143


def test_who_keeps_what_was_stopped_waiting_is_waited_for_no_longer() -> None:
    with Interrupts() as interrupts:
        with interrupts.telling(lambda: None):
            signal.raise_signal(signal.SIGINT)
        interrupts.grant(0.05)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(TIMEOUT)


def test_what_goes_on_is_waited_for() -> None:
    with Interrupts() as interrupts:
        interrupts.grant(600)
        interrupts.goes_on()
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
        signal.raise_signal(signal.SIGINT)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        signal.setitimer(signal.ITIMER_REAL, 60)
        interrupts.goes_on()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 60
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_what_has_to_do_with_waiting_is_over_when_it_is_done() -> None:
    def somebody_elses(_number: int, _frame: object) -> None:
        pass

    before = signal.signal(signal.SIGALRM, somebody_elses)
    try:
        with Interrupts() as interrupts:
            interrupts.grant(600)
            assert signal.getsignal(signal.SIGALRM) is somebody_elses
            signal.raise_signal(signal.SIGINT)
            interrupts.hold()
            signal.raise_signal(signal.SIGALRM)
            signal.raise_signal(signal.SIGINT)
        assert interrupts.number == signal.SIGINT
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
        assert signal.getsignal(signal.SIGALRM) is somebody_elses
    finally:
        signal.signal(signal.SIGALRM, before)


# Stopped while git takes its time.


@pytest.fixture
def stuck_git(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """A git that never answers: the environment in which it is found, and where its number is."""
    started = tmp_path / "started"
    declare(tmp_path / "bin", {"git": f"#!/bin/sh\necho $$ >{started}\nexec sleep 300\n"})
    (tmp_path / "bin/git").chmod(0o755)
    return {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}, started


def test_a_git_that_never_answers_is_ended_with_the_run(
    tmp_path: Path, stuck_git: tuple[dict[str, str], Path], schema: Document
) -> None:
    env, started = stuck_git
    declare(tmp_path / "tree", {".git": {}, "dist": {"a": "b"}, "package.json": "{}"})
    before = listing(tmp_path / "tree")
    running = Running("--json", "--no-dry-run", cwd=tmp_path / "tree", env=env)
    await_condition(lambda: started.exists() and started.read_text() != "", "git was asked")
    number = int(started.read_text())
    returned, output, errors = running.stop(signal.SIGTERM)
    document = json.loads(output)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert (returned, errors, document["complete"]) == (143, "", False)
    assert [row["reason"] for row in document["artifacts"]] == ["interrupted"]
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    assert listing(tmp_path / "tree") == before


# Stopped while it deletes.


@pytest.fixture
def deleted(tmp_path: Path) -> Path:
    """Three artifacts, of which the second takes long to delete."""
    top = tmp_path / "tree"
    sizes = {"a": 3, "b": 2500, "c": 3}
    declare(
        top,
        {
            name: {"package.json": "{}", "node_modules": {f"f{n:04}": 1 for n in range(count)}}
            for name, count in sizes.items()
        },
    )
    return top


BEING_DELETED = r"b/\.cleanup-nodemodule-\w+>"
"""What the trace of a call has in it that deletes in the second of them."""


def allocated(top: Path) -> int:
    """Return the bytes that everything in *top* takes on disk."""
    return (
        sum(os.lstat(os.path.join(os.fsencode(top), path)).st_blocks for path in listing(top)) * 512
    )


def test_a_stopped_deletion_reports_what_is_gone_and_what_is_left(
    deleted: Path, tmp_path: Path, schema: Document
) -> None:
    before, used = set(listing(deleted)), allocated(deleted)
    log = tmp_path / "log"
    running = Running(
        *("--json", "--no-dry-run", "--sort", "path", "--jobs", "1"),
        cwd=deleted,
        prefix=slowly(log, "unlinkat", 1_000),
    )
    await_calls(log, BEING_DELETED, 10)
    returned, output, errors = running.stop(signal.SIGINT)
    document = json.loads(output)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert (returned, errors, document["complete"]) == (130, "", False)
    rows = {os.path.basename(row["project"]): row for row in document["artifacts"]}
    [left] = (deleted / "b").glob(".cleanup-nodemodule-*")
    assert [(rows[name]["outcome"], rows[name]["error"]) for name in "abc"] == [
        ("deleted", None),
        ("failed", f"interrupted; what is left of it is at {left}"),
        (None, None),
    ]
    assert [rows[name]["left_at"] for name in "abc"] == [None, str(left), None]
    assert (document["totals"]["deleted"], document["totals"]["failed"]) == (1, 1)
    after = set(listing(deleted))
    gone = before - after
    inside = {path for path in after if left.name.encode() in path}
    assert after - inside < before
    assert {path for path in gone if path.startswith(b"a/")} == {
        path for path in before if path.startswith(b"a/node_modules")
    }
    assert {path for path in gone if path.startswith(b"c")} == set()
    # Of the second the project has nothing any more, and all that is left is beside it.
    assert b"b/node_modules" in gone
    assert 1 < len(inside) < 2500
    assert document["totals"]["freed_bytes"] == used - allocated(deleted)
    # The next run deletes the rest.
    assert execute(COMMAND, "--no-dry-run", cwd=deleted).returncode == 0
    assert listing(deleted) == sorted(path for path in before if b"node_modules" not in path)


def test_a_stopped_deletion_says_what_is_gone_and_what_is_left(
    deleted: Path, tmp_path: Path
) -> None:
    used = allocated(deleted)
    log = tmp_path / "log"
    running = Running(
        *("--no-dry-run", "--sort", "path", "--jobs", "1"),
        cwd=deleted,
        prefix=slowly(log, "unlinkat", 1_000),
    )
    await_calls(log, BEING_DELETED, 10)
    returned, output, errors = running.stop(signal.SIGTERM)
    freed = used - allocated(deleted)
    assert returned == 143
    rows = [line.split("\t") for line in output.splitlines()]
    assert [(row[0], row[5]) for row in rows] == [
        ("deleted", f"{deleted}/a/node_modules"),
        ("failed", f"{deleted}/b/node_modules"),
        ("delete", f"{deleted}/c/node_modules"),
    ]
    [left] = (deleted / "b").glob(".cleanup-nodemodule-*")
    lines = errors.splitlines()
    unit, shown = ("MiB", freed / 1024**2) if freed >= 1024**2 else ("KiB", freed / 1024)
    assert lines[0] == f"Interrupted: deleted 1 of 3, which freed {shown:.1f} {unit}."
    assert [line for line in lines[1:] if not line.startswith("Free space ")] == [
        f"Failed: {deleted}/b/node_modules: interrupted; what is left of it is at {left}",
        "1 was not begun.",
        "To finish what an interrupted run left: cleanup-nodemodule resume",
    ]
    assert [(deleted / name / "node_modules").exists() for name in "abc"] == [False, False, True]


# Stopped by the end of its terminal.


@pytest.mark.parametrize("arguments", [(), ("--no-progress",), ("--json",)])
def test_a_closed_terminal_stops_a_deletion_and_the_journal_says_what_is_gone(
    deleted: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    log = tmp_path / "log"
    slow = slowly(log, "unlinkat", 1_000)
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    with Terminal(
        *("--no-dry-run", "--yes", "--sort", "path", "--jobs", "1", *arguments),
        cwd=deleted,
        env=env,
        prefix=slow,
    ) as terminal:
        await_calls(log, BEING_DELETED, 10)
        terminal.hang_up()
        assert terminal.finish() == 129
    record = execute(COMMAND, "log", "--json", cwd=tmp_path, env=surroundings(env))
    told = json.loads(record.stdout)
    outcomes = {row["path"]: row["outcome"] for row in told["entries"]}
    assert outcomes[f"{deleted}/a/node_modules"] == "deleted"
    assert outcomes[f"{deleted}/b/node_modules"] == "interrupted"
    [one] = told["runs"]
    assert (one["interrupted"], one["ended_at"] is None) == (True, False)
    assert [(deleted / name / "node_modules").exists() for name in "abc"] == [False, False, True]


@pytest.mark.parametrize("mode", ["--dry-run", "--no-dry-run"])
def test_a_closed_terminal_ends_a_question_and_a_search(
    searched: Path, tmp_path: Path, mode: str
) -> None:
    before = listing(searched)
    log = tmp_path / "log"
    slow = slowly(log, "getdents64", 30_000, *searched.glob("d*"))
    with Terminal(mode, cwd=searched, prefix=slow) as terminal:
        await_calls(log, rf"{searched}/d\d\d>", 3)
        terminal.hang_up()
        assert terminal.finish() == 129
    with Terminal("--no-dry-run", cwd=searched) as terminal:
        terminal.expect("?] ")
        terminal.hang_up()
        assert terminal.finish() == 129
    assert listing(searched) == before


def test_a_terminal_that_is_gone_is_no_unexpected_failure(searched: Path, tmp_path: Path) -> None:
    """As one closed behind a run that ignores SIGHUP; whether it wrote a traceback a file shows."""
    log = tmp_path / "log"
    slow = slowly(log, "getdents64", 30_000, *searched.glob("d*"))
    program = f"import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); {_TRACED}"
    with Terminal(
        *("-c", program, str(tmp_path / "trace")),
        cwd=searched,
        prefix=(*slow, sys.executable),
        command=(),
    ) as terminal:
        await_calls(log, rf"{searched}/d\d\d>", 3)
        terminal.hang_up()
        # Standard output takes nothing any more, which is what the code says.
        assert terminal.finish() == 1
    assert not (tmp_path / "trace").exists()


_TRACED = """
import traceback
from cleanup_nodemodule.__main__ import main
where = sys.argv.pop(1)
traceback.print_exc = traceback.print_exception = lambda *_: open(where, "w").close()
sys.excepthook = lambda *_: open(where, "w").close()
main()
"""
"""The command; if there is a traceback it makes a file of the name that is told first."""


def test_a_run_that_is_to_outlive_its_terminal_does(searched: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    running = Running(
        "--json",
        cwd=searched,
        prefix=("nohup", *slowly(log, "getdents64", 30_000, *searched.glob("d*"))),
    )
    await_calls(log, rf"{searched}/d\d\d>", 3)
    code, output, _ = running.stop(signal.SIGHUP)
    assert (code, json.loads(output)["complete"]) == (0, True)


def test_nobody_insists_by_closing_a_terminal() -> None:
    """The kernel, the shell and a service manager may send SIGHUP, each of them."""
    with Interrupts() as interrupts, interrupts.telling(interrupts.insist):
        for number in (signal.SIGHUP, signal.SIGHUP):
            signal.raise_signal(number)
        assert interrupts.number == signal.SIGHUP
    with Interrupts() as interrupts, interrupts.telling(interrupts.insist):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(number)
        assert interrupts.number == signal.SIGTERM


# Output that has nowhere to go.


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project with proof, in a directory of its own."""
    declare(tmp_path / "work", {"package.json": "{}", "node_modules": {"a": "b"}})
    return tmp_path / "work"


def shell(script: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which ``$0`` is the command."""
    return execute_text("bash", "-c", script, COMMAND, cwd=cwd)


FORMATS = ["--format=plain", "--format=table", "--json", "-0"]
INFORMATION = ["--version", "--help", "--json-schema"]


@pytest.mark.parametrize("option", [*FORMATS, *INFORMATION])
def test_a_full_disk_under_the_output_is_a_failure_that_is_said(work: Path, option: str) -> None:
    result = shell(f'"$0" {option} >/dev/full', work)
    assert result.returncode == 1
    message = "cleanup-nodemodule: could not print the result: No space left on device\n"
    assert result.stderr.startswith(message)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("option", ["--format=table", "--json", "-0", *INFORMATION])
def test_a_closed_output_is_a_failure_that_is_said(work: Path, option: str) -> None:
    result = shell(f'"$0" {option} >&-', work)
    assert result.returncode == 1
    message = "cleanup-nodemodule: could not print the result: standard output is closed\n"
    assert result.stderr.startswith(message)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("option", [*FORMATS, *INFORMATION])
def test_a_reader_that_has_gone_is_no_failure(work: Path, option: str) -> None:
    result = without_reader("-q", option, cwd=work)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("option", FORMATS)
def test_a_reader_that_has_gone_hides_no_deletion(work: Path, option: str) -> None:
    result = without_reader("--no-dry-run", option, cwd=work)
    assert result.returncode == 0
    assert result.stderr.startswith(b"Deleted 1 of 1, which freed ") is (option != "--json")
    assert listing(work) == [b"package.json"]


def without_reader(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[bytes]":
    """Run the command with an output whose other end is closed already."""
    read, write = os.pipe()
    os.close(read)
    try:
        return execute(COMMAND, *arguments, cwd=cwd, stdout=write)
    finally:
        os.close(write)


def test_an_output_with_nowhere_to_go_hides_no_deletion(work: Path) -> None:
    result = shell('"$0" --no-dry-run >/dev/full', work)
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert lines[0] == ("cleanup-nodemodule: could not print the result: No space left on device")
    assert lines[1].startswith("Deleted 1 of 1, which freed ")
    assert listing(work) == [b"package.json"]


def test_the_other_streams_change_nothing(work: Path) -> None:
    usual = shell('"$0"', work).stdout
    assert usual.endswith(f"\t{work}/node_modules\n")
    for redirection in ("<&-", "2>&-", "2>/dev/full", "<&- 2>&-"):
        result = shell(f'"$0" {redirection}', work)
        assert (redirection, result.returncode, result.stdout) == (redirection, 0, usual)


def test_a_deletion_needs_no_stream_at_all(work: Path) -> None:
    result = shell('"$0" --no-dry-run <&- >&- 2>&-', work)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "")
    assert listing(work) == [b"package.json"]


def test_git_can_be_asked_without_any_stream(work: Path) -> None:
    declare(work, {"dist": {"a": "b"}, ".gitignore": "dist\nnode_modules\n"})
    git(work, "init", "--quiet")
    shell('"$0" --no-dry-run <&- >&- 2>&-', work)
    assert [path for path in listing(work) if not path.startswith(b".git")] == [b"package.json"]


@pytest.mark.parametrize("arguments", ["--json --dryrun", "--json -p nowhere"])
def test_wrong_usage_stays_wrong_usage_wherever_its_document_goes(
    work: Path, arguments: str
) -> None:
    for redirection in (">&-", ">/dev/full", ">&- 2>&-"):
        result = shell(f'"$0" {arguments} {redirection}', work)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
