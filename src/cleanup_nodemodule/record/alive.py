"""Tells which runs of the journal are alive, by a lock on the file that each of them writes."""

import contextlib
import errno
import sys
from collections.abc import Iterable

from cleanup_nodemodule.record.entries import RUN_ID
from cleanup_nodemodule.record.journal_files import files_in, open_to_read


def lock_run(descriptor: int, run: str, *, exclusively: bool) -> bool:
    """Lock what stands for *run* in the journal's file; return False if another process has it.

    That is the byte at the number that the run's id is, most likely far behind the end of the file: a
    lock takes no space (fcntl(2)), and ends with the process. But it also ends when the process closes
    any descriptor of that file, so whoever writes the journal does not read it meanwhile.

    It is no second form of the lock on a run's trees (:mod:`cleanup_nodemodule.record.lock`): that one names the
    trees, for which a full disk may have no room, and then this one alone tells that the run is alive.
    """
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return True
    if RUN_ID.fullmatch(run) is None:
        return True
    kind = fcntl.LOCK_EX if exclusively else fcntl.LOCK_SH
    try:
        fcntl.lockf(descriptor, kind | fcntl.LOCK_NB, 1, int(run, 16))
    except OSError as error:
        # Anything else says that this file system has no locks, and so no run that holds one.
        held = {errno.EAGAIN} if sys.platform == "linux" else {errno.EACCES, errno.EAGAIN}
        return error.errno not in held
    return True


def writing(directory: str, runs: Iterable[str]) -> frozenset[str]:
    """Return which of these *runs*, ids that the journal has, are at work, as they have it open.

    Runs of this process do not count. :func:`cleanup_nodemodule.record.lock.held` tells of those that had room
    for a lock, also before they write anything.
    """
    asked = frozenset(runs)
    found: set[str] = set()
    try:
        paths = files_in(directory) if asked else []
    except OSError:
        paths = []
    for path in paths:
        # What cannot be opened is told by whoever reads it.
        with contextlib.suppress(OSError), open(path, "rb", opener=open_to_read) as file:
            found.update(
                run for run in asked if not lock_run(file.fileno(), run, exclusively=False)
            )
    return frozenset(found)
