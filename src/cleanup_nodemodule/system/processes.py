"""Which processes there are, and what they are at work on.

On Linux it is read from /proc. psutil, which asks elsewhere, takes longer there to load and to ask than a
tree of a hundred thousand entries takes to measure.

One look asks about all processes: on Linux it takes about half a millisecond of a processor for each, half of
that for the files it has mapped (measured: 340 processes, 270 of them Python's, 0.15 s). What a look found is
a value, which is asked as often as one likes at the price of a search in a sorted list.
"""

import errno
import os
from collections.abc import Mapping, Sequence

from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.at_work import Work
from cleanup_nodemodule.system.own_processes import Own
from cleanup_nodemodule.system.places import Places
from cleanup_nodemodule.system.process_files import (
    NOWHERE,
    PROC,
    TICKS,
    YOUNG,
    Process,
    first_of,
    hides_others,
    read_process,
    status_of,
    threads_elsewhere,
    uptime,
)
from cleanup_nodemodule.system.processes_by_psutil import ask_psutil


def find_work(
    run: int, helper: str, known: Mapping[int, str] | None = None, *, git: str | None = None
) -> Work:
    """Look at all processes, once; see the module for what that takes.

    Processes that an earlier look has *known* are passed over if they are where they were, which leaves the
    price of a listing and of one link for each. What has just started counts as known only when it is old
    enough to have come to what it is to do.

    A process is at work at its current directory, its program, the files that it has open or mapped, and
    what its arguments name by a path. The process *run* and those that started it are left out, and of
    those that it started the ones that have *helper* among their arguments, or *git*: it asks git about a
    repository while it looks who else is at work there.

    Who reads the output of the run, or is in one pipeline with it, is not at work in the directory that
    the run was started in just for being started there too: see :mod:`~cleanup_nodemodule.system.own_processes`.

    File systems that may not answer are asked nothing. Raises OSError where there is nobody to ask.
    """
    words = (helper,) if git is None else (helper, git)
    return _read_proc(run, words, known or {}) if PROC else ask_psutil(run, words)


def _read_proc(run: int, words: Sequence[str], known: Mapping[int, str] = NOWHERE) -> Work:
    cwds = {
        int(name): first_of(f"/proc/{name}/cwd") for name in os.listdir("/proc") if name.isdecimal()
    }
    fresh = [number for number, cwd in cwds.items() if known.get(number) != cwd]
    if known and not fresh:
        return Work((), known=known)
    # It may be empty, as in a chroot, or that of another namespace, with other numbers.
    if os.readlink("/proc/self") != str(os.getpid()):
        raise OSError(errno.ESRCH, "this process is not in it", "/proc")
    own = Own(run)
    here = mounts.here()
    places = Places(here, here.kinds(), os.readlink("/proc/self/ns/mnt"))
    unseen = 0
    found: list[Process] = []
    settled = {**known, **{number: cwds.get(number, "") for number in own.line}}
    born = uptime() - YOUNG
    for number in fresh:
        if number in own.line:
            continue
        try:
            status = status_of(number)
            if status.started < born * TICKS:
                settled[number] = cwds[number]
            process = read_process(number, status)
        except PermissionError:  # The mount option hidepid=noaccess (proc(5)).
            unseen += 1
            settled[number] = cwds[number]
            continue
        except OSError:
            continue  # It has ended.
        if process is None:
            continue
        if process.status.parent == run and any(word in process.words for word in words):
            continue
        unseen += process.unseen
        found += (process, *threads_elsewhere(process))
    own.find_readers(found)
    for process in found:
        places.add(process, own)
    return Work(
        tuple(places.paths),
        places.directories,
        tuple(places.mounts.items()),
        None if hides_others(here.mount_of("/proc")) else unseen,
        settled,
    )
