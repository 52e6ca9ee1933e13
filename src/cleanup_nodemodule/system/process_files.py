"""Reads what /proc tells of one process (proc(5))."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from cleanup_nodemodule.system import mounts

if TYPE_CHECKING:
    import psutil


_T = TypeVar("_T")


PROC: Final = sys.platform == "linux"


_DELETED: Final = " (deleted)"
"""What proc_pid_cwd(5) and proc_pid_fd(5) append; a name may end so, too."""


_PF_KTHREAD: Final = 0x00200000
"""Of a thread of the kernel, which works in no directory (include/linux/sched.h)."""


_ENDED: Final = frozenset({"Z", "X"})
"""States in which nothing is done any more (proc_pid_stat(5))."""


_CAP_SYS_PTRACE: Final = 19
"""What it takes to look at processes of others (ptrace(2), "Ptrace access mode checking")."""


_TOOL: Final = frozenset({"cleanup-nodemodule", "cleanup_nodemodule"})
"""What this program is called where it is started. What stands behind that it was told to search."""


class _Status(NamedTuple):
    """What proc_pid_stat(5) says, which anybody may read."""

    state: str
    parent: int
    group: int
    session: int
    flags: int
    started: int
    """Clock ticks after the machine was."""


@dataclass(slots=True)
class Process:
    """What /proc says of one process."""

    number: int
    status: _Status
    words: list[str]
    """Its arguments, cut at blanks too: some programs write all of them into the first."""
    root: str = os.sep
    """Its root directory, as its mount namespace calls it."""
    namespace: str | None = None
    """Its mount namespace; None if that is not known."""
    cwd: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    """What it executes and has mapped."""
    files: list[str] = field(default_factory=list)
    """What it has open."""
    written: set[str] = field(default_factory=set)
    """Of these, what it can only write to."""
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    """Pipes, and for the latter only those that are its standard output or error."""
    unseen: bool = False
    """It may not be looked at."""


YOUNG: Final = 1.0
"""Seconds after its start in which a process may still change its directory and become another program."""


NOWHERE: Final[Mapping[int, str]] = {}


TICKS: Final = os.sysconf("SC_CLK_TCK") if PROC else 100
"""In which times are given, a second (sysconf(3))."""


def uptime() -> float:
    """Return for how many seconds the machine has run (proc_uptime(5)); what is younger, without an answer."""
    try:
        with open("/proc/uptime", "rb") as file:
            return float(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0


def read_process(number: int, status: _Status) -> Process | None:
    """Return what /proc says of a process, or of a thread; None if it is none that works. Raises OSError."""
    if status.flags & _PF_KTHREAD:
        return None
    if status.state in _ENDED:
        # Its first thread may have ended before others, which still are at work (pthread_exit(3)).
        for thread in _threads(number):
            if (other := status_of(thread)).state not in _ENDED:
                return read_process(thread, other)
        return None
    process = Process(number, status, _words(number))
    top = f"/proc/{number}"
    try:
        process.cwd = _link(f"{top}/cwd")
        process.root = next(iter(_link(f"{top}/root")), os.sep)
        process.namespace = first_of(f"{top}/ns/mnt") or None
        process.programs = [*_link(f"{top}/exe"), *_mapped(number)]
        _read_descriptors(process)
    except PermissionError:
        process.unseen = True
    return process


def _threads(number: int) -> list[int]:
    """Return the numbers of a process's threads; /proc knows each, though it lists only the first."""
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{number}/task"))
    except OSError:
        return []  # It has ended.


def threads_elsewhere(process: Process) -> list[Process]:
    """Return threads that have a current directory or mounts of their own (unshare(2), CLONE_FS)."""
    elsewhere: dict[tuple[str, str], Process] = {}
    if process.unseen:
        return []
    known = first_of(f"/proc/{process.number}/cwd"), process.namespace or ""
    for number in _threads(process.number):
        place = first_of(f"/proc/{number}/cwd"), first_of(f"/proc/{number}/ns/mnt")
        if number == process.number or "" in place or place == known or place in elsewhere:
            continue
        with contextlib.suppress(OSError):
            if (thread := read_process(number, status_of(number))) is not None:
                elsewhere[place] = thread
    return list(elsewhere.values())


def status_of(number: int) -> _Status:
    """Return what the system says of a process. Raises OSError if there is none, or it is hidden."""
    with open(f"/proc/{number}/stat", "rb") as file:
        # The name, in parentheses, may be any (proc_pid_stat(5)).
        fields = file.read().rpartition(b")")[2].split()
    try:
        return _Status(
            fields[0].decode("ascii"), *(int(fields[index]) for index in (1, 2, 3, 6, 19))
        )
    except (ValueError, IndexError) as error:
        raise OSError(errno.ESRCH, "it says nothing", str(number)) from error


def name_of(number: int) -> str:
    """Return the name of the process with this *number*, for people."""
    with contextlib.suppress(OSError), open(f"/proc/{number}/comm", "rb") as file:
        return os.fsdecode(file.read().removesuffix(b"\n"))
    return "a process"


_LONGEST: Final = 32 * 1024
"""Bytes of the arguments of one process that are looked at: somebody may give one any number."""


def _words(number: int) -> list[str]:
    """Return the arguments of a process that say what it works on."""
    with contextlib.suppress(OSError), open(f"/proc/{number}/cmdline", "rb") as file:
        return until_told(os.fsdecode(file.read(_LONGEST)).rstrip("\0").split("\0"))
    return []


def until_told(arguments: Iterable[str]) -> list[str]:
    """Return *arguments*, cut at blanks too, up to those that this program was given.

    Some programs write all of them into the first (setproctitle).
    """
    words: list[str] = []
    for argument in arguments:
        for word in dict.fromkeys((argument, *argument.split())):
            if os.path.basename(word) in _TOOL:
                return words
            words.append(word)
    return words


def _link(path: str) -> list[str]:
    """Return what a link of /proc leads to, as the path that it is or was; nothing if there is none.

    Raises PermissionError where it may not be looked at.
    """
    try:
        place = os.readlink(path)
    except PermissionError:
        raise
    except OSError:
        return []  # It has ended, or never had any.
    if not place.startswith("/"):
        return []
    return [place, place.removesuffix(_DELETED)] if place.endswith(_DELETED) else [place]


_MAPPED: Final = re.compile(rb"^\S+ \S+ \S+ (?!00:00 )\S+ [0-9]+ +(/.*)$", re.MULTILINE)
"""A line of proc_pid_maps(5) that is about a file."""


def _mapped(number: int) -> list[str]:
    """Return the files that a process has mapped: its program, libraries, modules in machine code."""
    try:
        with open(f"/proc/{number}/maps", "rb") as file:
            lines = file.read()
    except PermissionError:
        raise
    except OSError:
        return []  # It has ended.
    found: list[str] = []
    for name in set(_MAPPED.findall(lines)):
        if name.startswith((b"/dev/", b"/memfd:", b"/SYSV")):
            continue
        place = os.fsdecode(name.replace(b"\\012", b"\n"))
        found += (place, place.removesuffix(_DELETED)) if place.endswith(_DELETED) else (place,)
    return found


def _read_descriptors(process: Process) -> None:
    """Read what a process has open, directories and devices excepted."""
    top = f"/proc/{process.number}"
    try:
        names = os.listdir(f"{top}/fd")
    except (FileNotFoundError, ProcessLookupError):
        return  # It has ended.
    for name in names:
        target = first_of(f"{top}/fd/{name}")  # Nothing, if it was closed since.
        pipe = target.startswith("pipe:")
        if not pipe and (not target.startswith("/") or target.startswith("/dev/")):
            continue
        try:
            with open(f"{top}/fdinfo/{name}", encoding="ascii") as info:
                flags = int(info.read().split("flags:")[1].split()[0], 8)
        except (FileNotFoundError, ProcessLookupError):
            continue
        except (OSError, ValueError, IndexError):
            flags = 0
        if pipe:
            if flags & os.O_ACCMODE != os.O_WRONLY:
                process.reads.add(target)
            elif name in {"1", "2"}:
                process.writes.add(target)
        elif not flags & (os.O_DIRECTORY | os.O_PATH):
            process.files += (
                (target, target.removesuffix(_DELETED)) if target.endswith(_DELETED) else (target,)
            )
            if flags & os.O_ACCMODE == os.O_WRONLY:
                process.written.add(target)


def hides_others(proc: "mounts.Mount | None") -> bool:
    """Whether /proc does not even list the processes of others (proc(5), hidepid)."""
    options = "" if proc is None else proc.options
    if not re.search(r"\bhidepid=(?:2|4|invisible|ptraceable)\b", options):
        return False
    with open("/proc/self/status", encoding="utf-8", errors="surrogateescape") as file:
        capable = re.search(r"^CapEff:\s*([0-9a-f]+)$", file.read(), re.MULTILINE)
    if capable is not None and int(capable[1], 16) >> _CAP_SYS_PTRACE & 1:
        return False
    group = re.search(r"\bgid=([0-9]+)\b", options)
    seeing = group is not None and int(group[1]) in {os.getegid(), *os.getgroups()}
    return not (seeing and re.search(r"\bhidepid=(?:2|invisible)\b", options))


def first_of(path: str) -> str:
    """Return what a symlink of /proc leads to, empty if nobody may know."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def helps(run: int, process: "psutil.Process", words: Sequence[str]) -> bool:
    """Whether *process* was started by the *run* for itself, as one of *words* among its arguments tells."""
    arguments = next(iter(asked(process.cmdline)), [])
    return asked(process.ppid) == [run] and any(word in arguments for word in words)


def asked(question: Callable[[], _T]) -> list[_T]:
    """Return the answer in a list, or an empty one: processes end, and some are not ours to ask."""
    import psutil  # noqa: PLC0415 - imported by the caller already

    try:
        return [question()]
    except (psutil.Error, OSError):
        return []
