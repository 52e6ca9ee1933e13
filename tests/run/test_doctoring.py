"""``doctor``: what it finds in odd places, and what it says to do."""

import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule import engine
from cleanup_nodemodule.run import checkup_programs, checkup_runs
from cleanup_nodemodule.run.checkup import Check, State
from cleanup_nodemodule.run.checkup_places import of_clock, of_file, of_state, of_trash
from cleanup_nodemodule.run.checkup_programs import (
    of_configuration,
    of_engine,
    of_git,
    of_mail,
    of_processes,
)
from cleanup_nodemodule.run.checkup_runs import of_schedules
from cleanup_nodemodule.unattended.schedule.scheduler import Installed
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from support.accounts import NOBODY, as_account, give_away, place
from support.filesystems import Mounts, disks
from support.needs import needs_root
from support.places import COMMAND
from support.processes import Terminal, execute_text, surroundings
from support.tool import Tool

__all__ = ["disks", "place"]

OK: Final = State.OK
MISSING: Final = State.MISSING
WARNING: Final = State.WARNING


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def checks(one_tool: Tool, *arguments: str | Path, **env: str) -> dict[str, dict[str, Any]]:
    """Return what doctor says of each thing."""
    process = one_tool.start("doctor", "--json", *arguments, env=env)
    output, errors = process.communicate()
    document = json.loads(output)
    assert document["schema_version"] == 1
    states = {one["state"] for one in document["checks"]}
    assert process.returncode == (3 if "missing" in states else 0), errors
    return {one["check"]: one for one in document["checks"]}


def test_all_is_said_and_nothing_is_left_behind(one_tool: Tool) -> None:
    before = sorted(one_tool.home.rglob("*"))
    told = checks(one_tool)
    looked_at = ["configuration", "state directory", "processes", "git", "schedule", "clock"]
    assert [*told] == [*looked_at, "engine", "last success"]
    assert told["last success"]["found"] == "no run is in the history yet"
    assert "nothing is wrong" in told["configuration"]["found"]
    assert "will be made and can be written" in told["state directory"]["found"]
    assert sorted(one_tool.home.rglob("*")) == before
    (one_tool.home / "state/cleanup-nodemodule").mkdir(parents=True, mode=0o700)
    told = checks(one_tool)
    assert " can be written; it is on " in told["state directory"]["found"]
    assert not [*(one_tool.home / "state/cleanup-nodemodule").iterdir()]


def test_it_is_shown_with_what_to_do(one_tool: Tool) -> None:
    (one_tool.home / "state").mkdir(mode=0o777)
    (one_tool.home / "state").chmod(0o777)
    with Terminal("doctor", cwd=one_tool.home, env=one_tool.env) as terminal:
        assert terminal.finish() == 3
        shown = terminal.screen()
    text = " ".join(" ".join(shown).split())
    assert max(map(len, shown)) <= 80
    assert "missing state directory: the record of what is deleted cannot be kept in" in text
    assert ": others may write to" in text
    assert "(mode 0777). Set XDG_STATE_HOME to a directory that only you can write to." in text
    lines = one_tool.tell("doctor").stdout.splitlines()
    assert {line.count("\t") for line in lines} == {4}


def test_what_the_configuration_asks_for_is_looked_at(one_tool: Tool, tmp_path: Path) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    config.write_text(
        f'metrics = "{tmp_path}/prom/run.prom"\nnotify = ["mail:root", "https://example.org/x"]\n'
        f'[job.nightly]\npath = "{tmp_path}"\ntrash = true\nlog-file = "{tmp_path}"\n'
    )
    told = checks(one_tool, PATH="/nowhere")
    assert told["metrics"]["found"] == f"there is no directory {tmp_path}/prom"
    assert told["metrics"]["command"] == f"mkdir -p {tmp_path}/prom"
    assert told["log-file"]["found"] == f"{tmp_path} is a directory"
    assert told["trash"]["state"] == "warning"
    assert told["git"]["state"] == "missing"
    assert "(mail:root)" in told["notify"]["found"]
    assert "example.org" not in json.dumps(told)


def test_a_mistake_in_a_file_is_said(one_tool: Tool, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('older-than = "30"\nmax-dept = 3\n')
    told = checks(one_tool, "--config", other)
    assert told["configuration"]["state"] == "missing"
    assert told["configuration"]["command"] == f"cleanup-nodemodule config check {other}"
    assert checks(one_tool, "--config", tmp_path / "none.toml")["configuration"]["found"] == (
        f"there is no file {tmp_path}/none.toml"
    )


def test_a_disk_that_does_not_answer_holds_it_up_no_longer_than_it_may(
    one_tool: Tool, tmp_path: Path, disks: Mounts
) -> None:
    disks.misbehaving(tmp_path / "dead", {"home": {"x": 1}}, silent=["/home"])
    dead = str(tmp_path / "dead/home")
    told = checks(one_tool, "--timeout", "1", XDG_STATE_HOME=dead)
    assert told["state directory"]["found"] == f"{dead}: its disk did not answer for 1 seconds"
    assert told["state directory"]["state"] == "missing"
    assert told["processes"]["state"] == "ok"


def test_another_account_that_has_no_home_is_told_where_to_put_it(place: Path) -> None:
    needs_root()
    env = surroundings()
    done = execute_text(
        *as_account(4242, anywhere=True),
        "env",
        "-i",
        f"PATH={env['PATH']}",
        COMMAND,
        "doctor",
        "--json",
        cwd=place,
        env=env,
    )
    told = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.returncode == 3
    assert "neither HOME nor passwd names a home directory" in told["state directory"]["found"]
    assert told["state directory"]["advice"] == (
        "set XDG_STATE_HOME to a directory that only you can write to"
    )
    assert told["processes"]["state"] == "ok"
    assert "so what belongs to other users is kept" in told["processes"]["found"]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "state/cleanup-nodemodule"
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o700)
    return path


def test_a_state_directory_of_somebody_else_is_not_trusted(state: Path) -> None:
    needs_root()
    give_away(state.parent, account=NOBODY)
    [told] = of_state("")
    assert told.state is MISSING
    assert "belongs to another user" in told.found


def test_a_state_directory_that_cannot_be_written_is_said(state: Path, disks: Mounts) -> None:
    needs_root()
    disks.tmpfs(state.parent, "mode=700")
    disks.read_only(state.parent)
    [told] = of_state("")
    assert told.state is MISSING
    assert told.found == f"{state} cannot be made in {state.parent}: Read-only file system"


def test_a_full_disk_and_one_that_is_nearly_full_are_said(state: Path, disks: Mounts) -> None:
    needs_root()
    disks.tmpfs(state, "mode=700,size=64k")
    [told] = of_state("")
    assert (told.state, "make room" in str(told.advice)) == (WARNING, True)
    filling = state / "full"
    with pytest.raises(OSError, match="No space left"):
        filling.write_bytes(bytes(100_000))
    [told] = of_state("")
    assert (told.state, "takes nothing more: No space left on device" in told.found) == (
        MISSING,
        True,
    )


def test_a_disk_without_locks_is_said(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    [told] = of_state("")
    assert told.state is MISSING
    assert told.found.startswith(f"{state} is on ")
    assert told.found.endswith("which has no locks, so two runs may meet")


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(0, None), (-4, None), (10**8, "seconds ahead"), (-(10**8), "seconds behind")],
)
def test_a_file_server_with_another_clock_is_said(
    state: Path, monkeypatch: pytest.MonkeyPatch, ahead: int, said: str | None
) -> None:
    really = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        fields = [*really(descriptor)]
        fields[8] += ahead
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", fstat)
    told = of_state("")
    assert told[0].state is OK
    assert len(told) == (1 if said is None else 2)
    for one in told[1:]:
        assert one.found.startswith(f"the clock of the disk with {state} is ")
        assert one.found.endswith(str(said))
        assert one.state is WARNING


@pytest.mark.parametrize(
    ("now", "last_run", "state", "said"),
    [
        (0.0, None, MISSING, "1970-01-01T00:00:00+00:00 by the clock, and this program is younger"),
        (1.9e9, None, OK, "it is 2030-03-17"),
        (1.9e9, 1.9e9 - 60, OK, "it is 2030-03-17"),
        (1.9e9, 1.9e9 + 60, WARNING, "and the last run was at 2030-03-17T17:47:40+00:00"),
    ],
)
def test_a_clock_that_is_behind_is_said(
    monkeypatch: pytest.MonkeyPatch, now: float, last_run: float | None, state: State, said: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: now)
    told = of_clock(last_run)
    assert (told.state, said in told.found) == (state, True)
    assert (told.command is None) is (state is OK)


def test_a_file_has_to_be_writable_or_its_directory(tmp_path: Path) -> None:
    lines = tmp_path / "run.log"
    assert of_file("log-file", str(lines), "").state is OK
    lines.touch()
    assert of_file("log-file", str(lines), "").state is OK
    assert (
        of_file("metrics", str(tmp_path / "a\nb"), "").found
        == f"$'{tmp_path}/a\\nb' can be written"
    )


def test_a_file_of_a_disk_that_takes_nothing_is_said(tmp_path: Path, disks: Mounts) -> None:
    needs_root()
    where = disks.tmpfs(tmp_path / "disk", "mode=755")
    (where / "run.log").touch()
    disks.read_only(where)
    told = of_file("log-file", str(where / "run.log"), "")
    assert (told.state, told.found) == (MISSING, f"you may not write to {where}/run.log")
    told = of_file("metrics", str(where / "run.prom"), "")
    assert (told.state, told.found) == (MISSING, f"you may not write to {where}")


def test_a_trash_that_cannot_be_made_is_said(
    tmp_path: Path, disks: Mounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_root()
    where = disks.tmpfs(tmp_path / "disk", "mode=755")
    monkeypatch.setenv("XDG_DATA_HOME", str(where))
    assert of_trash("").state is WARNING
    disks.read_only(where)
    told = of_trash("")
    assert (told.state, told.found) == (MISSING, f"{where}/Trash cannot be written")


@pytest.mark.parametrize(
    ("says", "state", "found"),
    [
        ("echo git version 2.39.5", OK, "2.39.5 ("),
        ("echo 'git version 2.50.1 (Apple Git-155)'", OK, "2.50.1 ("),
        ("echo git version 2.47.1.windows.2", OK, "2.47.1.windows.2 ("),
        ("echo git version 2.14.6", WARNING, "2.14.6 is older than 2.15"),
        ("echo git version 1.8.3.1", WARNING, "1.8.3.1 is older than 2.15"),
        ("echo hello", MISSING, "does not work: it does not say its version"),
        ("echo 'no library' >&2; exit 127", MISSING, "does not work: no library"),
    ],
)
def test_git_has_to_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, state: State, found: str
) -> None:
    program(tmp_path / "git", says)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = of_git("")
    assert (told.state, found in told.found) == (state, True), told


def test_git_that_never_answers_or_cannot_be_started_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = program(tmp_path / "git", "exec sleep 1000")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(checkup_programs, "_PATIENCE", 0.1)
    assert of_git("").found == f"{git} cannot be asked: it does not answer"
    git.write_text("#!/no/such/shell\n")
    assert of_git("").found == f"{git} cannot be asked: No such file or directory"
    monkeypatch.setenv("PATH", "/nowhere")
    told = of_git("")
    assert (told.state, told.command) == (MISSING, None)
    assert told.found == "there is none, so what lies in a repository is kept"


@pytest.mark.parametrize(
    ("unseen", "user", "state"),
    [(0, 0, OK), (3, 0, MISSING), (None, 0, MISSING), (3, 1000, OK), (None, 1000, OK)],
)
def test_root_has_to_see_all_processes_and_others_need_not(
    monkeypatch: pytest.MonkeyPatch, unseen: int | None, user: int, state: State
) -> None:
    class Processes:
        def __init__(self) -> None:
            self.unseen = unseen

    monkeypatch.setattr(checkup_programs, "running_processes", lambda _run: Processes())
    monkeypatch.setattr(os, "geteuid", lambda: user)
    told = of_processes("")
    assert told.state is state
    if told.state is MISSING:
        assert "CAP_SYS_PTRACE" in str(told.advice)


def test_where_nobody_knows_of_processes_it_is_said_what_becomes_of_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_proc(_run: int) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc")

    monkeypatch.setattr(checkup_programs, "running_processes", no_proc)
    told = of_processes("")
    assert told.state is MISSING
    assert told.found.endswith("so everything is kept: No such file or directory")
    assert told.command == "mount -t proc proc /proc"


def test_the_slow_engine_is_a_warning_unless_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = engine.name()
    if chosen == "native":
        assert of_engine("auto").state is OK
    monkeypatch.setattr(engine, "name", lambda: "python")
    assert of_engine("auto").state is WARNING
    monkeypatch.setattr(engine, "choose", lambda _choice: None)
    assert of_engine("python").state is OK

    def none(_choice: str) -> None:
        raise engine.UnavailableError("the native engine was not built; install a C compiler")

    monkeypatch.setattr(engine, "choose", none)
    assert of_engine("native") == Check(
        "engine", MISSING, "the native engine was not built", "install a C compiler"
    )


def test_what_sends_mail_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sendmail = program(tmp_path / "sendmail", "")
    monkeypatch.setattr(checkup_programs, "find_sendmail", lambda: (str(sendmail), ""))
    assert of_mail(["mail:root"], "").found == f"{sendmail} sends mail (mail:root)"
    why = "there is no /usr/sbin/sendmail; install a mail system"
    monkeypatch.setattr(checkup_programs, "find_sendmail", lambda: (None, why))
    told = of_mail(["mail:root"], "")
    assert (told.state, told.advice) == (MISSING, "install a mail system")


def test_a_secret_that_everybody_can_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = Path(tempfile.mkdtemp())
    try:
        config = top / "mine.toml"
        config.write_text('notify = ["https://example.org/SECRET"]\n')
        config.chmod(0o644)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        # Nobody else comes there.
        assert [one.state for one in of_configuration([str(config)], "")[0]] == [OK]
        top.chmod(0o755)
        told = of_configuration([str(config)], "")[0][1:]
        assert [(one.state, one.command) for one in told] == [(WARNING, f"chmod go-r {config}")]
        assert "SECRET" not in str(told)
        config.chmod(0o640)
        assert [one.state for one in of_configuration([str(config)], "")[0]] == [OK]
    finally:
        shutil.rmtree(top)


def test_the_last_runs_are_looked_at(one_tool: Tool, tmp_path: Path) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    jobs = f'[job.nightly]\npath = "{tmp_path}/nowhere"\n[job.weekly]\npath = "{tmp_path}"\n'
    assert one_tool.tell("-p", tmp_path).returncode == 0
    assert checks(one_tool)["last success"]["found"].startswith("the last run succeeded at ")
    config.write_text(jobs)
    assert one_tool.tell("run", "nightly").returncode == 2
    told = [
        one
        for one in json.loads(one_tool.tell("doctor", "--json").stdout)["checks"]
        if one["check"] == "last success"
    ]
    assert [one["state"] for one in told] == ["warning", "ok"]
    assert told[0]["found"].startswith("the last run of the job nightly, at ")
    assert told[0]["found"].endswith(", ended with exit code 2; none before it succeeded")
    assert told[0]["command"] == "cleanup-nodemodule history"
    assert told[1]["found"] == "the job weekly has not run yet"
    (tmp_path / "nowhere").mkdir()
    assert one_tool.tell("run", "nightly").returncode == 0
    assert checks(one_tool)["last success"]["state"] == "ok"


def test_a_history_that_cannot_be_read_is_said(one_tool: Tool, tmp_path: Path) -> None:
    assert one_tool.tell("-p", tmp_path).returncode == 0
    [history] = (one_tool.home / "state/cleanup-nodemodule").glob("*.db")
    history.write_bytes(b"no database" * 1000)
    told = checks(one_tool)["last success"]
    assert (told["state"], told["found"].startswith("the history cannot be read: ")) == (
        "warning",
        True,
    )


def scheduled(**fields: Any) -> Installed:
    known = {"job": "nightly", "every": "Mon 03:00", "scheduler": SchedulerName.CRON}
    return Installed(**{**known, "system": False, "place": "crontab", "active": True, **fields})


@pytest.mark.parametrize(
    ("found", "state", "said", "command"),
    [
        ([scheduled()], OK, "cron starts the job nightly (--every 'Mon 03:00')", None),
        ([scheduled(next_run=1.9e9)], OK, "(--every 'Mon 03:00'), next at 2030-03-17T", None),
        ([scheduled(last_exit=3)], OK, "cron starts the job nightly", None),
        ([scheduled(last_exit=1)], WARNING, "ended with exit code 1", "run nightly --dry-run"),
        ([scheduled(active=None)], WARNING, "as far as can be told", "schedule list"),
        (
            [scheduled(active=False, system=True, place="/etc/cron.d/x")],
            MISSING,
            "cron has the job nightly (/etc/cron.d/x), but it is not active",
            None,
        ),
        (
            [scheduled(active=False, scheduler=SchedulerName.SYSTEMD, system=True)],
            MISSING,
            "systemd has the job nightly (crontab), but it is not active",
            "schedule install --job nightly --every 'Mon 03:00' --system",
        ),
        ([], WARNING, "no job starts by itself", "schedule install --job weekly --every day"),
    ],
)
def test_a_schedule_has_to_be_active(
    monkeypatch: pytest.MonkeyPatch,
    found: list[Installed],
    state: State,
    said: str,
    command: str | None,
) -> None:
    monkeypatch.setattr(checkup_runs, "installed", lambda **_: found)
    [told] = of_schedules(["weekly"], "")
    assert (told.state, said in told.found) == (state, True), told
    assert told.command == (None if command is None else f"cleanup-nodemodule {command}")


def test_without_a_job_there_is_nothing_to_schedule_and_what_cannot_be_asked_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkup_runs, "installed", lambda **_: [])
    assert [one.state for one in of_schedules([], "")] == [OK]

    def silent(*, faults: list[str]) -> list[Installed]:
        faults.append("systemctl has not ended after 60 seconds")
        return [scheduled()]

    monkeypatch.setattr(checkup_runs, "installed", silent)
    told = of_schedules([], "")
    assert [one.state for one in told] == [WARNING, OK]
    assert told[0].found == "systemctl has not ended after 60 seconds"
