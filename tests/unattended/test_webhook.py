"""Webhooks, told to a real server that does what servers do."""

import json
import subprocess
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from cleanup_nodemodule.unattended.notifying import webhook
from cleanup_nodemodule.unattended.notifying.message import message_of
from cleanup_nodemodule.unattended.notifying.notifier import Notifier
from cleanup_nodemodule.unattended.notifying.webhook import Webhook
from support.finished import finished
from support.needs import unable
from support.receivers import Answer, answer, drip, flood, hang, mail_server, reset, web_server
from support.waiting import TIMEOUT

MESSAGE = message_of(finished(1, failure="it failed"), "failed", "build7", "1.0")


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no proxy of whoever runs the tests, and wait for nothing."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(webhook, "_FIRST_PAUSE", 0.001)


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a second attempt come too late."""
    monkeypatch.setattr(webhook, "_FIRST_PAUSE", 2.0 * TIMEOUT)


def deliver(url: str, seconds: float = TIMEOUT) -> str | None:
    return Webhook(url).deliver(MESSAGE, time.monotonic() + seconds)


def test_the_document_is_posted() -> None:
    with web_server() as server:
        assert deliver(server.url("/a/b?c=d#e")) is None
        assert server.document == MESSAGE.document
        [request] = server.requests
    assert request.line == "POST /a/b?c=d HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "cleanup-nodemodule/1.0"
    assert "authorization" not in request.headers


def test_a_password_in_the_url_is_sent_as_one() -> None:
    with web_server() as server:
        url = server.url().replace("://", "://us%40er:pass%3Aword@")
        assert deliver(url) is None
        [request] = server.requests
    assert request.headers["authorization"] == "Basic dXNAZXI6cGFzczp3b3Jk"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("fault", [answer(500), answer(503), answer(429), answer(408), reset, b""])
def test_what_may_pass_is_tried_again(fault: Answer) -> None:
    with web_server(fault, fault, answer(204)) as server:
        assert deliver(server.url()) is None
        assert len(server.requests) == 3
        assert {request.body for request in server.requests} == {
            json.dumps(MESSAGE.document).encode()
        }


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (400, "it answered 400 Bad Request"),
        (401, "it answered 401 Unauthorized"),
        (404, "it answered 404 Not Found"),
        (410, "it answered 410 Gone"),
        (499, "it answered 499"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(code: int, why: str) -> None:
    with web_server(answer(code)) as server:
        assert deliver(server.url()) == why
        assert len(server.requests) == 1


def test_it_waits_as_long_as_the_server_wants() -> None:
    gone_by = f"Retry-After: {formatdate(time.time() - 3600, usegmt=True)}"
    odd = "Retry-After: soon"
    with web_server(
        answer(503, "Retry-After: 0"), answer(429, gone_by), answer(429, odd), answer(200)
    ) as server:
        assert deliver(server.url()) is None
        assert len(server.requests) == 4


@pytest.mark.parametrize("wanted", ["3600", formatdate(4_000_000_000, usegmt=True), "9" * 400])
def test_it_does_not_wait_beyond_the_bound(wanted: str) -> None:
    with web_server(answer(429, f"Retry-After: {wanted}")) as server:
        why = str(deliver(server.url()))
        assert why.startswith("it answered 429 Too Many Requests, and wants ")
        assert len(server.requests) == 1


def test_after_some_attempts_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_FIRST_PAUSE", 0.05)
    with web_server(answer(502)) as server:
        why = str(deliver(server.url(), seconds=0.3))
        attempts = len(server.requests)
    assert attempts > 1
    assert why == f"it answered 502 Bad Gateway ({attempts} attempts)"


@pytest.mark.parametrize("slow", [hang, drip], ids=lambda one: one.__name__)
def test_a_server_that_never_comes_to_an_end_holds_up_nobody(slow: Answer) -> None:
    with web_server(slow) as server:
        telling = Notifier([Webhook(server.url())], None, version="1", watched=False, bound=0.3)
        unable = telling.hear(finished(1))
    assert unable is not None
    assert unable.startswith("http://127.0.0.1:")
    assert "/… was not told: it " in unable
    assert "SECRET" not in unable


def test_an_answer_without_end_is_not_read() -> None:
    with web_server(flood) as server:
        assert deliver(server.url()) is None


@pytest.mark.usefixtures("once")
def test_an_answer_that_is_none_is_said() -> None:
    with web_server(b"hello\r\n\r\n") as server:
        assert deliver(server.url()) == "its answer is not HTTP"


def test_a_redirect_that_keeps_the_document_is_followed() -> None:
    with web_server() as end, web_server(answer(308, f"Location: {end.url('/there')}")) as first:
        assert deliver(first.url().replace("://", "://user:word@")) is None
        assert end.document == MESSAGE.document
        # A password is for the host that it was given for.
        assert "authorization" not in end.requests[0].headers
    with web_server(answer(307, "Location: /new"), answer(200)) as server:
        assert deliver(server.url().replace("://", "://user:word@")) is None
        assert server.requests[1].line == "POST /new HTTP/1.1"
        assert server.requests[1].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((302, "Location: /login"), "and does not take this along; name that URL"),
        (
            (308, "Location: https://127.0.0.1/SECRET"),
            "leads to https://127.0.0.1/…; name that URL",
        ),
        ((308, "Location: file:///etc/passwd"), "leads to file:///…; name that URL"),
        ((308, "X-Nowhere: 1"), "it answered 308 Permanent Redirect"),
        ((307, "Location: http://[/SECRET"), "it answered 307 Temporary Redirect"),
        ((307, "Location: /round"), "it answered 307 Temporary Redirect"),
        ((304, "X-Nowhere: 1"), "it answered 304 Not Modified"),
    ],
)
def test_other_redirects_are_said_and_not_followed(said: tuple[int, str], why: str) -> None:
    with web_server(answer(*said)) as server:
        told = deliver(server.url())
    assert why in str(told)
    assert "SECRET" not in str(told)


def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        monkeypatch.setenv("no_proxy", "")
        assert deliver("http://hooks.invalid/x") is None
        assert proxy.requests[0].line == "POST http://hooks.invalid/x HTTP/1.1"


@pytest.mark.usefixtures("once")
def test_where_nobody_listens_is_said() -> None:
    with web_server() as server:
        url = server.url()
    assert deliver(url) == "Connection refused"


def test_a_host_that_no_name_server_would_take_is_said() -> None:
    assert deliver(f"http://{'a' * 64}.example.org/") == (
        "its host has a name that cannot be looked up"
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody has signed, with its key."""
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    try:
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                ),
                *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
                *(
                    "-addext",
                    "subjectAltName=DNS:localhost",
                    "-keyout",
                    path,
                    "-out",
                    f"{path}.cert",
                ),
            ],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        unable("needs openssl")
    path.write_bytes(path.read_bytes() + Path(f"{path}.cert").read_bytes())
    return path


def test_a_certificate_has_to_be_trusted_and_to_be_for_that_host(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_server(certificate=str(certificate)) as server:
        url = server.url(host="localhost")
        assert str(deliver(url)).startswith("its certificate is not trusted: self")
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.cert")
        assert str(deliver(server.url())).startswith("its certificate is not trusted: ")
        assert server.requests == []
        assert deliver(url) is None
        assert server.document == MESSAGE.document


@pytest.mark.usefixtures("once")
def test_a_server_that_speaks_no_tls_is_said() -> None:
    with mail_server() as server:
        told = deliver(f"https://127.0.0.1:{server.port}/")
    assert str(told).startswith("it does not speak TLS")
