"""What the operating system tells of mounts and processes.

On Linux it is read from /proc. psutil, which asks elsewhere, takes longer there to load and to ask than a
tree of a hundred thousand entries takes to measure.
"""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import psutil

_T = TypeVar("_T")

_PROC: Final = sys.platform == "linux"

_DELETED: Final = " (deleted)"
"""What proc_pid_cwd(5) and proc_pid_fd(5) append; a name may end so, too."""


def mounted() -> dict[str, str]:
    """Return for each mount point the kind of what is mounted there, such as ``nfs``.

    Nothing where the system does not tell.
    """
    try:
        return dict(_mounts_in_proc() if _PROC else _mounts_by_psutil())
    except OSError:
        return {}


def at_work(run: int, helper: str) -> Iterator[tuple[str, str]]:
    """Yield where processes are at work, and which process it is, as far as the system tells.

    That is their current directories, programs and open files. The process *run* and those that started
    it are left out, and of those that it started the ones that have *helper* among their arguments. The
    disks are asked nothing, as one that does not answer would hold up everything. Raises OSError where
    there is nobody to ask.
    """
    return _work_in_proc(run, helper) if _PROC else _work_by_psutil(run, helper)


def _mounts_in_proc() -> Iterator[tuple[str, str]]:
    with open("/proc/self/mounts", "rb") as table:  # proc_pid_mounts(5), in the format of fstab(5)
        for line in table:
            fields = line.split(b" ")
            # Not every kernel that calls itself Linux escapes a line feed.
            if len(fields) > 2:  # noqa: PLR2004 - source, mount point, kind
                yield _unescaped(fields[1]), _unescaped(fields[2])


def _unescaped(field: bytes) -> str:
    return os.fsdecode(
        re.sub(rb"\\([0-3][0-7]{2})", lambda match: bytes((int(match[1], 8),)), field)
    )


def _work_in_proc(run: int, helper: str) -> Iterator[tuple[str, str]]:
    # It may be empty, as in a chroot, or that of another namespace, with other numbers.
    if os.readlink("/proc/self") != str(os.getpid()):
        raise OSError(errno.ESRCH, "this process is not in it", "/proc")
    mine = {run}
    above = _parent(run)
    while above is not None and above not in mine:
        mine.add(above)
        above = _parent(above)
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) in mine:
            continue
        # Processes end, and some are not ours to ask.
        places = _link(f"/proc/{name}/cwd")
        # Which program another user runs only its arguments tell, which anybody may read.
        places += _link(f"/proc/{name}/exe") or [*filter(os.path.isabs, _arguments(name)[:1])]
        with contextlib.suppress(OSError):
            places += _open_in_proc(name)
        if places and not (_parent(int(name)) == run and helper in _arguments(name)):
            who = f"{_name(name)} ({name})"
            yield from ((place, who) for place in places)


def _parent(process: int) -> int | None:
    """Return which process started a process; None for the first one, and those there are no more."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            status = file.read()
    except OSError:
        return None
    # The name, in parentheses, may be any (proc_pid_stat(5)).
    after = status.rpartition(b")")[2].split()
    return int(after[1]) or None if len(after) > 1 else None


def _name(process: str) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{process}/comm", "rb") as file:
        return os.fsdecode(file.read().removesuffix(b"\n"))
    return "a process"


def _arguments(process: str) -> list[str]:
    with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as file:
        return os.fsdecode(file.read()).split("\0")
    return []


def _link(path: str) -> list[str]:
    """Return what a link of /proc leads to, as the path that it is or was."""
    try:
        place = os.readlink(path)
    except OSError:
        return []
    if not place.startswith("/"):
        return []
    return [place, place.removesuffix(_DELETED)] if place.endswith(_DELETED) else [place]


def _open_in_proc(process: str) -> list[str]:
    """Return what a process has open, directories and devices excepted."""
    found: list[str] = []
    for name in os.listdir(f"/proc/{process}/fd"):
        places = _link(f"/proc/{process}/fd/{name}")
        if not places or places[0].startswith("/dev/"):
            continue
        try:
            with open(f"/proc/{process}/fdinfo/{name}", encoding="ascii") as info:
                flags = int(info.read().split("flags:")[1].split()[0], 8)
        except FileNotFoundError:
            continue  # Closed since.
        except (OSError, ValueError, IndexError):
            flags = 0
        if not flags & (os.O_DIRECTORY | os.O_PATH):
            found += places
    return found


def _mounts_by_psutil() -> Iterator[tuple[str, str]]:
    import psutil  # noqa: PLC0415 - not where there is /proc

    with contextlib.suppress(psutil.Error):
        yield from ((one.mountpoint, one.fstype) for one in psutil.disk_partitions(all=True))


def _work_by_psutil(run: int, helper: str) -> Iterator[tuple[str, str]]:
    import psutil  # noqa: PLC0415 - not where there is /proc

    try:
        mine = {run, *(parent.pid for parent in psutil.Process(run).parents())}
        running = list(psutil.process_iter())
    except psutil.Error as error:
        raise OSError(errno.ESRCH, str(error)) from error
    for process in running:
        if process.pid in mine:
            continue
        found = [*_ask(process.cwd), *_ask(process.exe)]
        found += (file.path for files in _ask(process.open_files) for file in files)
        if any(found) and not _helps(run, process, helper):
            who = next(iter(_ask(process.name)), "a process")
            yield from ((place, f"{who} ({process.pid})") for place in found if place)


def _helps(run: int, process: "psutil.Process", helper: str) -> bool:
    return _ask(process.ppid) == [run] and helper in next(iter(_ask(process.cmdline)), ())


def _ask(question: Callable[[], _T]) -> list[_T]:
    """Return the answer in a list, or an empty one: processes end, and some are not ours to ask."""
    import psutil  # noqa: PLC0415 - imported by the caller already

    try:
        return [question()]
    except (psutil.Error, OSError):
        return []
