"""A way to a terminal that never waits for it.

A terminal takes nothing after Ctrl-S, or while the connection to it stands still. Who writes to it then waits
in write(2), which Python takes up again after each signal (PEP 475), so that nothing but SIGKILL ends that.
"""

import os
import select
import sys
from typing import Final, TextIO

_PIECE: Final = 128
"""Bytes that a terminal takes without waiting if it takes any: Linux says that it does while there is room for
256 in a pseudo-terminal (tty_buffer_alloc in the kernel), and writes two bytes for a newline."""


class Unblocked:
    """Writes to a terminal what that takes at once, and keeps the rest until it takes more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: Final = stream
        self._number = _number(stream)
        """The descriptor of the stream; None if it has none, or nobody can ask it whether it takes anything."""
        self._own: int | None = None
        """A descriptor of the terminal that does not wait."""
        self._rest = b""

    def open(self) -> None:
        """Begin. A terminal of another user, as after su(1), cannot be opened; it is asked each time then."""
        if self._number is not None and self._own is None:
            try:
                # Opened anew: a flag of what the shell gave is set for the shell as well (fcntl(2)).
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
                self._own = os.open(os.ttyname(self._number), flags)
            except OSError:
                self._own = None

    def close(self) -> None:
        """Give back what was opened. What is left may still be written by :meth:`settle`."""
        own, self._own = self._own, None
        if own is not None:
            os.close(own)

    def write(self, text: str) -> None:
        """Write *text* behind what was left, as far as the terminal takes it. Raises OSError if that is gone."""
        if self._number is None:
            self._stream.write(text)
            self._stream.flush()
            return
        encoding, errors = self._stream.encoding or "ascii", self._stream.errors or "replace"
        self._rest += text.encode(encoding, errors)
        self.is_through()

    def is_through(self) -> bool:
        """Go on with what is left; return whether nothing is any more. Raises OSError as :meth:`write` does."""
        try:
            while self._rest and (taken := self._take()):
                self._rest = self._rest[taken:]
        except BlockingIOError:
            pass
        except OSError:
            self._rest = b""
            raise
        return not self._rest

    def settle(self) -> None:
        """Write what is left, and wait for the terminal if need be. What raises in a signal handler ends that."""
        rest, self._rest = self._rest, b""
        while rest and self._number is not None:
            rest = rest[os.write(self._number, rest) :]

    def _take(self) -> int:
        """Write once, and return how many bytes that were."""
        if self._own is not None:
            return os.write(self._own, self._rest)
        if self._number is None or not select.select((), (self._number,), (), 0)[1]:
            return 0
        return os.write(self._number, self._rest[:_PIECE])


def takes_any(stream: TextIO) -> bool:
    """Whether *stream* takes a word without waiting, as far as anybody can say."""
    number = _number(stream)
    return number is None or bool(select.select((), (number,), (), 0)[1])


def _number(stream: TextIO) -> int | None:
    if sys.platform == "win32":
        return None  # Its select() asks sockets only.
    try:
        return stream.fileno()
    except (OSError, ValueError):  # UnsupportedOperation, where it is no file, is both.
        return None
