"""Finds out what filters depend on besides the plan: what is free, which working trees belong together."""

import contextlib
import itertools
import os
import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Plan
from cleanup_nodemodule.model.plan import UNKNOWN_USE
from cleanup_nodemodule.proof.last_used import last_git_activity, newest_of_its_own
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.worktrees import repository_of
from cleanup_nodemodule.survey.filtering import Known, OwnUse
from cleanup_nodemodule.survey.goals import FileSystem
from cleanup_nodemodule.survey.user_patterns import UserPatterns
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_SECONDS: Final = 1.0
"""What one call takes about at most, as long as its disk answers."""


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
    if filters.keep_latest is not None:
        answer = answer._replace(own_uses=await _own_uses(plan.artifacts, scheduler))
    if filters.keep_latest is not None and filters.keep_latest_per == "repository":
        answer = answer._replace(repositories=await _repositories(plan.artifacts, scheduler))
    if filters.goals:
        answer = answer._replace(file_systems=await _file_systems(plan.artifacts, scheduler))
    return answer


async def _own_uses(artifacts: Sequence[Artifact], scheduler: Scheduler) -> Mapping[str, OwnUse]:
    """Return when those projects were last used themselves that another project may be taken for."""
    projects = {one.evidence.project: one for one in artifacts}
    passed = frozenset((*projects, *(one.path for one in artifacts), *mounts.mount_points()))
    by_root: dict[str, list[tuple[str, str | None]]] = {}
    for project in sorted(_shared(projects)):
        one = projects[project]
        by_root.setdefault(one.candidate.root, []).append((project, one.evidence.repository))
    found: dict[str, OwnUse] = {}
    for root, some in by_root.items():
        done = 0
        with contextlib.suppress(Unanswered):
            while done < len(some):
                with scheduler.silence.asking(root):
                    uses = await scheduler.call(_ask_own_uses, some[done:], passed)
                found.update(zip((project for project, _ in some[done:]), uses, strict=False))
                done += len(uses)
    return found


def _shared(projects: Mapping[str, Artifact]) -> Iterator[str]:
    """Give the projects that another one lies in, or another one lies in the same working tree as."""
    ordered = sorted(projects, key=lambda path: os.path.join(path, ""))
    around = {
        one for one, after in itertools.pairwise(ordered) if after.startswith(os.path.join(one, ""))
    }
    trees = Counter(one.evidence.repository for one in projects.values())
    for project, one in projects.items():
        tree = one.evidence.repository
        if project in around or (tree is not None and trees[tree] > 1):
            yield project


def _ask_own_uses(
    projects: Sequence[tuple[str, str | None]], passed: Collection[str]
) -> list[OwnUse]:
    """Return the answers for as many *projects*, each with its working tree, as a second is enough for, or for one."""
    end = time.monotonic() + _SECONDS
    cache = StatCache(mounts.mount_points())
    activity: dict[str, int] = {}
    uses: list[OwnUse] = []
    for project, tree in projects:
        if uses and time.monotonic() > end:
            break
        edited = newest_of_its_own(project, passed)
        if tree is not None and tree not in activity:
            try:
                activity[tree] = last_git_activity(tree, cache)
            except OSError:
                activity[tree] = UNKNOWN_USE
        uses.append(OwnUse(max(edited, activity[tree] if tree is not None else 0), edited))
    return uses


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
