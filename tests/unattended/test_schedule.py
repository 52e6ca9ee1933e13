"""The command ``schedule``: what it shows, asks, refuses and warns of. It has a crontab of its own, which is a script."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.commands import failures
from cleanup_nodemodule.unattended.schedule import doubts
from cleanup_nodemodule.unattended.schedule.scheduler import Access
from cleanup_nodemodule.unattended.schedule.scheduler_names import SchedulerName
from support import simple
from support.places import COMMAND
from support.processes import Terminal, start
from support.scheduled import a_schedule
from support.tool import Run
from support.waiting import TIMEOUT

CRONTAB = """\
#!/bin/sh
# As Vixie's: it knows one user, whose table lies beside it.
table=$(dirname "$0")/table
case $1 in
-l) [ -e "$table" ] || { echo "no crontab for ann" >&2; exit 1; }; exec cat "$table" ;;
-r) exec rm "$table" ;;
-) exec cat >"$table" ;;
esac
"""

Schedule = Callable[..., "subprocess.CompletedProcess[str]"]


class Place:
    """A user with jobs, and with a crontab that is a script."""

    def __init__(self, top: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
        self.top = top
        self._run = run
        self._patch = patch
        self.bin = top / "bin"
        self.table = self.bin / "table"
        self.bin.mkdir()
        script = self.bin / "crontab"
        script.write_text(CRONTAB)
        script.chmod(0o755)
        self.work = top / "my work"
        self.work.mkdir()
        self.config = top / "config/cleanup-nodemodule/config.toml"
        self.config.parent.mkdir(parents=True)
        self.say("")
        for name, value in self.env.items():
            patch.setenv(name, value)
        patch.delenv("CLEANUP_NODEMODULE_PRIORITY", raising=False)

    def say(self, more: str) -> None:
        """Define the job nightly, and *more*."""
        self.config.write_text(
            f'{simple.CONFIGURATION}\n[job.nightly]\npath = ["{self.work}"]\ndelete = true\n[job.look]\npath = ["{self.work}"]\n{more}'
        )

    @property
    def env(self) -> dict[str, str]:
        """The environment of that user."""
        return {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(self.top),
            "XDG_CONFIG_HOME": str(self.top / "config"),
            "XDG_STATE_HOME": str(self.top / "state"),
        }

    def schedule(self, *words: str | Path, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run the command with cron as the scheduler."""
        with self._patch.context() as patch:
            for name, value in more.items():
                patch.setenv(name, value)
            return self._run("schedule", *words, "--with", "cron")


@pytest.fixture
def place(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A user of whom nothing is scheduled."""
    return Place(tmp_path, run, monkeypatch)


def test_what_is_shown_is_what_is_installed_once(place: Place) -> None:
    shown = place.schedule("show", "--every", "week", "--job", "nightly")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert not place.table.exists()
    page = " ".join(shown.stdout.split())
    assert (
        "cron starts the job nightly every Sunday at 03:00, at a random time up to 30min later."
        in page
    )
    assert "It deletes what it finds, and nobody is asked." in page
    installed = place.schedule("install", "--every", "week", "--job", "nightly", "--yes")
    assert (installed.returncode, installed.stdout) == (0, shown.stdout)
    assert "It is installed." in installed.stderr
    table = place.table.read_text()
    for line in table.splitlines():
        assert f"    {line}\n" in shown.stdout
    command = f"{COMMAND} run nightly --delay 1800s --quiet"
    assert table.splitlines()[1] == (
        f"0 3 * * 0 /usr/bin/env XDG_CONFIG_HOME={place.top}/config XDG_STATE_HOME={place.top}/state {command}"
    )
    again = place.schedule("install", "--every", "week", "--job", "nightly", "-y")
    assert "It was installed already; nothing was changed." in again.stderr
    assert place.table.read_text() == table
    document = json.loads(place.schedule("list", "--json").stdout)
    assert document["schema_version"] == 1
    listed = document["schedules"]
    [ours] = [one for one in listed if not one["system"]]
    assert (ours["job"], ours["every"], ours["scheduler"]) == ("nightly", "week", "cron")
    gone = place.schedule("remove", "--job", "nightly")
    assert gone.stdout == "removed: the lines for the job nightly in your crontab\n"
    assert not place.table.exists()
    nothing = place.schedule("remove", "--job", "nightly")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "there is no schedule of the job nightly" in nothing.stderr


def test_an_installed_job_is_tried_as_cron_runs_it(place: Place) -> None:
    (place.work / "web/node_modules").mkdir(parents=True)
    (place.work / "web/package.json").write_text("{}")
    none = place.schedule("run", "--job", "nightly")
    assert none.returncode == 2
    assert "schedule install --every day --job nightly" in none.stderr
    place.table.write_text(f"HOME={place.work}\n")
    place.schedule("install", "--every", "day", "--job", "nightly", "--yes")
    # What this shell says does not count then.
    done = place.schedule("run", "--job", "nightly", CLEANUP_NODEMODULE_EXCLUDE="web")
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert not (place.work / "web/node_modules").exists()


def test_schedules_that_are_installed_at_once_are_all_there(place: Place) -> None:
    """Each reads the crontab and writes it anew, and takes a while for that."""
    script = place.bin / "crontab"
    script.write_text(CRONTAB.replace("case $1 in", "sleep 0.2\ncase $1 in"))
    jobs = [f"at-once-{number}" for number in range(3)]
    place.say("".join(f'[job.{job}]\npath = ["{place.work}"]\n' for job in jobs))
    words = ("schedule", "install", "--every", "day", "--yes", "--with", "cron", "--job")
    running = [start(COMMAND, *words, job, cwd=place.top, env=place.env) for job in jobs]
    for process in running:
        process.communicate(timeout=TIMEOUT)
    assert [process.returncode for process in running] == [0, 0, 0]
    table = place.table.read_text()
    assert [job for job in jobs if f" run {job} " in table] == jobs
    assert table.count("\n") == 9


def test_without_a_terminal_nothing_is_installed_unless_yes_is_said(place: Place) -> None:
    refused = place.schedule("install", "--every", "day", "--job", "nightly")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "add --yes" in refused.stderr
    assert not place.table.exists()


@pytest.mark.parametrize(("answer", "installs"), [("y\n", True), ("\n", False), ("x\n", False)])
def test_at_a_terminal_it_is_shown_and_asked(place: Place, answer: str, *, installs: bool) -> None:
    words = ("schedule", "install", "--every", "day", "--job", "look", "--with", "cron")
    with Terminal(*words, cwd=place.top, env=place.env) as terminal:
        terminal.expect("Install this? [y/N]")
        assert not place.table.exists()
        terminal.type(answer)
        assert terminal.finish() == 0
    assert "deletes nothing" in " ".join(terminal.screen())
    assert place.table.exists() == installs


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ((), "schedule needs one of show, install, remove, list, run"),
        (("instal",), "did you mean install?"),
        (("show", "--every", "day"), "schedule show --every day --job nightly"),
        (("show", "--job", "nightly"), "schedule show --every day --job nightly"),
        (("remove",), "schedule remove --job nightly"),
        (("list", "--every", "day"), "schedule list takes no --every"),
        (("remove", "--job", "nightly", "--delay", "1h"), "takes no --delay"),
        (("show", "--every", "day", "--job", "nightli"), "did you mean nightly?"),
        (("show", "--every", "3am", "--job", "nightly"), "type 03:00"),
        (("show", "--every", "day", "--job", "nightly", "--delay", "30"), "needs a unit"),
        (("show", "--every", "day", "--job", "nowhere"), "does not say where to search"),
        (("show", "--every", "day", "--job", "wrong"), "max-delete"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_type(
    place: Place, words: tuple[str, ...], advice: str
) -> None:
    place.say(
        f'[job.nowhere]\ndelete = true\n[job.wrong]\npath = ["{place.work}"]\nmax-delete = "much"\n'
    )
    refused = place.schedule(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert advice in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_file_that_is_named_is_named_then_too(place: Place) -> None:
    other = place.top / "other file.toml"
    other.write_text(f'[job.other]\npath = ["{place.work}"]\ndelay = "2h"\n')
    words = ("--every", "03:30", "--job", "other", "--config", other.name)
    shown = place.schedule("show", *words)
    assert f"run other --config '{other}' --delay 7200s --quiet" in shown.stdout
    shown = place.schedule("show", *words, "--delay", "0s")
    assert f"run other --config '{other}' --no-delay --quiet" in shown.stdout


def test_what_this_shell_says_is_not_said_then(place: Place) -> None:
    shown = place.schedule(
        "show", "--every", "day", "--job", "nightly", CLEANUP_NODEMODULE_MAX_DELETE="5GB"
    )
    assert shown.returncode == 0
    assert "variables of this shell set max-delete" in shown.stderr


def test_only_root_schedules_for_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for action in ("install", "remove"):
        more = ["--every", "day", "--yes"] if action == "install" else []
        assert failures.run(["schedule", action, *more, "--job", "nightly", "--system"]) == 2


def test_root_cannot_be_given_a_job_that_it_does_not_read(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    words = ["schedule", "show", "--every", "day", "--job", "nightly", "--with", "cron", "--system"]
    assert failures.run(words) == 2
    assert "root does not read" in capsys.readouterr().err
    # A file that is named is named then, too.
    assert failures.run([*words, "--config", str(place.config)]) == 0


# What is warned of.


def told(scheduler: SchedulerName = SchedulerName.SYSTEMD, **more: Any) -> str:
    """Return all warnings about a schedule."""
    return "\n".join(doubts.doubts(a_schedule(**more), scheduler))


def test_a_program_that_may_vanish_is_warned_of(tmp_path: Path) -> None:
    passing = tmp_path / "venv/bin/cleanup-nodemodule"
    if str(tmp_path).startswith(("/tmp/", "/var/tmp/")):  # noqa: S108 - where pytest works
        assert "emptied now and then" in told(command=(str(passing), "run", "nightly"))
    cached = os.path.expanduser("~/.cache/uv/x/bin/cleanup-nodemodule")
    assert "a cache" in told(command=(cached, "run", "nightly"))
    assert "Install it where it stays" not in told()


def test_places_without_rights_are_warned_of(tmp_path: Path) -> None:
    gone = told(access=Access("/s", (str(tmp_path / "gone"),)))
    assert f"{tmp_path}/gone is not there now" in gone
    assert "is not there" not in told(access=Access("/s", (str(tmp_path),)))
    assert "read when it starts" in told(access=Access("/s", None))


def test_a_user_who_must_log_in_first_is_told_of_lingering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "_LINGERING", str(tmp_path))
    monkeypatch.setattr(doubts, "user_name", lambda: "ann")
    assert "loginctl enable-linger ann" in told()
    assert "enable-linger" not in told(system=True)
    (tmp_path / "ann").touch()
    assert "enable-linger" not in told()
    assert "cron leaves that run out" in told(SchedulerName.CRON)
    monkeypatch.setattr(doubts, "daemon_runs", lambda: False)
    assert "cron is not running now. Start it" in told(SchedulerName.CRON)
    monkeypatch.setattr(doubts, "daemon_runs", lambda: True)
    assert "not running" not in told(SchedulerName.CRON)


def test_a_program_that_others_can_alter_is_not_root_s(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    program = (str(tmp_path / "cleanup-nodemodule"), "run", "nightly")
    assert "which somebody else can alter" in told(command=program, system=True)
    assert "somebody else" not in told(command=program)


# What is listed.


def test_a_schedule_that_nothing_starts_says_so_at_a_terminal(place: Place) -> None:
    place.schedule("install", "--every", "Mon 04:30", "--job", "nightly", "--yes")
    with Terminal("schedule", "list", "--with", "cron", cwd=place.top, env=place.env) as terminal:
        assert terminal.finish() == 0
    page = " ".join(" ".join(terminal.screen()).split())
    assert "nightly: cron starts it every Monday at 04:30, as you" in page
    # Whether a cron runs here is this machine's affair.
    assert ("next: " in page) != ("no cron runs here" in page)
    assert "in your crontab" in page
