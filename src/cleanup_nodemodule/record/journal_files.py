"""The files that the journal consists of, one for each machine: their names, and how they are opened."""

import errno
import os
import stat
from typing import Final

from cleanup_nodemodule.record import state_directory, trust

PREFIX: Final = "journal-"


SUFFIX: Final = ".jsonl"


def open_to_append(path: str) -> int:
    """Open the journal's file for appending; a new one is on disk, with its name, at once."""
    flags = os.O_WRONLY | os.O_APPEND
    for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        descriptor = os.open(path, flags)
    try:
        _refuse_strange(path, descriptor)
        # Whoever made the file may not have come to this yet.
        state_directory.sync_directory(os.path.dirname(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_strange(path: str, descriptor: int) -> None:
    """Raise StateError unless the file is one of this user's that nobody else can write."""
    status = os.fstat(descriptor)
    others = stat.S_IWGRP | stat.S_IWOTH
    mine = not hasattr(os, "geteuid") or (
        status.st_uid == os.geteuid() and not status.st_mode & others
    )
    if not stat.S_ISREG(status.st_mode) or not mine:
        raise trust.StateError(
            errno.EPERM,
            f"{path!r} is not a file that only you can write to; move it away, or {trust.ADVICE}",
        )


def files_in(directory: str) -> list[str]:
    """Return the journal's files in the order of their names, which is that of the months."""
    return [
        os.path.join(directory, name)
        for name in sorted(os.listdir(directory))
        if name.startswith(PREFIX) and name.endswith(SUFFIX)
    ]


def open_to_read(path: str, flags: int) -> int:
    """Open a file of the journal; an opener for :func:`open`. Raises StateError for one that others could write."""
    for name in ("O_NOFOLLOW", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    try:
        _refuse_strange(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
