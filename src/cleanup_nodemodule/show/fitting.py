"""Makes texts fit: into so many cells of a terminal, and into the characters that its encoding has."""

import os
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TextIO

from rich.cells import cell_len

from cleanup_nodemodule.words import printable

_SAFE: Final = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
"""What needs no quotes in a shell (shlex.quote)."""


class Marks(NamedTuple):
    """What is drawn, as far as an encoding has it."""

    encoding: str
    bars: str
    """The parts of a cell that a bar can end with, from nothing to all of it."""
    ellipsis: str
    at_least: str
    spinner: str


_DRAWN: Final = Marks("utf-8", " ▏▎▍▌▋▊▉█", "…", "≥ ", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")


def marks_for(stream: TextIO) -> Marks:
    """Return what can be drawn on *stream*; what its encoding lacks is drawn in ASCII."""
    encoding = stream.encoding or "ascii"
    try:
        "".join(_DRAWN[1:]).encode(encoding)
    except UnicodeEncodeError:
        return Marks(encoding, " #", "...", ">= ", "|/-\\")
    return _DRAWN._replace(encoding=encoding)


DRAWN: Final = _DRAWN
"""Everything that there is to draw, for a stream that takes it."""


def cells(text: str) -> int:
    """Return how many cells of a terminal *text* takes: two for each wide character."""
    return len(text) if text.isascii() else cell_len(text)


def spelled(name: str, marks: Marks) -> str:
    """Return *name* safe to show, in characters that can be printed."""
    shown = printable(name)
    if shown.isascii() or marks.encoding.lower() in {"utf-8", "utf8"}:
        return shown
    # As standard output spells it, which would come too late to be measured.
    return shown.encode(marks.encoding, "backslashreplace").decode(marks.encoding)


def with_tilde(path: str, home: str | None) -> str:
    """Return an absolute path as people type it: ``~`` for the home directory, where it needs no quotes.

    In quotes a shell would not take it for that.
    """
    if home is None or home == os.sep or not _SAFE.fullmatch(path):
        return path
    if path == home:
        return "~"
    return f"~{path[len(home) :]}" if path.startswith(home + os.sep) else path


def shortened(path: str, room: int, marks: Marks) -> str:
    """Return *path*, safe to show, in at most *room* cells.

    What is left out are whole names in the middle, as few as need be: the last ones tell most. Where not even
    the last two fit, the one before the last loses its end, and where there is no room for that either, the last.
    """
    whole = spelled(path, marks)
    if cells(whole) <= room:
        return whole
    for shorter in _shorter(path, marks.ellipsis):
        if cells(shown := spelled(shorter, marks)) <= room:
            return shown
    *around, name = path.rsplit(os.sep, 2)
    before = f"{marks.ellipsis}{os.sep}" if len(around) > 1 and around[0] else ""
    if around:
        for end in range(room, 1, -1):
            shorter = f"{before}{around[-1][:end]}{marks.ellipsis}{os.sep}{name}"
            if cells(shown := spelled(shorter, marks)) <= room:
                return shown
        if cells(shown := spelled(f"{marks.ellipsis}{os.sep}{name}", marks)) <= room:
            return shown
    return cropped(spelled(name, marks), room, marks)


def _shorter(path: str, ellipsis: str) -> Iterator[str]:
    """Give *path* with ever fewer of its names, the last two always among them."""
    first, *names = path.split(os.sep)
    if not first and names:  # It is absolute.
        first = os.sep + names.pop(0)
    for start in range(1, len(names) - 1):
        yield os.sep.join((first, ellipsis, *names[start:]))
    for start in range(max(0, len(names) - 2), len(names) - 1):
        yield os.sep.join((ellipsis, *names[start:]))


def fewer_words(text: str, room: int, marks: Marks) -> str:
    """Return as many of the words of *text* as fit into *room* cells, which may be none; none is cut."""
    if cells(text) <= room:
        return text
    words = text.split(" ")
    while words:
        words.pop()
        shorter = " ".join(words).rstrip(",;:")
        if shorter and cells(shorter) + len(marks.ellipsis) <= room:
            return shorter + marks.ellipsis
    return ""


def wrapped(text: str, room: int) -> Iterator[str]:
    """Give *text* as lines of at most *room* cells, parted between words; a longer word has one for itself."""
    line, taken = "", 0
    for word in text.split(" "):
        size = cells(word)
        if line and taken + 1 + size > room:
            yield line
            line, taken = word, size
        else:
            line, taken = (f"{line} {word}", taken + 1 + size) if line else (word, size)
    yield line


def cropped(text: str, room: int, marks: Marks) -> str:
    """Return as much of *text* as *room* cells hold."""
    if cells(text) <= room:
        return text
    room -= len(marks.ellipsis)
    taken = 0
    for at, char in enumerate(text):
        taken += cells(char)
        if taken > room:
            return text[:at] + marks.ellipsis
    return text


def bar(share: float, length: int, marks: Marks) -> str:
    """Return a bar for a *share* of 1, at most so many cells long; anything there at all shows."""
    parts = len(marks.bars) - 1
    filled = round(share * length * parts)
    if share > 0:
        filled = max(1, filled)
    full, rest = divmod(filled, parts)
    return marks.bars[-1] * full + marks.bars[rest].strip()
