"""Deletes what was approved. The only module that can."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Fault
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    Failed,
    Outcome,
    Problem,
    Removed,
    Result,
)
from cleanup_nodemodule.paths import anchor, problem_at
from cleanup_nodemodule.scheduler import Scheduler, Stopped

_BUDGET: Final = 1024
"""Entries one call deletes, small enough that being stopped never waits long: at the 0.5 ms an entry
takes on a slow disk, half a second."""

_SLACK: Final = 100
"""Entries that may appear in any artifact between measuring and deleting."""

_ATTEMPTS: Final = 3
"""How often directories that are not empty are begun again without anything coming of it."""


async def remove(
    approved: Approved,
    scheduler: Scheduler,
    *,
    freed: Callable[[int], None],
    deleted: Callable[[Artifact], None],
    spared: Mapping[str, Problem] = MappingProxyType({}),
) -> Outcome:
    """Delete the approved artifacts, several at a time; one failure never stops the others.

    *spared* holds, by path, why some are not to be deleted after all; they count as failed.
    Calls *freed* with the bytes each call gave back and *deleted* for each artifact that is gone.
    When the scheduler is told to stop, calls under way are finished and nothing new is begun; the
    outcome then says what is left, and is not complete.
    """
    before = _free_bytes(approved.artifacts)
    waiting = list(reversed(approved.artifacts))
    results: list[Result] = []

    async def work() -> None:
        while waiting and not scheduler.stopped:
            artifact = waiting.pop()
            result: Result | None
            if problem := spared.get(artifact.path):
                result = Failed(artifact, 0, (problem,), interrupted=False)
            else:
                result = await _remove(artifact, scheduler, freed)
            if result is None:
                return
            results.append(result)
            if isinstance(result, Removed) and not result.gone:
                deleted(artifact)

    await asyncio.gather(*(work() for _ in range(min(scheduler.workers, len(waiting)))))
    after = _free_bytes(approved.artifacts)
    results.sort(key=lambda result: result.artifact.path)
    return Outcome(
        approved.plan,
        tuple(results),
        after - before if before is not None and after is not None else None,
        complete=len(results) == len(approved.artifacts) and not scheduler.stopped,
    )


async def _remove(
    artifact: Artifact, scheduler: Scheduler, freed: Callable[[int], None]
) -> Result | None:
    """Delete one artifact; None if it was stopped before it began."""
    if _has_changed(artifact):
        stale = Problem(
            artifact.path, errno.ESTALE, "delete, as it has changed since it was shown,"
        )
        return Failed(artifact, 0, (stale,), interrupted=False)
    root = anchor(artifact.path, artifact.candidate.identity)
    # Measured a moment ago: whoever has deleted that much more races with something that writes.
    most = 2 * (artifact.contents.files + artifact.contents.directories) + _SLACK
    total = removed = 0
    problems: dict[Problem, None] = {}
    blocked: list[bytes] = []
    begun = stopped = False

    async def remove_slice(stack: list[bytes]) -> list[bytes]:
        nonlocal total, removed, begun, stopped
        try:
            counts, left, faults = await scheduler.finish(engine.remove, root, stack, _BUDGET)
        except Stopped:
            stopped = True
            return []
        begun = True
        total += counts.freed
        removed += counts.files + counts.directories
        freed(counts.freed)
        blocked.extend(counts.blocked)
        problems.update((problem_at(artifact.path, fault), None) for fault in faults)
        return left if removed <= most else []

    attempts = _ATTEMPTS
    stack = [b""]
    while stack and not stopped and removed <= most:
        before = removed
        blocked.clear()
        await scheduler.share(stack, remove_slice)
        # The innermost last, as that is where the engine begins.
        stack = sorted(blocked, key=lambda entry: entry.count(b"/"))
        attempts -= removed == before
        if not attempts:
            break
    if stopped:
        if not begun:
            return None
        return Failed(artifact, total, tuple(problems), interrupted=True)
    if removed > most:
        problems[Problem(artifact.path, errno.EBUSY, "keep up with what writes to")] = None
    elif not problems:
        for entry in blocked:
            fault = Fault(entry.rstrip(b"/"), errno.ENOTEMPTY, "remove the directory")
            problems[problem_at(artifact.path, fault)] = None
    if problems:
        return Failed(artifact, total, tuple(problems), interrupted=False)
    return Removed(artifact, total, gone=not removed)


def _has_changed(artifact: Artifact) -> bool:
    """Whether the directory is not as it was found.

    It may be another one that was given the same inode number, which ext4 does at once, or one that
    was written into meanwhile.
    """
    try:
        now = os.lstat(artifact.path).st_ctime_ns
    except OSError:
        return False  # Gone, or out of reach: the engine will say.
    return artifact.candidate.changed not in {0, now}


def _free_bytes(artifacts: Iterable[Artifact]) -> int | None:
    """Return the free bytes of all file systems that hold the artifacts (statvfs(3)).

    None where that cannot be asked.
    """
    if not hasattr(os, "statvfs"):
        return None
    total = 0
    asked: set[int] = set()
    for artifact in artifacts:
        if artifact.candidate.identity.device in asked:
            continue
        asked.add(artifact.candidate.identity.device)
        try:
            status = os.statvfs(os.path.dirname(artifact.path))
        except OSError:
            return None
        total += status.f_bfree * status.f_frsize
    return total
