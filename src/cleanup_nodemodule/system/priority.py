"""Makes this process use the processor and the disk only when nothing else wants them.

Threads and processes that begin later are the same: they take over what the one that begins them has (fork(2),
sched(7), ioprio_set(2)). So this belongs before them. It holds until the process ends.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

_NICEST: Final = 19
"""The lowest priority that setpriority(2) knows."""

_IOPRIO_WHO_PROCESS: Final = 1
_IOPRIO_CLASS_IDLE: Final = 3
_IOPRIO_CLASS_SHIFT: Final = 13
"""Linux, include/uapi/linux/ioprio.h."""

_IOPRIO_SET: Final = {
    **dict.fromkeys(("x86_64", "amd64"), 251),
    **dict.fromkeys(("i386", "i486", "i586", "i686"), 289),
    **dict.fromkeys(("aarch64", "riscv32", "riscv64", "loongarch64"), 30),
    **dict.fromkeys(("ppc", "ppc64", "ppc64le"), 273),
    **dict.fromkeys(("s390", "s390x"), 282),
    **dict.fromkeys(("armv6l", "armv7l", "armv8l"), 314),
}
"""The number of ioprio_set(2), which no C library has, by the machine (Linux, arch/*/entry/syscalls)."""

_PRIO_DARWIN_PROCESS: Final = 4
_PRIO_DARWIN_BG: Final = 0x1000
"""macOS, sys/resource.h: the processor, the disk and the network are throttled (setpriority(2))."""

_IDLE_PRIORITY_CLASS: Final = 0x40
"""Windows, winbase.h. Processes that it starts have it, too (CreateProcess)."""


def make_idle() -> list[str]:
    """Give this process the lowest priority that the system has; return what could not be lowered, and why."""
    failed: list[str] = []
    for what, lower in _steps():
        try:
            lower()
        except (OSError, ValueError, AttributeError, ImportError) as error:
            failed.append(f"the priority could not be lowered by {what}: {_why(error)}")
    return failed


def _why(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}"


def _steps() -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the name of each way to lower a priority, and the way."""
    if sys.platform == "win32":
        yield "its class", _lower_class
        yield "ProcessIoPriority", _lower_disk_by_psutil
        return
    yield "nice", _be_nice
    if sys.platform == "darwin":
        yield "PRIO_DARWIN_BG", _go_to_the_background
    if sys.platform == "linux":
        yield "SCHED_IDLE", _schedule_idle
        yield "ioprio_set", _lower_disk


def _be_nice() -> None:
    """Do as nice(1); a process whose session is its own has that be as nice towards other sessions, too.

    With autogroups, which many kernels of Linux have, niceness counts only within a session. What started the session
    is not made slower: only who began it, as a command of cron(8) does, lowers it (sched(7), "The autogroup feature").
    """
    os.setpriority(os.PRIO_PROCESS, 0, _NICEST)
    if os.getsid(0) == os.getpid():
        with suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(f"{_NICEST}\n")


def _schedule_idle() -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _lower_disk() -> None:
    """Have the disk serve others first, where its I/O scheduler heeds that (ioprio_set(2))."""
    import ctypes  # noqa: PLC0415 - most runs at a terminal need it not

    machine = os.uname().machine
    if sys.maxsize < 1 << 32:  # A 32-bit program on a 64-bit kernel calls by other numbers.
        machine = {"x86_64": "i686", "aarch64": "armv8l"}.get(machine, machine)
    number = _IOPRIO_SET.get(machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"nobody has said how {machine} lowers it")
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    priority = _IOPRIO_CLASS_IDLE << _IOPRIO_CLASS_SHIFT
    arguments = (number, _IOPRIO_WHO_PROCESS, 0, priority)
    if system_call(*map(ctypes.c_long, arguments)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _go_to_the_background() -> None:
    os.setpriority(_PRIO_DARWIN_PROCESS, 0, _PRIO_DARWIN_BG)


def _lower_class() -> None:
    """Do what nice(1) does elsewhere.

    PROCESS_MODE_BACKGROUND_BEGIN would do more than that: such a process has to make do with 32 MiB of memory.
    """
    import psutil  # noqa: PLC0415 - only Windows needs it here

    psutil.Process().nice(_IDLE_PRIORITY_CLASS)


def _lower_disk_by_psutil() -> None:
    import psutil  # noqa: PLC0415 - only Windows needs it here

    psutil.Process().ionice(0)  # IOPRIO_VERYLOW
