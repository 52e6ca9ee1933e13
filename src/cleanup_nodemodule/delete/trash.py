"""Moves approved artifacts to the desktop's trash."""

import os
from collections.abc import Callable

from cleanup_nodemodule.delete import changed, rename_away
from cleanup_nodemodule.delete.each import expect, give_turns, nobody
from cleanup_nodemodule.delete.records import Records, Turn
from cleanup_nodemodule.delete.turn import NO_SECOND_PROOF, SecondProof, left_untouched, make_ready
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    Candidate,
    Failed,
    Outcome,
    Problem,
    Removed,
    Result,
    Trashed,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import trust
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.tasks import Stopped


async def trash(
    approved: Approved,
    scheduler: Scheduler,
    journal: Journal,
    *,
    begun: Callable[[Artifact], None] = nobody,
    deleted: Callable[[Artifact], None],
    again: SecondProof = NO_SECOND_PROOF,
    told: Callable[[Result], None] = nobody,
) -> Outcome:
    """Move the approved artifacts to the desktop's trash; as :func:`~cleanup_nodemodule.delete.remove.remove` otherwise.

    What the trash does not take fails: nothing is deleted instead. No space comes back. Raises ValueError
    where something else was approved.
    """
    expect("trash", approved)
    records = Records(journal, scheduler, lambda _: None)

    async def move(turn: Turn) -> Result | None:
        return await _move_to_trash(turn, records, scheduler, again)

    return await give_turns(approved, scheduler, records, move, begun, deleted, told)


async def _move_to_trash(
    turn: Turn, records: Records, scheduler: Scheduler, again: SecondProof
) -> Result | None:
    """Move one artifact to the trash; None if it was stopped before that."""
    artifact = turn.artifact
    try:
        if (problem := await make_ready(turn, scheduler, again)) is not None:
            return left_untouched(artifact, problem)
        if changed.may_be(artifact.contents):
            found = await changed.find_obstacles(artifact, artifact.path, scheduler)
            if found:
                return left_untouched(artifact, *found)
        records.turn(turn)
        refusal = await scheduler.change(_send_to_trash, turn.candidate)
    except Stopped:
        return None
    except FileNotFoundError:
        return Removed(artifact, 0, gone=True)
    except rename_away.ChangedError:
        return left_untouched(artifact, Problem(artifact.path, ProblemCode.TRASH_CHANGED))
    except OSError as error:
        problem = Problem(artifact.path, ProblemCode.TRASH, error.errno)
        if error.errno is None:
            problem = Problem(artifact.path, ProblemCode.TRASH_REFUSED, detail=repr(str(error)))
        # The library moves to another file system by copying: who knows how far it came.
        return Failed(artifact, 0, (problem,), interrupted=False)
    if refusal is not None:
        unsafe = Problem(artifact.path, ProblemCode.TRASH_UNSAFE, detail=refusal)
        return left_untouched(artifact, unsafe)
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
            if (why := trust.untrusted(directory)) is not None:
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
