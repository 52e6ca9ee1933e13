"""Whom to tell: reads the values of ``--notify``, and shows them without what is secret in them."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import urlsplit

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model.quantities import QuantityError, read_size, shown
from cleanup_nodemodule.unattended.notifying.message import Message

EXAMPLES: Final = "mail:you@example.org, https://example.org/hook or desktop"

_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.+%='&-]*(@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)?"
)
"""Names and addresses that mean the same to every mail system. Some take ``|program``, ``/file`` and ``:include:file``
for more than an address (aliases(5)), and a hyphen begins an option."""

_LONGEST: Final = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3)."""


class Recipient(Protocol):
    """Somebody who can be told. As a text it is the value of ``--notify`` without what is secret in that."""

    def deliver(self, message: Message, until: float) -> str | None:
        """Deliver *message*; return why that could not be done, in words.

        It ends about when ``time.monotonic()`` is *until*. A thread calls it, and nobody waits for that after then.
        """

    def give_up(self) -> None:
        """End at once what is under way. Another thread calls this."""


def recipients_of(texts: Sequence[str]) -> list[Recipient]:
    """Return whom the values of ``--notify`` stand for, each once. Raises UsageError, without what is secret in one."""
    return [_recipient(text.strip()) for text in dict.fromkeys(texts)]


def least_of(text: str | None) -> int | None:
    """Return the bytes that ``--notify-over`` stands for. Raises UsageError."""
    try:
        return None if text is None else read_size(text, "--notify-over")
    except QuantityError as error:
        raise UsageError(str(error)) from error


def masked(text: str) -> str:
    """Return a value of ``--notify`` without what is secret in it: of a URL only the scheme and the host.

    Whatever it may be: what comes behind the name of a host can be a token, and what comes before it a password.
    """
    scheme, parted, rest = text.partition("://")
    if not parted:
        # A URL may be mistyped, or be that of another service. No address has a slash, or another scheme.
        place, cut, _ = text.partition("/")
        place = place.rpartition("@")[2] if cut else place
        name, colon, rest = place.partition(":")
        if colon and name.lower() not in {"mail", "mailto"} and not rest.isdecimal():
            return f"{name}:…"
        return f"{place}/…" if cut else place
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    return f"{scheme}://{host}" if host == rest else f"{scheme}://{host}/…"


class Way(StrEnum):
    """How somebody is told."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    DESKTOP = "desktop"


_SCHEMES: Final = {
    "mail": Way.MAIL,
    "mailto": Way.MAIL,
    "http": Way.WEBHOOK,
    "https": Way.WEBHOOK,
}


def way_of(text: str) -> Way | None:
    """Return by which way a value of ``--notify`` tells somebody; None if it is wrong."""
    scheme, colon, _ = text.strip().partition(":")
    if not colon:
        return Way.DESKTOP if scheme.lower() == "desktop" else None
    return _SCHEMES.get(scheme.lower())


def _recipient(text: str) -> Recipient:
    match way_of(text):
        case Way.DESKTOP:
            from cleanup_nodemodule.unattended.notifying.desktop import Desktop  # noqa: PLC0415 - only for who wants it

            return Desktop()
        case Way.MAIL:
            from cleanup_nodemodule.unattended.notifying.mail import Mail  # noqa: PLC0415 - only for who wants it

            return Mail(_address(text.partition(":")[2], text))
        case Way.WEBHOOK:
            from cleanup_nodemodule.unattended.notifying.webhook import Webhook  # noqa: PLC0415 - only for who wants it

            return Webhook(_url(text))
    if _ADDRESS.fullmatch(text) and "@" in text:
        raise UsageError(f"--notify {shown(text)} needs to know how; type mail:{text}")
    if "://" not in text and re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?(/\S*)?", text):
        raise UsageError(
            f"--notify {shown(masked(text))} is no URL; type https:// before it, or mail: before an address"
        )
    raise UsageError(f"--notify takes {EXAMPLES}, and {shown(masked(text))} is none of these")


def _address(address: str, text: str) -> str:
    if "," in address or ";" in address:
        raise UsageError(
            "--notify mail: takes one address; for several give --notify several times, as in:"
            " --notify mail:one@example.org --notify mail:two@example.org"
        )
    if not _ADDRESS.fullmatch(address) or len(address) > _LONGEST:
        raise UsageError(
            f"--notify {shown(masked(text))} names no address; type one with plain letters and digits, such as"
            " mail:you@example.org, or the name of an account of this machine, such as mail:root"
        )
    return address


def _url(text: str) -> str:
    why = None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        why = "is no URL"
    else:
        if not parts.hostname:
            why = "names no host"
        elif port == 0:
            why = "has no port that can be reached"
        elif not text.isascii() or re.search(r"[\x00-\x20\x7f\\]", text):
            why = "has characters that no URL has; write them as %20 and the like"
    if why is not None:
        raise UsageError(
            f"--notify {shown(masked(text))} {why}; type a URL such as https://example.org/hook"
        )
    return text
