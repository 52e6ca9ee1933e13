"""What the measuring happens on, and what only root can do there."""

import contextlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Final

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
    if sys.platform != "linux":
        raise UnableError("a file system in memory: only Linux has tmpfs")
    if os.geteuid() != 0:
        raise UnableError("a file system in memory: only root can mount one")
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as directory:
        options = f"size={size},nr_inodes=0,mode=0700"
        done = subprocess.run(
            ("mount", "-t", "tmpfs", "-o", options, "bench", directory),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UnableError(f"a file system in memory: {done.stderr.strip()}")
        try:
            yield directory
        finally:
            subprocess.run(("umount", directory), check=True)


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
