"""How much space is free before and after, as the file systems themselves say.

Each file system is asked once, however many device numbers it has, and after it has written all that it holds back
(syncfs(2)): only then a number is worth anything. XFS gives inodes back in the background (fs/xfs/xfs_icache.c,
"Background Inode Inactivation"), and btrfs when a transaction is committed. So they are asked until they say the same
several times, for some seconds at most. What another machine or program answers for is asked once and not synced,
because that would have it write what others are at work on.
"""

import asyncio
import contextlib
import functools
import itertools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from cleanup_nodemodule.model import (
    Artifact,
    Difference,
    Leftover,
    Observed,
    Outcome,
    Removed,
    Result,
)
from cleanup_nodemodule.record.staged import PREFIX
from cleanup_nodemodule.system import open_files, space
from cleanup_nodemodule.system.space import Reading, Space
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_PATIENCE: Final = 5.0
"""Seconds that a file system may take until its free space is right, before the deletion and after it."""

_PAUSE: Final = 0.05
"""Seconds between two readings."""

_HURRY: Final = 0.2
"""Seconds for the one reading that is left when a run was told to stop."""

_ENOUGH: Final = 2
"""Readings in a row that have to agree, where as much has come back as was to."""

_MORE: Final = 6
"""The same where that is not so: it may be late."""

_SAME: Final = 16 * 1024
"""Bytes that make no difference between two readings, nor does a thousandth of what has come back."""

_NOTED: Final = 1 << 20
"""Bytes by which free space may differ from what was to come back, besides a fiftieth of that."""

_LOOK: Final = 1.0
"""Seconds that one answer may take when there is no more time, and that it may take to find out who has something open."""

_STEPS: Final = 4
_STEP: Final = 0.25
"""How often free space is looked at once more to see who else is at work, and the seconds in between."""

_WITH_SNAPSHOTS: Final = frozenset({"btrfs", "zfs", "bcachefs", "apfs"})


class FreeSpace:
    """The free space of the file systems that something is deleted on."""

    def __init__(self, artifacts: Sequence[Artifact], leftovers: Sequence[Leftover] = ()) -> None:
        """*artifacts* and *leftovers* are what is to be deleted."""
        candidates = [
            *(one.candidate for one in artifacts),
            *(one.candidate for one in leftovers),
        ]
        self._artifacts: Final = artifacts
        self._keys: Final[dict[str, str]] = {}
        """By the path of what is to be deleted, the key of its file system."""
        self._asked: dict[str, _Asked] = {}
        # The shortest path first: nothing that is deleted lies around it.
        for one in sorted(candidates, key=lambda one: (len(one.path), one.path)):
            found = space.space_of(one.path, one.identity.device)
            self._keys[one.path] = found.key
            if found.key not in self._asked:
                self._asked[found.key] = _Asked(found, os.path.dirname(one.path), one.root)

    async def before(self, scheduler: Scheduler) -> None:
        """Ask before anything is deleted."""
        asked = self._asked
        await asyncio.gather(*(one.before(scheduler) for one in asked.values()))
        for key, other in itertools.permutations(tuple(asked), 2):
            if asked[key].space.echoes and asked[key].is_of(asked[other]):
                # A layer and what lies beneath it, or two exports of one disk: it counts once.
                self._keys.update({path: other for path, its in self._keys.items() if its == key})
                asked[key] = asked[other]

    async def after(
        self, outcome: Outcome, leftovers: Iterable[Leftover], scheduler: Scheduler
    ) -> tuple[Observed, ...]:
        """Ask when all was deleted, and wait until the answer is right; say what came of it for each file system.

        Nothing is asked where nothing was deleted. A run that is told to stop does not wait. *leftovers* are those that were to be deleted, with what came of them.
        """
        counted = self._counted(outcome, leftovers)
        return tuple(
            await asyncio.gather(
                *(self._asked[key].after(one, scheduler) for key, one in counted.items())
            )
        )

    def _counted(self, outcome: Outcome, leftovers: Iterable[Leftover]) -> Mapping[str, "_Counted"]:
        """Return by the key of its file system what was deleted, for those where anything was."""
        by_path: dict[str, Result] = {one.artifact.path: one for one in outcome.results}
        found: dict[str, _Counted] = {}
        for artifact in self._artifacts:
            key = self._keys[artifact.path]
            one = found.setdefault(key, _Counted())
            one.add(artifact, by_path.get(artifact.path), linked=bool(outcome.plan.links))
        for leftover in leftovers:
            key = self._keys[leftover.candidate.path]
            exact = self._asked[key].space.prompt
            found.setdefault(key, _Counted()).add_leftover(leftover, exact=exact)
        return {key: one for key, one in found.items() if one.any}


class _Counted:
    """What was deleted on one file system, and what was to come back of it."""

    def __init__(self) -> None:
        self.any = False
        """Anything was deleted."""
        self.freed = 0
        self.counted = 0
        self._paths: set[str] = set()
        self._promised: int | None = 0
        self._at_most: int | None = 0

    def add(self, artifact: Artifact, result: Result | None, *, linked: bool) -> None:
        """Add an artifact with what came of it. With *linked*, some of the files in the plan have several links."""
        size = artifact.size
        if result is not None:
            self.counted += result.counted_bytes
        if isinstance(result, Removed) and not result.gone:
            self.any = True
            self._add(result.freed_bytes, size.reclaimable_bytes, size.reclaimable_at_most_bytes)
        else:
            freed = 0 if result is None else result.freed_bytes
            self.any = self.any or freed > 0
            self._add(freed, freed, freed)
            known = size.reclaimable_bytes == size.reclaimable_at_most_bytes
            if linked or size.shared_bytes or not known:
                # What others were to give back depends on this one.
                self._promised = self._at_most = None
        self._paths.add(artifact.path)

    def add_leftover(self, leftover: Leftover, *, exact: bool) -> None:
        """Add what an interrupted run had left, of which nobody has promised anything.

        It is *exact* where what files take comes back.
        """
        self.any = self.any or leftover.finished or leftover.freed_bytes > 0
        self.counted += leftover.freed_bytes
        self._add(leftover.freed_bytes, leftover.freed_bytes if exact else 0, leftover.freed_bytes)

    def _add(self, freed: int, promised: int, at_most: int) -> None:
        self.freed += freed
        if self._promised is not None and self._at_most is not None:
            self._promised += promised
            self._at_most += at_most

    @property
    def promised(self) -> int | None:
        return self._promised

    @property
    def at_most(self) -> int | None:
        return self._at_most

    def fits(self, grown: int) -> bool:
        """Whether so many bytes are neither less nor more than was to come back."""
        if self._promised is None or self._at_most is None:
            return False
        return self._promised <= grown <= self._at_most

    def missing(self, grown: int) -> int:
        """Return by how many bytes less has come back than was to, or (negative) by how many more; 0 if it fits.

        A fiftieth and a mebibyte are nothing.
        """
        if self._promised is None or self._at_most is None:
            return 0
        least = self._promised - max(self._promised // 50, _NOTED)
        most = self._at_most + max(self._at_most // 50, _NOTED)
        if grown < least:
            return self._promised - grown
        return self._at_most - grown if grown > most else 0

    def was_ours(self, path: str) -> bool:
        """Whether what had this absolute *path* before it was deleted was in one of the artifacts."""
        around, staged, _ = path.partition(f"/{PREFIX}")
        if staged:
            return around in {os.path.dirname(one) for one in self._paths}
        return any(above in self._paths for above in _upwards(path))


def _upwards(path: str) -> Iterator[str]:
    while (above := os.path.dirname(path)) != path:
        yield above
        path = above


class _Answer(NamedTuple):
    """What a file system said in the end."""

    reading: Reading | None
    settled: bool


class _Asked:
    """One file system, and what it said before."""

    def __init__(self, of: Space, place: str, root: str) -> None:
        """*place* is an absolute path there that stays, and *root* the root of the run that it is about."""
        self.space: Final = of
        self._place: Final = place
        self._root: Final = root
        self.first: Reading | None = None
        """What it said before; None if it did not answer."""

    def is_of(self, other: "_Asked") -> bool:
        """Whether it has the same free space as another one."""
        if self is other or self.first is None or other.first is None:
            return False
        return self.first.is_of(other.first)

    async def before(self, scheduler: Scheduler) -> None:
        with contextlib.suppress(Stopped):
            self.first = (await self._read(scheduler, _PATIENCE)).reading

    async def after(self, counted: _Counted, scheduler: Scheduler) -> Observed:
        found = Observed(
            self.space.point,
            self.space.kind or None,
            None if self.first is None else self.first.free,
            None,
            settled=False,
            freed_bytes=counted.freed,
            counted_bytes=counted.counted,
            promised_bytes=counted.promised,
            at_most_bytes=counted.at_most,
        )
        if self.first is None:
            return found
        answer = await self._settled(self.first, counted, scheduler)
        if answer.reading is None:
            return found
        found = replace(found, after_bytes=answer.reading.free, settled=answer.settled)
        missing = counted.missing(answer.reading.free - self.first.free)
        if not missing or scheduler.stopped:
            return found
        return await self._explained(found, counted, missing, scheduler)

    async def _settled(self, before: Reading, counted: _Counted, scheduler: Scheduler) -> _Answer:
        """Ask until the answer is right, or there is no more time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _limited(_PATIENCE, scheduler.timeout)
        answer = _Answer(None, settled=False)
        alike = 0
        try:
            while True:
                last, answer = answer, await self._read(scheduler, max(end - loop.time(), _LOOK))
                reading = answer.reading
                if reading is None or not answer.settled or self.space.prompt or self.space.silent:
                    return answer
                grown = reading.free - before.free
                same = last.reading and abs(reading.free - last.reading.free) <= max(
                    _SAME, abs(grown) // 1000
                )
                alike = alike + 1 if same else 1
                if alike >= (_ENOUGH if counted.fits(grown) else _MORE):
                    return answer
                if loop.time() >= end:
                    return answer._replace(settled=False)
                await scheduler.unless_stopped(asyncio.sleep(_PAUSE))
        except Stopped:
            if answer.reading is None and not self.space.silent:
                with contextlib.suppress(TimeoutError):
                    read = scheduler.aside(space.read, self._place, False)  # noqa: FBT003 - the executor takes no keywords
                    answer = _Answer(await asyncio.wait_for(read, _HURRY), settled=False)
            return answer._replace(settled=False)

    async def _read(self, scheduler: Scheduler, seconds: float) -> _Answer:
        """Ask once, for some *seconds* at most; if it cannot be synced in that time, without. Raises Stopped."""
        if scheduler.stopped:
            raise Stopped
        if self._root in scheduler.silence:
            return _Answer(None, settled=False)
        if self.space.silent:
            try:
                with scheduler.silence.asking(self._root):
                    found = await scheduler.call(space.read, self._place, False)  # noqa: FBT003 - as above
            except (Unanswered, OSError):
                found = None
            return _Answer(found, settled=found is not None)
        for sync in (True, False):
            asking = scheduler.aside(space.read, self._place, sync)
            with contextlib.suppress(Unanswered):
                found = await scheduler.unless_stopped(asking, _limited(seconds, scheduler.timeout))
                return _Answer(found, settled=sync and found is not None)
        return _Answer(None, settled=False)

    async def _explained(
        self, found: Observed, counted: _Counted, missing: int, scheduler: Scheduler
    ) -> Observed:
        """Add the likely reason why so many bytes are *missing*, or (negative) are more than was to come."""
        kind, silent = self.space.kind, self.space.silent
        with contextlib.suppress(Stopped):
            held = await self._held(counted, scheduler) if missing > 0 and not silent else None
            if held is not None and (not held.size or held.size >= missing // 2):
                return replace(
                    found,
                    difference=Difference.HELD_OPEN,
                    difference_by=held.process
                    + (f" and {held.others:,} more" if held.others else ""),
                    difference_bytes=held.size or None,
                )
            steps = await self._steps(found, scheduler)
            moved = sum(map(abs, steps))
            # What only grows, and did not stop to before, is most likely what was deleted.
            late = missing > 0 and not found.settled and all(step >= 0 for step in steps)
            if not late and moved > max(_SAME, abs(missing) // 1000):
                return replace(found, difference=Difference.OTHERS_AT_WORK, difference_bytes=moved)
        if not found.settled and missing > 0 and not silent:
            return replace(found, difference=Difference.UNSETTLED)
        if missing > 0 and kind == "overlay":
            return replace(found, difference=Difference.LOWER_LAYERS)
        if missing > 0 and kind in _WITH_SNAPSHOTS:
            return replace(found, difference=Difference.SNAPSHOT)
        return replace(found, difference=Difference.OTHERS)

    async def _held(self, counted: _Counted, scheduler: Scheduler) -> open_files.Held | None:
        """Return who has some of it open. Raises Stopped."""
        look = functools.partial(open_files.held, counted.was_ours, _LOOK)
        with contextlib.suppress(Unanswered):
            return await scheduler.unless_stopped(scheduler.aside(look), 2 * _LOOK)
        return None

    async def _steps(self, found: Observed, scheduler: Scheduler) -> list[int]:
        """Return by how many bytes free space goes on to grow, several times in about a second."""
        last = found.after_bytes or 0
        steps: list[int] = []
        for _ in range(_STEPS):
            await scheduler.unless_stopped(asyncio.sleep(_STEP))
            reading = (await self._read(scheduler, _LOOK)).reading
            if reading is None:
                break
            steps.append(reading.free - last)
            last = reading.free
        return steps


def _limited(seconds: float, timeout: float | None) -> float:
    """Return so many *seconds*, but never more than the *timeout*."""
    return min(seconds, math.inf if timeout is None else timeout)
