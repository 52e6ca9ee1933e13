"""Looks through an artifact for what was written into it since it was measured.

Minutes may lie between the plan and its turn, of the question to the user and of the deletion of others. What the plan
knows of its inside, it knows by then: a data base that was put into it meanwhile is in no list.
"""

import os
import sys
import time
from collections.abc import Collection
from typing import Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Measurement, Root, Watch
from cleanup_nodemodule.model import Artifact, Contents, Problem, Reason
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import precious
from cleanup_nodemodule.survey.clones import whole
from cleanup_nodemodule.work.conversion import anchor, beneath, lacked, problem_at
from cleanup_nodemodule.work.scheduler import Scheduler

_SOON: Final = 10
"""Seconds after measuring in which the times of files are not asked again. That takes a system call for each file, and
looking for repositories only one or two for each directory. A run that asks nobody has begun with most by then."""

_BUDGET: Final = 8192
"""Entries that one call looks at, as when they are measured (see survey/measure.py)."""


def may_be(contents: Contents) -> bool:
    """Whether so much time has passed since it was measured that it has to be looked through for changes."""
    return bool(contents.measured_at) and time.time() - contents.measured_at > _SOON


async def find_obstacles(
    artifact: Artifact, place: str, scheduler: Scheduler
) -> dict[Problem, None]:
    """Return what keeps an artifact, which is at *place* by now, from being deleted.

    That is what was written after it was measured, but not into a cache of tools; repositories, but for those
    that its tool can clone again; mounts; and what cannot be read. Raises Stopped if it was stopped before anybody
    knows, and Unanswered.
    """
    root = anchor(place, artifact.candidate.identity)
    # Nobody knows which was first of what was written in the second in which it was measured, or right after.
    watch = precious.watch_changes(artifact.contents.measured_at + 1)
    problems: dict[Problem, None] = {}
    repositories: set[str] = set()
    late: list[str] = []
    unlisted = 0

    async def walk(stack: list[bytes]) -> list[bytes]:
        nonlocal unlisted
        usage, left, faults = await scheduler.read(
            _measure,
            root,
            stack,
            scheduler.portion(_BUDGET),
            watch,
            lacked=lambda measured: lacked(measured[2]),
        )
        scheduler.handled(usage.files + usage.directories)
        repositories.update(beneath(place, path) for path in usage.repositories)
        late.extend(map(os.fsdecode, usage.late))
        unlisted += usage.unlisted
        problems.update((_mounted(beneath(place, path)), None) for path in usage.mounts)
        problems.update((problem_at(place, fault), None) for fault in faults)
        return left

    await scheduler.share([b""], walk)
    for path in _others(repositories, artifact, place):
        problems[Problem(path, ProblemCode.REPOSITORY_INSIDE)] = None
    if late:
        problems[_changed(artifact.path, sorted(late), unlisted)] = None
    return problems


def _measure(root: Root, stack: list[bytes], budget: int, watch: Watch) -> Measurement:
    """Measure a slice. What has its time from elsewhere, and lies there since before, is not late."""
    measurement = engine.measure(root, stack, budget, watch)
    usage = measurement.usage
    if not usage.late or usage.unlisted:
        return measurement
    late = [path for path in usage.late if _is_new(os.path.join(root.path, path), watch.since)]
    return measurement._replace(usage=usage._replace(late=late))


def _is_new(path: bytes, since: int) -> bool:
    """Whether a file that says it was modified after *since* has really changed since then.

    Anybody can set the time of modification, also to one that is still to come, and archives do; that of the last
    change of the inode is the system's own (st_ctime, inode(7)). Windows has none: there it is the time of making.
    """
    if sys.platform == "win32":
        return True
    try:
        return int(os.lstat(path).st_ctime) > since
    except OSError:
        return True


def _others(repositories: Collection[str], artifact: Artifact, place: str) -> list[str]:
    """Return which *repositories* are none of the clones that the plan knows."""
    clones = {place + path.removeprefix(artifact.path) for path in artifact.contents.clones}
    return sorted(set(whole(repositories)) - clones)


def _mounted(path: str) -> Problem:
    message = "something is mounted there"
    return Problem(path, ProblemCode.PROTECTED, message=message, detail=Reason.MOUNT_POINT.value)


def _changed(path: str, late: list[str], unlisted: int) -> Problem:
    were = "was" if len(late) + unlisted == 1 else "were"
    message = f"{precious.listed(late, unlisted)} in it {were} changed since the plan"
    return Problem(path, ProblemCode.PROTECTED, message=message, detail=Reason.MODIFIED.value)
