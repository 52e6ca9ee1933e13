"""A webhook: the document of a message, sent to a URL by POST (RFC 9110, 9.3.3)."""

import base64
import email.utils
import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from cleanup_nodemodule.unattended.notifying.message import Message
from cleanup_nodemodule.unattended.notifying.recipients import masked
from cleanup_nodemodule.words import PROGRAM

_ATTEMPT: Final = 5.0
"""Seconds that a server may take for one step, such as to connect or to begin its answer."""

_FIRST_PAUSE: Final = 0.5
"""Seconds before the second attempt; each further pause is twice as long."""

_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""Answers after which another attempt may do, besides all that are the server's fault."""

_SAME_AGAIN: Final = frozenset({HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT})
"""Redirects that keep the method and the content; after others a GET without content follows (RFC 9110, 15.4)."""

_REDIRECTS: Final = 5


class _Answer(NamedTuple):
    """What came of one attempt."""

    why: str = ""
    """Why it was not delivered; empty if it was."""
    again: bool = False
    """Whether another attempt may do."""
    pause: float | None = None
    """Seconds after which the server wants that."""
    place: str | None = None
    """Where to send it instead."""


class Webhook:
    """One URL."""

    def __init__(self, url: str) -> None:
        self._url: Final = url
        self._given_up: Final = threading.Event()

    def __str__(self) -> str:
        return masked(self._url)

    def deliver(self, message: Message, until: float) -> str | None:
        """Send the document, again after a pause if that may help; see :class:`~.recipients.Recipient`."""
        data = json.dumps(message.document).encode()
        agent = f"{PROGRAM}/{message.document['tool']['version']}"
        request = _Request(self._url, data, agent)
        pause, redirects, attempts = _FIRST_PAUSE, 0, 0
        while True:
            attempts += 1
            answer = request.post(min(_ATTEMPT, until - time.monotonic()))
            if not answer.why:
                return None
            if answer.place is not None and redirects < _REDIRECTS:
                redirects += 1
                attempts -= 1
                request = request.instead(answer.place)
                continue
            wanted = pause if answer.pause is None else answer.pause
            if not answer.again or self._given_up.is_set():
                return _after(answer.why, attempts)
            if time.monotonic() + wanted >= until:
                # Nobody waits that long for a server that may come back.
                why = (
                    answer.why
                    if answer.pause is None
                    else f"{answer.why}, and wants {wanted:,.0f} seconds of rest"
                )
                return _after(why, attempts)
            self._given_up.wait(wanted)
            pause *= 2

    def give_up(self) -> None:
        """Make no other attempt. One that is under way ends with its thread."""
        self._given_up.set()


def _after(why: str, attempts: int) -> str:
    return f"{why} ({attempts} attempts)" if attempts > 1 else why


class _Request:
    """What is sent, and where."""

    def __init__(self, url: str, data: bytes, agent: str, authorization: str | None = None) -> None:
        self._data: Final = data
        self._agent: Final = agent
        parts = urlsplit(url)
        user, at, place = parts.netloc.rpartition("@")
        if at:  # As curl(1) has it. urllib takes it for a part of the name.
            authorization = "Basic " + base64.b64encode(unquote(user).encode()).decode("ascii")
        self._authorization: Final = authorization
        self._url: Final = parts._replace(netloc=place, fragment="").geturl()

    def post(self, seconds: float) -> _Answer:
        """Send it once; each step may take so many *seconds*."""
        if seconds <= 0:
            return _Answer("it did not answer in time")
        headers = {"Content-Type": "application/json", "User-Agent": self._agent}
        if self._authorization is not None:
            headers["Authorization"] = self._authorization
        try:
            request = urllib.request.Request(self._url, self._data, headers, method="POST")  # noqa: S310 - http(s) only
            # What it says is of no use, and may never end.
            _opener(self._url).open(request, timeout=seconds).close()
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error)
        except urllib.error.URLError as error:
            return _unreached(error.reason)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _unreached(error)
        return _Answer()

    def instead(self, url: str) -> "_Request":
        """Return the same for another *url*; a password is for the host that it was given for."""
        same = urlsplit(url).netloc.rpartition("@")[2] == urlsplit(self._url).netloc
        return _Request(url, self._data, self._agent, self._authorization if same else None)

    def _refused(self, error: urllib.error.HTTPError) -> _Answer:
        code = error.code
        why = f"it answered {code}{_phrase(code)}"
        if 300 <= code < 400:  # noqa: PLR2004 - redirects (RFC 9110, 15.4)
            return self._redirected(code, error.headers.get("Location"), why)
        again = code in _AGAIN or code >= HTTPStatus.INTERNAL_SERVER_ERROR
        pause = _seconds(error.headers.get("Retry-After")) if again else None
        return _Answer(why, again, pause)

    def _redirected(self, code: int, location: str | None, why: str) -> _Answer:
        try:
            place = urljoin(self._url, location or "")
            scheme = urlsplit(place).scheme
        except ValueError:
            return _Answer(why)
        if not location:
            return _Answer(why)
        if scheme != urlsplit(self._url).scheme:
            return _Answer(
                f"{why}, which leads to {masked(place)}; name that URL if it is the right one"
            )
        if code not in _SAME_AGAIN:
            return _Answer(
                f"{why}, which leads to {masked(place)} and does not take this along; name that URL"
            )
        return _Answer(why, place=place)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Return what opens *url*, by a proxy where the environment names one, and follows no redirect by itself.

    urllib's own would read all that comes with a redirect, and turn POST into GET.
    """
    opener = urllib.request.OpenerDirector()
    handlers: list[Any] = [
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ]
    if urlsplit(url).scheme == "https":
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _unreached(reason: object) -> _Answer:
    """Return what there is to say of a server that gave no answer. No word of it is the URL's."""
    match reason:
        case ssl.SSLCertVerificationError():
            return _Answer(f"its certificate is not trusted: {reason.verify_message}")
        case ssl.SSLError():
            return _Answer(
                f"it does not speak TLS: {reason.reason or 'unknown reason'}", again=True
            )
        case TimeoutError():
            return _Answer("it did not answer in time", again=True)
        case http.client.RemoteDisconnected():
            return _Answer("it closed the connection without an answer", again=True)
        case OSError():
            return _Answer(reason.strerror or "it cannot be reached", again=True)
        case http.client.HTTPException():
            return _Answer("its answer is not HTTP", again=True)
        case UnicodeError():
            return _Answer("its host has a name that cannot be looked up")
        case _:
            return _Answer("it cannot be reached", again=True)


def _phrase(code: int) -> str:
    try:
        return f" {HTTPStatus(code).phrase}"
    except ValueError:
        return ""


def _seconds(text: str | None) -> float | None:
    """Return the seconds of a ``Retry-After``: a number, or a date (RFC 9110, 10.2.3); None for anything else."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_DIGITS])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, OSError):
        return None


_DIGITS: Final = 12
"""Of a number of seconds; there are servers that say anything."""
