"""What became of a deletion whose run could not say so, and how that is written down."""

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from cleanup_nodemodule.model import Candidate, Identity, Leftover, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import identity
from cleanup_nodemodule.record.entries import Ending, Entry
from cleanup_nodemodule.record.write import Journal

GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Concluded:
    """A deletion that nothing is left to do for, though its run could not say so."""

    entry: Entry
    ending: Ending
    note: str

    @property
    def name(self) -> str | None:
        """The name it was renamed to, if it was."""
        return staged_name(self.entry)


@dataclass(frozen=True, slots=True)
class Open:
    """A deletion that the journal has no end of. No disk has been asked about it yet."""

    entry: Entry
    at_work: bool
    """Its run is deleting now."""
    trashing: bool
    """It was to be moved to the trash."""

    @property
    def place(self) -> str:
        """The path that it has, unless its turn did not come or is over."""
        return self.entry.intent.staged or self.entry.intent.path


def record_ends(concluded: Iterable[Concluded], records: Journal) -> None:
    """Write down what has become of deletions whose run could not say."""
    for one in concluded:
        records.end(one.entry.number, one.ending, error=one.note, run=one.entry.run)


def forget(leftovers: Iterable[Leftover], records: Journal) -> None:
    """Write down that nobody wants to hear of these any more."""
    for one in leftovers:
        if one.run is not None and one.number is not None:
            note = "it could not be reached, and was to be forgotten"
            records.end(one.number, Ending.FORGOTTEN, error=note, run=one.run)


def staged_name(entry: Entry) -> str | None:
    """Return the name that the artifact was to be renamed to, None if it was to keep its own."""
    staged = entry.intent.staged
    return None if staged is None else os.path.basename(staged)


def leftover_of(entry: Entry, candidate: Candidate, *, at_work: bool = False) -> Leftover:
    """Return what is left of a deletion, as the journal has it, with where it is now."""
    intent, end = entry.intent, entry.end
    freed = 0 if end is None else end.freed_bytes
    failed = end is not None and end.ending is Ending.FAILED
    return Leftover(
        candidate,
        intent.path,
        entry.run,
        entry.number,
        at_work,
        owner=intent.owner,
        allocated_bytes=max(0, intent.allocated_bytes - freed),
        earlier=end.error if end is not None and failed else None,
    )


def unreachable(one: Open, code: ProblemCode, number: int | None = None) -> Leftover:
    """Return what is not to be touched, with why."""
    forget = f"cleanup-nodemodule resume --forget {_word(one.entry.intent.path)}"
    message = None
    if code is ProblemCode.LOST:
        message = (
            "the directory around it was moved or deleted, or its disk is not mounted. If it was moved, a"
            " run that deletes there finishes it: cleanup-nodemodule -p DIRECTORY --no-dry-run. To stop"
            f" hearing of it: {forget}"
        )
    elif code is ProblemCode.REPLACED:
        message = (
            "another directory is in its place, which is left alone. If what was left is elsewhere, a run"
            " that deletes there finishes it: cleanup-nodemodule -p DIRECTORY --no-dry-run. To stop"
            f" hearing of it: {forget}"
        )
    return _kept(one, Problem(one.place, code, number, message))


def _kept(one: Open, problem: Problem) -> Leftover:
    place = one.place
    candidate = Candidate(place, os.path.dirname(place), Identity(0, 0), mounted=False)
    leftover = leftover_of(one.entry, candidate, at_work=one.at_work)
    return replace(leftover, problems=(problem,))


def _word(path: str) -> str:
    """Return *path* as a word for a shell that is fit for showing; only ``PATH`` where it is not."""
    import shlex  # noqa: PLC0415 - seldom needed

    return shlex.quote(path) if path.isprintable() else "PATH"


def conclude(entry: Entry) -> Concluded:
    """Tell what became of something whose place is empty."""
    intent = entry.intent
    try:
        found, _ = identity.seen(intent.path)
    except OSError:
        found = None
    if found is not None and intent.is_of(found):
        born = intent.birth_ns and found.birth_ns
        # Without that, a directory made since may have its inode number; but what was put back was not
        # written to.
        if (
            born
            or found.changed_ns == intent.changed_ns
            or found.modified_ns < entry.began_at * 1e9
        ):
            return Concluded(
                entry, Ending.KEPT, "the run was ended before anything of it was deleted"
            )
    if not entry.turned and entry.end is None:
        # The system was started anew since, and what was written last may be lost.
        note = "it is gone, and nothing says whether the run had begun with it"
        return Concluded(entry, Ending.GONE, note)
    return Concluded(
        entry, Ending.DELETED, "the run was ended before it could write down how much that freed"
    )


def still_in_place(one: Open) -> Leftover | Concluded:
    """Tell what became of something that was to be deleted, or moved to the trash, in its place."""
    if one.entry.waiting:
        return Concluded(one.entry, Ending.NOT_BEGUN, "the run was ended before its turn")
    if one.trashing:
        note = "the run was ended in the middle; what is left of it is in its place"
        return Concluded(one.entry, Ending.FAILED, note)
    # Somebody may have repaired it since, or put something of theirs there, as it has its usual name.
    path = one.place
    around, name = (_word(part) for part in os.path.split(path))
    message = (
        "a run was ended while it deleted this in its place, so that some of it may be missing. It is not"
        f" touched. To delete the rest: cleanup-nodemodule -p {around} --targets {name} --no-dry-run. To keep"
        f" it, as after mending it: cleanup-nodemodule resume --forget {_word(path)}"
    )
    return _kept(one, Problem(path, ProblemCode.PARTLY_DELETED, message=message))
