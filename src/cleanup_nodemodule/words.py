"""Words for people: names made safe to show, sizes, times, lines for a shell.

A file name is any bytes but NUL and the slash. Printed as it is, it can break a line, a table or the
terminal, or pass for another name.
"""

import os
import shlex
import shutil
from datetime import UTC, datetime
from typing import Final, Self

PROGRAM: Final = "cleanup-nodemodule"
"""What the command is called."""

_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}


def printable(name: str) -> str:
    """Return *name* as it is if all of it can be seen, else in the shell's ``$'...'`` quotes.

    These spell every control, format and undecodable character (bash(1), QUOTING), so that what is
    shown is one line, unmistakable, and can be pasted into a command.
    """
    if name.isprintable() and not name.startswith("$'"):
        return name
    return "$'" + "".join(_escape(char) for char in name) + "'"


def quoted(argument: str) -> str:
    """Return *argument* as a word for the shell, safe to show."""
    shown = printable(argument)
    return shlex.quote(argument) if shown == argument else shown


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    # Byte by byte: what \u stands for depends on the locale of the shell that reads it.
    try:
        read = os.fsencode(char)
    except UnicodeEncodeError:
        # A surrogate that stands for no byte: no system has it in a name, but a document may.
        read = char.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in read)


def size(count: int) -> str:
    """Return a number of bytes for people, in binary units."""
    import humanize  # noqa: PLC0415 - for start-up's sake

    return humanize.naturalsize(count, binary=True).replace("Bytes", "B").replace("Byte", "B")


_CLOSE: Final = 1 << 16
"""Bytes between a promise and its bound that nobody needs to hear of."""


def bound(promise: int, at_most: int) -> str:
    """Return the most that may come back, in bytes, for people; empty where the promise alone says it.

    That is where they differ by less than 64 KiB, or by 5 % or less.
    """
    between = at_most - promise
    return size(at_most) if between >= _CLOSE and between * 20 > at_most else ""


def promised(promise: int, at_most: int) -> str:
    """Return what surely comes back and what may, in bytes, for people: ``5.0 MiB, up to 112.0 MiB``.

    It is the promise alone where the bound is about the same. Both are rounded as every size is, to the nearest: what is
    shown is off by half of its last digit at most, so that the same bytes look the same wherever they are shown.
    """
    most = bound(promise, at_most)
    return f"{size(promise)}, up to {most}" if most else size(promise)


def shell_command(*words: str) -> str:
    """Return a command line that a shell takes as it stands."""
    return " ".join(quoted(word) for word in words)


def command(*words: str) -> str:
    """Return a command line of this program that a shell takes as it stands."""
    return shell_command(PROGRAM, *words)


class Advice(str):
    """A sentence, and behind it the command to type, which has to stay fit for pasting."""

    __slots__ = ("command",)

    command: str

    def __new__(cls, sentence: str, command: str) -> Self:
        """Join them."""
        self = super().__new__(cls, f"{sentence}: {command}")
        self.command = command
        return self

    def behind(self, words: str) -> Self:
        """Return it with other words before it."""
        return type(self)(f"{words} {self.removesuffix(f': {self.command}')}", self.command)


def shell_line(directory: str, command: str, *, raw: bool = False, user: str | None = None) -> str:
    """Return a line for a shell that runs *command* in *directory* and leaves the shell where it is.

    Every character of it can be seen, in the quotes that bash(1), zsh and ksh know; with *raw* it has
    the very bytes, in those of every shell (sh(1)), where a name may go over several lines. With *user*
    it is for root's shell, and runs the command as that account.
    """
    if user is not None:
        # With that account's home directory, as what is run there keeps its caches in it.
        line = shell_line(directory, command, raw=True)
        become = "sudo -H -u {} sh -c" if shutil.which("sudo") else "su -l -s /bin/sh {} -c"
        return f"{become.format(shlex.quote(user))} {shlex.quote(line) if raw else quoted(line)}"
    word = shlex.quote(directory) if raw else quoted(directory)
    return f"(cd {word} && {command})"


def iso(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as ISO 8601 has it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def shortly(number: int) -> str:
    """Return a number as it is, unless nobody would read it."""
    return str(number) if abs(number) < 10**30 else "so large a number"
