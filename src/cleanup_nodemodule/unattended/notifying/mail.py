"""Mail through the local ``sendmail``, which every mail system has."""

import os
import re
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from typing import Final

from cleanup_nodemodule.record.trust import untrusted_file
from cleanup_nodemodule.system.accounts import home_instead
from cleanup_nodemodule.system.machine import host_name
from cleanup_nodemodule.unattended.notifying.message import Message
from cleanup_nodemodule.words import PROGRAM, printable

PLACES: Final = ("/usr/sbin/sendmail", "/usr/lib/sendmail")
"""Where it is (the Filesystem Hierarchy Standard, 4.10.2 and 4.7.2). Elsewhere only ``$PATH`` knows it, as on NixOS."""

_OPTIONS: Final = ("-i", "--")
"""A line with only a dot ends no message (sendmail(8)); what follows is no option."""

_WORDS: Final = 300
"""Bytes of its last words that are passed on."""

_PIECE: Final = 64 * 1024

_TICK: Final = 0.05
"""Seconds between two looks whether it has ended: it may leave a process behind that keeps its pipe open."""

_OWN: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")
"""Variables that are passed on where the others are about another user's home directory."""


class Mail:
    """One address."""

    def __init__(self, address: str, places: Sequence[str] = PLACES) -> None:
        self._address: Final = address
        self._places: Final = places
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = False

    def __str__(self) -> str:
        return f"mail:{self._address}"

    def deliver(self, message: Message, until: float) -> str | None:
        """Hand the message to sendmail; see :class:`~.recipients.Recipient`."""
        program, why = find_sendmail(self._places)
        if program is None:
            return why
        try:
            with subprocess.Popen(  # noqa: S603 - a program that only root and this user can alter, and no shell
                [program, *_OPTIONS, self._address],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd=os.sep,
                env=environment(os.environ),
                # Ctrl-C is for this program to handle, which ends all that this one has started.
                start_new_session=True,
            ) as process:
                self._process = process
                if self._given_up:
                    self.give_up()
                said = _converse(process, mail_of(message, self._address), until)
                if process.poll() is None:
                    self.give_up()
                    return f"{program} did not end in time"
        except OSError as error:
            return f"{program} cannot be started: {error.strerror}"
        if process.returncode == 0:
            return None
        return f"{program} {_in_words(process.returncode, said)}"

    def give_up(self) -> None:
        """End sendmail, and what it has started."""
        self._given_up = True
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


def mail_of(message: Message, address: str) -> bytes:
    """Return the mail as sendmail reads it.

    There is no From: the mail system knows by which address others reach this account, and adds it (RFC 6409, 8.1). That
    the mail is automatic keeps others from answering it (RFC 3834).
    """
    mail = EmailMessage()
    user, at, domain = address.rpartition("@")
    mail["To"] = Address(username=user, domain=domain) if at else address
    mail["Subject"] = _plain(message.subject)
    mail["Date"] = format_datetime(localtime())
    # Its own default asks for the name of this machine, and that can take a while.
    mail["Message-ID"] = make_msgid(idstring=PROGRAM, domain=host_name())
    mail["Auto-Submitted"] = "auto-generated"
    text = _plain(message.text, keep="\n")
    # Whoever looks into a mailbox with less(1) can read that, unlike base64.
    mail.set_content(text, cte=None if text.isascii() else "quoted-printable")
    return mail.as_bytes()


def _plain(text: str, keep: str = "") -> str:
    """Return *text* without what cannot be shown; what stands for no character becomes a question mark."""
    seen = (char if char.isprintable() or char in keep else "?" for char in text)
    return "".join(seen).encode("utf-8", "replace").decode()


def find_sendmail(places: Sequence[str] = PLACES) -> tuple[str | None, str]:
    """Return the path of sendmail; or None, and why there is none.

    One in ``$PATH`` counts only if nobody but root and this user can alter it: root does not run what others wrote.
    """
    if os.name != "posix":
        return None, "there is no sendmail on this system"
    found = [place for place in places if _is_program(place)]
    why = f"there is no {places[0]}; install a mail system that has it, such as msmtp-mta, dma or postfix"
    for directory in os.get_exec_path():
        if os.path.isabs(directory):
            path = os.path.join(directory, "sendmail")
            if path not in places and _is_program(path):
                found.append(path)
    for path in found:
        try:
            fault = untrusted_file(path, os.stat(path))
        except OSError as error:
            fault = str(error.strerror)
        if fault is None:
            return path, ""
        why = f"{printable(path)} is not trusted: {fault}"
    return None, why


def _is_program(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and os.access(path, os.X_OK)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for sendmail: all of ours, unless it leads to the home directory of another account.

    As under a sudo(8) that leaves HOME: some read a file there that names programs to run (msmtp(1), passwordeval).
    """
    home = home_instead()
    if home is None:
        return dict(variables)
    return {name: variables[name] for name in _OWN if name in variables} | {"HOME": home}


def _converse(process: "subprocess.Popen[bytes]", data: bytes, until: float) -> bytes:
    """Give *data* to a process until it has ended, or until then; return the end of what it says meanwhile."""
    said, left = b"", memoryview(data)
    with selectors.DefaultSelector() as selector:
        for stream, event in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stderr, selectors.EVENT_READ),
        ):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, event)
        while True:
            # What it has said before it ended is there to be read by then.
            ended = process.poll() is not None
            ready = selector.select(0 if ended else max(0, min(_TICK, until - time.monotonic())))
            for key, event in ready:
                if event & selectors.EVENT_WRITE:
                    left = _write(key.fd, left)
                    if not left:
                        selector.unregister(key.fileobj)
                        with suppress(OSError):
                            key.fileobj.close()  # type: ignore[union-attr]
                elif piece := _read(key.fd):
                    said = (said + piece)[-_PIECE:]
                else:
                    selector.unregister(key.fileobj)
            if ended or time.monotonic() >= until:
                return said
            if not selector.get_map():
                time.sleep(_TICK)


def _write(descriptor: int, left: memoryview) -> memoryview:
    """Write some of what is *left*, and return the rest; nothing if nobody reads it."""
    try:
        return left[os.write(descriptor, left[:_PIECE]) :]
    except BlockingIOError:
        return left
    except OSError:
        return left[:0]


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError:
        return b""


def _in_words(code: int, said: bytes) -> str:
    """Return what became of sendmail, in its own words if it has said any."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    words = "".join(char if char.isprintable() else "?" for char in (lines or [""])[-1])[:_WORDS]
    ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"{ended}: {re.sub(r'[.]$', '', words)}" if words else ended
