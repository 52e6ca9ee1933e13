"""Mail, by programs called sendmail: a real one, and some that misbehave."""

import email
import os
import shutil
import signal
import time
from email.policy import default
from pathlib import Path

import pytest

from cleanup_nodemodule.unattended.notifying import mail
from cleanup_nodemodule.unattended.notifying.mail import Mail, environment, find_sendmail, mail_of
from cleanup_nodemodule.unattended.notifying.message import Message, message_of
from support.finished import finished
from support.needs import needs_root, unable
from support.receivers import mail_server
from support.waiting import TIMEOUT, await_condition

MESSAGE = message_of(
    finished(1, failure="das Verzeichnis größer läßt\n.\nBcc: x@y.z"), "failed", "h", "1.0"
)


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def deliver(program: str, message: Message = MESSAGE, seconds: float = TIMEOUT) -> str | None:
    return Mail("you@example.org", [program]).deliver(message, time.monotonic() + seconds)


def test_a_real_mail_system_delivers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = shutil.which("msmtp")
    if program is None:
        unable("needs msmtp")
    (tmp_path / "sendmail").symlink_to(program)
    with mail_server() as server:
        (tmp_path / ".msmtprc").write_text(
            f"account default\nhost 127.0.0.1\nport {server.port}\nfrom me@example.org\nset_from_header on\n"
        )
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        assert deliver(str(tmp_path / "sendmail")) is None
        [(sender, recipients, received)] = server.mails
    assert (sender, recipients) == ("<me@example.org>", ["<you@example.org>"])
    assert (received["To"], received["From"]) == ("you@example.org", "me@example.org")
    assert received["Subject"] == MESSAGE.subject
    assert received["Auto-Submitted"] == "auto-generated"
    assert (received["Date"] is None, received["Message-ID"] is None) == (False, False)
    assert received["Bcc"] is None
    assert received.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert "das Verzeichnis größer läßt" in MESSAGE.text


def test_what_a_real_mail_system_says_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = shutil.which("msmtp")
    if program is None:
        unable("needs msmtp")
    (tmp_path / "sendmail").symlink_to(program)
    (tmp_path / ".msmtprc").write_text("account default\nhost 127.0.0.1\nport 1\nfrom a@b.c\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    told = str(deliver(str(tmp_path / "sendmail")))
    assert told.startswith(f"{tmp_path}/sendmail ended with exit code 75: ")


def test_it_is_given_the_address_as_no_option_and_the_mail(tmp_path: Path) -> None:
    program = script(tmp_path / "sendmail", f'echo "$@" >{tmp_path}/words; cat >{tmp_path}/mail')
    assert deliver(program) is None
    assert (tmp_path / "words").read_text() == "-i -- you@example.org\n"
    received = email.message_from_bytes((tmp_path / "mail").read_bytes(), policy=default)
    assert received.get_content() == MESSAGE.text
    assert received["Content-Transfer-Encoding"] == "quoted-printable"
    assert received["From"] is None


def test_a_mail_is_plain_ascii_and_has_no_header_of_somebody_else() -> None:
    odd = Message(
        "a\nBcc: x@y.z\r\n\r\n\x1b]0;\udcffäöü " * 9, "", "\udcff\x1b[2J\r" + "x" * 2000, {}
    )
    raw = mail_of(odd, "root")
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 78
    received = email.message_from_bytes(raw, policy=default)
    assert received["Bcc"] is None
    assert received["To"] == "root"
    assert received.get_content() == "??[2J?" + "x" * 2000 + "\n"
    assert (
        "?Bcc: x@y.z????]0;?äöü" in received["Subject"].replace(" ", "")
        or "Bcc" in received["Subject"]
    )


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("exit 0", None),
        ("exec </dev/null; exit 0", None),
        ("cat >/dev/null; echo first >&2; echo 'the queue is full.' >&2; exit 75", "ended with exit code 75: the queue is full"),
        ("printf '\\033[31mred\\n' >&2; exit 1", "ended with exit code 1: ?[31mred"),
        ("exit 9", "ended with exit code 9"),
        ("kill -9 $$", "was ended by signal 9"),
        ("i=0; while [ $i -lt 3000 ]; do echo $i 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done; exit 3", "ended with exit code 3: 2999 0123456789012345678901234567890123456789"),
    ],
)  # fmt: skip
def test_what_becomes_of_it_is_told(tmp_path: Path, does: str, why: str | None) -> None:
    program = script(tmp_path / "sendmail", does)
    big = Message("a", "a", "x" * 300_000, {})
    assert deliver(program, big) == (None if why is None else f"{program} {why}")


@pytest.mark.parametrize(
    "does", ["exec sleep 1000", "sleep 1000 & wait", "while :; do echo and on >&2; done"]
)
def test_one_that_never_ends_is_ended_with_all_that_it_started(tmp_path: Path, does: str) -> None:
    program = script(tmp_path / "sendmail", f"echo $$ >{tmp_path}/group\n{does}")
    big = Message("a", "a", "x" * 300_000, {})
    assert deliver(program, big, seconds=1) == f"{program} did not end in time"
    group = int((tmp_path / "group").read_text())

    def gone() -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    await_condition(gone, "all of it has ended")


def test_one_that_leaves_a_process_behind_is_not_waited_for(tmp_path: Path) -> None:
    """As dma(8) does, which delivers while others go on: that process is not ended either."""
    program = script(tmp_path / "sendmail", f"sleep 1000 & echo $! >{tmp_path}/left; exit 0")
    assert deliver(program) is None
    left = int((tmp_path / "left").read_text())
    os.kill(left, signal.SIGKILL)  # It was still there.


def test_one_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    program = script(tmp_path / "sendmail", "")
    Path(program).write_text("#!/no/such/shell\n")
    assert deliver(program) == f"{program} cannot be started: No such file or directory"


def test_where_there_is_none_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:relative::")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative").mkdir()
    script(tmp_path / "relative/sendmail", "")
    (tmp_path / "sendmail").write_text("it is no program")
    told = Mail("root", ["/no/sendmail"]).deliver(MESSAGE, time.monotonic() + TIMEOUT)
    assert told is not None
    assert told.startswith("there is no /no/sendmail; install a mail system that has it")


def test_the_usual_place_counts_more_than_the_path_and_others_alter_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir(mode=0o755)
    own = script(tmp_path / "bin/sendmail", "")
    usual = script(tmp_path / "usual", "")
    assert find_sendmail([usual]) == (usual, "")
    assert find_sendmail(["/no"]) == (own, "")
    Path(own).chmod(0o777)
    assert find_sendmail(["/no"]) == (
        None,
        f"{own} is not trusted: others may write to it (mode 0777)",
    )
    Path(own).chmod(0o755)
    (tmp_path / "bin").chmod(0o777)
    assert find_sendmail(["/no"])[0] is None
    assert find_sendmail([usual, "/no"]) == (usual, "")


def test_root_runs_nothing_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_root()
    (tmp_path / "bin").mkdir(mode=0o755)
    theirs = script(tmp_path / "bin/sendmail", "")
    Path(theirs).chmod(0o755)
    os.chown(theirs, 65534, 65534)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_sendmail(["/no"])[0] is None
    os.chown(theirs, 0, 0)
    assert find_sendmail(["/no"]) == (theirs, "")
    os.chown(tmp_path / "bin", 65534, 65534)
    assert find_sendmail(["/no"])[0] is None


def test_root_is_not_led_to_the_files_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """msmtp runs what passwordeval in ~/.msmtprc says."""
    variables = {"HOME": "/home/other", "PATH": "/bin", "XDG_CONFIG_HOME": "/home/other/.config"}
    assert environment(variables) == variables
    monkeypatch.setattr(mail, "home_instead", lambda: "/root")
    assert environment(variables) == {"HOME": "/root", "PATH": "/bin"}
