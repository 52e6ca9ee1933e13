"""Which processes still have a file open that was deleted: its space comes back when the last of them closes it."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from cleanup_nodemodule.system.process_files import PROC, first_of, name_of

_DELETED: Final = " (deleted)"
"""What proc_pid_fd(5) appends."""

_MAPPED: Final = re.compile(
    rb"^([0-9a-f]+-[0-9a-f]+) \S+ \S+ \S+ [0-9]+ +(/.*) \(deleted\)$", re.MULTILINE
)
"""A line of proc_pid_maps(5) that is about a file which was deleted."""


class Held(NamedTuple):
    """Deleted files that processes have open."""

    process: str
    """The one that has the most: its name and its number."""
    others: int
    """How many other processes have some."""
    size: int
    """Bytes that they take together, each file once; those that cannot be asked count as nothing."""


def held(deleted: Callable[[str], bool], seconds: float) -> Held | None:
    """Return who has deleted files open, by whose path *deleted* says so; None if nobody has, or nobody may know.

    Takes some *seconds* at most, and tells what was found by then. Another user's processes are only seen by root.
    """
    if not PROC:
        return None
    end = time.monotonic() + seconds
    sizes: dict[int, int] = {}
    counted: set[tuple[int, int] | str] = set()
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        if time.monotonic() > end:
            break
        number = int(name)
        for file, path in _open_files(number, deleted):
            found = _size_of(file, path)
            if found is None:
                continue
            identity, size = found
            sizes.setdefault(number, 0)
            if identity not in counted:
                counted.add(identity)
                sizes[number] += size
    if not sizes:
        return None
    most = max(sizes, key=lambda number: (sizes[number], -number))
    return Held(f"{name_of(most)} ({most})", len(sizes) - 1, sum(sizes.values()))


def _open_files(number: int, deleted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield what a process has open or mapped of what was deleted: what leads there in /proc, and its path."""
    top = f"/proc/{number}"
    try:
        names = os.listdir(f"{top}/fd")
        with open(f"{top}/maps", "rb") as file:
            mapped = _MAPPED.findall(file.read())
    except OSError:
        return  # It has ended, or is somebody else's.
    for name in names:
        path = first_of(f"{top}/fd/{name}")
        if path.endswith(_DELETED) and deleted(path.removesuffix(_DELETED)):
            yield f"{top}/fd/{name}", path
    for where, place in mapped:
        path = os.fsdecode(place)
        if deleted(path):
            yield f"{top}/map_files/{os.fsdecode(where)}", path


def _size_of(file: str, path: str) -> tuple[tuple[int, int] | str, int] | None:
    """Return what tells a file from others, and the bytes it takes, if no name of it is left; else None.

    What is mapped only root may ask for (proc_pid_map_files(5)): then its *path* has to do, and no bytes are known.
    """
    try:
        status = os.stat(file)
    except OSError:
        return (path, 0) if "/map_files/" in file else None
    if status.st_nlink or stat.S_ISDIR(status.st_mode):
        return None
    return (status.st_dev, status.st_ino), status.st_blocks * 512
