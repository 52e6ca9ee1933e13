"""What interrupted runs left: recognised by the journal and by identity, never by a name alone."""

import asyncio
import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cleanup_nodemodule.model import Candidate, Leftover, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import alive, identity, lock, mark, read
from cleanup_nodemodule.record.endings import (
    GONE,
    Concluded,
    Open,
    conclude,
    leftover_of,
    staged_name,
    still_in_place,
    unreachable,
)
from cleanup_nodemodule.record.entries import Ending, Entry, Fault, Intent
from cleanup_nodemodule.record.identity import Being
from cleanup_nodemodule.system.mounts import mount_point_of, mount_points
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_SURE_ONLY_BY_BIRTH: Final = frozenset(
    {Ending.DELETED, Ending.GONE, Ending.NOT_BEGUN, Ending.FORGOTTEN}
)
"""Ends after which nothing should be left: if the very directory is there all the same, the disk has lost what
was done, as without power, or it had been moved out of sight. By its inode alone it could be another one."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What the journal has no end of."""

    entries: tuple[Open, ...]
    faults: tuple[Fault, ...]
    """What of the journal could not be read."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where each of it would be."""
        return tuple(one.place for one in self.entries)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Everything that interrupted runs of this user have not finished."""

    leftovers: tuple[Leftover, ...]
    concluded: tuple[Concluded, ...]
    faults: tuple[Fault, ...]
    """What of the journal could not be read."""

    @property
    def to_finish(self) -> tuple[Leftover, ...]:
        """What can be deleted now."""
        return tuple(one for one in self.leftovers if one.to_finish)

    @property
    def silent(self) -> tuple[Leftover, ...]:
        """What lies on a disk that does not answer."""
        return tuple(
            one
            for one in self.leftovers
            if any(problem.code is ProblemCode.LOOK_AT_UNANSWERED for problem in one.problems)
        )

    @property
    def in_place(self) -> tuple[Leftover, ...]:
        """What was being deleted where it is, and is there in part."""
        return tuple(one for one in self.leftovers if one.candidate.path == one.original)


async def recognise(
    candidates: Sequence[Candidate], directory: str, scheduler: Scheduler
) -> tuple[Leftover, ...]:
    """Tell which directories that a search met are what this user's runs left.

    *candidates* have a name that only this program gives; *directory* is the state directory. Each is
    recognised wherever it is now: by its name, a random number, and by what makes it that very directory.
    What neither the journal nor a mark knows is nobody's to delete. Raises StateError.
    """
    if not candidates:
        return ()
    names = {candidate.name for candidate in candidates}
    history = read.read(directory, wanted=lambda entry: staged_name(entry) in names)
    known: dict[str | None, list[Entry]] = {}
    for entry in history.entries:
        if history.runs[entry.run].is_ours:
            known.setdefault(staged_name(entry), []).append(entry)
    found: list[Leftover] = []
    for candidate in candidates:
        nobody = Leftover(candidate, None, None, None)
        try:
            being, _ = await scheduler.call(identity.seen, candidate.path)
            if candidate.mounted or being is None or being.identity != candidate.identity:
                found.append(nobody)
            elif candidate.name in known:
                fitting = [one for one in known[candidate.name] if _is_left(one, being)]
                found.append(leftover_of(fitting[-1], candidate) if fitting else nobody)
            else:
                found.append(await _marked(candidate, being, scheduler) or nobody)
        except Unanswered:
            problem = Problem(candidate.path, ProblemCode.LOOK_AT_UNANSWERED)
            found.append(replace(nobody, problems=(problem,)))
        except (Stopped, OSError):
            found.append(nobody)
    working = at_work(directory, {one.run for one in found if one.run is not None})
    return tuple(
        replace(one, at_work=one.at_work or one.run in working) if one.run else one for one in found
    )


async def _marked(candidate: Candidate, being: Being, scheduler: Scheduler) -> Leftover | None:
    """Return what the journal has no record of, if it bears a mark that can be believed."""
    found = await scheduler.call(mark.believed, candidate.path)
    if found is None:
        return None
    original = os.path.join(os.path.dirname(candidate.path), found.name)
    return Leftover(
        *(candidate, original, found.run, found.number, found.is_alive),
        owner=being.owner,
        allocated_bytes=found.allocated_bytes,
        unrecorded=True,
    )


def _is_left(entry: Entry, being: Being) -> bool:
    """Whether *being* is what *entry* is about, and is to be deleted yet."""
    if not entry.intent.is_of(being):
        return False
    if entry.unfinished or entry.left_staged:
        return True
    sure = entry.intent.birth_ns and being.birth_ns
    return bool(sure) and entry.end is not None and entry.end.ending in _SURE_ONLY_BY_BIRTH


def begun(directory: str, roots: Sequence[str] | None = None) -> Begun:
    """Return what the journal in the state directory has no end of.

    With *roots* only what lies beneath these and on their file systems, as a search sees no others.
    Raises StateError.
    """
    mounts = mount_points() if roots else ()
    around = [(os.path.join(root, ""), mount_point_of(root, mounts)) for root in roots or ()]

    def wanted(entry: Entry) -> bool:
        if not entry.unfinished and not entry.left_staged:
            return False
        path = entry.intent.path
        return roots is None or any(
            path.startswith(beneath) and mount_point_of(path, mounts) == mount
            for beneath, mount in around
        )

    history = read.read(directory, wanted=wanted)
    entries = [entry for entry in history.entries if history.runs[entry.run].is_ours]
    working = at_work(directory, (entry.run for entry in entries))
    return Begun(
        tuple(
            Open(
                entry,
                entry.run in working,
                history.runs[entry.run].mode == "trash",
            )
            for entry in entries
        ),
        history.faults,
    )


async def ask_disks(begun: Begun, scheduler: Scheduler) -> Unfinished:
    """Ask the disks where everything is that was begun.

    A disk that does not answer within the scheduler's timeout is asked nothing more, and does not
    keep the others waiting: what is on it cannot be looked at, and its mount point becomes silent. When the scheduler is stopped, what is not known by then is left out.
    """
    mounts = mount_points()
    numbers: dict[str, list[int]] = {}
    for number, place in enumerate(begun.places):
        numbers.setdefault(mount_point_of(place, mounts), []).append(number)
    found: dict[int, Leftover | Concluded | None] = {}

    async def ask(mount: str) -> None:
        for number in numbers[mount]:
            one = begun.entries[number]
            try:
                with scheduler.silence.asking_mount(mount):
                    found[number] = await scheduler.call(_ask_disk, one)
            except Stopped:
                return
            except Unanswered:
                found[number] = unreachable(one, ProblemCode.LOOK_AT_UNANSWERED)
            except OSError as error:
                found[number] = unreachable(one, _code_of(error), error.errno)

    await asyncio.gather(*(ask(mount) for mount in numbers))
    rows = [found[number] for number in sorted(found)]
    return Unfinished(
        tuple(row for row in rows if isinstance(row, Leftover)),
        tuple(row for row in rows if isinstance(row, Concluded)),
        begun.faults,
    )


def _ask_disk(one: Open) -> Leftover | Concluded | None:
    """Ask the disk about one; None if it is for the run that is at work with it to say.

    That it is gone is said only where the very directory is still there that it was in. Raises OSError.
    """
    intent = one.entry.intent
    try:
        being, around = identity.seen(one.place)
    except OSError as error:
        if error.errno not in GONE:
            raise
        being = around = None
    if being is not None and intent.is_of(being):
        if intent.staged is None:
            return None if one.at_work else still_in_place(one)
        place = one.place
        candidate = Candidate(place, os.path.dirname(place), being.identity, mounted=False)
        return leftover_of(one.entry, candidate, at_work=one.at_work)
    if one.at_work:
        return None
    if one.entry.waiting:
        return Concluded(one.entry, Ending.NOT_BEGUN, "the run was ended before its turn")
    if being is not None and intent.staged is not None:
        return unreachable(one, ProblemCode.REPLACED)
    if around is None or not _held(intent, around):
        return unreachable(one, ProblemCode.LOST)
    if intent.staged is None:
        note = "the run was ended in the middle; it is gone now"
        return Concluded(one.entry, Ending.GONE, note)
    return conclude(one.entry)


def _held(intent: Intent, around: Being) -> bool:
    """Whether it is *around* that it was in, as far as that was written down."""
    known = intent.is_around(around)
    return around.device == intent.device if known is None else known


def at_work(directory: str, runs: Iterable[str]) -> frozenset[str]:
    """Return the ids of the runs that are deleting now, of these *runs* even those without a lock.

    These began on a full disk (:attr:`cleanup_nodemodule.record.lock.Held.alone`). Raises StateError.
    """
    holding = frozenset(holder.run for holder in lock.held(directory))
    return holding | alive.writing(directory, set(runs) - holding)


def _code_of(error: OSError) -> ProblemCode:
    """Return what to say where a disk said *error*; a network file system may be what gives up (nfs(5))."""
    silent = error.errno == errno.ETIMEDOUT
    return ProblemCode.LOOK_AT_UNANSWERED if silent else ProblemCode.LOOK_AT
