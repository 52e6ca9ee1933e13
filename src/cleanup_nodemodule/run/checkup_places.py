"""Looks at the places that a run writes to: the state directory, other directories, the trash; and at the clocks.

Each function asks disks, and may take as long as they do. The only thing that is written is a file that is gone
when it is closed.
"""

import errno
import os
import tempfile
import time
from typing import Final, NamedTuple

from cleanup_nodemodule.record import state_directory, trust
from cleanup_nodemodule.record.trust import StateError
from cleanup_nodemodule.run.checkup import Check, missing, ok, warning
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.files import may
from cleanup_nodemodule.words import iso, printable, shell_command, size

_ROOM: Final = 64 * 1024 * 1024
"""Bytes that the journal and the history need for years."""

_WRITTEN_AT: Final = 1_767_225_600.0
"""The first moment of the year in which this was written, in seconds since the epoch. A clock that says less is wrong."""

_DRIFT: Final = 5.0
"""Seconds by which the clock of a file server may be off: the times of files are compared with that of this machine."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

STATE: Final = "state directory"
CLOCK: Final = "clock"

_OTHER_DISK: Final = "set XDG_STATE_HOME to a directory on another disk that only you can write to"


class _Probe(NamedTuple):
    """What came of writing a file."""

    drift: float
    """Seconds that the clock of the file system is ahead."""
    locks: bool


def of_state(_path: str) -> list[Check]:
    """Look at the state directory, and at the clock of its disk."""
    try:
        path = state_directory.directory()
        there = path
        while not os.path.lexists(there):
            there = os.path.dirname(there)
        trust.check(there, own=there == path)
    except StateError as error:
        found, _, advice = str(error).rpartition("; ")
        return [missing(STATE, found, advice)]
    will = "" if there == path else " will be made and"
    try:
        probe = _probe(there)
        kind, free = _kind(there), _free(there)
    except OSError as error:
        return [_unwritable(path, there, error)]
    if not probe.locks:
        found = f"{printable(path)}{will} is on {kind}, which has no locks, so two runs may meet"
        return [missing(STATE, found, _OTHER_DISK)]
    found = f"{printable(path)}{will} can be written; it is on {kind} with {size(free)} free"
    few = free < _ROOM
    checks = [warning(STATE, found, f"make room, or {_OTHER_DISK}") if few else ok(STATE, found)]
    if abs(probe.drift) > _DRIFT:
        ahead = "ahead" if probe.drift > 0 else "behind"
        found = f"the clock of the disk with {printable(there)} is {abs(probe.drift):,.0f} seconds {ahead}"
        advice = "set both clocks by the network, here and on the file server"
        checks.append(warning(CLOCK, found, advice, "timedatectl set-ntp true"))
    return checks


def _probe(directory: str) -> _Probe:
    """Write a file without a name, or one that is gone at once, and lock it. Raises OSError."""
    before = time.time()
    with tempfile.TemporaryFile(dir=directory, prefix=".cleanup-nodemodule-doctor-") as file:
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())
        after, changed = time.time(), os.fstat(file.fileno()).st_mtime
        locks = _can_lock(file.fileno())
    # The kernel gives files the time of its last tick.
    drift = min(changed - before, 0.0) if changed < before else max(changed - after, 0.0)
    return _Probe(drift, locks)


def _can_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _kind(path: str) -> str:
    """Return what kind of file system holds *path*."""
    kinds = mounts.mounted()
    real = os.path.realpath(path)
    return kinds.get(mounts.mount_point_of(real, kinds), "") or "a file system of an unknown kind"


def _free(path: str) -> int:
    """Return the bytes that this user may still write there."""
    if not hasattr(os, "statvfs"):
        import shutil

        return shutil.disk_usage(path).free
    status = os.statvfs(path)
    return (status.f_bfree if os.geteuid() == 0 else status.f_bavail) * status.f_frsize


def _unwritable(path: str, there: str, error: OSError) -> Check:
    why = error.strerror or str(error)
    if error.errno in _FULL:
        return missing(
            STATE,
            f"the disk of {printable(path)} takes nothing more: {why}",
            f"make room, or {_OTHER_DISK}",
        )
    what = "cannot be written" if there == path else f"cannot be made in {printable(there)}"
    advice = "set XDG_STATE_HOME to a directory that only you can write to"
    return missing(STATE, f"{printable(path)} {what}: {why}", advice)


def of_clock(last_run: float | None = None) -> Check:
    """Look at the clock of this machine; the *last_run* of the history began at that time, in seconds since the epoch."""
    now = time.time()
    advice, command = "set the clock by the network", "timedatectl set-ntp true"
    if now < _WRITTEN_AT:
        found = f"it is {iso(now)} by the clock, and this program is younger than that"
        return missing(CLOCK, found, advice, command)
    if last_run is not None and now + _DRIFT < last_run:
        found = f"it is {iso(now)} by the clock, and the last run was at {iso(last_run)}"
        return warning(CLOCK, found, advice, command)
    return ok(CLOCK, f"it is {iso(now)}")


def of_file(key: str, path: str, _asked: str) -> Check:
    """Look whether a run can write the file *path*, which the *key* of the configuration names."""
    around = os.path.dirname(path) or os.sep
    if os.path.isdir(path):
        return missing(key, f"{printable(path)} is a directory", "name a file in it")
    if not os.path.isdir(around):
        return missing(
            key,
            f"there is no directory {printable(around)}",
            "make it",
            shell_command("mkdir", "-p", around),
        )
    # A file is written anew, unless lines are added to it.
    what = path if key == "log-file" and os.path.lexists(path) else around
    if not may(what, os.W_OK if what == path else os.W_OK | os.X_OK):
        return missing(
            key,
            f"you may not write to {printable(what)}",
            "give this user the right to",
            shell_command("ls", "-ld", what),
        )
    return ok(key, f"{printable(path)} can be written")


def of_trash(_path: str) -> Check:
    """Look whether the trash of this user can take anything (the trash specification of freedesktop.org)."""
    data = os.environ.get("XDG_DATA_HOME", "")
    home = os.path.expanduser("~")
    trash = os.path.join(
        data if os.path.isabs(data) else os.path.join(home, ".local/share"), "Trash"
    )
    there = trash
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there) or not may(there, os.W_OK | os.X_OK):
        advice = f"make {printable(there)} writable for you, or leave out trash"
        return missing(
            "trash",
            f"{printable(trash)} cannot be written",
            advice,
            shell_command("ls", "-ld", there),
        )
    return warning(
        "trash",
        f"{printable(trash)} can be written, and what lies there frees nothing",
        "empty it now and then, or leave out trash where nobody does",
    )
