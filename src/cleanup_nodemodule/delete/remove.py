"""Deletes what was approved. The only module that can.

Each artifact goes in these steps, and each leaves things so that the next run can tell what happened:

1. The journal says what is about to be deleted, on disk.
2. It is opened, and held until it is known what came of it. A :class:`SecondProof` tells whether anything
   protects it by now.
3. One rename takes it out of its project (:mod:`cleanup_nodemodule.delete.rename_away`), if it is still what was
   approved.
4. Where nobody gets at it any more, it is looked through for what must not be lost: a repository that
   came to be inside since it was measured. If there is one, or the second look finds something, it is
   put back.
5. Its content is deleted.
6. When its disk has all that (:mod:`cleanup_nodemodule.delete.durable`), the journal says what came of it.

So an interrupted run leaves a project with all of an artifact or with nothing of it, and beside it a
directory that the journal knows: :func:`delete_leftovers` deletes that.
"""

import asyncio
import errno
import functools
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Protocol, TypeVar, TypeVarTuple

from cleanup_nodemodule.delete import durable, empty, rename_away
from cleanup_nodemodule.delete.durable import Durable
from cleanup_nodemodule.delete.rename_away import Held
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    Candidate,
    Contents,
    DeletingMode,
    Failed,
    Leftover,
    Outcome,
    Problem,
    Removed,
    Result,
    Trashed,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import protections
from cleanup_nodemodule.record import identity, state_directory
from cleanup_nodemodule.record import staged as record_staged
from cleanup_nodemodule.record.identity import Being
from cleanup_nodemodule.record.mark import CAN_MARK, Mark
from cleanup_nodemodule.record.write import Ending, Intent, Journal, JournalError
from cleanup_nodemodule.work.conversion import LACKED
from cleanup_nodemodule.work.scheduler import Scheduler, Stopped, Unanswered

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class SecondProof(Protocol):
    """Asks once more what protects an artifact, as time has passed since it was shown.

    Both calls may raise Stopped and Unanswered.
    """

    async def before(self, artifact: Artifact) -> Problem | None:
        """Return why it is not to be deleted any more, right before it is taken out of its project."""

    async def behind(self, artifact: Artifact, place: str) -> Problem | None:
        """Return why it is to be put back from *place*, where it is right before it is emptied."""


class _NoSecondProof:
    async def before(self, _artifact: Artifact) -> Problem | None:
        return None

    async def behind(self, _artifact: Artifact, _place: str) -> Problem | None:
        return None


NO_SECOND_PROOF: Final[SecondProof] = _NoSecondProof()
"""For whoever has looked a moment ago."""

_AT_ONCE: Final = 32
"""Artifacts that are written down by one sync, which takes some milliseconds on a disk."""

_LAST: Final = chr(0x10FFFF)
"""Sorts behind every name."""


async def remove(
    approved: Approved,
    scheduler: Scheduler,
    journal: Journal,
    *,
    freed: Callable[[int], None],
    deleted: Callable[[Artifact], None],
    again: SecondProof = NO_SECOND_PROOF,
    include_foreign: bool = False,
) -> Outcome:
    """Delete the approved artifacts, several at a time; one failure never stops the others.

    What the second *again* has something against counts as failed. What only somebody else may delete, by
    the sticky bit of a directory, does too, unless *include_foreign*.
    Calls *freed* with bytes that were given back, as it goes on, and *deleted* for each artifact that is gone
    for good.
    When the scheduler is told to stop, calls under way are finished and nothing new is begun; the
    outcome then says what is left, and is not complete. Raises ValueError where something else than to
    delete was approved.
    """
    _expect("delete", approved)
    records = _Records(journal, scheduler, lambda artifact: record_staged.new_name(artifact.path))

    async def delete(turn: _Turn) -> Result | None:
        return await _Deletion(turn, records, scheduler, freed, again, include_foreign).carry_out()

    return await _each(approved, scheduler, records, delete, deleted)


async def trash(
    approved: Approved,
    scheduler: Scheduler,
    journal: Journal,
    *,
    deleted: Callable[[Artifact], None],
    again: SecondProof = NO_SECOND_PROOF,
) -> Outcome:
    """Move the approved artifacts to the desktop's trash; as :func:`remove` otherwise.

    What the trash does not take fails: nothing is deleted instead. No space comes back. Raises ValueError
    where something else was approved.
    """
    _expect("trash", approved)
    records = _Records(journal, scheduler, lambda _: None)

    async def move(turn: _Turn) -> Result | None:
        return await _move_to_trash(turn, records, scheduler, again)

    return await _each(approved, scheduler, records, move, deleted)


def refused(approved: Approved, why: str) -> Outcome:
    """Return that none of the approved artifacts was touched, and why."""
    results = tuple(
        _untouched(one, Problem(one.path, ProblemCode.LOOK_AGAIN_PATTERN, message=why))
        for one in approved.artifacts
    )
    return Outcome(approved.plan, results, None, complete=True)


def _expect(mode: DeletingMode, approved: Approved) -> None:
    """Raise ValueError if what the caller is about to do is not what was approved."""
    if approved.mode != mode:
        raise ValueError(f"cannot {mode}: what was approved is to {approved.mode}")


class _Records:
    """Writes artifacts down before their turn comes, several at a time."""

    def __init__(
        self, journal: Journal, scheduler: Scheduler, name: Callable[[Artifact], str | None]
    ) -> None:
        self._journal = journal
        self._scheduler = scheduler
        self._name = name
        self._lock = asyncio.Lock()
        self._ready: deque[_Turn] = deque()

    async def next(self, waiting: deque[Artifact]) -> "_Turn | None":
        """Return the next artifact, written down; None if there are no more."""
        async with self._lock:
            if not self._ready and waiting:
                taken = [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting)))]
                turns = [_Turn(one, one.candidate, self._name(one)) for one in taken]
                await self._begin(turns)
                self._ready.extend(turns)
            return self._ready.popleft() if self._ready else None

    async def in_place(self, turn: "_Turn") -> None:
        """Write down that it will be deleted where it is, as it cannot be renamed."""
        if turn.number is not None:
            error = "this file system cannot rename it; it is deleted in place"
            self._journal.end(turn.number, Ending.KEPT, error=error)
        turn.staged = None
        await self._begin([turn])
        self.turn(turn)

    async def _begin(self, turns: "Sequence[_Turn]") -> None:
        seen = await self._seen([turn.artifact.path for turn in turns])
        for turn, (being, around) in zip(turns, seen, strict=True):
            if being is not None and being.identity == turn.candidate.identity:
                turn.being, turn.around = being, around
        intents = [
            Intent.to_delete(turn.artifact, turn.staged, turn.being, turn.around) for turn in turns
        ]
        try:
            # Not by one of the scheduler's workers, which may be on another machine.
            numbers = await self._scheduler.aside(self._journal.begin, intents)
        except JournalError as error:
            problem = Problem(self._journal.path, ProblemCode.RECORD_DELETION, error.errno)
            for turn in turns:
                turn.number, turn.problem = None, problem
        else:
            for turn, number in zip(turns, numbers, strict=True):
                turn.number = number

    async def _seen(self, paths: list[str]) -> "list[tuple[Being | None, Being | None]]":
        """Return what makes each that very directory, by which it is known again, if anybody says."""
        try:
            found = await self._scheduler.call(identity.all_seen, paths)
        except (Stopped, Unanswered):
            found = [None] * len(paths)
        return [one or (None, None) for one in found]

    def turn(self, turn: "_Turn") -> None:
        """Write down that its turn has come."""
        if turn.number is not None:
            self._journal.turn(turn.number)
        turn.begun = True

    def mark(self, turn: "_Turn") -> Mark | None:
        """Return what to write on it, for where the journal cannot be written; None if too little is known."""
        if turn.number is None or turn.staged is None or turn.being is None or not CAN_MARK:
            return None
        return Mark.of(
            *(self._journal.run.id, turn.number, turn.artifact.path, turn.staged, turn.being),
            allocated_bytes=turn.artifact.size.allocated_bytes,
        )

    def end(self, turn: "_Turn", result: Result | None) -> None:
        """Write down what came of it; None if it was stopped before anything happened."""
        number = turn.number
        if number is None:
            return
        match result:
            case None:
                ending = Ending.KEPT if turn.begun else Ending.NOT_BEGUN
                self._journal.end(number, ending, error="the run was stopped before its turn")
            case Removed(gone=True):
                self._journal.end(number, Ending.GONE)
            case Removed():
                self._journal.end(number, Ending.DELETED, freed_bytes=result.freed_bytes)
            case Trashed():
                self._journal.end(number, Ending.TRASHED)
            case Failed():
                ending = Ending.FAILED
                if result.untouched:
                    ending = Ending.KEPT
                elif result.interrupted:
                    ending = Ending.INTERRUPTED
                self._journal.end(
                    number, ending, freed_bytes=result.freed_bytes, error=_reason(result)
                )

    def drop(self) -> None:
        """Write down that nothing happened to what was not begun."""
        for turn in self._ready:
            self.end(turn, None)
        self._ready.clear()


@dataclass(slots=True)
class _Turn:
    """An artifact whose turn it is."""

    artifact: Artifact
    candidate: Candidate
    """What has to be there."""
    staged: str | None
    """What it is renamed to, beside itself; None if it is not."""
    number: int | None = None
    """In the journal; None if it could not be written down."""
    problem: Problem | None = None
    """Why it could not."""
    freed: int = 0
    """Bytes given back by now."""
    taken: bool = False
    """It has been renamed."""
    begun: bool = False
    """Its turn has come: something may have happened to it, which its disk has to keep."""
    held: Held | None = None
    marked: int = 0
    """Bytes that its mark takes: they were free before, and come back with the directory itself."""
    being: Being | None = None
    """What makes it that very directory; None if that is not known."""
    around: Being | None = None
    """The directory around it."""


def _reason(failed: Failed) -> str | None:
    return failed.problems[0].sentence if failed.problems else None


async def _each(
    approved: Approved,
    scheduler: Scheduler,
    records: _Records,
    handle: Callable[[_Turn], Awaitable[Result | None]],
    deleted: Callable[[Artifact], None],
) -> Outcome:
    before = await _ask_free_bytes(approved.artifacts, scheduler)
    results: list[Result] = []
    # In path order, but the innermost first: what lies around them waits for them, in _Turns.
    waiting = deque(
        sorted(approved.artifacts, key=lambda artifact: os.path.join(artifact.path, _LAST))
    )
    turns = _Turns(artifact.path for artifact in approved.artifacts)
    disks = Durable(scheduler)
    unexpected: Exception | None = None

    async def handled(turn: _Turn) -> Result | None:
        nonlocal unexpected
        artifact = turn.artifact
        staying = await turns.await_inner(artifact.path)
        if turn.problem is not None:
            return _untouched(artifact, turn.problem)
        if staying is not None:
            return _untouched(artifact, Problem(staying, ProblemCode.INNER_STAYS))
        if turns.is_altered(artifact.path):
            turn.candidate = replace(turn.candidate, changed=0)
        if artifact.candidate.root in scheduler.silent:
            return _untouched(artifact, _unanswered(artifact.path))
        try:
            return await handle(turn)
        except Unanswered:
            # What was begun may still happen, some time.
            scheduler.silent.add(artifact.candidate.root)
            left_at = turn.staged if turn.taken else None
            problem = _unanswered(left_at or artifact.path)
            return Failed(artifact, turn.freed, (problem,), interrupted=False, left_at=left_at)
        except Exception as error:  # noqa: BLE001 - whatever it is, where the artifact is must be told
            cause = _cause(error)
            if not isinstance(cause, MemoryError):
                unexpected = unexpected or cause
                scheduler.stop()
            return _found(turn, cause)

    async def work() -> None:
        while not scheduler.stopped:
            turn = await records.next(waiting)
            if turn is None:
                return
            artifact = turn.artifact
            try:
                result = await handled(turn)
                turns.done(artifact.path, stays=isinstance(result, Failed), altered=_gone(result))
                around = turn.held.take_around() if turn.held is not None else None
            finally:
                if turn.held is not None:
                    turn.held.close()
            tell = functools.partial(conclude, turn, result)
            if turn.begun:
                disks.add(artifact.candidate.identity.device, around, tell)
            else:
                if around is not None:
                    os.close(around)
                tell(None)
            if result is None:
                return

    def conclude(turn: _Turn, result: Result | None, number: int | None) -> None:
        """Say what came of one, now that its disk has it; it has not if there is an error *number*."""
        if number is not None:
            result = _unsure(turn, result, number)
        records.end(turn, result)
        if result is not None:
            results.append(result)
        if _gone(result):
            deleted(turn.artifact)

    try:
        await asyncio.gather(*(work() for _ in range(min(scheduler.workers, len(waiting)))))
        records.drop()
    finally:
        await disks.flush()
    after = await _ask_free_bytes(approved.artifacts, scheduler)
    results.sort(key=lambda result: result.artifact.path)
    return Outcome(
        approved.plan,
        tuple(results),
        after - before if before is not None and after is not None else None,
        complete=len(results) == len(approved.artifacts) and not scheduler.stopped,
        unexpected=unexpected,
    )


def _gone(result: Result | None) -> bool:
    """Whether this run has taken it away."""
    return isinstance(result, Trashed) or (isinstance(result, Removed) and not result.gone)


def _unsure(turn: _Turn, result: Result | None, number: int) -> Failed:
    """Return what to say where the disk did not keep what was done."""
    problem = Problem(turn.artifact.path, ProblemCode.KEEP_ON_DISK, number)
    if isinstance(result, Failed):
        return replace(result, problems=(problem, *result.problems), untouched=False)
    return Failed(turn.artifact, turn.freed, (problem,), interrupted=False)


class _Turns:
    """Has an artifact wait for those that lie in it, whose own turn they are in."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._done: dict[str, asyncio.Event] = {}
        self._inner: dict[str, list[str]] = {}
        self._staying: set[str] = set()
        self._altered: set[str] = set()
        around: list[str] = []
        for path in sorted(paths, key=lambda path: os.path.join(path, "")):
            while around and not path.startswith(os.path.join(around[-1], "")):
                around.pop()
            if around:
                self._done[path] = asyncio.Event()
                self._inner.setdefault(around[-1], []).append(path)
            around.append(path)

    async def await_inner(self, path: str) -> str | None:
        """Wait for everything that lies in *path*; return the first that stays, if any does."""
        inner = self._inner.get(path, ())
        for one in inner:
            await self._done[one].wait()
        return next((one for one in inner if one in self._staying), None)

    def done(self, path: str, *, stays: bool, altered: bool = False) -> None:
        """Let what lies around *path* go on; *altered* if this program has taken it out of there."""
        if stays:
            self._staying.add(path)
        if altered:
            self._altered.add(os.path.dirname(path))
        if path in self._done:
            self._done[path].set()

    def is_altered(self, path: str) -> bool:
        """Whether the directory itself was changed by this program, since it was shown."""
        return path in self._altered


def _cause(error: Exception) -> Exception:
    """Return what was raised in one of several tasks; a lack of memory only if it was nothing else."""
    while isinstance(error, ExceptionGroup):
        _, others = error.split(MemoryError)
        error = (others or error).exceptions[0]
    return error


def _found(turn: _Turn, error: Exception) -> Result:
    """Look what has become of an artifact, after a failure that nobody thought of."""
    artifact, identity = turn.artifact, turn.candidate.identity
    number = errno.ENOMEM if isinstance(error, MemoryError) else None
    name = type(error).__name__
    problem = Problem(artifact.path, ProblemCode.UNEXPECTED, number, detail=name)
    try:
        if turn.staged is not None and rename_away.is_at(turn.staged, identity):
            return Failed(artifact, turn.freed, (problem,), interrupted=False, left_at=turn.staged)
        there = rename_away.is_at(artifact.path, identity)
    except OSError:
        there = True
    if there:
        # Had it been taken out and put back, nothing would be missing of it.
        untouched = turn.staged is not None
        return Failed(artifact, turn.freed, (problem,), interrupted=False, untouched=untouched)
    if turn.held is not None and rename_away.is_somewhere(turn.held):
        left_at = rename_away.whereabouts(turn.held) or turn.staged
        return Failed(artifact, turn.freed, (problem,), interrupted=False, left_at=left_at)
    return Removed(artifact, turn.freed - turn.marked, gone=not turn.begun)


class _Deletion:
    """One artifact's way from its project to nothing."""

    def __init__(
        self,
        turn: _Turn,
        records: _Records,
        scheduler: Scheduler,
        freed: Callable[[int], None],
        again: SecondProof,
        include_foreign: bool,  # noqa: FBT001 - a setting, passed on
    ) -> None:
        self._turn = turn
        self._artifact = turn.artifact
        self._records = records
        self._scheduler = scheduler
        self._freed = freed
        self._second_proof = again
        self._include_foreign = include_foreign

    async def carry_out(self) -> Result | None:
        """Delete it; None if it was stopped before anything happened to it."""
        turn, artifact, scheduler = self._turn, self._artifact, self._scheduler
        if (result := await self._taken_out()) is not _TAKEN_OUT:
            return result
        place = turn.staged or artifact.path
        identity = artifact.candidate.identity
        problems = await empty.find_obstacles(place, identity, scheduler)
        if problems is None:
            return await _restored(turn, None, scheduler)
        if problems:
            return await _restored(turn, _untouched(artifact, *problems), scheduler)
        try:
            problem = await self._second_proof.behind(artifact, place)
        except Stopped:
            return await _restored(turn, None, scheduler)
        if problem is not None:
            return await _restored(turn, _untouched(artifact, problem), scheduler)
        contents = artifact.contents
        emptied = await empty.empty(
            place,
            identity,
            contents.files + contents.directories,
            scheduler,
            self._count,
            turn.held,
            include_foreign=self._include_foreign,
        )
        if not emptied.problems and not emptied.stopped:
            if unseen := _unseen(contents, emptied):
                self._count(unseen)
            freed = turn.freed - turn.marked
            return Removed(artifact, freed, gone=turn.staged is None and not emptied.removed)
        failed = Failed(
            artifact,
            emptied.freed,
            tuple(emptied.problems),
            interrupted=emptied.stopped,
            left_at=emptied.now_at or turn.staged,
        )
        if emptied.removed:
            return failed
        # Not one entry of it is gone, so the project can have it back.
        untouched = None if emptied.stopped else replace(failed, untouched=True)
        return await _restored(turn, untouched, scheduler)

    def _count(self, size: int) -> None:
        self._turn.freed += size
        self._freed(size)

    async def _taken_out(self) -> "Result | _TakenOut | None":
        """Take it out of its project, or prepare for deleting it in place; else say what came of it."""
        turn, artifact, scheduler = self._turn, self._artifact, self._scheduler
        try:
            if (problem := await _ready(turn, scheduler, self._second_proof)) is not None:
                return _untouched(artifact, problem)
            self._records.turn(turn)
            turn.marked = await _retried(
                scheduler,
                scheduler.change,
                rename_away.stage,
                turn.candidate,
                turn.staged or "",
                self._records.mark(turn),
            )
            turn.taken = True
        except Stopped:
            return None
        except FileNotFoundError as error:
            return await _maybe_taken(turn, error, scheduler) or Removed(artifact, 0, gone=True)
        except rename_away.ImpossibleError:
            await self._records.in_place(turn)
            if turn.problem is not None:
                return _untouched(artifact, turn.problem)
        except rename_away.ChangedError:
            return _untouched(artifact, Problem(artifact.path, ProblemCode.CHANGED))
        except rename_away.StuckError:
            # Something else was renamed, in a race, and its place was taken at once.
            stuck = Problem(turn.staged or artifact.path, ProblemCode.PUT_BACK)
            return Failed(artifact, 0, (stuck,), interrupted=False, left_at=turn.staged)
        except OSError as error:
            if error.errno == errno.EROFS:
                turn.begun = False
                return _untouched(artifact, empty.read_only(artifact.path))
            taken = await _maybe_taken(turn, error, scheduler)
            turn.begun = taken is not None
            return taken or _untouched(artifact, _not_taken(artifact.path, error))
        return _TAKEN_OUT


class _TakenOut(Enum):
    """What is no result yet."""

    TAKEN_OUT = "taken out"


_TAKEN_OUT: Final = _TakenOut.TAKEN_OUT


async def _ready(turn: _Turn, scheduler: Scheduler, again: SecondProof) -> Problem | None:
    """Hold an artifact and look at it once more; return why it is not to be deleted, if so.

    Raises Stopped, and what staging.hold raises.
    """
    artifact = turn.artifact
    try:
        if (problem := await scheduler.call(_vital, artifact.path)) is not None:
            return problem
        turn.held = await _hold(turn.candidate, scheduler)
        return await again.before(artifact)
    except Unanswered:
        # Nothing was begun.
        scheduler.silent.add(artifact.candidate.root)
        return Problem(artifact.path, ProblemCode.LOOK_AGAIN_UNANSWERED)


async def _hold(candidate: Candidate, scheduler: Scheduler) -> Held | None:
    """Do as staging.hold does. Raises Unanswered besides."""
    try:
        return await _retried(scheduler, scheduler.ask_aside, rename_away.hold, candidate)
    except TimeoutError as error:
        raise Unanswered from error


def _unseen(contents: Contents, emptied: empty.Emptied) -> int:
    """Return the bytes that the file system gave back while directories were being emptied (see Counts).

    What they took is known from measuring; where some of them were removed by somebody else since,
    nobody knows who freed what, and it is not counted.
    """
    if not emptied.root or emptied.directories < contents.directories:
        return 0
    return max(0, contents.directory_bytes - emptied.freed_directories)


async def _maybe_taken(turn: _Turn, error: OSError, scheduler: Scheduler) -> Failed | None:
    """Return what to say if the rename happened though it is said to have failed; None if it did not.

    The answer of a server may be lost, or the process on another machine, or of another kind, that made
    the call.
    """
    if turn.staged is None:
        return None
    try:
        found = await scheduler.ask_aside(
            rename_away.is_at, turn.staged, turn.artifact.candidate.identity
        )
    except OSError:
        found = True
    if not found:
        return None
    problem = _not_taken(turn.artifact.path, error)
    return Failed(turn.artifact, 0, (problem,), interrupted=False, left_at=turn.staged)


def _not_taken(path: str, error: OSError) -> Problem:
    return Problem(path, ProblemCode.RENAME, error.errno)


async def _retried(
    scheduler: Scheduler,
    call: Callable[[Callable[[*_Ts], _T], *_Ts], Awaitable[_T]],
    function: Callable[[*_Ts], _T],
    *args: *_Ts,
) -> _T:
    """Have *function* called, again and with fewer workers where descriptors or memory run short."""
    attempt = 0
    while True:
        try:
            return await call(function, *args)
        except OSError as error:
            if error.errno not in LACKED or not await scheduler.make_do(attempt):
                raise
        attempt += 1


def _untouched(artifact: Artifact, *problems: Problem) -> Failed:
    return Failed(artifact, 0, problems, interrupted=False, untouched=True)


def _unanswered(path: str) -> Problem:
    return Problem(path, ProblemCode.DELETE_UNANSWERED)


async def _restored(turn: _Turn, result: Failed | None, scheduler: Scheduler) -> Failed | None:
    """Put what was renamed back in its place and return *result*, or what has become of that."""
    artifact, staged = turn.artifact, turn.staged
    if staged is None:
        return result
    try:
        back = await scheduler.ask_aside(_put_back, staged, artifact.candidate, turn.held)
    except (OSError, rename_away.StuckError, rename_away.ChangedError) as error:
        number = error.errno if isinstance(error, OSError) else None
        silent = isinstance(error, OSError) and not number
        code = ProblemCode.PUT_BACK_UNANSWERED if silent else ProblemCode.PUT_BACK
        problem = Problem(staged, code, number)
        before = () if result is None else result.problems
        left_at = staged if result is None else result.left_at or staged
        return Failed(artifact, 0, (problem, *before), interrupted=False, left_at=left_at)
    if result is None:
        return None
    # What it was called for a moment helps nobody to find it.
    problems = tuple(
        replace(one, path=back + one.path[len(staged) :]) if one.path.startswith(staged) else one
        for one in result.problems
    )
    return replace(result, problems=problems, left_at=None)


def _put_back(staged: str, candidate: Candidate, held: Held | None) -> str:
    """Do as staging.put_back does, and return where it is; that may be where its project was moved to."""
    try:
        rename_away.put_back(staged, candidate.path, candidate.identity)
    except (FileNotFoundError, rename_away.ChangedError):
        now_at = None if held is None else rename_away.whereabouts(held)
        if now_at is None or os.path.basename(now_at) != os.path.basename(staged):
            raise
        back = os.path.join(os.path.dirname(now_at), candidate.name)
        rename_away.put_back(now_at, back, candidate.identity)
        return back
    return candidate.path


def _vital(path: str) -> Problem | None:
    """Return why *path* is never deleted, whatever a rule, a proof or the user said."""
    why = protections.vital(path)
    return None if why is None else Problem(path, ProblemCode.VITAL, detail=why)


async def _move_to_trash(
    turn: _Turn, records: _Records, scheduler: Scheduler, again: SecondProof
) -> Result | None:
    """Move one artifact to the trash; None if it was stopped before that."""
    artifact = turn.artifact
    try:
        if (problem := await _ready(turn, scheduler, again)) is not None:
            return _untouched(artifact, problem)
        records.turn(turn)
        refusal = await scheduler.change(_send_to_trash, turn.candidate)
    except Stopped:
        return None
    except FileNotFoundError:
        return Removed(artifact, 0, gone=True)
    except rename_away.ChangedError:
        return _untouched(artifact, Problem(artifact.path, ProblemCode.TRASH_CHANGED))
    except OSError as error:
        problem = Problem(artifact.path, ProblemCode.TRASH, error.errno)
        if error.errno is None:
            problem = Problem(artifact.path, ProblemCode.TRASH_REFUSED, detail=repr(str(error)))
        # The library moves to another file system by copying: who knows how far it came.
        return Failed(artifact, 0, (problem,), interrupted=False)
    if refusal is not None:
        unsafe = Problem(artifact.path, ProblemCode.TRASH_UNSAFE, detail=refusal)
        return _untouched(artifact, unsafe)
    return Trashed(artifact)


def _send_to_trash(candidate: Candidate) -> str | None:
    """Move one directory to the trash; return why not, where that is not safe.

    Raises OSError, and ChangedError if it is not what was approved.
    """
    rename_away.check(candidate)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Somebody else could lead the path elsewhere in this moment, or make a trash of his own in the
        # topmost directory of the file system.
        around = volume = os.path.dirname(candidate.path)
        while not os.path.ismount(volume):
            volume = os.path.dirname(volume)
        for directory in (around, volume):
            if (why := state_directory.untrusted(directory)) is not None:
                return why
    from send2trash import send2trash  # noqa: PLC0415 - only with --trash

    try:
        send2trash(candidate.path)
    except FileNotFoundError as error:
        # Of the trash itself, unless nothing is there.
        if not rename_away.is_at(candidate.path, candidate.identity):
            raise
        raise OSError(str(error)) from error
    return None


async def delete_leftovers(
    leftovers: Sequence[Leftover],
    scheduler: Scheduler,
    journal: Journal,
    *,
    freed: Callable[[int], None],
    include_foreign: bool = False,
) -> tuple[Leftover, ...]:
    """Delete what the journal has told to be left by interrupted runs; return what came of it.

    What only somebody else may delete, by the sticky bit of a directory, stays, unless *include_foreign*.
    """
    return tuple(
        [
            await _delete_leftover(
                leftover, scheduler, journal, freed, include_foreign=include_foreign
            )
            for leftover in leftovers
        ]
    )


async def _delete_leftover(
    leftover: Leftover,
    scheduler: Scheduler,
    journal: Journal,
    freed: Callable[[int], None],
    *,
    include_foreign: bool,
) -> Leftover:
    root, path = leftover.candidate.root, leftover.candidate.path
    held: Held | None = None
    try:
        if root not in scheduler.silent:
            if leftover.run is None or leftover.number is None:
                return leftover
            held = await _hold(replace(leftover.candidate, changed=0), scheduler)
            return await _delete_recognised(
                leftover, held, scheduler, journal, freed, include_foreign=include_foreign
            )
    except Stopped:
        return replace(leftover, interrupted=True)
    except (OSError, rename_away.ChangedError) as error:
        number = error.errno if isinstance(error, OSError) else None
        return replace(leftover, problems=(Problem(path, ProblemCode.RECOGNISE, number),))
    except Unanswered:
        scheduler.silent.add(root)
    finally:
        if held is not None:
            held.close()
    return replace(leftover, problems=(_unanswered(path),))


async def _delete_recognised(
    leftover: Leftover,
    held: Held | None,
    scheduler: Scheduler,
    journal: Journal,
    freed: Callable[[int], None],
    *,
    include_foreign: bool,
) -> Leftover:
    candidate = leftover.candidate
    if leftover.run is None or leftover.number is None:
        return leftover
    try:
        being, around = await scheduler.call(identity.seen, candidate.path)
    except Stopped:
        return replace(leftover, interrupted=True)
    except OSError:
        being = around = None
    # ext4 gives an inode number to the next directory that is made, be it somebody else's.
    ours = being is not None and leftover.owner in {None, being.owner}
    if being is None or around is None or not ours or being.identity != candidate.identity:
        return replace(leftover, problems=(Problem(candidate.path, ProblemCode.RECOGNISE),))
    problems = await empty.find_obstacles(candidate.path, candidate.identity, scheduler)
    if problems is None:
        return replace(leftover, interrupted=True)
    if problems:
        return replace(leftover, problems=tuple(problems))
    run, entry = leftover.run, leftover.number
    if leftover.unrecorded and leftover.original is not None:
        fact = f"the mark of run {run}, which the journal has no record of"
        intent = Intent.to_finish(leftover.original, candidate.path, being, around, fact)
        try:
            [entry] = await scheduler.aside(journal.begin, [intent])
        except JournalError as failure:
            problem = Problem(journal.path, ProblemCode.RECORD_DELETION, failure.errno)
            return replace(leftover, problems=(problem,))
        run = journal.run.id
        journal.turn(entry)
    emptied = await empty.empty(
        *(candidate.path, candidate.identity, None, scheduler, freed, held),
        include_foreign=include_foreign,
    )
    problems = emptied.problems
    if (
        not problems
        and not emptied.stopped
        and (number := await _kept(held, scheduler)) is not None
    ):
        problems[Problem(candidate.path, ProblemCode.KEEP_ON_DISK, number)] = None
    result = replace(
        leftover,
        freed_bytes=emptied.freed,
        problems=tuple(problems),
        interrupted=emptied.stopped,
        finished=not problems and not emptied.stopped,
    )
    ending = Ending.DELETED if result.finished else Ending.FAILED
    if emptied.stopped:
        ending = Ending.INTERRUPTED
    error = next((problem.sentence for problem in problems), None)
    journal.end(entry, ending, freed_bytes=emptied.freed, error=error, run=run)
    return result


async def _kept(held: Held | None, scheduler: Scheduler) -> int | None:
    """Return the error number if its disk did not keep what was done with what is held."""
    around = None if held is None else held.take_around()
    try:
        return None if around is None else await scheduler.ask_aside(durable.keep, [around])
    except TimeoutError:
        return errno.ETIMEDOUT


async def _ask_free_bytes(artifacts: Sequence[Artifact], scheduler: Scheduler) -> int | None:
    asked = [one for one in artifacts if one.candidate.root not in scheduler.silent]
    try:
        return await asyncio.wait_for(scheduler.aside(_free_bytes, asked), scheduler.timeout)
    except TimeoutError:
        return None


def _free_bytes(artifacts: Iterable[Artifact]) -> int | None:
    """Return the free bytes of all file systems that hold the artifacts (statvfs(3)).

    None where that cannot be asked.
    """
    if not hasattr(os, "statvfs"):
        return None
    total = 0
    asked: set[int] = set()
    for artifact in artifacts:
        if artifact.candidate.identity.device in asked:
            continue
        asked.add(artifact.candidate.identity.device)
        try:
            status = os.statvfs(os.path.dirname(artifact.path))
        except OSError:
            return None
        total += status.f_bfree * status.f_frsize
    return total
