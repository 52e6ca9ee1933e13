"""Whom a value of --notify stands for, who is told of which run, and what."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.report.rows import GateRow, ProblemRow
from cleanup_nodemodule.unattended.notifying.mail import Mail
from cleanup_nodemodule.unattended.notifying.message import Message, message_of
from cleanup_nodemodule.unattended.notifying.notifier import Notifier
from cleanup_nodemodule.unattended.notifying.recipients import (
    Recipient,
    least_of,
    masked,
    recipients_of,
)
from support.finished import finished
from support.reports import HOSTILE, report, row
from support.waiting import TIMEOUT, await_condition


class Hearing:
    """A recipient that remembers, and says *why* it was not told."""

    def __init__(self, why: str | None = None, wait: float = 0) -> None:
        self.why = why
        self.heard: list[Message] = []
        self._ended = threading.Event()
        self._wait = wait

    def __str__(self) -> str:
        return "somebody"

    def deliver(self, message: Message, _until: float) -> str | None:
        self._ended.wait(self._wait)
        self.heard.append(message)
        return self.why

    def give_up(self) -> None:
        self._ended.set()


def notifier(*recipients: Recipient, over: int | None = None, watched: bool = False) -> Notifier:
    return Notifier(recipients, over, version="1.0", watched=watched, bound=TIMEOUT)


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["mail:root"], ["mail:root"]),
        (["mailto:you+x@example.org"], ["mail:you+x@example.org"]),
        (["https://example.org/a/SECRET"], ["https://example.org/…"]),
        (["http://user:SECRET@example.org:8080/?key=SECRET"], ["http://example.org:8080/…"]),
        (["desktop", "desktop", " desktop "], ["desktop", "desktop"]),
        (["https://example.org"], ["https://example.org"]),
        ([" MAIL:root "], ["mail:root"]),
        (["HTTPS://[::1]:8443/SECRET#SECRET"], ["HTTPS://[::1]:8443/…"]),
    ],
)
def test_a_value_stands_for_a_recipient(texts: list[str], shown: list[str]) -> None:
    assert [str(one) for one in recipients_of(texts)] == shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("foo", "takes mail:you@example.org, https://example.org/hook or desktop, and 'foo'"),
        ("", "is none of these"),
        ("desktop:", "is none of these"),
        ("you@example.org", "needs to know how; type mail:you@example.org"),
        ("example.org/SECRET", "type https:// before it"),
        ("htps://user:SECRET@example.org/SECRET", "'htps://example.org/…' is none of these"),
        ("https:/SECRET", "names no host"),
        ("https:///SECRET", "names no host"),
        ("https://example.org:0/SECRET", "has no port"),
        ("https://example.org:99999/SECRET", "is no URL"),
        ("https://example.org/SECRET\nHost: other", "has characters that no URL has"),
        ("https://example.org/SECRET x", "has characters that no URL has"),
        ("mail:", "names no address"),
        ("mail:-oQ/tmp", "names no address"),
        ("mail:|/bin/sh", "names no address"),
        ("mail:/etc/passwd", "names no address"),
        ("mail:a@b\nBcc: c@d", "names no address"),
        ("mail:a@-b", "names no address"),
        (f"mail:{'a' * 255}", "names no address"),
        ("mail:a@b.org,c@d.org", "give --notify several times"),
    ],
)
def test_a_value_that_stands_for_nobody_is_refused_and_no_secret_told(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=r"^--notify ") as refused:
        recipients_of([text])
    assert why in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_what_is_no_url_is_masked_as_if_it_were_one() -> None:
    assert masked("user:SECRET@example.org/SECRET") == "example.org/…"
    assert masked("https//example.org/SECRET") == "https/…"
    assert masked("slack:SECRET") == masked("slack:SECRET/SECRET") == "slack:…"
    assert masked("user:SECRET@example.org") == "user:…"
    assert masked("example.org:8080/SECRET") == "example.org:8080/…"
    assert masked("mail:a@example.org") == "mail:a@example.org"
    assert masked("https://example.org?SECRET") == "https://example.org/…"
    assert masked("https://example.org\\SECRET") == "https://example.org/…"


def test_how_much_is_a_lot_is_a_size() -> None:
    assert least_of("5GB") == 5 * 1000**3
    assert least_of(None) is None
    with pytest.raises(UsageError, match="--notify-over 5 needs a unit"):
        least_of("5")


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 129, 130, 143])
@pytest.mark.parametrize("watched", [True, False])
def test_each_failure_is_told_but_what_somebody_at_the_terminal_did(
    code: int, *, watched: bool
) -> None:
    hearing = Hearing()
    run = finished(code, failure="it failed", mode="dry-run")
    assert notifier(hearing, watched=watched).hear(run) is None
    told = [message.document["event"] for message in hearing.heard]
    assert told == ([] if watched and code in {2, 130} else ["failed"])


@pytest.mark.parametrize(("over", "told"), [(None, False), (8192, False), (8191, True), (0, True)])
def test_a_run_is_told_that_freed_more_than_was_said(over: int | None, *, told: bool) -> None:
    hearing = Hearing()
    rows = [row(outcome="deleted"), row("/srv/b/node_modules", outcome="deleted")]
    run = finished(report=report(rows, mode="delete"))
    assert notifier(hearing, over=over).hear(run) is None
    assert len(hearing.heard) == told
    for message in hearing.heard:
        assert message.subject.endswith(": job nightly freed 8.0 KiB")
        assert message.sentence.endswith(": job nightly freed 8.0 KiB: 2 directories deleted")
        assert (message.document["event"], message.document["failure"]) == ("freed", None)
        assert message.document["freed_bytes"] == 8192
        assert message.text.endswith("\nWhat it deleted: cleanup-nodemodule log abcd1234\n")


def test_what_lies_in_the_trash_or_would_be_deleted_has_freed_nothing() -> None:
    hearing = Hearing()
    for rows in ([row(outcome="trashed")], [row()]):
        assert notifier(hearing, over=0).hear(finished(report=report(rows))) is None
    assert hearing.heard == []


def problem(path: str | None, message: str = "Permission denied") -> ProblemRow:
    return ProblemRow("machine", path, "open", "EACCES", message, ProblemCode.OPEN.value)


@pytest.mark.parametrize(
    ("code", "fields", "why"),
    [
        (5, {"failure": "another run has the lock"}, "another run has the lock"),
        (
            4,
            {"report": report(gates=[GateRow("--max-delete", "bytes", 1, 2, "2 B are too many")])},
            "2 B are too many",
        ),
        (143, {"report": report()}, "it was stopped by SIGTERM"),
        (255, {"report": report()}, "it was stopped by signal 127"),
        (
            3,
            {"report": report([row(outcome="failed", error="busy")], [problem("/srv/x")])},
            (
                "1 directory could not be deleted; 1 problem, the first:"
                " could not open /srv/x: Permission denied"
            ),
        ),
        (3, {"report": report()}, "something could not be read or deleted"),
        (3, {"report": report(), "unable": ("no room", "no way")}, "no room; no way"),
        (1, {"report": report()}, "its output says why"),
    ],
)
def test_a_failure_is_told_with_its_reason(code: int, fields: dict[str, object], why: str) -> None:
    message = message_of(finished(code, **fields), "failed", "build7", "1.0")
    ended = "had problems" if code == 3 else "failed"
    assert message.subject == (
        f"cleanup-nodemodule on build7: job nightly {ended} (exit code {code})"
    )
    assert message.sentence == message.document["text"] == f"{message.subject}: {why}"
    assert message.document["failure"] == why


def test_the_document_says_what_the_run_was_and_did() -> None:
    rows = [row(outcome="deleted"), row("/srv/b/dist", outcome="failed", error="busy"), row("/c")]
    run = finished(3, report=report(rows, [problem("/srv/x"), problem(None)], mode="delete"))
    assert message_of(run, "failed", "build7", "1.0").document == {
        "schema_version": 1,
        "tool": {"name": "cleanup-nodemodule", "version": "1.0"},
        "event": "failed",
        "text": "cleanup-nodemodule on build7: job nightly had problems (exit code 3): 1 directory could not be deleted;"
        " 2 problems, the first: could not open /srv/x: Permission denied",
        "host": "build7",
        "job": "nightly",
        "command": "run",
        "run": "abcd1234",
        "mode": "delete",
        "exit_code": 3,
        "failure": "1 directory could not be deleted; 2 problems, the first: could not open /srv/x: Permission denied",
        "began_at": "2026-09-21T14:13:20+00:00",
        "duration_s": 12.5,
        "found": 3,
        "selected": 3,
        "reclaimable_bytes": 3 * 4096,
        "deleted": 1,
        "freed_bytes": 4096,
        "failed": 1,
        "problems": [
            "could not open /srv/x: Permission denied",
            "could not open: Permission denied",
        ],
        "more_problems": 0,
    }


def test_only_the_first_problems_are_told_and_none_endlessly() -> None:
    many = [problem(f"/srv/{number}/{'x' * 5000}") for number in range(25)]
    message = message_of(finished(3, report=report(problems=many)), "failed", "h", "1.0")
    assert len(message.document["problems"]) == 10
    assert message.document["more_problems"] == 15
    assert "\n  and 15 more\n" in message.text
    assert max(map(len, message.text.splitlines())) < 2000


def test_names_break_neither_lines_nor_the_document() -> None:
    run = finished(3, report=report(problems=[problem(path) for path in HOSTILE[:10]]), job=None)
    message = message_of(run, "failed", "a\nb", "1.0")
    assert message.subject == "cleanup-nodemodule on $'a\\nb': run run had problems (exit code 3)"
    assert "\n" not in message.sentence
    lines = message.text.splitlines()
    assert [line for line in lines if not line.isprintable()] == []
    for path in HOSTILE:
        one = finished(3, report=report(problems=[problem(path)]))
        json.dumps(message_of(one, "failed", "h", "1.0").document, ensure_ascii=False).encode()


def test_all_who_were_not_told_are_named_and_the_others_are_told() -> None:
    hearing = Hearing()
    unable = notifier(Hearing("it is closed"), hearing, Hearing("no")).hear(finished(1))
    assert unable == "somebody was not told: it is closed; somebody was not told: no"
    assert len(hearing.heard) == 1


def test_a_fault_in_one_is_said_and_no_more() -> None:
    class Faulty(Hearing):
        def deliver(self, message: Message, until: float) -> str | None:
            raise KeyError(message, until)

    assert notifier(Faulty()).hear(finished(1)) == (
        "somebody was not told: unexpected failure: KeyError"
    )


def test_who_takes_too_long_is_given_up_and_the_others_are_not() -> None:
    quick, slow = Hearing(), Hearing(wait=TIMEOUT)
    telling = Notifier([slow, quick], None, version="1.0", watched=False, bound=0.2)
    began = time.monotonic()
    unable = telling.hear(finished(1))
    assert unable is None or unable == "somebody was not told: it took too long"
    assert len(quick.heard) == 1
    assert time.monotonic() - began < TIMEOUT
    await_condition(lambda: bool(slow.heard), "it was told to give up")


def test_a_signal_ends_it_and_what_was_started(tmp_path: Path) -> None:
    """The process that was to send the mail does not go on without anybody who waits for it."""
    sendmail = tmp_path / "sendmail"
    sendmail.write_text(
        f"#!/bin/sh\necho $$ >{tmp_path}/pid.new && mv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 1000\n"
    )
    sendmail.chmod(0o700)
    begun = tmp_path / "pid"

    def interrupt() -> None:
        await_condition(begun.exists, "sendmail was started")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    mail = Mail("root", places=[str(sendmail)])
    telling = Notifier([mail], None, version="1.0", watched=False, bound=10 * TIMEOUT)
    with pytest.raises(KeyboardInterrupt):
        telling.hear(finished(1))
    thread.join()

    def gone() -> bool:
        try:
            os.kill(int(begun.read_text()), 0)
        except ProcessLookupError:
            return True
        return False

    await_condition(gone, "it has ended")
