"""The units that systemd gets: what systemd itself says of them, words that it reads in its own way, and hardening."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.unattended.schedule.calls import Answer
from cleanup_nodemodule.unattended.schedule.scheduler import (
    Access,
    NotOursError,
    Schedule,
    SchedulerError,
)
from cleanup_nodemodule.unattended.schedule.systemd import Systemd
from cleanup_nodemodule.unattended.schedule.systemd_words import command_line, path_word, word
from support.needs import unable
from support.scheduled import Calls, a_schedule

AWKWARD = "/srv/a b/100%/$HOME/'x'/\"y\"/\\z/é,;#"

STATE = "/root/.local/state/cleanup-nodemodule"


def texts(schedule: Schedule) -> tuple[str, str]:
    """Return the service and the timer of a schedule."""
    files = Systemd(user_units="/u", user_stamps="/s").installation(schedule).files
    assert [os.path.splitext(file.path)[1] for file in files] == [".service", ".timer"]
    service, timer = (file.content.decode() for file in files)
    return service, timer


KINDS: dict[str, dict[str, Any]] = {
    "plain": {"access": Access(STATE, ("/srv/work",))},
    "awkward": {
        "access": Access(STATE, ("/srv/work", AWKWARD), writes=(AWKWARD,)),
        "command": (sys.executable, "-P", "-m", "x", "--config", AWKWARD),
        "environment": {"XDG_STATE_HOME": AWKWARD},
        "delay": 1800,
    },
    "a list": {"access": Access(STATE, None)},
    "a webhook": {"access": Access(STATE, ("/srv/work",), network=True)},
    "mail": {"access": Access(STATE, ("/srv/work",), mail=True)},
    "the trash": {"access": Access(STATE, ("/srv/work",), trash=True)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("system", [True, False], ids=["system", "user"])
def test_systemd_takes_the_units_and_finds_them_safe(
    tmp_path: Path, kind: str, *, system: bool
) -> None:
    if shutil.which("systemd-analyze") is None:
        unable("needs systemd-analyze(1)")
    schedule = a_schedule(**{"command": (sys.executable, "-m", "x"), **KINDS[kind]}, system=system)
    made = Systemd(units=str(tmp_path), user_units=str(tmp_path), user_stamps="/s").installation(
        schedule
    )
    for file in made.files:
        Path(file.path).write_bytes(file.content)
    whose = [] if system else ["--user"]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "LC_ALL": "C.UTF-8"}
    for file in made.files:
        told = subprocess.run(
            ["systemd-analyze", *whose, "verify", file.path],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    safe = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=19", made.files[0].path],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    # A user's manager can keep nothing from a service without blinding it for processes; see hardening.py.
    most = {"a webhook": 2.6, "mail": 7.5}.get(kind, 2.0) if system else 9.7
    assert (safe.returncode == 0) == (most == 2.0), safe.stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", safe.stdout)
    assert found is not None
    assert float(found[1]) < most


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{}, {"network": True}, {"mail": True}], ids=["", "net", "mail"])
@pytest.mark.parametrize("system", [True, False], ids=["system", "user"])
def test_nothing_blinds_it_for_processes(kind: str, more: dict[str, Any], *, system: bool) -> None:
    given = KINDS[kind]
    access = Access(STATE, given["access"].roots, trash=given["access"].trash, **more)
    service, _ = texts(a_schedule(**{**given, "access": access}, system=system))
    assert (
        re.findall(r"^(?:ProtectProc|ProcSubset|PrivateUsers|PrivatePIDs)=", service, re.MULTILINE)
        == []
    )
    if not system:
        # Each of these makes a user namespace in a user's manager.
        assert (
            re.findall(r"^(?:Private|Protect|ReadWrite|Bind|Capab)\w+=", service, re.MULTILINE)
            == []
        )
    if "mail" in more:
        # sendmail may be a program with rights of its own.
        assert "NoNewPrivileges" not in service
        assert "SystemCallFilter" not in service
    elif system:
        capabilities = "CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_SYS_PTRACE"
        assert f"CapabilityBoundingSet={capabilities}\n" in service
        assert ("PrivateNetwork" in service) == ("network" not in more)


def test_it_writes_only_where_the_job_does() -> None:
    access = Access(STATE, ("/srv/work", "/home/ann/src"), writes=("/var/lib/metrics",))
    service, _ = texts(a_schedule(access=access, system=True))
    lines = service.splitlines()
    assert [line for line in lines if line.startswith("ReadWritePaths=")] == [
        "ReadWritePaths=-/srv/work",
        "ReadWritePaths=-/home/ann/src",
        "ReadWritePaths=-/var/lib/metrics",
    ]
    assert {"ProtectSystem=strict", "ProtectHome=read-only", "PrivateTmp=yes"} <= {*lines}
    assert {"StateDirectory=cleanup-nodemodule", "Environment=XDG_STATE_HOME=%S"} <= {*lines}


@pytest.mark.parametrize("root", ["/", "/tmp", "/var/tmp/x", "/var"])  # noqa: S108 - only their names
def test_a_directory_that_a_private_one_would_hide_is_not_hidden(root: str) -> None:
    service, _ = texts(a_schedule(access=Access(STATE, (root,)), system=True))
    assert "PrivateTmp" not in service
    assert f"ReadWritePaths=-{root}\n" in service


def test_a_state_directory_that_is_chosen_is_written_and_none_is_made() -> None:
    environment = {"XDG_STATE_HOME": "/srv/state"}
    access = Access("/srv/state/cleanup-nodemodule", ("/srv/work",))
    service, _ = texts(a_schedule(access=access, system=True, environment=environment))
    assert "StateDirectory" not in service
    assert "Environment=XDG_STATE_HOME=/srv/state\n" in service
    assert "ReadWritePaths=-/srv/state/cleanup-nodemodule\n" in service


def test_a_state_directory_in_tmp_is_not_hidden() -> None:
    environment = {"XDG_STATE_HOME": "/tmp/state"}  # noqa: S108 - only its name
    access = Access("/tmp/state/cleanup-nodemodule", ("/srv/work",))  # noqa: S108 - the same
    service, _ = texts(a_schedule(access=access, system=True, environment=environment))
    assert "PrivateTmp" not in service


def test_a_job_that_is_like_any_other_program_has_its_priority() -> None:
    service, _ = texts(a_schedule())
    assert "Nice=19\nCPUSchedulingPolicy=idle\nIOSchedulingClass=idle\n" in service
    service, _ = texts(a_schedule(idle=False))
    assert "Nice" not in service


def test_the_timer_waits_and_the_job_does_not_wait_again() -> None:
    service, timer = texts(a_schedule("Mon 04:00", delay=90, own_delay=True))
    assert "OnCalendar=Mon *-*-* 04:00:00\n" in timer
    assert "Persistent=yes\nRandomizedDelaySec=90s\n" in timer
    assert "run nightly --no-delay\n" in service
    service, timer = texts(a_schedule("04:00"))
    assert "RandomizedDelaySec=0s\nAccuracySec=1s\n" in timer
    assert "delay" not in service


def test_words_are_escaped_as_systemd_reads_them() -> None:
    assert word("/usr/bin/x") == "/usr/bin/x"
    assert word("100%") == '"100%%"'
    assert word('a "b" \\c') == '"a \\"b\\" \\\\c"'
    assert command_line(["/bin/a", "$x"]) == ':/bin/a "$x"'
    assert path_word("/a b", "-") == "-'/a b'"
    assert path_word("/it's", "-") == "-'/it'\"'\"'s'"
    assert path_word("/100%") == "'/100%%'"
    for text in ("a\nb", "a\rb", "a\x7fb", "a\udcffb"):
        with pytest.raises(UsageError, match="systemd"):
            word(text)


SHOWN = {
    "timer": "ActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n"
    "LastTriggerUSec=Mon 2026-11-30 03:05:27 UTC\nNextElapseUSecRealtime=Tue 2026-12-01 03:00:00 UTC\n",
    "service": "ExecMainStatus=3\nExecMainExitTimestamp=Mon 2026-11-30 03:06:00 UTC\n",
}


class Control(Calls):
    """A systemctl that says that all is well."""

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, words: Any, **how: Any) -> Answer:
        done = super().__call__(words, **how)
        if "show" in words and not done.output:
            return Answer(0, SHOWN[words[-1].rpartition(".")[2]].encode(), "")
        return done


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with nothing in it."""
    (tmp_path / ".config").mkdir(parents=True)
    return tmp_path


def of_user(home: Path, calls: Calls) -> Systemd:
    """Return the timers of a user with that home directory."""
    units, stamps = home / ".config/systemd/user", home / ".local/share/systemd/timers"
    return Systemd(user_units=str(units), user_stamps=str(stamps), calls=calls)


def test_installing_is_done_once_and_undone_without_a_trace(home: Path) -> None:
    control = Control()
    systemd = of_user(home, control)
    assert systemd.install(a_schedule()) == "installed"
    units = sorted((home / ".config/systemd/user").iterdir())
    assert [unit.name for unit in units] == [
        "cleanup-nodemodule-nightly.service",
        "cleanup-nodemodule-nightly.timer",
    ]
    assert {stat.S_IMODE(unit.stat().st_mode) for unit in units} == {0o644}
    assert control.made == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --quiet cleanup-nodemodule-nightly.timer",
        "systemctl --user restart cleanup-nodemodule-nightly.timer",
    ]
    control.made.clear()
    assert systemd.install(a_schedule()) == "unchanged"
    assert [line.split()[2] for line in control.made] == ["show"]
    assert systemd.install(a_schedule("hour")) == "replaced"
    [found] = systemd.found(system=False)
    assert (found.job, found.every, found.active, found.last_exit) == ("nightly", "hour", True, 3)
    assert found.next_run == 1796094000
    assert found.last_run == 1796007927
    stamps = home / ".local/share/systemd/timers"
    stamps.mkdir(parents=True)
    (stamps / "stamp-cleanup-nodemodule-nightly.timer").touch()
    assert len(systemd.remove("nightly", system=False)) == 2
    assert list((home / ".config").iterdir()) == []
    assert list((home / ".local/share").iterdir()) == []
    assert systemd.remove("nightly", system=False) == []


def test_a_unit_of_somebody_else_s_is_left_alone(home: Path) -> None:
    units = home / ".config/systemd/user"
    units.mkdir(parents=True)
    control = Control()
    theirs = units / "cleanup-nodemodule-nightly.timer"
    theirs.write_text("[Timer]\nOnCalendar=daily\n")
    systemd = of_user(home, control)
    with pytest.raises(NotOursError, match="was not made by this program"):
        systemd.install(a_schedule())
    with pytest.raises(NotOursError, match="was not made by this program"):
        systemd.remove("nightly", system=False)
    assert [unit.name for unit in units.iterdir()] == [theirs.name]
    assert systemd.found(system=False) == []
    theirs.unlink()
    theirs.symlink_to("/etc/passwd")
    with pytest.raises(NotOursError, match="symlink"):
        systemd.install(a_schedule())
    assert control.made == []


def test_what_systemd_refuses_is_taken_back(home: Path) -> None:
    control = Control()
    systemd = of_user(home, control)
    control.answers["systemctl --user enable"] = Answer(1, b"", "Failed to enable unit: no")
    with pytest.raises(SchedulerError, match="Failed to enable unit: no"):
        systemd.install(a_schedule())
    assert list((home / ".config").iterdir()) == []
    control.answers.clear()
    systemd.install(a_schedule())
    timer = home / ".config/systemd/user/cleanup-nodemodule-nightly.timer"
    before = timer.read_bytes()
    control.answers["systemctl --user restart"] = Answer(1, b"", "no")
    with pytest.raises(SchedulerError, match="restart"):
        systemd.install(a_schedule("hour"))
    assert timer.read_bytes() == before


def test_a_directory_that_others_can_write_is_not_used(home: Path) -> None:
    (home / ".config").chmod(0o777)
    with pytest.raises(UsageError, match="others may write"):
        of_user(home, Control()).install(a_schedule())
    assert list((home / ".config").iterdir()) == []


def test_a_run_is_waited_for_and_its_exit_code_is_told(home: Path) -> None:
    control = Control()
    assert of_user(home, control).start("nightly", system=False) == 3
    assert control.made[0] == "systemctl --user start cleanup-nodemodule-nightly.service"
    control.answers["systemctl --user start"] = Answer(1, b"", "Job failed.")
    for result, code in (("success", 0), ("success", 3), ("exit-code", 226), ("signal", 9)):
        told = f"Result={result}\nExecMainStatus={code}\n".encode()
        control.answers["systemctl --user show"] = Answer(0, told, "")
        with pytest.raises(
            SchedulerError, match="Job failed; to see more, type: journalctl --user"
        ):
            of_user(home, control).start("nightly", system=False)
    control.answers["systemctl --user show"] = Answer(
        0, b"Result=exit-code\nExecMainStatus=5\n", ""
    )
    assert of_user(home, control).start("nightly", system=False) == 5
