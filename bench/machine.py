"""What the measuring happens on, and what only root can do there."""

import compileall
import contextlib
import ctypes
import functools
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from types import FrameType
from typing import Final, NoReturn

import cleanup_nodemodule

# A program that is measured takes part in the machine like the others that it is held against.
os.environ["CLEANUP_NODEMODULE_PRIORITY"] = "normal"

_CLONE_NEWNS: Final = 0x20000
"""unshare(2): mounts of our own."""

_DROP: Final = "/proc/sys/vm/drop_caches"


class UnableError(Exception):
    """Something cannot be measured on this machine. The message says why."""


def describe() -> list[str]:
    """Return the lines that say what was measured on, as a list in Markdown."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [
        f"- Python {platform.python_version()}",
        f"- Machine: {_processor()}, {os.cpu_count()} cores, {memory / 2**30:.0f} GiB memory",
        f"- Kernel: {platform.system()} {platform.release()}",
        f"- Load before: {os.getloadavg()[0]:.1f}",
    ]


def file_system(path: str) -> str:
    """Return the type of the file system that *path* is on."""
    listed = subprocess.run(("df", "--output=fstype", path), stdout=subprocess.PIPE, check=True)
    return listed.stdout.split()[-1].decode()


def available_memory() -> int:
    """Return how many bytes could be used before the machine has to swap; see proc_meminfo(5)."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key == "MemAvailable":
                return int(value.split()[0]) * 1024
    raise UnableError("memory: the kernel does not say how much is available")


def require_cold() -> None:
    """Raise UnableError unless caches can be dropped here."""
    if not os.path.exists(_DROP):
        raise UnableError(f"a cold cache: there is no {_DROP} to drop it with")
    if not os.access(_DROP, os.W_OK):
        raise UnableError(f"a cold cache: only root can write {_DROP}")


def drop_caches() -> None:
    """Have the kernel forget all files, directories and inodes that it remembers; see proc(5)."""
    os.sync()
    with open(_DROP, "w", encoding="ascii") as file:
        file.write("3\n")


@contextlib.contextmanager
def memory_disk(size: str) -> Iterator[str]:
    """Mount a tmpfs of *size*, as mount(8) understands it, for as long as the context lasts.

    Yields its directory. It has no limit on the number of inodes, and what is on it takes memory only
    as far as it is used. Raises UnableError where that needs rights we do not have.
    """
    options = f"size={size},nr_inodes=0,mode=0700"
    with mounted("-t", "tmpfs", "-o", options, "bench") as directory:
        yield directory


@contextlib.contextmanager
def mounted(*options: str) -> Iterator[str]:
    """Mount what *options* of mount(8) say on a new directory, for as long as the context lasts.

    Yields the directory. Nobody but this process and its children sees the mount, and it goes with
    the last of them, however they end. Raises UnableError where that needs rights we do not have.
    """
    if sys.platform != "linux":
        raise UnableError("a file system of its own: only Linux has mount namespaces")
    if os.geteuid() != 0:
        raise UnableError("a file system of its own: only root can mount one")
    own_namespace()
    with tempfile.TemporaryDirectory(prefix="bench-mount-") as directory:
        _run("mount", *options, directory)
        try:
            yield directory
        finally:
            _run("umount", directory)


@functools.cache
def own_namespace() -> None:
    """Have mounts of our own from now on; see mount_namespaces(7)."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise UnableError(f"a file system of its own: {os.strerror(ctypes.get_errno())}")
    _run("mount", "--make-rprivate", "/")


def _run(*command: str) -> None:
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise UnableError(f"a file system of its own: {done.stderr.strip()}")


def compile_tool() -> None:
    """Have the tool's modules compiled, as they are where pip has installed it.

    Here they may be compiled at every start: an editable install does not do it, and a run does not keep
    what it has compiled where PYTHONDONTWRITEBYTECODE is set.
    """
    if not compileall.compile_dir(os.path.dirname(cleanup_nodemodule.__file__), quiet=2):
        sys.exit("bench: the modules of the tool cannot be compiled")


def end_tidily() -> None:
    """Have what this process has set up undone when it is told to end."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        print(f"bench: ended by {signal.Signals(number).name}", file=sys.stderr, flush=True)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    # A shell has what it starts in the background ignore this one, and so would what is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
