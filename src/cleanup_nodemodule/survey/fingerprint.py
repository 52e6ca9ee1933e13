"""Takes the fingerprint of all that lies in an artifact, which shows later whether it is still as it was.

Counts, sizes and times of modification do not: ``cp -p`` gives a file other content and an old time. Nobody can set the
time of the last change of an inode (st_ctime, inode(7)). It is compared with itself only, so no clock has to be right.
"""

import hashlib
import os
import stat
from collections.abc import Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.work.conversion import LACKED
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped, tasks

_BUDGET: Final = 4096
"""Entries that one call looks at, about: it ends with a directory."""

_BATCH: Final = 64
"""Artifacts that one call begins with at most."""

_BYTES: Final = 16
"""Of a fingerprint. They are sums, because nobody knows who comes first."""

_WRAP: Final = 1 << (8 * _BYTES)


class _Looked(NamedTuple):
    """What one call has seen of an artifact."""

    total: int
    left: list[bytes]
    """Directories that it did not come to, relative to the artifact."""
    number: int = 0
    """Why something could not be looked at (errno(3)); 0 if nothing."""
    seen: int = 0
    """Directory entries."""


async def fingerprints(paths: Sequence[str], scheduler: Scheduler) -> dict[str, str]:
    """Return the fingerprints of the directories *paths*, in hexadecimal.

    What cannot be looked through, such as when the scheduler is stopped, has none.
    """
    known: dict[str, str] = {}
    batches = [paths[first : first + _BATCH] for first in range(0, len(paths), _BATCH)]
    batches.reverse()

    async def work() -> None:
        while batches:
            await _take(batches.pop(), scheduler, known)

    try:
        async with tasks() as group:
            for _ in range(min(scheduler.workers, len(batches))):
                group.create_task(work())
    except Stopped:
        return known
    return known


async def _take(paths: Sequence[str], scheduler: Scheduler, known: dict[str, str]) -> None:
    """Take the fingerprints of several directories, the small ones with one call."""
    try:
        begun = await scheduler.read(
            _look_several,
            list(map(os.fsencode, paths)),
            scheduler.portion(_BUDGET),
            lacked=lambda several: any(one.number in LACKED for one in several),
        )
        scheduler.handled(sum(one.seen for one in begun))
    except Unanswered:
        begun = []
    for path, first in zip(paths, begun, strict=False):
        total = await _rest(path, first, scheduler)
        if total is not None:
            known[path] = total.to_bytes(_BYTES, "big").hex()
    rest = paths[len(begun) :]
    if rest and begun:
        await _take(rest, scheduler, known)
    elif len(rest) > 1:  # One of them does not answer.
        for path in rest:
            await _take([path], scheduler, known)


async def _rest(path: str, first: _Looked, scheduler: Scheduler) -> int | None:
    """Return the sum of an artifact of which one call has seen something; None if nobody knows."""
    total, whole = first.total, not first.number

    async def look(stack: list[bytes]) -> list[bytes]:
        nonlocal total, whole
        looked = await scheduler.read(
            _look,
            os.fsencode(path),
            stack,
            scheduler.portion(_BUDGET),
            lacked=lambda one: one.number in LACKED,
        )
        scheduler.handled(looked.seen)
        total = (total + looked.total) % _WRAP
        whole = whole and not looked.number
        return looked.left if whole else []

    if whole and first.left:
        try:
            await scheduler.share(first.left, look)
        except Unanswered:
            return None
    return total if whole else None


def _look_several(paths: Sequence[bytes], budget: int) -> list[_Looked]:
    """Begin with one artifact after the other until the budget is used up."""
    looked: list[_Looked] = []
    for path in paths:
        one = _look(path, [b""], budget)
        looked.append(one)
        budget -= one.seen + 1
        if budget <= 0:
            break
    return looked


def _look(path: bytes, stack: list[bytes], budget: int) -> _Looked:
    """Look at the directories of a stack."""
    left, total, seen = list(stack), 0, 0
    while left and seen < budget:
        directory = left.pop()
        try:
            with os.scandir(os.path.join(path, directory)) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    name = os.path.join(directory, entry.name)
                    total += _of(name, status)
                    seen += 1
                    if stat.S_ISDIR(status.st_mode):
                        left.append(name)
        except OSError as error:
            return _Looked(0, [], error.errno or -1, seen)
    return _Looked(total % _WRAP, left, seen=seen)


def _of(name: bytes, status: os.stat_result) -> int:
    """Return the fingerprint of one entry.

    The inode of a file with several names changes with each other name that comes or goes, as in a store of packages. So
    its time of change says nothing of what it holds. Its content is not lost with this name either.
    """
    directory = stat.S_ISDIR(status.st_mode)
    changed = status.st_ctime_ns if directory or status.st_nlink <= 1 else 0
    size = 0 if directory else status.st_size
    facts = b"%o %d %d %d " % (status.st_mode, size, status.st_mtime_ns, changed)
    return int.from_bytes(hashlib.blake2b(facts + name, digest_size=_BYTES).digest(), "big")
