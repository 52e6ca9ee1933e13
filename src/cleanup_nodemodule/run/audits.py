"""The files of audits that were saved: opened, and read as far as the memory of this machine allows."""

import os
import stat
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.report.read import DocumentError
from cleanup_nodemodule.words import printable, size

STANDARD_INPUT: Final = "-"

_TIMES: Final = 6
"""How many times the size of a document reading it takes of memory, at most, if it is one of ours."""

_ENOUGH: Final = 64 << 20
"""Bytes for which nobody has to ask how much memory there is."""

_PIECE: Final = 1 << 20


def read_file(name: str) -> bytes:
    """Return what is in a file, or on standard input for ``-``. Raises DocumentError where it cannot be read.

    A file that would not fit into the memory is refused before it is read.
    """
    try:
        if name == STANDARD_INPUT:
            return _pieces(0, "standard input")
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise DocumentError(
                    f"{printable(name)} is a directory; name the documents in it, as in"
                    f" {printable(os.path.join(name, '*.json'))}"
                )
            _check_output(name, status)
            if stat.S_ISREG(status.st_mode):
                _check_room(status.st_size, printable(name))
                with open(descriptor, "rb", closefd=False) as file:
                    return file.read()
            return _pieces(descriptor, printable(name))
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # A name may have a NUL in it.
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise DocumentError(f"{printable(name)} cannot be read: {why}") from error
    except MemoryError as error:
        raise DocumentError(
            f"{printable(name)} is too large for the memory that is free"
        ) from error


def check_names(names: Sequence[str]) -> None:
    """Raise UsageError if standard input is to be read twice."""
    if names.count(STANDARD_INPUT) > 1:
        raise UsageError("- stands for standard input, which can be read only once; give - once")


def _check_output(name: str, status: os.stat_result) -> None:
    """Raise DocumentError where the shell has already emptied the file, as it is where the result goes."""
    try:
        output = os.fstat(1)
    except OSError:
        return
    if stat.S_ISREG(output.st_mode) and os.path.samestat(output, status):
        raise UsageError(
            f"{printable(name)} is read and written at once, by >; write the result to a file elsewhere"
        )


def _check_room(bytes_: int, name: str) -> None:
    """Raise DocumentError where so many bytes are more than can be read."""
    if bytes_ <= _ENOUGH:
        return
    import psutil

    free = psutil.virtual_memory().available
    if bytes_ * _TIMES > free:
        raise DocumentError(
            f"{name} has {size(bytes_)}, and reading it takes {_TIMES} times as much memory, of which"
            f" {size(free)} is free; read it where there is more"
        )


def _pieces(descriptor: int, name: str) -> bytes:
    """Return everything that a descriptor gives, be it a pipe."""
    pieces = bytearray()
    checked = _ENOUGH
    while piece := os.read(descriptor, _PIECE):
        pieces += piece
        if len(pieces) > checked:
            _check_room(len(pieces), name)
            checked = 2 * len(pieces)
    return bytes(pieces)
