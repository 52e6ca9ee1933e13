"""Finds out what filters depend on besides the plan: what is free, which working trees belong together."""

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Plan
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.worktrees import repository_of
from cleanup_nodemodule.survey.filtering import Known
from cleanup_nodemodule.survey.goals import FileSystem
from cleanup_nodemodule.survey.user_patterns import UserPatterns
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered


async def known(plan: Plan, settings: Settings, scheduler: Scheduler, now: int) -> Known:
    """Return what the filters of these *settings* depend on, as far as the disks answer.

    *now* is when the run began, seconds since the epoch. Raises SettingsError for a pattern that is none, and Stopped.
    """
    filters = settings.filters
    answer = Known(now)
    if filters.only:
        # What goes wrong with them was said before the search.
        patterns = UserPatterns(settings, scheduler, [])
        answer = answer._replace(only=await patterns.only(plan.roots))
    if filters.keep_latest is not None and filters.keep_latest_per == "repository":
        answer = answer._replace(repositories=await _repositories(plan.artifacts, scheduler))
    if filters.goals:
        answer = answer._replace(file_systems=await _file_systems(plan.artifacts, scheduler))
    return answer


async def _repositories(artifacts: Sequence[Artifact], scheduler: Scheduler) -> Mapping[str, str]:
    found: dict[str, str] = {}
    trees = {one.evidence.repository: one.candidate.root for one in artifacts}
    by_root: dict[str, list[str]] = {}
    for tree, root in trees.items():
        if tree is not None:
            by_root.setdefault(root, []).append(tree)
    for root, some in by_root.items():
        with contextlib.suppress(Unanswered), scheduler.silence.asking(root):
            found.update(await scheduler.call(_ask_repositories, some))
    return found


def _ask_repositories(trees: Sequence[str]) -> dict[str, str]:
    cache = StatCache(mounts.mount_points())
    found: dict[str, str] = {}
    for tree in trees:
        with contextlib.suppress(OSError):
            found[tree] = repository_of(tree, cache)
    return found


async def _file_systems(
    artifacts: Sequence[Artifact], scheduler: Scheduler
) -> Mapping[int, FileSystem]:
    """Return the file system of each device; subvolumes of one file system have devices of their own (btrfs)."""
    examples: dict[int, Artifact] = {}
    for one in artifacts:
        examples.setdefault(one.candidate.identity.device, one)
    points = sorted(mounts.mount_points())
    by_origin: dict[str, FileSystem] = {}
    found: dict[int, FileSystem] = {}
    for device, one in examples.items():
        origin = mounts.origin(one.path)
        key = origin[0] if origin is not None else f"device {device}"
        if key not in by_origin:
            name = mounts.mount_point_of(one.path, points)
            by_origin[key] = await _asked(name, one, scheduler)
        found[device] = by_origin[key]
    return found


async def _asked(name: str, artifact: Artifact, scheduler: Scheduler) -> FileSystem:
    """Return a file system with what it has free, as far as it answers (statvfs(3))."""
    with (
        contextlib.suppress(Unanswered, OSError),
        scheduler.silence.asking(artifact.candidate.root),
    ):
        place = os.path.dirname(artifact.path)
        return FileSystem(name, *await scheduler.call(_available, place))
    return FileSystem(name)


def _available(place: str) -> tuple[int, int]:
    """Return what is available for a user who is not root, as df shows it, and the size of the file system."""
    usage = shutil.disk_usage(place)
    return usage.free, usage.total
