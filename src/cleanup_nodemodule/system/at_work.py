"""What processes are at work on: the answer, wherever it is from."""

import os
from collections.abc import Mapping
from typing import Final, NamedTuple

_NO_DIRECTORIES: Final[Mapping[tuple[int, int], str]] = {}

_NOBODY: Final[Mapping[int, str]] = {}


class Work(NamedTuple):
    """What one look found. Paths are absolute, as they are called in this process's mount namespace."""

    places: tuple[tuple[str, str], ...]
    """A path, and which process is at work there, such as ``node (4711)``."""
    directories: Mapping[tuple[int, int], str] = _NO_DIRECTORIES
    """Device and inode of the current directories of processes in other mount namespaces, of those above
    them, and of their root directories; with the process."""
    mounts: tuple[tuple[str, str], ...] = ()
    """What is a mount point in another mount namespace, or by another path, and which in a phrase."""
    unseen: int | None = 0
    """Processes that could not be looked at; None if nobody can say how many, as /proc hides them."""
    known: Mapping[int, str] = _NOBODY
    """The processes that the next look need not look at, by number, and what they have for a current directory;
    none where each looks at all."""


def together(run: int, process: int) -> bool:
    """Whether two processes are in one session, and in it in one process group."""
    try:
        return os.getsid(run) == os.getsid(process) and os.getpgid(run) == os.getpgid(process)
    except (OSError, AttributeError):
        return False
