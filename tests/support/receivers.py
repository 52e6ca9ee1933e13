"""Servers that take what somebody is told: one for webhooks, which can misbehave, and one for mail."""

import contextlib
import email
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import default
from typing import Any, Final, NamedTuple, cast

Answer = bytes | Callable[[socket.socket], None]
"""What to send, and then close the connection; or what to do with the connection."""


class Request(NamedTuple):
    """What was received."""

    line: str
    headers: dict[str, str]
    """By names in small letters."""
    body: bytes


def answer(code: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer of HTTP."""
    lines = (f"HTTP/1.1 {code} Whatever", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


def reset(connection: socket.socket) -> None:
    """Close so that the other end is told of an error (socket(7), SO_LINGER)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(connection: socket.socket) -> None:
    """Never answer."""
    while connection.recv(1024):
        pass


def drip(connection: socket.socket) -> None:
    """Answer a byte at a time, and never come to the end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    connection.settimeout(0.02)
    while True:
        connection.sendall(b"x")
        with contextlib.suppress(TimeoutError):
            if not connection.recv(1024):
                return


def flood(connection: socket.socket) -> None:
    """Answer with a body that has no end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


class _Server:
    """Takes connections until it is closed; what each does is ended with it."""

    def __init__(self) -> None:
        self._listening: Final = socket.create_server(("127.0.0.1", 0))
        self.port: Final[int] = self._listening.getsockname()[1]
        self._open: Final[list[socket.socket]] = []
        self._threads: Final[list[threading.Thread]] = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """End everything."""
        for one in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listening, *self._open):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The other end may go at any time, and may have spoken something else.
        with contextlib.suppress(OSError, ValueError):
            self.converse(connection)

    def converse(self, connection: socket.socket) -> None:
        raise NotImplementedError


class WebServer(_Server):
    """Takes what is posted. Each connection has the next answer, and the last one is given again."""

    def __init__(self, *answers: Answer, certificate: str | None = None) -> None:
        self.answers: Final = [*answers]
        self.requests: Final[list[Request]] = []
        self._context = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        super().__init__()

    def url(self, path: str = "/hook/SECRET", host: str = "127.0.0.1") -> str:
        """Return the URL of a *path* here."""
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def document(self) -> dict[str, Any]:
        """What was posted, once."""
        [request] = self.requests
        return cast("dict[str, Any]", json.loads(request.body))

    def converse(self, connection: socket.socket) -> None:
        """Read a request, and answer it."""
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
            self._open.append(connection)
        with connection.makefile("rb") as file:
            line = file.readline().decode("ascii").strip()
            headers = {}
            while header := file.readline().decode("ascii").strip():
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            body = file.read(int(headers.get("content-length", 0)))
        self.requests.append(Request(line, headers, body))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(said):
            said(connection)
        else:
            connection.sendall(said)
        connection.close()


class MailServer(_Server):
    """Takes mail by SMTP (RFC 5321)."""

    def __init__(self) -> None:
        self.mails: Final[list[tuple[str, list[str], EmailMessage]]] = []
        """The sender and the recipients of each, and what it says."""
        super().__init__()

    def converse(self, connection: socket.socket) -> None:
        """Take mail until the other end has said all."""
        sender, recipients = "", list[str]()
        connection.sendall(b"220 localhost\r\n")
        with connection.makefile("rb") as file:
            while line := file.readline().decode().strip():
                match line.split(maxsplit=1)[0].upper():
                    case "MAIL":
                        sender, recipients = line.partition(":")[2].split()[0], []
                    case "RCPT":
                        recipients.append(line.partition(":")[2])
                    case "DATA":
                        connection.sendall(b"354 go on\r\n")
                        data = b"".join(iter(file.readline, b".\r\n"))
                        mail = email.message_from_bytes(data, policy=default)
                        self.mails.append((sender, recipients, mail))
                    case "QUIT":
                        connection.sendall(b"221 bye\r\n")
                        return
                connection.sendall(b"250 fine\r\n")


@contextlib.contextmanager
def web_server(*answers: Answer, certificate: str | None = None) -> Iterator[WebServer]:
    """Have a server for webhooks, which says that all is well unless other *answers* are given."""
    server = WebServer(*(answers or (answer(200),)), certificate=certificate)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """Have a server for mail."""
    server = MailServer()
    try:
        yield server
    finally:
        server.close()
