"""Showing names that people did not mean to be shown.

A file name is any bytes but NUL and the slash. Printed as it is, it can break a line, a table or the
terminal, or pass for another name.
"""

import os
import shlex
from typing import Final

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
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


def size(count: int) -> str:
    """Return a number of bytes for people, in binary units."""
    import humanize  # noqa: PLC0415 - for start-up's sake

    return humanize.naturalsize(count, binary=True).replace("Bytes", "B").replace("Byte", "B")


def command(*words: str) -> str:
    """Return a command line of this program that a shell takes as it stands."""
    return " ".join((PROGRAM, *(quoted(word) for word in words)))
