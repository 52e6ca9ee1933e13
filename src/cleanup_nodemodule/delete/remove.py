"""Deletes what was approved. The only module that can.

Each artifact goes in these steps, and each leaves things so that the next run can tell what happened:

1. The journal says what is about to be deleted, on disk.
2. It is opened, and held until it is known what came of it. A :class:`SecondProof` tells whether anything
   protects it by now.
3. One rename takes it out of its project (:mod:`cleanup_nodemodule.delete.rename_away`), if it is still what was
   approved.
4. Where nobody gets at it any more, it is looked through for what must not be lost: a repository that
   came to be inside since it was measured, or any file that was written
   (:mod:`cleanup_nodemodule.delete.changed`). If there is one, or the second proof finds something, it is put back.
5. Its content is deleted.
6. When its disk has all that (:mod:`cleanup_nodemodule.delete.durable`), the journal says what came of it.

So an interrupted run leaves a project with all of an artifact or with nothing of it, and beside it a
directory that the journal knows: :mod:`~cleanup_nodemodule.delete.leftovers` deletes that.
"""

import errno
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Final

from cleanup_nodemodule.delete import changed, empty, rename_away
from cleanup_nodemodule.delete.each import expect, give_turns, nobody
from cleanup_nodemodule.delete.records import Records, Turn
from cleanup_nodemodule.delete.turn import (
    NO_SECOND_PROOF,
    SecondProof,
    left_untouched,
    make_ready,
    restored,
    retried,
)
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    Contents,
    Failed,
    Outcome,
    Problem,
    Removed,
    Result,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record.staged import new_name
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.survey.reached import with_results
from cleanup_nodemodule.work.conversion import relative
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.tasks import Stopped


async def remove(
    approved: Approved,
    scheduler: Scheduler,
    journal: Journal,
    *,
    begun: Callable[[Artifact], None] = nobody,
    freed: Callable[[int], None],
    deleted: Callable[[Artifact], None],
    again: SecondProof = NO_SECOND_PROOF,
    include_foreign: bool = False,
    told: Callable[[Result], None] = nobody,
) -> Outcome:
    """Delete the approved artifacts, several at a time; one failure never stops the others.

    What the second proof, *again*, has something against counts as failed. What only somebody else may delete, by
    the sticky bit of a directory, does too, unless *include_foreign*.
    Calls *told* with each result when it is known, *begun* for each artifact whose turn has come, *freed* with bytes that were given back, as it goes on, and *deleted* for each artifact that is gone
    for good.
    When the scheduler is told to stop, calls under way are finished and nothing new is begun; the
    outcome then says what is left, and is not complete. Raises ValueError where something else than to
    delete was approved.
    """
    expect("delete", approved)
    records = Records(journal, scheduler, lambda artifact: new_name(artifact.path))

    async def delete(turn: Turn) -> Result | None:
        return await _Deletion(turn, records, scheduler, freed, again, include_foreign).carry_out()

    return await give_turns(approved, scheduler, records, delete, begun, deleted, told)


def refused(approved: Approved, why: str) -> Outcome:
    """Return that none of the approved artifacts was touched, and why."""
    results = tuple(
        left_untouched(one, Problem(one.path, ProblemCode.LOOK_AGAIN_PATTERN, message=why))
        for one in approved.artifacts
    )
    return Outcome(with_results(approved.plan, results), results, complete=True)


class _Deletion:
    """One artifact's way from its project to nothing."""

    def __init__(
        self,
        turn: Turn,
        records: Records,
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
        try:
            if problems := await self._find_obstacles(place):
                return await restored(turn, left_untouched(artifact, *problems), scheduler)
            problem = await self._second_proof.behind(artifact, place)
        except Stopped:
            return await restored(turn, None, scheduler)
        if problem is not None:
            return await restored(turn, left_untouched(artifact, problem), scheduler)
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
        return await restored(turn, untouched, scheduler)

    async def _find_obstacles(self, place: str) -> dict[Problem, None]:
        """Return what keeps it from being deleted; raises as empty.find_obstacles does."""
        artifact, scheduler = self._artifact, self._scheduler
        if changed.may_be(artifact.contents):
            return await changed.find_obstacles(artifact, place, scheduler)
        clones = frozenset(relative(path, artifact.path) for path in artifact.contents.clones)
        return await empty.find_obstacles(place, artifact.candidate.identity, scheduler, clones)

    def _count(self, size: int) -> None:
        self._turn.freed += size
        self._freed(size)

    async def _taken_out(self) -> "Result | _TakenOut | None":
        """Take it out of its project, or prepare for deleting it in place; else say what came of it."""
        turn, artifact, scheduler = self._turn, self._artifact, self._scheduler
        try:
            if (problem := await make_ready(turn, scheduler, self._second_proof)) is not None:
                return left_untouched(artifact, problem)
            self._records.turn(turn)
            turn.marked = await retried(
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
                return left_untouched(artifact, turn.problem)
        except rename_away.ChangedError:
            return left_untouched(artifact, Problem(artifact.path, ProblemCode.CHANGED))
        except rename_away.StuckError:
            # Something else was renamed, in a race, and its place was taken at once.
            stuck = Problem(turn.staged or artifact.path, ProblemCode.PUT_BACK)
            return Failed(artifact, 0, (stuck,), interrupted=False, left_at=turn.staged)
        except OSError as error:
            if error.errno == errno.EROFS:
                turn.begun = False
                return left_untouched(artifact, empty.read_only(artifact.path))
            taken = await _maybe_taken(turn, error, scheduler)
            turn.begun = taken is not None
            return taken or left_untouched(artifact, _not_taken(artifact.path, error))
        return _TAKEN_OUT


class _TakenOut(Enum):
    """What is no result yet."""

    TAKEN_OUT = "taken out"


_TAKEN_OUT: Final = _TakenOut.TAKEN_OUT


def _unseen(contents: Contents, emptied: empty.Emptied) -> int:
    """Return the bytes that the file system gave back while directories were being emptied (see Counts).

    What they took is known from measuring; where some of them were removed by somebody else since,
    nobody knows who freed what, and it is not counted.
    """
    if not emptied.root or emptied.directories < contents.directories:
        return 0
    return max(0, contents.directory_bytes - emptied.freed_directories)


async def _maybe_taken(turn: Turn, error: OSError, scheduler: Scheduler) -> Failed | None:
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
