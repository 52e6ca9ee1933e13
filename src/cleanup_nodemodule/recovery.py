"""What interrupted runs left: recognised by the journal and by identity, never by a name alone."""

import asyncio
import errno
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cleanup_nodemodule import journal, lock, protections, state
from cleanup_nodemodule.journal import Ending, Entry, Journal
from cleanup_nodemodule.model import Candidate, Identity, Leftover, Problem
from cleanup_nodemodule.scheduler import Scheduler, Stopped, Unanswered

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Settled:
    """A deletion that nothing is left to do for, though its run could not say so."""

    entry: Entry
    ending: Ending
    note: str

    @property
    def name(self) -> str | None:
        """The name it was renamed to, if it was."""
        return _staged_name(self.entry)


@dataclass(frozen=True, slots=True)
class Begun:
    """What the journal has no end of. No disk has been asked about it yet."""

    entries: tuple[Entry, ...]
    working: frozenset[str]
    """Ids of the runs that are deleting now."""
    faults: tuple[journal.Fault, ...]
    """What of the journal could not be read."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where each of it would be."""
        return tuple(_place_of(entry) for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Everything that interrupted runs of this user have not finished."""

    leftovers: tuple[Leftover, ...]
    settled: tuple[Settled, ...]
    faults: tuple[journal.Fault, ...]
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
            if any(problem.errno == errno.ETIMEDOUT for problem in one.problems)
        )


def recognise(candidates: Sequence[Candidate], directory: str) -> tuple[Leftover, ...]:
    """Tell which directories that a search met are what this user's runs left.

    *candidates* have a name that only this program gives; *directory* is the state directory. What
    the journal does not know, or knows as another directory, is nobody's to delete. Raises StateError.
    """
    if not candidates:
        return ()
    names = {candidate.name for candidate in candidates}
    history = journal.read(directory, wanted=lambda entry: _staged_name(entry) in names)
    # By the name alone, which is a random number: the project may have been moved since.
    known = {
        _staged_name(entry): entry
        for entry in history.unfinished(failed=True)
        if _is_ours(entry, history)
    }
    working = at_work(directory, (entry.run for entry in known.values()))
    leftovers: list[Leftover] = []
    for candidate in candidates:
        entry = known.get(candidate.name)
        if entry is None or entry.intent.identity != candidate.identity or candidate.mounted:
            leftovers.append(Leftover(candidate, None, None, None))
        else:
            leftovers.append(_leftover(entry, candidate, working))
    return tuple(leftovers)


def begun(directory: str, roots: Sequence[str] | None = None) -> Begun:
    """Return what the journal in the state directory has no end of.

    With *roots* only what lies beneath these and on their file systems, as a search sees no others.
    Raises StateError.
    """
    mounts = protections.mount_points() if roots else ()
    around = [
        (os.path.join(root, ""), protections.mount_point_of(root, mounts)) for root in roots or ()
    ]

    def wanted(entry: Entry) -> bool:
        if not entry.unfinished and not entry.left_staged:
            return False
        path = entry.intent.path
        return roots is None or any(
            path.startswith(beneath) and protections.mount_point_of(path, mounts) == mount
            for beneath, mount in around
        )

    history = journal.read(directory, wanted=wanted)
    entries = tuple(entry for entry in history.entries if _is_ours(entry, history))
    working = at_work(directory, (entry.run for entry in entries))
    return Begun(entries, working, history.faults)


async def look(begun: Begun, scheduler: Scheduler, silent: set[str]) -> Unfinished:
    """Ask the disks where everything is that was begun.

    A disk that does not answer within the scheduler's patience is asked nothing more, and does not
    keep the others waiting: what is on it cannot be looked at, and its mount point becomes one of those
    that are *silent*. When the scheduler is stopped, what is not known by then is left out.
    """
    mounts = protections.mount_points()
    numbers: dict[str, list[int]] = {}
    for number, place in enumerate(begun.places):
        numbers.setdefault(protections.mount_point_of(place, mounts), []).append(number)
    found: dict[int, Leftover | Settled | None] = {}

    async def ask(mount: str) -> None:
        for number in numbers[mount]:
            entry = begun.entries[number]
            try:
                if mount in silent:
                    raise Unanswered
                found[number] = await scheduler.call(_look, entry, begun.working)
            except Stopped:
                return
            except Unanswered:
                silent.add(mount)
                found[number] = _unreachable(entry, errno.ETIMEDOUT, begun.working)
            except OSError as error:
                found[number] = _unreachable(entry, error.errno or errno.EIO, begun.working)

    await asyncio.gather(*(ask(mount) for mount in numbers))
    rows = [found[number] for number in sorted(found)]
    return Unfinished(
        tuple(row for row in rows if isinstance(row, Leftover)),
        tuple(row for row in rows if isinstance(row, Settled)),
        begun.faults,
    )


def _look(entry: Entry, working: frozenset[str]) -> Leftover | Settled | None:
    """Ask the disk about one; None if it is for the run that is at work with it to say."""
    place = _place_of(entry)
    try:
        found = os.lstat(place)
    except OSError as error:
        # Where the file system is not mounted now, nothing is gone.
        if error.errno not in _GONE or not _same_file_system(entry):
            return _unreachable(entry, error.errno or errno.EIO, working)
        return None if entry.run in working else _settle(entry)
    same = stat.S_ISDIR(found.st_mode) and (found.st_dev, found.st_ino) == entry.intent.identity
    if entry.intent.staged is None:
        return None if entry.run in working else _settle_in_place(entry, same=same)
    if not same:
        return _unreachable(entry, errno.ESTALE, working)
    candidate = Candidate(place, os.path.dirname(place), entry.intent.identity, mounted=False)
    return _leftover(entry, candidate, working)


def settle(settled: Iterable[Settled], records: Journal) -> None:
    """Write down what has become of deletions whose run could not say."""
    for one in settled:
        records.end(one.entry.number, one.ending, error=one.note, run=one.entry.run)


def _is_ours(entry: Entry, history: journal.History) -> bool:
    """Whether a run on this machine began it: on another the same path may be something else."""
    return history.runs[entry.run].host in {state.host_name(), ""}


def _place_of(entry: Entry) -> str:
    """Return the path that it has, unless its turn did not come or is over."""
    return entry.intent.staged or entry.intent.path


def _staged_name(entry: Entry) -> str | None:
    staged = entry.intent.staged
    return None if staged is None else os.path.basename(staged)


def _same_file_system(entry: Entry) -> bool:
    """Whether the file system is there that held what was to be deleted."""
    directory = os.path.dirname(entry.intent.path)
    while True:
        try:
            return os.stat(directory).st_dev == entry.intent.device
        except OSError:
            above = os.path.dirname(directory)
            if above == directory:
                return False
            directory = above


def at_work(directory: str, runs: Iterable[str]) -> frozenset[str]:
    """Return the ids of the runs that are deleting now, of these *runs* even those without a lock.

    These began on a full disk (:attr:`cleanup_nodemodule.lock.Held.alone`). Raises StateError.
    """
    holding = frozenset(holder.run for holder in lock.held(directory))
    return holding | journal.writing(directory, set(runs) - holding)


def _leftover(entry: Entry, candidate: Candidate, working: frozenset[str]) -> Leftover:
    at_work = entry.run in working
    intent = entry.intent
    freed = 0 if entry.end is None else entry.end.freed_bytes
    return Leftover(
        candidate,
        intent.path,
        entry.run,
        entry.number,
        at_work,
        owner=intent.owner,
        allocated_bytes=max(0, intent.allocated_bytes - freed),
    )


def _unreachable(entry: Entry, number: int, working: frozenset[str]) -> Leftover:
    """Return what is not to be touched, with why."""
    place = _place_of(entry)
    doing = "recognise" if number == errno.ESTALE else "look at"
    candidate = Candidate(place, os.path.dirname(place), Identity(0, 0), mounted=False)
    leftover = _leftover(entry, candidate, working)
    return replace(leftover, problems=(Problem(place, number, doing),))


def _settle(entry: Entry) -> Settled:
    """Tell what became of something whose place is empty."""
    intent = entry.intent
    try:
        found = os.lstat(intent.path)
    except OSError:
        found = None
    # A directory made since may have its inode number; but what was put back was not written to.
    if (
        found is not None
        and (found.st_dev, found.st_ino) == intent.identity
        and (found.st_ctime_ns == intent.changed_ns or found.st_mtime < entry.began_at)
    ):
        return Settled(entry, Ending.KEPT, "the run was ended before its turn")
    if intent.staged is None:
        return Settled(entry, Ending.GONE, "the run was ended in the middle; it is gone now")
    if not os.path.lexists(os.path.dirname(intent.path)):
        note = "the run was ended in the middle; the directory around it is gone, or was moved"
        return Settled(entry, Ending.GONE, note)
    return Settled(
        entry, Ending.DELETED, "the run was ended before it could write down how much that freed"
    )


def _settle_in_place(entry: Entry, *, same: bool) -> Settled:
    """Tell what became of something that was to be deleted, or moved to the trash, in its place."""
    if not same:
        return Settled(entry, Ending.GONE, "the run was ended in the middle; it is gone now")
    note = "the run was ended in the middle; what is left of it is in its place"
    return Settled(entry, Ending.FAILED, note)
