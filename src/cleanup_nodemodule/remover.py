"""Deletes what was approved. The only module that can."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from cleanup_nodemodule import engine
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
"""How often an artifact is begun again that something keeps writing into."""


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
    total = removed = 0
    # Measured a moment ago: whoever has deleted that much more races with something that writes.
    most = 2 * (artifact.contents.files + artifact.contents.directories) + _SLACK
    for _attempt in range(_ATTEMPTS):
        problems: dict[Problem, None] = {}
        stack = [b""]
        while stack:
            if removed > most:
                problems[Problem(artifact.path, errno.EBUSY, "keep up with what writes to")] = None
                break
            try:
                counts, stack, faults = await scheduler.finish(engine.remove, root, stack, _BUDGET)
            except Stopped:
                if not removed and not problems:
                    return None
                return Failed(artifact, total, tuple(problems), interrupted=True)
            total += counts.freed
            removed += counts.files + counts.directories
            freed(counts.freed)
            problems.update((problem_at(artifact.path, fault), None) for fault in faults)
        if not problems:
            return Removed(artifact, total, gone=not removed)
        if any(problem.errno != errno.ENOTEMPTY for problem in problems):
            break
    return Failed(artifact, total, _causes(problems), interrupted=False)


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


def _causes(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Leave out directories that are not empty only because something inside them failed."""
    kept = list(problems)
    return tuple(
        problem
        for problem in kept
        if problem.errno != errno.ENOTEMPTY
        or not any(other.path.startswith(os.path.join(problem.path, "")) for other in kept)
    )


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
