"""Gives each approved artifact its turn, several at a time, and tells what came of it."""

import asyncio
import errno
import functools
import os
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cleanup_nodemodule.delete import rename_away
from cleanup_nodemodule.delete.durable import Durable
from cleanup_nodemodule.delete.given_back import given_back
from cleanup_nodemodule.delete.order import Turns, in_turn
from cleanup_nodemodule.delete.records import Records, Turn
from cleanup_nodemodule.delete.turn import left_untouched, not_answered
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    DeletingMode,
    Failed,
    Outcome,
    Problem,
    Removed,
    Result,
    Trashed,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey.reached import with_results
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered


def expect(mode: DeletingMode, approved: Approved) -> None:
    """Raise ValueError if what the caller is about to do is not what was approved."""
    if approved.mode != mode:
        raise ValueError(f"cannot {mode}: what was approved is to {approved.mode}")


def nobody(_what: object) -> None:
    """Tell nobody."""


# Long: one story in four acts, which all add to the same results and to the same failure.
async def give_turns(
    approved: Approved,
    scheduler: Scheduler,
    records: Records,
    handle: Callable[[Turn], Awaitable[Result | None]],
    begun: Callable[[Artifact], None],
    deleted: Callable[[Artifact], None],
    told: Callable[[Result], None] = nobody,
) -> Outcome:
    """Give each artifact its turn, have *handle* deal with it, and return what came of all.

    Calls *begun* for each whose turn has come, *deleted* for each that this run has taken away, when its disk has that, and
    *told* with each result then.
    """
    results: list[Result] = []
    # Those that others wait for, in Turns, come first.
    waiting = deque(in_turn(approved.artifacts, approved.plan.begin_with))
    turns = Turns(artifact.path for artifact in approved.artifacts)
    disks = Durable(scheduler)
    unexpected: Exception | None = None
    promised = given_back(approved.plan.accounted)

    async def handled(turn: Turn) -> Result | None:
        nonlocal unexpected
        artifact = turn.artifact
        staying = await turns.await_inner(artifact.path)
        if turn.problem is not None:
            return left_untouched(artifact, turn.problem)
        if staying is not None:
            return left_untouched(artifact, Problem(staying, ProblemCode.INNER_STAYS))
        if turns.is_altered(artifact.path):
            turn.candidate = replace(turn.candidate, changed=0)
        if artifact.candidate.root in scheduler.silence:
            return left_untouched(artifact, not_answered(artifact.path))
        begun(artifact)
        try:
            with scheduler.silence.asking(artifact.candidate.root):
                return await handle(turn)
        except Unanswered:
            # What was begun may still happen, some time.
            left_at = turn.staged if turn.taken else None
            problem = not_answered(left_at or artifact.path)
            return Failed(artifact, turn.freed, (problem,), interrupted=False, left_at=left_at)
        except Exception as error:  # noqa: BLE001 - whatever it is, where the artifact is must be told
            if not isinstance(error, MemoryError):
                unexpected = unexpected or error
                scheduler.stop()
            return _found(turn, error)

    async def work() -> None:
        while not scheduler.finishing:
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

    def conclude(turn: Turn, result: Result | None, number: int | None) -> None:
        """Say what came of one, now that its disk has it; it has not if there is an error *number*."""
        if number is not None:
            result = _unsure(turn, result, number)
        result = result and promised(result)
        records.end(turn, result)
        if result is not None:
            results.append(result)
            told(result)
        if _gone(result):
            deleted(turn.artifact)

    try:
        await asyncio.gather(*(work() for _ in range(min(scheduler.workers, len(waiting)))))
        records.drop()
    finally:
        await disks.flush()
    results.sort(key=lambda result: result.artifact.path)
    return Outcome(
        with_results(approved.plan, results),
        tuple(results),
        complete=len(results) == len(approved.artifacts) and not scheduler.stopped,
        unexpected=unexpected,
    )


def _gone(result: Result | None) -> bool:
    """Whether this run has taken it away."""
    return isinstance(result, Trashed) or (isinstance(result, Removed) and not result.gone)


def _unsure(turn: Turn, result: Result | None, number: int) -> Failed:
    """Return what to say where the disk did not keep what was done."""
    problem = Problem(turn.artifact.path, ProblemCode.KEEP_ON_DISK, number)
    if isinstance(result, Failed):
        return replace(result, problems=(problem, *result.problems), untouched=False)
    return Failed(turn.artifact, turn.freed, (problem,), interrupted=False)


def _found(turn: Turn, error: Exception) -> Result:
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
