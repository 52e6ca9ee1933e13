"""What interrupted runs left: recognised by the journal and by identity, never by a name alone."""

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cleanup_nodemodule import journal, lock, state
from cleanup_nodemodule.journal import Ending, Entry, Journal
from cleanup_nodemodule.model import Candidate, Identity, Leftover, Problem

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
class Unfinished:
    """Everything that interrupted runs of this user have not finished."""

    leftovers: tuple[Leftover, ...]
    settled: tuple[Settled, ...]
    faults: tuple[journal.Fault, ...]
    """What of the journal could not be read."""

    @property
    def to_finish(self) -> tuple[Leftover, ...]:
        """What can be deleted now."""
        return tuple(one for one in self.leftovers if not one.at_work and not one.problems)


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
    working = _at_work(directory)
    leftovers: list[Leftover] = []
    for candidate in candidates:
        entry = known.get(candidate.name)
        if entry is None or entry.intent.identity != candidate.identity or candidate.mounted:
            leftovers.append(Leftover(candidate, None, None, None))
        else:
            leftovers.append(_leftover(entry, candidate, working))
    return tuple(leftovers)


def unfinished(directory: str, roots: Sequence[str] = ("/",)) -> Unfinished:
    """Return what the journal in the state directory has no end of, beneath *roots*.

    Raises StateError.
    """

    def wanted(entry: Entry) -> bool:
        if not entry.unfinished and not entry.left_staged:
            return False
        path = entry.intent.path
        return any(path.startswith(os.path.join(root, "")) for root in roots)

    history = journal.read(directory, wanted=wanted)
    working = _at_work(directory)
    leftovers: list[Leftover] = []
    settled: list[Settled] = []
    for entry in history.entries:
        if not _is_ours(entry, history):
            continue
        place = entry.intent.staged or entry.intent.path
        try:
            found = os.lstat(place)
        except OSError as error:
            # Where the file system is not mounted now, nothing is gone.
            if error.errno not in _GONE or not _same_file_system(entry):
                leftovers.append(_unreachable(entry, place, error.errno or errno.EIO, working))
            elif entry.run not in working:
                settled.append(_settle(entry))
            continue
        same = stat.S_ISDIR(found.st_mode) and (found.st_dev, found.st_ino) == entry.intent.identity
        if entry.intent.staged is None:
            if entry.run not in working:
                settled.append(_settle_in_place(entry, same=same))
        elif same:
            candidate = Candidate(place, os.path.dirname(place), entry.intent.identity, False)  # noqa: FBT003 - a mount point has another identity
            leftovers.append(_leftover(entry, candidate, working))
        else:
            leftovers.append(_unreachable(entry, place, errno.ESTALE, working))
    return Unfinished(tuple(leftovers), tuple(settled), history.faults)


def settle(settled: Iterable[Settled], records: Journal) -> None:
    """Write down what has become of deletions whose run could not say."""
    for one in settled:
        records.end(one.entry.number, one.ending, error=one.note, run=one.entry.run)


def _is_ours(entry: Entry, history: journal.History) -> bool:
    """Whether a run on this machine began it: on another the same path may be something else."""
    return history.runs[entry.run].host in {state.host_name(), ""}


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


def _at_work(directory: str) -> frozenset[str]:
    """Return the ids of the runs that are deleting now."""
    return frozenset(holder.run for holder in lock.held(directory))


def _leftover(entry: Entry, candidate: Candidate, working: frozenset[str]) -> Leftover:
    at_work = entry.run in working
    intent = entry.intent
    return Leftover(candidate, intent.path, entry.run, entry.number, at_work, owner=intent.owner)


def _unreachable(entry: Entry, place: str, number: int, working: frozenset[str]) -> Leftover:
    """Return what is not to be touched, with why."""
    doing = "recognise" if number == errno.ESTALE else "look at"
    candidate = Candidate(place, os.path.dirname(place), Identity(0, 0), False)  # noqa: FBT003 - as above
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
