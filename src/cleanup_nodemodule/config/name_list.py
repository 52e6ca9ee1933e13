"""A list of names that the user gives in a file or on standard input: one a line, or each with a NUL behind it.

What find(1), fd(1), ``lfs find`` and this program's own ``--format paths`` print is such a list.
"""

import errno
import os
import stat
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import printable

STANDARD_INPUT: Final = "-"
"""What the user types for standard input, where a LIST is asked for."""

_LARGEST: Final = 512 * 1024 * 1024
"""Bytes that a list may have: some millions of names."""

_MOST: Final = 2_000_000
"""Names that a list may have."""

_PIECE: Final = 1024 * 1024
"""Bytes that one call reads."""

_MARK: Final = b"\xef\xbb\xbf"
"""What some editors put before a text in UTF-8."""


class NameListError(UsageError):
    """A list that cannot be read, or that is none. The message says what to type instead."""


@dataclass(frozen=True, slots=True)
class NameList:
    """The names of a list."""

    names: tuple[str, ...]
    """Each once, in the order of the list, as ``os.fsdecode`` makes them."""
    whole: bool = True
    """The last name has its end. If not, whatever wrote the list may have been stopped in the midst of a name."""


def read_list(option: str, path: str, *, null: bool) -> NameList:
    """Read the list that an *option* names; with *null* each name ends with a NUL, else with a newline.

    Waits for a pipe, and so does whoever it comes from; a KeyboardInterrupt ends that. Raises NameListError.
    """
    where = "standard input" if path == STANDARD_INPUT else printable(path)
    try:
        content = _content(path)
    except OSError as error:
        why = error.strerror or str(error)
        advice = (
            "" if path == STANDARD_INPUT else "; type the path of a list, or - for standard input"
        )
        raise NameListError(f"{option}: cannot read {where}: {why}{advice}") from error
    except ValueError as error:  # A NUL byte; no file system has it.
        raise NameListError(f"{option}: {error}") from error
    if content is None:
        raise NameListError(
            f"{option}: {where} has more than {_LARGEST // 1024 // 1024} MiB, so it is no list of directories;"
            " split it into several"
        )
    names, whole = parted(content, option, where, null=null)
    if len(names) > _MOST:
        raise NameListError(
            f"{option}: {where} has more than {_MOST:,} names; split it into several lists"
        )
    return NameList(names, whole)


def _content(path: str) -> bytes | None:
    """Return what a list holds, None if it is too much. Raises OSError."""
    standard = path == STANDARD_INPUT
    # Not by sys.stdin, in which something would stay behind.
    descriptor = 0 if standard else os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        pieces: list[bytes] = []
        size = 0
        while piece := os.read(descriptor, _PIECE):
            size += len(piece)
            if size > _LARGEST:
                return None
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        if not standard:
            os.close(descriptor)


def parted(content: bytes, option: str, where: str, *, null: bool) -> tuple[tuple[str, ...], bool]:
    """Return the names in the *content* of a list, and whether the last of them has its end. Pure.

    Empty lines count for nothing. If every line ends with a carriage return, as Windows writes it, none of these
    belongs to a name. Raises NameListError, which calls the list *where*.
    """
    if null:
        if content and not content.endswith(b"\0"):
            raise NameListError(
                f"{option}: the last name in {where} does not end with a NUL, so the list may have been cut off;"
                " for a list with a name in each line, leave out -0"
            )
        pieces = content.split(b"\0")
        whole = True
    else:
        if b"\0" in content:
            raise NameListError(
                f"{option}: there is a NUL in {where}, so it is no list of names with one in each line;"
                " if each name ends with a NUL, add -0"
            )
        whole = not content or content.endswith(b"\n")
        pieces = content.removeprefix(_MARK).split(b"\n")
        filled = [piece for piece in pieces if piece]
        if filled and all(piece.endswith(b"\r") for piece in filled):
            pieces = [piece[:-1] for piece in filled]
    return tuple(dict.fromkeys(os.fsdecode(piece) for piece in pieces if piece)), whole
