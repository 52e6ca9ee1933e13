"""What interrupted runs left: recognised by the journal and by identity, never by a name alone."""

import asyncio
import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cleanup_nodemodule.model import Candidate, Identity, Leftover, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import identity, lock, mark, write
from cleanup_nodemodule.record.identity import Being
from cleanup_nodemodule.record.write import Ending, Entry, Journal
from cleanup_nodemodule.system import mounts as system_mounts
from cleanup_nodemodule.work.scheduler import Scheduler, Stopped, Unanswered

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})

_SURE_ONLY_BY_BIRTH: Final = frozenset(
    {Ending.DELETED, Ending.GONE, Ending.NOT_BEGUN, Ending.FORGOTTEN}
)
"""Ends after which nothing should be left: if the very directory is there all the same, the disk has lost what
was done, as without power, or it had been moved out of sight. By its inode alone it could be another one."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """A deletion that nothing is left to do for, though its run could not say so."""

    entry: Entry
    ending: Ending
    note: str

    @property
    def name(self) -> str | None:
        """The name it was renamed to, if it was."""
        return _staged_name(self.entry)


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


@dataclass(frozen=True, slots=True)
class Begun:
    """What the journal has no end of."""

    entries: tuple[Open, ...]
    faults: tuple[write.Fault, ...]
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
    faults: tuple[write.Fault, ...]
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
    history = write.read(directory, wanted=lambda entry: _staged_name(entry) in names)
    known: dict[str | None, list[Entry]] = {}
    for entry in history.entries:
        if history.runs[entry.run].is_ours:
            known.setdefault(_staged_name(entry), []).append(entry)
    found: list[Leftover] = []
    for candidate in candidates:
        nobody = Leftover(candidate, None, None, None)
        try:
            being, _ = await scheduler.call(identity.seen, candidate.path)
            if candidate.mounted or being is None or being.identity != candidate.identity:
                found.append(nobody)
            elif candidate.name in known:
                fitting = [one for one in known[candidate.name] if _is_left(one, being)]
                found.append(_leftover(fitting[-1], candidate) if fitting else nobody)
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
    mounts = system_mounts.mount_points() if roots else ()
    around = [
        (os.path.join(root, ""), system_mounts.mount_point_of(root, mounts)) for root in roots or ()
    ]

    def wanted(entry: Entry) -> bool:
        if not entry.unfinished and not entry.left_staged:
            return False
        path = entry.intent.path
        return roots is None or any(
            path.startswith(beneath) and system_mounts.mount_point_of(path, mounts) == mount
            for beneath, mount in around
        )

    history = write.read(directory, wanted=wanted)
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


async def ask_disks(begun: Begun, scheduler: Scheduler, silent: set[str]) -> Unfinished:
    """Ask the disks where everything is that was begun.

    A disk that does not answer within the scheduler's timeout is asked nothing more, and does not
    keep the others waiting: what is on it cannot be looked at, and its mount point becomes one of those
    that are *silent*. When the scheduler is stopped, what is not known by then is left out.
    """
    mounts = system_mounts.mount_points()
    numbers: dict[str, list[int]] = {}
    for number, place in enumerate(begun.places):
        numbers.setdefault(system_mounts.mount_point_of(place, mounts), []).append(number)
    found: dict[int, Leftover | Concluded | None] = {}

    async def ask(mount: str) -> None:
        for number in numbers[mount]:
            one = begun.entries[number]
            try:
                if mount in silent:
                    raise Unanswered
                found[number] = await scheduler.call(_ask_disk, one)
            except Stopped:
                return
            except Unanswered:
                silent.add(mount)
                found[number] = _unreachable(one, ProblemCode.LOOK_AT_UNANSWERED)
            except OSError as error:
                found[number] = _unreachable(one, _code_of(error), error.errno)

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
        if error.errno not in _GONE:
            raise
        being = around = None
    if being is not None and intent.is_of(being):
        if intent.staged is None:
            return None if one.at_work else _still_in_place(one)
        place = one.place
        candidate = Candidate(place, os.path.dirname(place), being.identity, mounted=False)
        return _leftover(one.entry, candidate, at_work=one.at_work)
    if one.at_work:
        return None
    if one.entry.waiting:
        return Concluded(one.entry, Ending.NOT_BEGUN, "the run was ended before its turn")
    if being is not None and intent.staged is not None:
        return _unreachable(one, ProblemCode.REPLACED)
    if around is None or not _held(intent, around):
        return _unreachable(one, ProblemCode.LOST)
    if intent.staged is None:
        note = "the run was ended in the middle; it is gone now"
        return Concluded(one.entry, Ending.GONE, note)
    return _conclude(one.entry)


def _held(intent: write.Intent, around: Being) -> bool:
    """Whether it is *around* that it was in, as far as that was written down."""
    known = intent.is_around(around)
    return around.device == intent.device if known is None else known


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


def _staged_name(entry: Entry) -> str | None:
    staged = entry.intent.staged
    return None if staged is None else os.path.basename(staged)


def at_work(directory: str, runs: Iterable[str]) -> frozenset[str]:
    """Return the ids of the runs that are deleting now, of these *runs* even those without a lock.

    These began on a full disk (:attr:`cleanup_nodemodule.record.lock.Held.alone`). Raises StateError.
    """
    holding = frozenset(holder.run for holder in lock.held(directory))
    return holding | write.writing(directory, set(runs) - holding)


def _leftover(entry: Entry, candidate: Candidate, *, at_work: bool = False) -> Leftover:
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


def _code_of(error: OSError) -> ProblemCode:
    """Return what to say where a disk said *error*; a network file system may be what gives up (nfs(5))."""
    silent = error.errno == errno.ETIMEDOUT
    return ProblemCode.LOOK_AT_UNANSWERED if silent else ProblemCode.LOOK_AT


def _unreachable(one: Open, code: ProblemCode, number: int | None = None) -> Leftover:
    """Return what is not to be touched, with why."""
    forget = f"cleanup-nodemodule resume --forget {_word(one.entry.intent.path)}"
    message = None
    if code is ProblemCode.LOST:
        message = (
            "the directory around it was moved or deleted, or its disk is not mounted. If it was moved, a"
            " run that deletes there finishes it: cleanup-nodemodule -p DIRECTORY --no-dry-run. To hear"
            f" of it no more: {forget}"
        )
    elif code is ProblemCode.REPLACED:
        message = (
            "another directory is in its place, which is left alone. If what was left is elsewhere, a run"
            " that deletes there finishes it: cleanup-nodemodule -p DIRECTORY --no-dry-run. To hear of"
            f" it no more: {forget}"
        )
    return _kept(one, Problem(one.place, code, number, message))


def _kept(one: Open, problem: Problem) -> Leftover:
    place = one.place
    candidate = Candidate(place, os.path.dirname(place), Identity(0, 0), mounted=False)
    leftover = _leftover(one.entry, candidate, at_work=one.at_work)
    return replace(leftover, problems=(problem,))


def _word(path: str) -> str:
    """Return *path* as a word for a shell that is fit for showing; only ``PATH`` where it is not."""
    import shlex  # noqa: PLC0415 - seldom needed

    return shlex.quote(path) if path.isprintable() else "PATH"


def _conclude(entry: Entry) -> Concluded:
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


def _still_in_place(one: Open) -> Leftover | Concluded:
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
