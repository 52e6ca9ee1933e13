"""Which processes there are, and what they are at work on.

On Linux it is read from /proc. psutil, which asks elsewhere, takes longer there to load and to ask than a
tree of a hundred thousand entries takes to measure.

One look asks about all processes: on Linux it takes about half a millisecond of a processor for each, half of
that for the files it has mapped (measured: 340 processes, 270 of them Python's, 0.15 s). What a look found is
a value, which is asked as often as one likes at the price of a search in a sorted list.
"""

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from cleanup_nodemodule.system import mounts

if TYPE_CHECKING:
    import psutil

_T = TypeVar("_T")

_PROC: Final = sys.platform == "linux"

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


@dataclass(frozen=True, slots=True)
class Work:
    """What one look found. Paths are absolute, as they are called in this process's mount namespace."""

    places: tuple[tuple[str, str], ...]
    """A path, and which process is at work there, such as ``node (4711)``."""
    directories: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """Device and inode of the current directories of processes in other mount namespaces, of those above
    them, and of their root directories; with the process."""
    mounts: tuple[tuple[str, str], ...] = ()
    """What is a mount point in another mount namespace, or by another path, and which in a phrase."""
    unseen: int | None = 0
    """Processes that could not be looked at; None if nobody can say how many, as /proc hides them."""
    known: Mapping[int, str] = field(default_factory=dict)
    """The processes that the next look need not look at, by number, and what they have for a current directory;
    none where each looks at all."""


def find_work(run: int, helper: str, known: Mapping[int, str] | None = None) -> Work:
    """Look at all processes, once; see the module for what that takes.

    Processes that an earlier look has *known* are passed over if they are where they were, which leaves the
    price of a listing and of one link for each. What has just started counts as known only when it is old
    enough to have come to what it is to do.

    A process is at work at its current directory, its program, the files that it has open or mapped, and
    what its arguments name by a path. The process *run* and those that started it are left out, and of
    those that it started the ones that have *helper* among their arguments.

    Who reads the output of the run, or is in one pipeline with it, is not at work in the directory that
    the run was started in just for being started there too: see :class:`_Own`.

    File systems that may not answer are asked nothing. Raises OSError where there is nobody to ask.
    """
    return _read_proc(run, helper, known or {}) if _PROC else _ask_psutil(run, helper)


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
class _Process:
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


_YOUNG: Final = 1.0
"""Seconds after its start in which a process may still change its directory and become another program."""


_NOWHERE: Final[Mapping[int, str]] = {}


def _read_proc(run: int, helper: str, known: Mapping[int, str] = _NOWHERE) -> Work:
    cwds = {
        int(name): _first(f"/proc/{name}/cwd") for name in os.listdir("/proc") if name.isdecimal()
    }
    fresh = [number for number, cwd in cwds.items() if known.get(number) != cwd]
    if known and not fresh:
        return Work((), known=known)
    # It may be empty, as in a chroot, or that of another namespace, with other numbers.
    if os.readlink("/proc/self") != str(os.getpid()):
        raise OSError(errno.ESRCH, "this process is not in it", "/proc")
    own = _Own(run)
    here = mounts.here()
    places = _Places(here, here.kinds(), os.readlink("/proc/self/ns/mnt"))
    unseen = 0
    found: list[_Process] = []
    settled = {**known, **{number: cwds.get(number, "") for number in own.line}}
    born = _uptime() - _YOUNG
    for number in fresh:
        if number in own.line:
            continue
        try:
            status = _status(number)
            if status.started < born * _TICKS:
                settled[number] = cwds[number]
            process = _read(number, status)
        except PermissionError:  # The mount option hidepid=noaccess (proc(5)).
            unseen += 1
            settled[number] = cwds[number]
            continue
        except OSError:
            continue  # It has ended.
        if process is None or (process.status.parent == run and helper in process.words):
            continue
        unseen += process.unseen
        found += (process, *_threads_elsewhere(process))
    own.find_readers(found)
    for process in found:
        places.add(process, own)
    return Work(
        tuple(places.paths),
        places.directories,
        tuple(places.mounts.items()),
        None if _hides(here.mount_of("/proc")) else unseen,
        settled,
    )


_TICKS: Final = os.sysconf("SC_CLK_TCK") if _PROC else 100
"""In which times are given, a second (sysconf(3))."""


def _uptime() -> float:
    """Return for how many seconds the machine has run (proc_uptime(5)); what is younger, without an answer."""
    try:
        with open("/proc/uptime", "rb") as file:
            return float(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0


def _read(number: int, status: _Status) -> _Process | None:
    """Return what /proc says of a process, or of a thread; None if it is none that works. Raises OSError."""
    if status.flags & _PF_KTHREAD:
        return None
    if status.state in _ENDED:
        # Its first thread may have ended before others, which still are at work (pthread_exit(3)).
        for thread in _threads(number):
            if (other := _status(thread)).state not in _ENDED:
                return _read(thread, other)
        return None
    process = _Process(number, status, _words(number))
    top = f"/proc/{number}"
    try:
        process.cwd = _link(f"{top}/cwd")
        process.root = next(iter(_link(f"{top}/root")), os.sep)
        process.namespace = _first(f"{top}/ns/mnt") or None
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


def _threads_elsewhere(process: _Process) -> list[_Process]:
    """Return threads that have a current directory or mounts of their own (unshare(2), CLONE_FS)."""
    apart: dict[tuple[str, str], _Process] = {}
    if process.unseen:
        return []
    known = _first(f"/proc/{process.number}/cwd"), process.namespace or ""
    for number in _threads(process.number):
        place = _first(f"/proc/{number}/cwd"), _first(f"/proc/{number}/ns/mnt")
        if number == process.number or "" in place or place == known or place in apart:
            continue
        with contextlib.suppress(OSError):
            if (thread := _read(number, _status(number))) is not None:
                apart[place] = thread
    return list(apart.values())


def _status(number: int) -> _Status:
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


def _name(number: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{number}/comm", "rb") as file:
        return os.fsdecode(file.read().removesuffix(b"\n"))
    return "a process"


_LONGEST: Final = 32 * 1024
"""Bytes of the arguments of one process that are looked at: somebody may give one any number."""


def _words(number: int) -> list[str]:
    """Return the arguments of a process that say what it works on."""
    with contextlib.suppress(OSError), open(f"/proc/{number}/cmdline", "rb") as file:
        return _until_told(os.fsdecode(file.read(_LONGEST)).rstrip("\0").split("\0"))
    return []


def _until_told(arguments: Iterable[str]) -> list[str]:
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


def _read_descriptors(process: _Process) -> None:
    """Read what a process has open, directories and devices excepted."""
    top = f"/proc/{process.number}"
    try:
        names = os.listdir(f"{top}/fd")
    except (FileNotFoundError, ProcessLookupError):
        return  # It has ended.
    for name in names:
        target = _first(f"{top}/fd/{name}")  # Nothing, if it was closed since.
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


def _hides(proc: "mounts.Mount | None") -> bool:
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


class _Own:
    """The run itself: what started or traces it, and who reads what it prints.

    ``cd project && cleanup-nodemodule | less`` has less in the project, which is no work done there. So

    * who is in the process group of the run, as are all parts of a pipeline, and in its session, is not
      at work in its current directory, if that is the one the run was started in;
    * who reads what the run or one of those that started it prints (by a pipe on their standard output or
      error, directly or through another such reader) is not either, nor in the files that it writes:
      ``| tee report.txt``.

    Their programs, what they have mapped, and files in that directory among their arguments count: ``node
    server.js &`` in the same script is at work.
    """

    def __init__(self, run: int) -> None:
        self.line: Final = {run}
        """It, and those that started it."""
        self._status: Final = _status(run)
        above = self._status.parent
        while above and above not in self.line:
            self.line.add(above)
            with contextlib.suppress(OSError):
                above = _status(above).parent
        if tracer := _tracer(run):  # Its arguments may name anything that the run comes by.
            self.line.add(tracer)
        self._cwd: Final = _first(f"/proc/{run}/cwd")
        self._pipes = {
            target
            for process in self.line
            for name in ("1", "2")
            if (target := _first(f"/proc/{process}/fd/{name}")).startswith("pipe:")
        }
        self._readers: set[int] = set()

    def find_readers(self, processes: Sequence[_Process]) -> None:
        """Find among the *processes* who reads what the run prints."""
        waiting = [process for process in processes if process.reads]
        found = True
        while found:
            found = False
            for process in waiting:
                if process.number not in self._readers and process.reads & self._pipes:
                    self._readers.add(process.number)
                    self._pipes |= process.writes
                    found = True

    def reads(self, process: _Process) -> bool:
        """Whether a process reads what the run prints."""
        return process.number in self._readers

    def is_beside(self, process: _Process) -> bool:
        """Whether a process is in the directory of the run because the run is."""
        status = process.status
        together = (status.session, status.group) == (self._status.session, self._status.group)
        # Neither has a number here if it is from outside the PID namespace.
        together &= status.group != 0
        return self._cwd in process.cwd and (together or self.reads(process))


def _tracer(run: int) -> int:
    """Return which process traces the run (ptrace(2)), 0 if none does."""
    with contextlib.suppress(OSError), open(f"/proc/{run}/status", "rb") as file:
        found = re.search(rb"^TracerPid:\s*([0-9]+)$", file.read(), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


def _first(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


class _Places:
    """Gathers where processes are at work, under all the names that these places have here."""

    def __init__(self, here: mounts.Table, kinds: dict[str, str], namespace: str) -> None:
        self._here = here
        self._kinds = kinds
        self._namespace = namespace
        self._tables: dict[object, mounts.Table] = {}
        self._own_table: Final = mounts.read()
        self._named: dict[tuple[object, str, bool], tuple[str, ...]] = {}
        self._identified: set[tuple[object, str]] = set()
        self.paths: set[tuple[str, str]] = set()
        self.directories: dict[tuple[int, int], str] = {}
        self.mounts: dict[str, str] = {}
        for point, device, inner in here.points():
            self._mount(device, inner, f"by the path {point}")

    def add(self, process: _Process, own: _Own) -> None:
        """Add where a process is at work, as far as it may be looked at."""
        who = f"{_name(process.number)} ({process.number})"
        key, table = self._table_of(process, who)
        beside, reads = own.is_beside(process), own.reads(process)
        for place in process.programs:
            self._enter(key, table, place, who)
        for place in () if beside else process.cwd:
            self._enter(key, table, place, who)
        for place in process.files:
            if not (reads and place in process.written):
                self._enter(key, table, place, who)
        for place in self._told(process, beside=beside, reads=reads):
            self._enter(key, table, place, who, told=True)
        if table is not self._here and not process.unseen:
            self._identify(key, table, process, who)

    def _table_of(self, process: _Process, who: str) -> tuple[object, mounts.Table]:
        """Return the mounts of the namespace that a process is in, each read once, and a key for it."""
        if process.namespace == self._namespace:
            return None, self._here
        # Without the right to look at it, what is mounted where it runs may be read all the same.
        unknown = process.namespace is None
        key: object = (process.namespace, process.root)
        if key in self._tables and not unknown:
            return key, self._tables[key]
        try:
            text = mounts.read(process.number)
        except OSError:
            return None, self._here  # It has ended.
        if unknown:
            # The numbers of mounts tell one namespace from the other.
            if text == self._own_table:
                return None, self._here
            key = text
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = mounts.Table(mounts.parse(text), process.root)
            for _, device, inner in table.points():
                self._mount(device, inner, f"where {who} runs, such as a container")
        return key, table

    def _mount(self, device: str, inner: str, how: str) -> None:
        """Add that something is mounted on a directory of a file system."""
        for path in self._here.paths(device, inner):
            if path not in self._kinds:
                self.mounts.setdefault(path, how)

    def _enter(
        self, key: object, table: mounts.Table, place: str, who: str, *, told: bool = False
    ) -> None:
        names = self._named.get((key, place, told))
        if names is None:
            names = tuple(dict.fromkeys(self._names(table, place, told=told)))
            self._named[key, place, told] = names
        self.paths.update((name, who) for name in names)

    def _names(self, table: mounts.Table, place: str, *, told: bool) -> Iterator[str]:
        """Yield by which paths a place can be reached here; what it was *told* without symlinks too."""
        if table is self._here:
            names = table.names(place)
        else:
            origin = table.origin(place)
            there = [] if origin is None else self._here.paths(*origin)
            # Container engines mount an overlay from outside.
            paths = (*there, *table.beneath_overlay(place))
            names = tuple(name for path in paths for name in self._here.names(path))
        for name in names:
            # Who serves a file system was told where to mount it, and is not at work there.
            if told and mounts.is_silent(self._kinds.get(name, "")):
                continue
            yield name
            if told:
                yield from self._here.names(mounts.resolve(name, self._kinds)[0])

    def _told(self, process: _Process, *, beside: bool, reads: bool) -> Iterator[str]:
        """Yield what the arguments of a process name, as its mount namespace calls it."""
        cwd = next(iter(process.cwd), None)
        for word in process.words:
            for path in _absolute(word):
                place = mounts.beneath(process.root, path)
                if not (reads and place in process.written):
                    yield place
            if cwd is None or word.startswith(("-", "/")) or not word:
                continue
            place = os.path.normpath(os.path.join(cwd, word))
            if not beside:
                # A word without a slash may be any: only what lies beneath the current directory has
                # such a name, and that counts already.
                if "/" in word:
                    yield place
            elif not (reads and place in process.written) and self._may_be_file(place):
                yield place

    def _may_be_file(self, path: str) -> bool:
        """Whether there is a regular file; also where the disk may not answer."""
        if mounts.resolve(os.path.dirname(path), self._kinds)[1]:
            return True
        try:
            return stat.S_ISREG(os.lstat(path).st_mode)
        except (OSError, ValueError):
            return False

    def _identify(self, key: object, table: mounts.Table, process: _Process, who: str) -> None:
        """Remember which directories a process of another mount namespace is in."""
        ways = [("cwd", cwd, True) for cwd in process.cwd[:1]]
        for link, path, all_above in (*ways, ("root", process.root, False)):
            if (key, path) in self._identified:
                continue
            if all_above:
                self._identified.add((key, path))
            for identity in _upwards(f"/proc/{process.number}/{link}", path, table):
                self.directories.setdefault(identity, who)
                if not all_above:
                    break


def _upwards(link: str, path: str, table: mounts.Table) -> Iterator[tuple[int, int]]:
    """Yield device and inode of the directory a link of /proc leads to, and of those above it.

    *path* is what it is called in its namespace, which has the mounts of *table*. Ends where a file system
    may not answer. (O_PATH opens nothing there; but to come to a directory by such a link, some ask the
    server whether it still is one: complete_walk in fs/namei.c of Linux.)
    """
    descriptor: int | None = None
    try:
        while True:
            mount = table.mount_of(path)
            if mount is None or mounts.is_silent(mount.kind):
                return
            name, directory = (link, None) if descriptor is None else ("..", descriptor)
            above = os.open(name, os.O_PATH | os.O_CLOEXEC, dir_fd=directory)
            if descriptor is not None:
                os.close(descriptor)
            descriptor = above
            status = os.fstat(descriptor)
            yield status.st_dev, status.st_ino
            if os.path.dirname(path) == path:
                return
            path = os.path.dirname(path)
    except OSError:
        return  # It has ended, or is not there any more.
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _absolute(word: str) -> Iterator[str]:
    """Yield the absolute paths in an argument: ``/x``, ``--flag=/x``, ``-I/x``, ``/x:/y``, ``file:///x``."""
    pieces = [word, *re.split(r"[=:,]", word)] if "/" in word else []
    if word.startswith("-"):
        pieces.append(word[word.find("/") :])
    for piece in dict.fromkeys(pieces):
        # Two slashes are followed by the name of a host.
        if piece.startswith("/") and not (piece.startswith("//") and piece[2:3] != "/"):
            yield os.path.normpath("/" + piece.lstrip("/"))


def _ask_psutil(run: int, helper: str) -> Work:
    import psutil  # noqa: PLC0415 - not where there is /proc

    try:
        line = {run, *(parent.pid for parent in psutil.Process(run).parents())}
        running = list(psutil.process_iter())
    except psutil.Error as error:
        raise OSError(errno.ESRCH, str(error)) from error
    own = next(iter(_ask(psutil.Process(run).cwd)), None)
    places: set[tuple[str, str]] = set()
    unseen = 0
    for process in running:
        if process.pid in line or _helps(run, process, helper):
            continue
        try:
            cwd = [process.cwd()]
        except psutil.AccessDenied:
            unseen += 1
            cwd = []
        except (psutil.Error, OSError):
            cwd = []  # It has ended, or is one that works in no directory.
        if own in cwd and _together(run, process.pid):
            cwd = []
        found = [*cwd, *_ask(process.exe)]
        found += (file.path for files in _ask(process.open_files) for file in files)
        for word in _until_told(next(iter(_ask(process.cmdline)), [])):
            found += _absolute(word)
        if any(found):
            who = f"{next(iter(_ask(process.name)), 'a process')} ({process.pid})"
            places.update((place, who) for place in found if place)
    return Work(tuple(places), unseen=unseen)


def _together(run: int, process: int) -> bool:
    """Whether two processes are in one session, and in it in one process group."""
    try:
        return os.getsid(run) == os.getsid(process) and os.getpgid(run) == os.getpgid(process)
    except (OSError, AttributeError):
        return False


def _helps(run: int, process: "psutil.Process", helper: str) -> bool:
    return _ask(process.ppid) == [run] and helper in next(iter(_ask(process.cmdline)), ())


def _ask(question: Callable[[], _T]) -> list[_T]:
    """Return the answer in a list, or an empty one: processes end, and some are not ours to ask."""
    import psutil  # noqa: PLC0415 - imported by the caller already

    try:
        return [question()]
    except (psutil.Error, OSError):
        return []
