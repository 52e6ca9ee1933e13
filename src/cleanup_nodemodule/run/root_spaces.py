"""The space of the file systems that the roots of a run lie on, when it begins and when it ends.

Unlike ``delete/free_space.py`` it is about each run, also one that deletes nothing, and it may be a little off: nothing is
synced, and nobody waits until free space is right. A file system that does not answer soon has no numbers.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from cleanup_nodemodule.report.finished import RootSpace
from cleanup_nodemodule.system import mounts, space
from cleanup_nodemodule.system.file_systems import FileSystems
from cleanup_nodemodule.work.conversion import everywhere
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

if TYPE_CHECKING:
    from cleanup_nodemodule.run.loop import Crew, Runtime
    from cleanup_nodemodule.work.scheduler import Scheduler

_MANY: Final = 256
"""Roots beyond which nothing is asked of the others."""

_PATIENCE: Final = 2.0
"""Seconds that one file system may take."""


class _Answer(NamedTuple):
    """What is known of the file system of a root."""

    space: space.Space
    name: str
    reading: space.Reading | None


class RootSpaces:
    """Asks the file systems of the roots, each once when the run begins and once when it ends."""

    def __init__(self, runtime: "Runtime", crew: "Crew") -> None:
        """Have the workers of a *crew* that suits the roots ask."""
        self._runtime: Final = runtime
        self._crew: Final = crew
        self._before: dict[str, _Answer] = {}
        """By the key of the file system."""

    async def before(self, roots: Sequence[str]) -> None:
        """Ask when the run begins; *roots* are paths as the user gave them."""
        with suppress(OSError):  # Without a current directory it is no place: the search says so.
            answers = await self._ask([everywhere(root) for root in roots[:_MANY]])
            self._before = {one.space.key: one for one in answers.values()}

    async def after(self, roots: Sequence[str]) -> tuple[RootSpace, ...]:
        """Ask when it ends, and return what is known of the *roots*, absolute paths."""
        answers = await self._ask(roots[:_MANY])
        found: list[RootSpace] = []
        for root, now in answers.items():
            before = self._before.get(now.space.key)
            first = None if before is None else before.reading
            told = now.reading or first
            found.append(
                RootSpace(
                    root,
                    now.name,
                    now.space.point,
                    now.space.kind,
                    None if told is None else told.total,
                    None if first is None else first.free,
                    None if now.reading is None else now.reading.free,
                )
            )
        return tuple(found)

    async def _ask(self, roots: Sequence[str]) -> dict[str, _Answer]:
        """Return by root what its file system says; one that several roots lie on is asked once."""
        kinds = mounts.mounted()
        found: dict[str, _Answer] = {}
        known: dict[str, _Answer] = {}
        with self._runtime.reading(self._crew.executor, self._crew.readers) as scheduler:
            for root in dict.fromkeys(roots):
                place, silent = mounts.resolve(root, kinds)
                point = mounts.mount_point_of(place, kinds)
                if (answer := known.get(point)) is None:
                    answer = known[point] = await self._answer(
                        root, place, scheduler, silent=silent
                    )
                found[root] = answer
        return found

    async def _answer(
        self, root: str, place: str, scheduler: "Scheduler", *, silent: bool
    ) -> _Answer:
        """Ask about one root, which leads to *place*; it is *silent* if it may not answer."""
        told: tuple[int, str | None, space.Reading | None] | None = None
        if not scheduler.stopped and root not in scheduler.silence:
            seconds = _PATIENCE if scheduler.timeout is None else min(_PATIENCE, scheduler.timeout)
            asking = scheduler.call(look, place) if silent else scheduler.aside(look, place)
            with suppress(Unanswered, Stopped, OSError):
                told = await scheduler.unless_stopped(asking, seconds)
        device, name, reading = told or (0, None, None)
        of = space.space_of(place, device)
        return _Answer(of, name or f"{of.kind or 'unknown'}:{of.point}", reading)


def look(place: str) -> tuple[int, str | None, space.Reading | None]:
    """Return the device number of a directory, what names its file system, and what that has free.

    May take as long as the disk does.
    """
    try:
        device = os.stat(place).st_dev
    except OSError:
        return 0, None, None
    return device, FileSystems().name_of(device, place, place), _reading(place)


def _reading(place: str) -> space.Reading | None:
    """Return what the file system of a directory has free for users other than root, as df(1) says it."""
    if not hasattr(os, "statvfs"):
        return None
    try:
        status = os.statvfs(place)
    except OSError:
        return None
    return space.Reading(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)
